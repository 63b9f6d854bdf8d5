"""What jobs say: numbered entries that clients read with `after=`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from models_store.tables import EventKind, Job, JobEvent, now


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something a job says.

    Attributes:
        kind: "progress", "metrics", "log" or "state".
        data: what it says, JSON.
    """

    kind: EventKind | str
    data: dict[str, Any] = field(default_factory=dict)


def events(
    session: Session, job_id: str, *, after: int = 0, kinds: Collection[str] = (), limit: int = 1000
) -> Sequence[JobEvent]:
    """The events of a job with numbers above `after`, in order."""
    query = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.number > after)
    if kinds:
        query = query.where(JobEvent.kind.in_([EventKind(kind) for kind in kinds]))
    return session.scalars(query.order_by(JobEvent.number).limit(limit)).all()


def add(session: Session, job_id: str, attempt: int, last: int, entries: Sequence[Entry]) -> None:
    """Write entries under the numbers that end with `last`, which the caller has taken from the job's row."""
    if not entries:
        return
    time = now()
    first = last - len(entries) + 1
    rows = [
        {
            "job_id": job_id,
            "number": first + index,
            "attempt": attempt,
            "kind": EventKind(entry.kind),
            "data": entry.data,
            "at": time,
        }
        for index, entry in enumerate(entries)
    ]
    session.execute(insert(JobEvent), rows)


def say(session: Session, job_id: str, state: str, **data: Any) -> None:
    """Record a change of state that no attempt made (submitted, cancelled, retried, lost)."""
    # Taking the number locks the row, so that a higher number is never committed before a lower one.
    taken = update(Job).where(Job.id == job_id).values(last_event=Job.last_event + 1)
    number, attempt = session.execute(taken.returning(Job.last_event, Job.attempt)).one()
    add(session, job_id, attempt, number, [Entry(kind=EventKind.STATE, data={"state": state, **data})])
