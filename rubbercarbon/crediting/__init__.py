"""Crediting programmes: one file of rules and one of parameters each."""
