"""Joins predictions: fires at once when idle, else requests for one potential and the same properties share a batch.

One thread computes. What waits is bounded in atoms. Requests take turns, so a long one does not block a short one;
a bad structure fails alone.
"""

import asyncio
import collections
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from nnp.core import errors as core_errors
from nnp.core.potential import Potential
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from service import errors

Key = tuple[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """Structures to predict with one loaded potential.

    Attributes:
        potential: The loaded potential.
        sha256: Hash of its ONNX bytes; equal hashes may share a batch.
        properties: What to predict.
        deterministic: Each structure is evaluated alone.
    """

    potential: Potential
    sha256: str
    structures: Sequence[Structure]
    properties: frozenset[str]
    deterministic: bool


@dataclass(kw_only=True)
class Outcome:
    """What became of a request's structures: a prediction, or why there is none; and the seconds of computing."""

    results: list[Prediction | core_errors.NnpError | None]
    model_seconds: float = 0.0


@dataclass(kw_only=True, eq=False)
class _Ticket:
    work: Work
    outcome: Outcome
    done: asyncio.Future[Outcome]
    started: int = 0
    finished: int = 0
    atoms_left: int = 0

    @property
    def key(self) -> Key | None:
        return None if self.work.deterministic else (self.work.sha256, self.work.properties)


@dataclass(kw_only=True)
class _Batch:
    """One call into the compute thread: structures of one or more tickets."""

    items: list[tuple[_Ticket, int]] = field(default_factory=list)
    atoms: int = 0


class Batcher:
    """The queue in front of the one thread that computes predictions; lives on one event loop.

    Args:
        batch_atoms: A batch closes when it has this many atoms.
        queue_atoms: No more than this many atoms wait; one request on an empty queue may be larger.
    """

    def __init__(self, *, batch_atoms: int, queue_atoms: int) -> None:
        self._batch_atoms = batch_atoms
        self._queue_atoms = queue_atoms
        self._queue: collections.deque[_Ticket] = collections.deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._running_since: float | None = None
        self._seconds_per_atom = 2e-5
        self.waiting_atoms = 0
        self.batches = 0

    @property
    def idle(self) -> bool:
        """Whether a request would be computed at once."""
        return self._running_since is None

    @property
    def running_seconds(self) -> float:
        """How long the present batch has been computing; 0 when idle."""
        return 0.0 if self._running_since is None else time.monotonic() - self._running_since

    async def predict(self, work: Work) -> Outcome:
        """Wait for the predictions of one request; cancelling drops what was not started.

        Raises:
            OverloadedError: The queue is full.
        """
        atoms = sum(map(len, work.structures))
        if self.waiting_atoms and self.waiting_atoms + atoms > self._queue_atoms:
            raise errors.OverloadedError(retry_after_seconds=self.waiting_atoms * self._seconds_per_atom)
        ticket = _Ticket(
            work=work,
            outcome=Outcome(results=[None] * len(work.structures)),
            done=asyncio.get_running_loop().create_future(),
            atoms_left=atoms,
        )
        self.waiting_atoms += atoms
        self._queue.append(ticket)
        self._fire()
        return await ticket.done

    def close(self) -> None:
        """Let the running batch end and refuse what waits."""
        for ticket in self._queue:
            ticket.done.cancel()
        self._queue.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _fire(self) -> None:
        if self._running_since is not None:
            return
        batch = self._next_batch()
        if batch is None:
            return
        self._running_since = time.monotonic()
        running = asyncio.get_running_loop().run_in_executor(self._thread, _compute, batch)
        running.add_done_callback(lambda computed: self._deliver(batch, computed))

    def _next_batch(self) -> _Batch | None:
        """Structures of the first waiting request, then of those that may share a batch with it."""
        batch, key = _Batch(), None
        unfinished: list[_Ticket] = []
        passed: list[_Ticket] = []
        while self._queue and batch.atoms < self._batch_atoms:
            ticket = self._queue.popleft()
            if ticket.done.cancelled():
                self.waiting_atoms -= ticket.atoms_left
            elif not batch.items:
                key = ticket.key
                self._take(ticket, batch, unfinished)
                if key is None:
                    break
            elif ticket.key == key:
                self._take(ticket, batch, unfinished)
            else:
                passed.append(ticket)
        self._queue.extendleft(reversed(passed))
        self._queue.extend(unfinished)
        return batch if batch.items else None

    def _take(self, ticket: _Ticket, batch: _Batch, unfinished: list[_Ticket]) -> None:
        structures = ticket.work.structures
        while ticket.started < len(structures) and (not batch.items or batch.atoms < self._batch_atoms):
            atoms = len(structures[ticket.started])
            batch.items.append((ticket, ticket.started))
            batch.atoms += atoms
            ticket.started += 1
            ticket.atoms_left -= atoms
            self.waiting_atoms -= atoms
        if ticket.started < len(structures):
            unfinished.append(ticket)

    def _deliver(self, batch: _Batch, computed: "asyncio.Future[_Computed]") -> None:
        self._running_since = None
        self.batches += 1
        tickets = {id(ticket): ticket for ticket, _ in batch.items}.values()
        failure = computed.exception() if not computed.cancelled() else RuntimeError("the service is stopping")
        if failure is not None:
            for ticket in tickets:
                self._drop(ticket, failure)
        else:
            results, seconds = computed.result()
            self._seconds_per_atom += 0.1 * (seconds / batch.atoms - self._seconds_per_atom)
            for (ticket, index), result in zip(batch.items, results, strict=True):
                ticket.outcome.results[index] = result
                ticket.finished += 1
            for ticket in tickets:
                ticket.outcome.model_seconds += seconds
                if ticket.finished == len(ticket.outcome.results) and not ticket.done.done():
                    ticket.done.set_result(ticket.outcome)
        self._fire()

    def _drop(self, ticket: _Ticket, failure: BaseException) -> None:
        if not ticket.done.done():
            ticket.done.set_exception(failure)
        if ticket in self._queue:
            self._queue.remove(ticket)
            self.waiting_atoms -= ticket.atoms_left


_Computed = tuple[list[Prediction | core_errors.NnpError], float]


def _compute(batch: _Batch) -> _Computed:
    """Evaluate a batch in the compute thread; a structure that cannot be evaluated fails alone."""
    begin = time.perf_counter()
    work = batch.items[0][0].work
    structures = [ticket.work.structures[index] for ticket, index in batch.items]
    results: list[Prediction | core_errors.NnpError]
    if work.deterministic:
        results = [_alone(work, structure) for structure in structures]
    else:
        try:
            results = list(work.potential.evaluate(structures, work.properties))
        except core_errors.NnpError:
            results = [_alone(work, structure) for structure in structures]
    return results, time.perf_counter() - begin


def _alone(work: Work, structure: Structure) -> Prediction | core_errors.NnpError:
    try:
        return work.potential.evaluate([structure], work.properties, deterministic=work.deterministic)[0]
    except core_errors.NnpError as error:
        return error
