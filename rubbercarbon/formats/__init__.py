"""File formats: one file each; see ``interface.py``."""
