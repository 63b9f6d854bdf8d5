"""Methods and labels in the registry: one label per structure, method and condition."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from sqlalchemy import exc, select
from sqlalchemy.orm import Session

from models_store import errors, names, structures
from models_store.tables import Label, Method
from nnp.core import identity
from nnp.core import label as core

SAME = 1e-6
"""eV and eV/Å; labels that differ by less are the same calculation, written with fewer digits."""


def ensure_method(session: Session, name: str, record: Mapping[str, Any] | None = None) -> Method:
    """The method of this name, made if there is none; a known name may come without its record.

    Raises:
        InvalidName: the name is not one.
        Conflict: the name stands for another record.
    """
    names.check(name)
    record = dict(record or {})
    digest = hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()
    query = select(Method).where(Method.name == name)
    method = session.scalars(query).first()
    if method is None:
        try:
            with session.begin_nested():
                method = Method(name=name, record=record, digest=digest)
                session.add(method)
        except exc.IntegrityError:
            method = session.scalars(query).one()
    if record and method.digest != digest:
        raise errors.Conflict(
            f"the method {name!r} stands for other settings: {orjson.dumps(method.record).decode()}",
            advice="give these settings another name",
        )
    return method


def methods(session: Session) -> Sequence[Method]:
    """All methods by name."""
    return session.scalars(select(Method).order_by(Method.name)).all()


def condition(label: core.Label) -> str:
    """What tells labels of one structure and method apart: the electronic state, and which quantities there are."""
    state = (label.charge, label.spin, label.electronic_temperature)
    stated = ";".join("-" if value is None else f"{value + 0.0:.9g}" for value in state)
    return f"{stated};e{'f' if label.forces is not None else ''}{'s' if label.stress is not None else ''}"


def row(structure_id: str, method_id: int, n_atoms: int, label: core.Label) -> dict[str, Any]:
    """The row of a label."""
    forces = label.forces
    return {
        "structure_id": structure_id,
        "method_id": method_id,
        "condition": condition(label),
        "digest": identity.label_id(label),
        "charge": label.charge,
        "spin": label.spin,
        "electronic_temperature": label.electronic_temperature,
        "energy": label.energy,
        "energy_per_atom": label.energy / n_atoms,
        "max_force": None if forces is None else float(np.sqrt((forces**2).sum(axis=1).max())),
        "forces": None if forces is None else forces.astype("<f8").tobytes(),
        "stress": None if label.stress is None else label.stress.astype("<f8").tobytes(),
    }


def to_core(stored: Any) -> core.Label:
    """The label of anything with the columns of the table."""
    return core.Label(
        energy=stored.energy,
        forces=None if stored.forces is None else np.frombuffer(stored.forces, dtype="<f8").reshape(-1, 3),
        stress=None if stored.stress is None else np.frombuffer(stored.stress, dtype="<f8"),
        charge=stored.charge,
        spin=stored.spin,
        electronic_temperature=stored.electronic_temperature,
    )


def store(session: Session, method_id: int, rows: Sequence[dict[str, Any]]) -> list[tuple[int, str] | str]:
    """Insert labels of stored structures; for each row (label id, digest), or why it contradicts what is stored."""
    structures.insert_missing(session, Label, _first_of_each(rows), ("structure_id", "method_id", "condition"))
    stored = session.execute(
        select(Label.id, Label.structure_id, Label.condition, Label.digest).where(
            Label.method_id == method_id, Label.structure_id.in_({given["structure_id"] for given in rows})
        )
    )
    found = {(label.structure_id, label.condition): label for label in stored}
    answers: list[tuple[int, str] | str] = []
    for given in rows:
        label = found[given["structure_id"], given["condition"]]
        reason = None
        if label.digest != given["digest"]:
            reason = _difference(session, label.id, given)
        answers.append((label.id, label.digest) if reason is None else reason)
    return answers


def _first_of_each(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for given in rows:
        first.setdefault((given["structure_id"], given["condition"]), given)
    return list(first.values())


def _difference(session: Session, label_id: int, given: Mapping[str, Any]) -> str | None:
    stored = session.get_one(Label, label_id)
    if abs(stored.energy - given["energy"]) > SAME:
        return f"this structure has the energy {stored.energy:.6f} eV by this method, and here {given['energy']:.6f} eV"
    for name, unit in (("forces", "eV/Å"), ("stress", "eV/Å^3")):
        before, here = getattr(stored, name), given[name]
        if before is None:
            continue
        largest = float(np.abs(np.frombuffer(before, dtype="<f8") - np.frombuffer(here, dtype="<f8")).max())
        if largest > SAME:
            return f"this structure has other {name} by this method (they differ by up to {largest:.3g} {unit})"
    return None
