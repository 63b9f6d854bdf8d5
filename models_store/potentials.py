"""Potentials and their versions: register, find, resolve, withdraw, delete."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import exc, func, insert, select, update
from sqlalchemy.orm import Session

from models_store import audit, errors, names
from models_store.tables import (
    Alias,
    Potential,
    PotentialArtifact,
    PotentialState,
    PotentialVersion,
    now,
)

LISTED = 20
"""How many versions an error lists."""


def get(session: Session, name: str) -> Potential:
    """The potential of this name.

    Raises:
        NotFound: there is none; close names are listed.
    """
    potential = session.scalars(select(Potential).where(Potential.name == name)).first()
    if potential is None:
        known = session.scalars(select(Potential.name)).all()
        raise errors.NotFound("potential", name, close=names.close(name, known), available=sorted(known)[:LISTED])
    return potential


def ensure(session: Session, name: str, *, description: str = "", actor: str | None = None) -> Potential:
    """The potential of this name, made if there is none.

    Raises:
        InvalidName: the name is not one.
    """
    names.check(name)
    query = select(Potential).where(Potential.name == name)
    if (potential := session.scalars(query).first()) is not None:
        return potential
    try:
        with session.begin_nested():
            potential = Potential(name=name, description=description, created_by=actor)
            session.add(potential)
    except exc.IntegrityError:
        potential = session.scalars(query).one()
    return potential


def search(session: Session, *, elements: Collection[str] = (), text: str = "") -> Sequence[Potential]:
    """Potentials by name, with `text` in the name, and an available version that covers all `elements`."""
    query = select(Potential).order_by(Potential.name)
    if text:
        query = query.where(func.lower(Potential.name).contains(text.lower(), autoescape=True))
    if elements:
        covering = select(PotentialVersion.potential_id).where(PotentialVersion.state == PotentialState.AVAILABLE)
        for element in elements:
            covering = covering.where(PotentialVersion.elements.contains(f" {element} ", autoescape=True))
        query = query.where(Potential.id.in_(covering))
    return session.scalars(query).all()


def register(
    session: Session,
    name: str,
    *,
    manifest: Mapping[str, Any],
    elements: Collection[str],
    artifacts: Mapping[str, str],
    metrics: Mapping[str, Any] | None = None,
    card: Mapping[str, Any] | None = None,
    gates: Mapping[str, Any] | None = None,
    limits: Sequence[Mapping[str, Any]] = (),
    origin: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    recipe_hash: str | None = None,
    job_id: str | None = None,
    dataset_version_id: int | None = None,
    parent_version_id: int | None = None,
    code_version: str = "",
    package_versions: Mapping[str, str] | None = None,
    actor: str | None = None,
) -> PotentialVersion:
    """A new version of the potential `name`, with the next number; the potential is made if there is none.

    Args:
        session: the transaction; call `jobs.succeed` in the same one.
        name: the potential.
        manifest: what the ONNX files say of themselves.
        elements: chemical symbols it covers.
        artifacts: sha256 by role of registered artifacts ("onnx_float32", "onnx_float64", "checkpoint", ...).
        metrics: errors by group and split.
        card: what people read about it.
        gates: the report of the gates.
        limits: what the form of the potential cannot do, as code and sentence; a promotion must accept each.
        origin: format and files of an imported potential.
        recipe: everything that determined the training.
        recipe_hash: its hash.
        job_id: the job that made it.
        dataset_version_id: the row id of the dataset version it was trained on.
        parent_version_id: the row id of the version it was warm-started from.
        code_version: of nnpd.
        package_versions: of the packages that matter.
        actor: who asked.

    Raises:
        InvalidName: the name is not one.
    """
    potential = ensure(session, name, actor=actor)
    # The counter locks the potential's row: numbers are unique, without gaps by accident, and never given out twice.
    counted = update(Potential).where(Potential.id == potential.id).values(last_number=Potential.last_number + 1)
    number = session.execute(
        counted.returning(Potential.last_number).execution_options(synchronize_session=False)
    ).scalar_one()
    version = PotentialVersion(
        potential_id=potential.id,
        number=number,
        elements=f" {' '.join(sorted(elements))} ",
        manifest=dict(manifest),
        metrics=dict(metrics or {}),
        card=dict(card or {}),
        gates=dict(gates) if gates is not None else None,
        limits=[dict(limit) for limit in limits],
        origin=dict(origin) if origin is not None else None,
        recipe=dict(recipe) if recipe is not None else None,
        recipe_hash=recipe_hash,
        job_id=job_id,
        dataset_version_id=dataset_version_id,
        parent_id=parent_version_id,
        code_version=code_version,
        package_versions=dict(package_versions or {}),
        created_by=actor,
    )
    session.add(version)
    session.flush()
    if artifacts:
        rows = [{"version_id": version.id, "role": role, "sha256": sha} for role, sha in artifacts.items()]
        session.execute(insert(PotentialArtifact), rows)
    session.refresh(potential)
    session.refresh(version)
    return version


def versions(session: Session, name: str, *, limit: int = 1000) -> Sequence[PotentialVersion]:
    """The versions of a potential, the newest first.

    Raises:
        NotFound: there is no such potential.
    """
    potential = get(session, name)
    query = select(PotentialVersion).where(PotentialVersion.potential_id == potential.id)
    return session.scalars(query.order_by(PotentialVersion.number.desc()).limit(limit)).all()


def version(session: Session, name: str, number: int) -> PotentialVersion:
    """Version `number` of a potential.

    Raises:
        NotFound: there is no such potential or version; what exists is listed.
    """
    potential = get(session, name)
    query = select(PotentialVersion).where(
        PotentialVersion.potential_id == potential.id, PotentialVersion.number == number
    )
    found = session.scalars(query).first()
    if found is None:
        raise errors.NotFound("potential version", f"{name}:{number}", available=_available(session, potential))
    return found


def resolve(session: Session, reference: str) -> PotentialVersion:
    """The version that "Si:3" or "Si@production" names, withdrawn or not.

    Raises:
        InvalidReference: the text is neither.
        NotFound: there is no such potential, version or alias.
    """
    name, separator, rest = _split(reference)
    if separator == ":":
        if not rest.isdecimal():
            raise errors.InvalidReference(f"{reference!r}: {rest!r} is not a version number")
        return version(session, name, int(rest))
    potential = get(session, name)
    if separator == "":
        raise errors.InvalidReference(
            f"{reference!r} names a potential and no version",
            advice=f"say which: {', '.join(_available(session, potential)) or 'it has no version yet'}",
        )
    query = select(Alias).where(Alias.potential_id == potential.id, Alias.name == rest)
    alias = session.scalars(query.execution_options(populate_existing=True)).first()
    if alias is None:
        known = session.scalars(select(Alias.name).where(Alias.potential_id == potential.id)).all()
        close = [f"{name}@{found}" for found in names.close(rest, known)]
        raise errors.NotFound("alias", reference, close=close, available=_available(session, potential))
    return alias.version


def lock(session: Session, found: PotentialVersion) -> PotentialVersion:
    """Hold the version's row until the end of the transaction, so that it is not promoted and withdrawn at once."""
    query = select(PotentialVersion).where(PotentialVersion.id == found.id)
    return session.scalars(query.with_for_update(of=PotentialVersion).execution_options(populate_existing=True)).one()


