"""Where the parts of a batch are computed, one engine per file."""
