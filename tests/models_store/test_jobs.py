from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from models_store import clock, datasets, errors, jobs, tables
from models_store.tables import JobState

LEASE = 60.0


def submit(sessions: sessionmaker[Session], kind: str = "train", **given: object) -> str:
    with sessions.begin() as session:
        return jobs.submit(session, kind, {"recipe": {"cutoff": 6.0}}, **given).id  # type: ignore[arg-type]


def claim(sessions: sessionmaker[Session], job_id: str, worker: str = "one") -> jobs.Claim:
    with sessions.begin() as session:
        held = jobs.claim(session, job_id, worker=worker, lease_seconds=LEASE)
    assert held is not None
    return held


def expire(sessions: sessionmaker[Session], job_id: str) -> None:
    """Let the lease of a job run out now."""
    with sessions.begin() as session:
        expired = sa.update(tables.Job).where(tables.Job.id == job_id)
        session.execute(expired.values(lease_until=clock.seconds_now() - 1.0))


def let_ring(sessions: sessionmaker[Session], job_id: str) -> None:
    """Let the time of the next ring come now."""
    with sessions.begin() as session:
        session.execute(sa.update(tables.Job).where(tables.Job.id == job_id).values(ring_at=0.0))


def state(sessions: sessionmaker[Session], job_id: str) -> JobState:
    with sessions() as session:
        return jobs.get(session, job_id).state


def test_the_whole_life_of_a_job(sessions: sessionmaker[Session], rung: list[tuple[str, str]]) -> None:
    job_id = submit(sessions, actor="anna")
    assert rung == [(job_id, "train")]
    held = claim(sessions, job_id)
    assert (held.attempt, held.kind, held.payload) == (1, "train", {"recipe": {"cutoff": 6.0}})
    assert held.created_by == "anna"
    with sessions.begin() as session:
        pulse = jobs.heartbeat(session, held, lease_seconds=LEASE, progress={"epoch": 3})
        assert not pulse.cancel_requested
    with sessions.begin() as session:
        last = jobs.record(session, held, [jobs.Entry(kind="metrics", data={"rmse": 1.0}), jobs.Entry(kind="log")])
        assert last == 4
    with sessions.begin() as session:
        jobs.succeed(session, held, {"version": "Si:1"})
    with sessions() as session:
        job = jobs.get(session, job_id)
        assert (job.state, job.result, job.progress) == (JobState.SUCCEEDED, {"version": "Si:1"}, {"epoch": 3})
        assert job.created_by == "anna"
        assert job.finished_at is not None
        events = jobs.events(session, job_id)
        assert [event.number for event in events] == [1, 2, 3, 4, 5]
        assert [event.kind for event in events] == ["state", "state", "metrics", "log", "state"]
        assert [event.number for event in jobs.events(session, job_id, after=2, kinds=["metrics"])] == [3]
        assert [attempt.outcome for attempt in jobs.attempts(session, job_id)] == ["succeeded"]


def test_a_rollback_rings_for_nobody(sessions: sessionmaker[Session], rung: list[tuple[str, str]]) -> None:
    with sessions() as session:
        jobs.submit(session, "ingest", {})
        session.rollback()
        session.commit()
    assert rung == []


def test_a_released_savepoint_does_not_ring_early(sessions: sessionmaker[Session], rung: list[tuple[str, str]]) -> None:
    with sessions() as session:
        jobs.submit(session, "ingest", {})
        with session.begin_nested():
            session.add(tables.Dataset(name="a"))
        assert rung == []
        session.commit()
    assert len(rung) == 1


def test_two_workers_claim_and_one_gets_the_job(
    sessions: sessionmaker[Session], together: Callable[..., list[Any]]
) -> None:
    job_id = submit(sessions)

    def take(worker: str) -> Callable[[], object]:
        def act() -> object:
            with sessions.begin() as session:
                return jobs.claim(session, job_id, worker=worker, lease_seconds=LEASE)

        return act

    answers = together(take("one"), take("two"))
    assert sum(answer is not None for answer in answers) == 1
    assert all(answer is None or isinstance(answer, jobs.Claim) for answer in answers)


