"""One filter and everything that is known of it: what drives it, its kin, its past."""
