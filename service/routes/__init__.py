"""The routes under /v1, one file per thing; each parses, calls, and answers."""
