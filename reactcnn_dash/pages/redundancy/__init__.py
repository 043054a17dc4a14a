"""The redundancy page: which filters could go, and whether that holds."""
