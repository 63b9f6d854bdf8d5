"""Jobs: submitted by clients, claimed by workers, kept going by the reconciler.

submission.py: what clients ask for; claims.py: what a worker does with a job it holds; reconciliation.py: what is done
about jobs that nobody heard or holds; event_log.py: what jobs say; abandonment.py: what they leave undone.
"""

from models_store.jobs.claims import Claim, Pulse, cancelled, claim, fail, heartbeat, keep, record, release, succeed
from models_store.jobs.event_log import Entry, events
from models_store.jobs.reconciliation import Due, due
from models_store.jobs.submission import QUEUES, attempts, cancel, count_by_state, get, retry, search, submit

__all__ = [
    "QUEUES",
    "Claim",
    "Due",
    "Entry",
    "Pulse",
    "attempts",
    "cancel",
    "cancelled",
    "claim",
    "count_by_state",
    "due",
    "events",
    "fail",
    "get",
    "heartbeat",
    "keep",
    "record",
    "release",
    "retry",
    "search",
    "submit",
    "succeed",
]
