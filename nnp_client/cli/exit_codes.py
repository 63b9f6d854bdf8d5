"""What the exit code of `nnp` tells."""

REFUSED = 1
"""The service or this program refused: bad input, unknown name, a gate."""
USAGE = 2
UNREACHABLE = 3
"""The service did not answer, or not in time."""
JOB = 4
"""The job that was followed failed or was cancelled."""
INTERRUPTED = 130
