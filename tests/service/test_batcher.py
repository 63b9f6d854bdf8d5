"""The batcher with a real potential, and with one that waits for a signal to see what happens meanwhile."""

import asyncio
import threading
from collections.abc import Collection, Sequence
from typing import Any

import ase.build
import fastapi
import numpy as np
import pytest

from nnp.core import errors as core_errors
from nnp.core.potential import Potential
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from service import errors, predicting
from service.batcher import Batcher, Outcome, Work

ENERGY = frozenset({"energy"})


def structure(atoms: int = 2, z: int = 14) -> Structure:
    positions = np.arange(3 * atoms, dtype=float).reshape(atoms, 3)
    return Structure(numbers=np.full(atoms, z), positions=positions, cell=np.zeros((3, 3)), pbc=np.zeros(3, bool))


class Gated:
    """Evaluates nothing, when told so; remembers the sizes of its batches and refuses oxygen."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []

    def evaluate(
        self, structures: Sequence[Structure], properties: Collection[str], *, deterministic: bool = False
    ) -> list[Prediction]:
        self.entered.set()
        assert self.gate.wait(20)
        if any((structure.numbers == 8).any() for structure in structures):
            raise core_errors.CoverageError(elements=["O"], covered=["Si"])
        self.batches.append([len(structure) for structure in structures])
        return [Prediction(energy=float(len(structure))) for structure in structures]


def work(potential: Any, *structures: Structure, sha256: str = "a", deterministic: bool = False) -> Work:
    return Work(
        potential=potential, sha256=sha256, structures=structures, properties=ENERGY, deterministic=deterministic
    )


def energies(outcome: Outcome) -> list[Any]:
    return [getattr(result, "energy", result) for result in outcome.results]


async def occupied(batcher: Batcher, gated: Gated) -> "asyncio.Task[Outcome]":
    """A batch under way, so that everything after it waits."""
    first = asyncio.create_task(batcher.predict(work(gated, structure(1))))
    assert await asyncio.to_thread(gated.entered.wait, 20)
    return first


def test_waiting_requests_for_the_same_potential_share_a_batch() -> None:
    async def run() -> list[list[int]]:
        batcher, gated = Batcher(batch_atoms=100, queue_atoms=1000), Gated()
        first = await occupied(batcher, gated)
        others = [asyncio.create_task(batcher.predict(work(gated, structure(n)))) for n in (2, 3)]
        stranger = asyncio.create_task(batcher.predict(work(gated, structure(4), sha256="b")))
        last = asyncio.create_task(batcher.predict(work(gated, structure(5))))
        await asyncio.sleep(0)
        gated.gate.set()
        outcomes = await asyncio.gather(first, *others, stranger, last)
        assert [energies(outcome) for outcome in outcomes] == [[1.0], [2.0], [3.0], [4.0], [5.0]]
        assert batcher.idle
        assert batcher.waiting_atoms == 0
        batcher.close()
        return gated.batches

    assert asyncio.run(run()) == [[1], [2, 3, 5], [4]]


def test_a_batch_closes_at_its_budget_and_long_requests_take_turns() -> None:
    async def run() -> list[list[int]]:
        batcher, gated = Batcher(batch_atoms=10, queue_atoms=1000), Gated()
        first = await occupied(batcher, gated)
        long = asyncio.create_task(batcher.predict(work(gated, *[structure(6)] * 4)))
        short = asyncio.create_task(batcher.predict(work(gated, structure(2), sha256="b")))
        await asyncio.sleep(0)
        gated.gate.set()
        outcomes = await asyncio.gather(first, long, short)
        assert energies(outcomes[1]) == [6.0] * 4
        batcher.close()
        return gated.batches

    assert asyncio.run(run()) == [[1], [6, 6], [2], [6, 6]]


def test_deterministic_requests_are_evaluated_alone() -> None:
    async def run() -> list[list[int]]:
        batcher, gated = Batcher(batch_atoms=100, queue_atoms=1000), Gated()
        first = await occupied(batcher, gated)
        pair = asyncio.create_task(batcher.predict(work(gated, structure(2), structure(3), deterministic=True)))
        other = asyncio.create_task(batcher.predict(work(gated, structure(4))))
        await asyncio.sleep(0)
        gated.gate.set()
        await asyncio.gather(first, pair, other)
        batcher.close()
        return gated.batches

    assert asyncio.run(run()) == [[1], [2], [3], [4]]


def test_a_bad_structure_fails_alone() -> None:
    async def run() -> list[Any]:
        batcher, gated = Batcher(batch_atoms=100, queue_atoms=1000), Gated()
        gated.gate.set()
        outcome = await batcher.predict(work(gated, structure(2), structure(2, z=8), structure(3)))
        batcher.close()
        return energies(outcome)

    good, bad, last = asyncio.run(run())
    assert (good, last) == (2.0, 3.0)
    assert isinstance(bad, core_errors.CoverageError)


def test_callers_that_left_are_not_computed_for() -> None:
    async def run() -> list[list[int]]:
        batcher, gated = Batcher(batch_atoms=100, queue_atoms=1000), Gated()
        first = await occupied(batcher, gated)
        gone = asyncio.create_task(batcher.predict(work(gated, structure(7))))
        stays = asyncio.create_task(batcher.predict(work(gated, structure(3))))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        gated.gate.set()
        await asyncio.gather(first, stays)
        assert batcher.waiting_atoms == 0
        batcher.close()
        return gated.batches

    assert asyncio.run(run()) == [[1], [3]]


def test_a_connection_that_closes_while_its_request_waits_ends_the_request() -> None:
    async def run() -> list[list[int]]:
        batcher, gated = Batcher(batch_atoms=100, queue_atoms=1000), Gated()
        first = await occupied(batcher, gated)
        closed = asyncio.Event()

        async def receive() -> dict[str, str]:
            await closed.wait()
            return {"type": "http.disconnect"}

        request = fastapi.Request({"type": "http", "headers": []}, receive)
        waits = asyncio.create_task(predicting.outcome_of(batcher, request, work(gated, structure(7))))
        await asyncio.sleep(0)
        closed.set()
        with pytest.raises(errors.GoneError):
            await waits
        gated.gate.set()
        await first
        assert batcher.waiting_atoms in (0, 7)  # what left is swept out when the next batch is put together
        assert energies(await batcher.predict(work(gated, structure(2)))) == [2.0]
        assert batcher.waiting_atoms == 0
        batcher.close()
        return gated.batches

    assert asyncio.run(run()) == [[1], [2]]


def test_a_full_queue_is_refused_with_a_time_to_come_back() -> None:
    async def run() -> None:
        batcher, gated = Batcher(batch_atoms=100, queue_atoms=10), Gated()
        first = await occupied(batcher, gated)
        waits = asyncio.create_task(batcher.predict(work(gated, structure(8))))
        await asyncio.sleep(0)
        with pytest.raises(errors.OverloadedError) as refused:
            await batcher.predict(work(gated, structure(8)))
        assert refused.value.headers is not None
        assert int(refused.value.headers["Retry-After"]) >= 1
        assert batcher.running_seconds > 0
        gated.gate.set()
        await asyncio.gather(first, waits)
        batcher.close()

    asyncio.run(run())


def test_an_unforeseen_failure_reaches_its_callers_and_no_other() -> None:
    class Broken(Gated):
        def evaluate(self, *_: Any, **__: Any) -> list[Prediction]:
            raise MemoryError

    async def run() -> None:
        batcher, fine = Batcher(batch_atoms=100, queue_atoms=1000), Gated()
        fine.gate.set()
        with pytest.raises(MemoryError):
            await batcher.predict(work(Broken(), structure(2), structure(2)))
        assert energies(await batcher.predict(work(fine, structure(2), sha256="b"))) == [2.0]
        batcher.close()

    asyncio.run(run())


def test_shared_batches_agree_with_structures_alone(si_files: dict[str, bytes]) -> None:
    potential = Potential.load(si_files["float32"], threads=1)
    properties = frozenset({"energy", "forces", "stress"})
    cells = [ase.build.bulk("Si", cubic=True) * (n, 1, 1) for n in (1, 2, 3)]
    for number, cell in enumerate(cells):
        cell.rattle(0.1, seed=number)
    structures = [Structure.from_atoms(cell) for cell in cells]

    async def run() -> list[Outcome]:
        batcher = Batcher(batch_atoms=1000, queue_atoms=10_000)
        requests = [
            Work(potential=potential, sha256="a", structures=[structure], properties=properties, deterministic=False)
            for structure in structures
        ]
        outcomes = await asyncio.gather(*(batcher.predict(request) for request in requests))
        batcher.close()
        return list(outcomes)

    for structure, outcome in zip(structures, asyncio.run(run()), strict=True):
        alone = potential.evaluate([structure], properties, deterministic=True)[0]
        found = outcome.results[0]
        assert isinstance(found, Prediction)
        assert alone.energy is not None
        assert found.energy == pytest.approx(alone.energy, abs=1e-6 * len(structure))
        scale = float(np.sqrt((alone.forces**2).mean()))
        np.testing.assert_allclose(found.forces, alone.forces, atol=1e-5 * scale + 1e-9)