def test_a_job_that_is_held_cannot_be_claimed(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    claim(sessions, job_id)
    with sessions.begin() as session:
        assert jobs.claim(session, job_id, worker="two", lease_seconds=LEASE) is None
        assert jobs.claim(session, "no such job", worker="two", lease_seconds=LEASE) is None


def test_a_stale_attempt_writes_nothing(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    stale = claim(sessions, job_id)
    expire(sessions, job_id)
    fresh = claim(sessions, job_id, "two")
    assert fresh.attempt == 2
    writes: list[Callable[[Session], object]] = [
        lambda session: jobs.heartbeat(session, stale, lease_seconds=LEASE),
        lambda session: jobs.record(session, stale, [jobs.Entry(kind="log")]),
        lambda session: jobs.succeed(session, stale, {}),
        lambda session: jobs.fail(session, stale, code="x", message="y"),
        lambda session: jobs.release(session, stale, reason="shutdown"),
        lambda session: jobs.cancelled(session, stale),
    ]
    for write in writes:
        with pytest.raises(errors.Fenced), sessions.begin() as session:
            write(session)
    with sessions.begin() as session:
        jobs.succeed(session, fresh, {})
        assert [attempt.outcome for attempt in jobs.attempts(session, job_id)] == ["lost", "succeeded"]


def test_what_a_fenced_attempt_made_is_rolled_back(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    stale = claim(sessions, job_id)
    expire(sessions, job_id)
    claim(sessions, job_id, "two")

    def publish() -> None:
        with sessions.begin() as session:
            session.add(tables.Dataset(name="made by the stale attempt"))
            jobs.succeed(session, stale, {})

    with pytest.raises(errors.Fenced):
        publish()
    with sessions() as session:
        assert session.scalars(sa.select(tables.Dataset)).all() == []


def test_cancelling_a_queued_job_ends_it(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    with sessions.begin() as session:
        assert jobs.cancel(session, job_id, actor="anna").state == JobState.CANCELLED
    with sessions.begin() as session:
        assert jobs.claim(session, job_id, worker="one", lease_seconds=LEASE) is None


def test_cancelling_a_running_job_asks_its_worker(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)
    with sessions.begin() as session:
        job = jobs.cancel(session, job_id)
        assert (job.state, job.cancel_requested) == (JobState.RUNNING, True)
    with sessions.begin() as session:
        assert jobs.heartbeat(session, held, lease_seconds=LEASE).cancel_requested
        jobs.cancelled(session, held)
    assert state(sessions, job_id) == JobState.CANCELLED


def test_release_puts_the_job_back_without_blame(sessions: sessionmaker[Session], rung: list[tuple[str, str]]) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)
    with sessions.begin() as session:
        jobs.release(session, held, reason="the worker shuts down")
    assert rung == [(job_id, "train")] * 2
    with sessions() as session:
        job = jobs.get(session, job_id)
        assert (job.state, job.lost_attempts) == (JobState.QUEUED, 0)
    assert claim(sessions, job_id).attempt == 2


def test_a_job_started_when_it_was_first_taken(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)
    with sessions.begin() as session:
        first = jobs.get(session, job_id).started_at
        jobs.release(session, held, reason="the worker was asked to stop")
    assert first is not None
    claim(sessions, job_id, "two")
    with sessions() as session:
        assert jobs.get(session, job_id).started_at == first
        assert [attempt.started_at > first for attempt in jobs.attempts(session, job_id)][1]


def test_release_with_a_pause_waits(sessions: sessionmaker[Session], rung: list[tuple[str, str]]) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)
    with sessions.begin() as session:
        jobs.release(session, held, reason="the disk is full", delay_seconds=3600.0)
    with sessions.begin() as session:
        assert jobs.claim(session, job_id, worker="two", lease_seconds=LEASE) is None
        assert jobs.due(session).rung == ()
    assert len(rung) == 1


def test_release_after_a_cancel_request_ends_the_job(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)
    with sessions.begin() as session:
        jobs.cancel(session, job_id)
        jobs.release(session, held, reason="the worker shuts down")
    assert state(sessions, job_id) == JobState.CANCELLED


def test_failed_and_cancelled_jobs_are_retried(sessions: sessionmaker[Session], rung: list[tuple[str, str]]) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)
    with sessions.begin() as session:
        jobs.fail(session, held, code="training_diverged", message="epoch 7", retryable=True, detail={"epoch": 7})
    with sessions.begin() as session:
        job = jobs.get(session, job_id)
        assert job.error == {
            "code": "training_diverged",
            "message": "epoch 7",
            "retryable": True,
            "detail": {"epoch": 7},
        }
        job = jobs.retry(session, job_id)
        assert (job.state, job.error) == (JobState.QUEUED, None)
        with pytest.raises(errors.Conflict, match="queued"):
            jobs.retry(session, job_id)
    assert rung == [(job_id, "train")] * 2
    assert claim(sessions, job_id).attempt == 2


def test_the_reconciler_rings_again_with_growing_pauses(
    sessions: sessionmaker[Session], rung: list[tuple[str, str]]
) -> None:
    job_id = submit(sessions)
    rung.clear()
    for pause in (30, 60, 120, 240, 480, 480):
        with sessions.begin() as session:
            assert jobs.due(session).rung == ()
        let_ring(sessions, job_id)
        with sessions.begin() as session:
            before = session.execute(sa.select(clock.seconds_now())).scalar_one()
            assert jobs.due(session).rung == (job_id,)
            after = session.execute(sa.select(clock.seconds_now())).scalar_one()
            assert before <= jobs.get(session, job_id).ring_at - pause <= after
    assert rung == [(job_id, "train")] * 6


def test_higher_priority_is_rung_first(sessions: sessionmaker[Session]) -> None:
    low, high = submit(sessions), submit(sessions, priority=5)
    for job_id in (low, high):
        let_ring(sessions, job_id)
    with sessions.begin() as session:
        assert jobs.due(session).rung == (high, low)


def test_a_lost_job_goes_back_to_its_queue_and_fails_in_the_end(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions, max_lost_attempts=2)
    claim(sessions, job_id)
    expire(sessions, job_id)
    with sessions.begin() as session:
        found = jobs.due(session)
        assert (found.lost, found.rung) == ((job_id,), (job_id,))
    claim(sessions, job_id)
    expire(sessions, job_id)
    with sessions.begin() as session:
        assert jobs.claim(session, job_id, worker="three", lease_seconds=LEASE) is None
        assert jobs.due(session).failed == (job_id,)
    with sessions() as session:
        job = jobs.get(session, job_id)
        assert job.state == JobState.FAILED
        assert job.error is not None
        assert job.error["code"] == "attempts_exhausted"
        assert [attempt.outcome for attempt in jobs.attempts(session, job_id)] == ["lost", "lost"]


def test_a_lost_job_that_was_to_be_cancelled_is(sessions: sessionmaker[Session]) -> None:
    job_id = submit(sessions)
    claim(sessions, job_id)
    with sessions.begin() as session:
        jobs.cancel(session, job_id)
    expire(sessions, job_id)
    with sessions.begin() as session:
        assert jobs.due(session).cancelled == (job_id,)
    assert state(sessions, job_id) == JobState.CANCELLED


def test_two_reconcilers_take_a_job_back_once(
    sessions: sessionmaker[Session], together: Callable[..., list[Any]]
) -> None:
    job_id = submit(sessions)
    claim(sessions, job_id)
    expire(sessions, job_id)

    def step() -> object:
        with sessions.begin() as session:
            return jobs.due(session).lost

    assert sorted(together(step, step)) == [(), (job_id,)]  # type: ignore[type-var]
    with sessions() as session:
        assert jobs.get(session, job_id).lost_attempts == 1


def test_an_idempotency_key_gives_the_same_job(sessions: sessionmaker[Session]) -> None:
    first = submit(sessions, idempotency_key="k")
    with sessions.begin() as session:
        again = jobs.submit(session, "train", {"recipe": {"cutoff": 6.0}, "sizes": (1, 2)}, idempotency_key="tuple")
        same = jobs.submit(session, "train", {"sizes": [1, 2], "recipe": {"cutoff": 6.0}}, idempotency_key="tuple")
        assert same.id == again.id
    assert submit(sessions, idempotency_key="k") == first
    with pytest.raises(errors.Conflict, match=first), sessions.begin() as session:
        jobs.submit(session, "ingest", {}, idempotency_key="k")


def test_an_idempotency_key_holds_in_a_race(
    sessions: sessionmaker[Session], together: Callable[..., list[Any]]
) -> None:
    answers = together(*(lambda: submit(sessions, idempotency_key="k") for _ in range(2)))
    assert answers[0] == answers[1]
    with sessions() as session:
        assert len(jobs.search(session)) == 1


def test_jobs_are_listed_newest_first(sessions: sessionmaker[Session]) -> None:
    parent = submit(sessions)
    child = submit(sessions, kind="evaluate", parent_id=parent)
    with sessions() as session:
        assert {job.id for job in jobs.search(session)} == {parent, child}
        assert [job.id for job in jobs.search(session, parent_id=parent)] == [child]
        assert [job.id for job in jobs.search(session, kinds=["train"], states=["queued"])] == [parent]
        assert jobs.search(session, states=["failed"]) == []
        newest = max(parent, child)
        assert [job.id for job in jobs.search(session, before=newest)] == [min(parent, child)]
        assert jobs.count_by_state(session) == {("train", "queued"): 1, ("default", "queued"): 1}


def test_events_of_racing_writers_are_numbered_without_gaps(
    sessions: sessionmaker[Session], together: Callable[..., list[Any]]
) -> None:
    job_id = submit(sessions)
    held = claim(sessions, job_id)

    def write() -> object:
        for _ in range(5):
            with sessions.begin() as session:
                jobs.record(session, held, [jobs.Entry(kind="log"), jobs.Entry(kind="log")])
        return None

    assert together(write, write) == [None, None]
    with sessions() as session:
        assert [event.number for event in jobs.events(session, job_id)] == list(range(1, 23))


def test_a_job_that_does_not_exist_is_named(session: Session) -> None:
    with pytest.raises(errors.NotFound, match="no job 'x'"):
        jobs.get(session, "x")


def test_every_kind_has_a_queue() -> None:
    assert set(jobs.QUEUES) == set(tables.JobKind)


@pytest.mark.parametrize("end", ["cancelled in the queue", "cancelled at release", "lost too often"])
def test_a_version_that_nobody_will_fill_says_so(sessions: sessionmaker[Session], end: str) -> None:
    job_id = submit(sessions, kind="ingest", max_lost_attempts=1)
    with sessions.begin() as session:
        datasets.begin(session, "si", job_id=job_id)
    if end != "cancelled in the queue":
        held = claim(sessions, job_id)
    with sessions.begin() as session:
        if end != "lost too often":
            jobs.cancel(session, job_id)
        if end == "cancelled at release":
            jobs.release(session, held, reason="shutdown")
    if end == "lost too often":
        expire(sessions, job_id)
        with sessions.begin() as session:
            assert jobs.due(session).failed == (job_id,)
    with sessions() as session:
        version = datasets.of_job(session, job_id)
        assert version is not None
        assert version.state == "rejected"
        assert version.reason is not None
        assert ("died" if end == "lost too often" else "cancelled") in version.reason
