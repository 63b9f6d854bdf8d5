"""Rows of the registry as wire models, one file per thing."""
