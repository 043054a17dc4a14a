"""The filter page: everything that is known of one filter."""
