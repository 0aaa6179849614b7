"""Commands of the command line: one file each; see ``interface.py``."""
