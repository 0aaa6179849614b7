"""Report formats, one file each; see `interface`."""
