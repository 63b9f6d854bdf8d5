"""Identifiers of jobs: unique without asking anybody, and sorted by the time they were made."""

import secrets
import time


def new() -> str:
    """32 hexadecimal digits: 48 bits of milliseconds since the epoch, 80 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
