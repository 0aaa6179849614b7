"""Sections of a report, one file each; see `interface`."""
