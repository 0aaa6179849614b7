"""Compiled code: scalars and flat arrays in, arrays out. Imports numpy and numba only."""
