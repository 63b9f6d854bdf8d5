"""Choosing the functions of a descriptor from a pool, by what they say of the data."""