def record_gates(session: Session, found: PotentialVersion, report: Mapping[str, Any]) -> None:
    """Replace the gate report: the gates may be run again, against a newer incumbent."""
    found.gates = dict(report)
    session.flush()


def withdraw(session: Session, found: PotentialVersion, *, reason: str, actor: str | None = None) -> PotentialVersion:
    """Mark a version as not to be used, for good; it stays for those who must reproduce something.

    Raises:
        Conflict: an alias points at it.
    """
    lock(session, found)
    pointing = session.scalars(select(Alias.name).where(Alias.version_id == found.id)).all()
    if pointing:
        raise errors.Conflict(
            f"{found.reference} is {', '.join(found.potential.name + '@' + alias for alias in pointing)}",
            advice="promote another version, or remove the alias, first",
        )
    changed = update(PotentialVersion).where(
        PotentialVersion.id == found.id, PotentialVersion.state == PotentialState.AVAILABLE
    )
    values = {"state": PotentialState.WITHDRAWN, "reason": reason, "withdrawn_at": now()}
    if session.execute(changed.values(values).returning(PotentialVersion.id)).first():
        audit.record(session, "withdraw", f"potential {found.reference}", actor=actor, reason=reason)
    session.refresh(found)
    return found


def delete(session: Session, found: PotentialVersion, *, actor: str | None = None, reason: str = "") -> None:
    """Delete a version that was never promoted and that nothing descends from; its number is not given out again.

    Raises:
        Immutable: something refers to it.
    """
    reference = found.reference
    try:
        with session.begin_nested():
            session.execute(delete_rows(PotentialVersion).where(PotentialVersion.id == found.id))
    except exc.IntegrityError:
        raise errors.Immutable(
            f"{reference} was promoted once, or another version descends from it", advice="withdraw it instead"
        ) from None
    audit.record(session, "delete", f"potential {reference}", actor=actor, reason=reason)


def _split(reference: str) -> tuple[str, str, str]:
    for separator in (":", "@"):
        name, found, rest = reference.partition(separator)
        if found:
            if not names.NAME.fullmatch(name) or not names.NAME.fullmatch(rest):
                break
            return name, found, rest
    if not names.NAME.fullmatch(reference):
        raise errors.InvalidReference(f"{reference!r}: {errors.InvalidReference.__doc__}")
    return reference, "", ""


def _available(session: Session, potential: Potential) -> list[str]:
    numbers = session.scalars(
        select(PotentialVersion.number)
        .where(PotentialVersion.potential_id == potential.id)
        .order_by(PotentialVersion.number.desc())
        .limit(LISTED)
    ).all()
    known = session.scalars(select(Alias.name).where(Alias.potential_id == potential.id).order_by(Alias.name)).all()
    return [f"{potential.name}@{alias}" for alias in known] + [f"{potential.name}:{number}" for number in numbers]
