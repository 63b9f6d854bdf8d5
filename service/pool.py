"""The potentials that are loaded: names resolved, hashes verified, new versions warmed beside the old, then swapped."""

import asyncio
import collections
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import structlog
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool

from models_store import artifacts, potentials
from models_store import errors as store_errors
from models_store.tables import PotentialState, PotentialVersion
from nnp.core.potential import Potential
from nnp.core.structure import Structure

log = structlog.get_logger(__name__)

NAMES_KEPT = 64
WARM_PROPERTIES = ("energy", "forces", "stress")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The version that a reference names.

    Attributes:
        name: Name of the potential.
        number: Number of the version.
        withdrawn: Whether it was withdrawn.
        hashes: dtype -> SHA-256 of the ONNX bytes.
    """

    name: str
    number: int
    withdrawn: bool
    hashes: dict[str, str]

    @property
    def reference(self) -> str:
        """Name and number, "Si:3"."""
        return f"{self.name}:{self.number}"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A potential ready to predict.

    Attributes:
        version: The version it is.
        sha256: Of its ONNX bytes.
        potential: Evaluates it.
    """

    version: Resolved
    sha256: str
    potential: Potential


class Pool:
    """Loaded potentials of one process; lives on one event loop, reads registry and artifacts in threads.

    Args:
        sessions: Read-only sessions of the registry.
        store: The artifact store.
        limit: Number of potentials kept loaded.
        threads: Threads of one evaluation.
        device: "cpu" or "cuda".
    """

    def __init__(
        self, *, sessions: sessionmaker[Session], store: artifacts.ArtifactStore, limit: int, threads: int, device: str
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._limit = limit
        self._threads = threads
        self._device = device
        self._names: collections.OrderedDict[str, Resolved] = collections.OrderedDict()
        self._potentials: collections.OrderedDict[str, Potential] = collections.OrderedDict()
        self._loading: dict[str, asyncio.Task[Potential]] = {}
        self._moves = 0

    async def get(self, reference: str, dtype: str) -> Loaded:
        """The potential that a reference names now, loaded.

        Args:
            reference: "Si:3" or "Si@production".
            dtype: "float32" or "float64".

        Raises:
            StoreError: There is none of this name, or its bytes are missing or damaged.
        """
        version = self._names.get(reference)
        if version is None:
            moves = self._moves
            version = await run_in_threadpool(self._resolve, reference)
            if moves == self._moves:  # else it may have been read before the move: it is not remembered
                self._names[reference] = version
                if len(self._names) > NAMES_KEPT:
                    self._names.popitem(last=False)
        else:
            self._names.move_to_end(reference)
        sha256 = _hash(version, dtype)
        potential = self._potentials.get(sha256)
        if potential is None:
            potential = await self._load(sha256)
        else:
            self._potentials.move_to_end(sha256)
        return Loaded(version=version, sha256=sha256, potential=potential)

    def forget(self, reference: str) -> None:
        """Resolve this reference anew at its next use; call it on the event loop."""
        self._moves += 1
        self._names.pop(reference, None)

    async def refresh(self) -> None:
        """Look at every known name again; where it names another version now, load that first and then swap."""
        known = dict(self._names)
        for reference, new in (await run_in_threadpool(self._resolve_all, list(known))).items():
            old = known[reference]
            if new is None:
                self.forget(reference)
            elif new != old and self._names.get(reference) is old:
                await self._warm(old, new)
                self._names[reference] = new
                log.info("alias_swapped", reference=reference, old=old.reference, new=new.reference)

    async def keep_fresh(self, pause_seconds: float) -> None:
        """Refresh for ever; a failing registry leaves the last known versions in service."""
        while True:
            await asyncio.sleep(pause_seconds)
            try:
                await self.refresh()
            except Exception as error:
                log.warning("refresh_failed", reason=str(error))

    def _resolve(self, reference: str) -> Resolved:
        with self._sessions() as session:
            return resolved(potentials.resolve(session, reference))

    def _resolve_all(self, references: list[str]) -> dict[str, Resolved | None]:
        found: dict[str, Resolved | None] = {}
        with self._sessions() as session:
            for reference in references:
                try:
                    found[reference] = resolved(potentials.resolve(session, reference))
                except store_errors.NotFound:
                    found[reference] = None
        return found

    async def _warm(self, old: Resolved, new: Resolved) -> None:
        for dtype, sha256 in old.hashes.items():
            if sha256 in self._potentials and dtype in new.hashes and new.hashes[dtype] not in self._potentials:
                await self._load(new.hashes[dtype])

    async def _load(self, sha256: str) -> Potential:
        task = self._loading.get(sha256)
        if task is None:
            task = asyncio.create_task(self._load_once(sha256))
            self._loading[sha256] = task
            task.add_done_callback(lambda _: self._loading.pop(sha256, None))
        # Shielded: one caller that leaves must not take the load away from the others.
        return await asyncio.shield(task)

    async def _load_once(self, sha256: str) -> Potential:
        potential = await run_in_threadpool(load, lambda: self._store.read(sha256), self._threads, self._device)
        self._potentials[sha256] = potential
        while len(self._potentials) > self._limit:
            self._potentials.popitem(last=False)
        return potential


def resolved(version: PotentialVersion) -> Resolved:
    """What the pool keeps of a version's row."""
    prefix = "onnx_"
    return Resolved(
        name=version.potential.name,
        number=version.number,
        withdrawn=version.state == PotentialState.WITHDRAWN,
        hashes={
            role.removeprefix(prefix): sha256
            for role, sha256 in version.artifact_hashes.items()
            if role.startswith(prefix)
        },
    )


def load(read: Callable[[], bytes], threads: int, device: str) -> Potential:
    """Read, load and warm a potential: the first evaluation of a session is slow, and nobody should wait for it."""
    potential = Potential.load(read(), threads=threads, device=device)
    symbol = potential.elements[0]
    pair = Structure.from_symbols([symbol, symbol], np.array([[0, 0, 0], [0, 0, 2.5]]), np.zeros((3, 3)), [False] * 3)
    potential.evaluate([pair], WARM_PROPERTIES)
    return potential


def _hash(version: Resolved, dtype: str) -> str:
    if dtype not in version.hashes:
        raise store_errors.NotFound("precision of " + version.reference, dtype, available=sorted(version.hashes))
    return version.hashes[dtype]
