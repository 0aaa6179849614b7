"""Scenarios as data: what one is, and the library of them (one TOML file each)."""
