"""Aliases: names such as "production" that point at one version and move by compare-and-swap, with their history."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete as delete_rows
from sqlalchemy import exc, select, update
from sqlalchemy.orm import Session

from models_store import audit, errors, names, potentials
from models_store.tables import Alias, AliasMove, PotentialState, PotentialVersion, now


class _Any:
    """The type of ANY."""


ANY: Final = _Any()
"""Whatever the alias points at now."""


def lookup(session: Session, name: str) -> Sequence[Alias]:
    """The aliases of a potential, by name.

    Raises:
        NotFound: there is no such potential.
    """
    potential = potentials.get(session, name)
    query = select(Alias).where(Alias.potential_id == potential.id).order_by(Alias.name)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def every(session: Session) -> Sequence[Alias]:
    """All aliases of all potentials: what an API process compares with what it has loaded."""
    query = select(Alias).order_by(Alias.potential_id, Alias.name)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def promote(
    session: Session,
    name: str,
    alias: str,
    number: int,
    *,
    expected: int | _Any | None = ANY,
    gates: Mapping[str, Any] | None = None,
    accepted_limits: Collection[str] = (),
    reason: str = "",
    actor: str | None = None,
) -> Alias:
    """Point the alias at version `number`; rollback is the same call with an older number.

    Args:
        session: the transaction.
        name: the potential.
        alias: the alias, such as "production".
        number: the version it is to point at.
        expected: the number it points at now, as the caller saw it; None if it was absent; ANY not to check.
        gates: the gate report the move is based on; kept in the history.
        accepted_limits: codes of the version's limits that the caller accepts; kept in the history.
        reason: why.
        actor: who.

    Raises:
        NotFound: there is no such potential or version.
        Withdrawn: the version was withdrawn.
        Conflict: the alias no longer points at what was expected. Nothing was changed.
        InvalidName: the alias is not a name.
    """
    names.check(alias)
    version = potentials.lock(session, potentials.version(session, name, number))
    if version.state == PotentialState.WITHDRAWN:
        raise errors.Withdrawn(f"{version.reference} was withdrawn: {version.reason}")
    previous = _current(session, version.potential_id, alias)
    seen = previous.number if previous is not None else None
    if not isinstance(expected, _Any) and expected != seen:
        raise _moved(name, alias, expected, seen)
    if previous is None:
        _create(session, version, alias, name)
    elif previous.id != version.id:
        _move(session, version, alias, previous, name)
    row = session.scalars(
        select(Alias)
        .where(Alias.potential_id == version.potential_id, Alias.name == alias)
        .execution_options(populate_existing=True)
    ).one()
    if previous is None or previous.id != version.id:
        accepted = sorted(accepted_limits)
        _remember(session, row, version, previous, gates=gates, accepted=accepted, reason=reason, actor=actor)
    return row


def remove(session: Session, name: str, alias: str, *, reason: str = "", actor: str | None = None) -> None:
    """Remove an alias; its history stays.

    Raises:
        NotFound: there is no such potential or alias.
    """
    previous = potentials.resolve(session, f"{name}@{alias}")
    session.execute(
        delete_rows(Alias)
        .where(Alias.potential_id == previous.potential_id, Alias.name == alias)
        .execution_options(synchronize_session="fetch")
    )
    session.add(
        AliasMove(potential_id=previous.potential_id, alias=alias, previous_id=previous.id, actor=actor, reason=reason)
    )
    audit.record(session, "remove_alias", f"potential {name}@{alias}", actor=actor, reason=reason)


def history(session: Session, name: str, alias: str | None = None, *, limit: int = 1000) -> Sequence[AliasMove]:
    """The moves of an alias (of all, if none is named), the newest first.

    Raises:
        NotFound: there is no such potential.
    """
    potential = potentials.get(session, name)
    query = select(AliasMove).where(AliasMove.potential_id == potential.id)
    if alias is not None:
        query = query.where(AliasMove.alias == alias)
    return session.scalars(query.order_by(AliasMove.id.desc()).limit(limit)).all()


def _current(session: Session, potential_id: int, alias: str) -> PotentialVersion | None:
    query = (
        select(PotentialVersion)
        .join(Alias, Alias.version_id == PotentialVersion.id)
        .where(Alias.potential_id == potential_id, Alias.name == alias)
    )
    return session.scalars(query).first()


def _create(session: Session, version: PotentialVersion, alias: str, name: str) -> None:
    try:
        with session.begin_nested():
            session.add(Alias(potential_id=version.potential_id, name=alias, version_id=version.id))
    except exc.IntegrityError:
        raise _moved(name, alias, None, "another version") from None


def _move(session: Session, version: PotentialVersion, alias: str, previous: PotentialVersion, name: str) -> None:
    swapped = (
        update(Alias)
        .where(Alias.potential_id == version.potential_id, Alias.name == alias, Alias.version_id == previous.id)
        .values(version_id=version.id, moved_at=now())
        .returning(Alias.name)
        .execution_options(synchronize_session=False)
    )
    if session.execute(swapped).first() is None:
        raise _moved(name, alias, previous.number, "another version")


def _remember(
    session: Session,
    row: Alias,
    version: PotentialVersion,
    previous: PotentialVersion | None,
    *,
    gates: Mapping[str, Any] | None,
    accepted: list[str],
    reason: str,
    actor: str | None,
) -> None:
    move = AliasMove(
        potential_id=row.potential_id,
        alias=row.name,
        version_id=version.id,
        previous_id=previous.id if previous is not None else None,
        gates=dict(gates) if gates is not None else None,
        accepted_limits=accepted,
        reason=reason,
        actor=actor,
    )
    session.add(move)
    before = previous.reference if previous is not None else None
    subject = f"potential {version.potential.name}@{row.name}"
    detail = {"version": version.reference, "before": before, "reason": reason, "accepted_limits": accepted}
    audit.record(session, "promote", subject, actor=actor, **detail)


def _moved(name: str, alias: str, expected: int | None, seen: object) -> errors.Conflict:
    was = "absent" if expected is None else f"{name}:{expected}"
    now_is = "absent" if seen is None else f"{name}:{seen}" if isinstance(seen, int) else seen
    return errors.Conflict(
        f"{name}@{alias} is {now_is}, not {was}: somebody moved it", advice="look again, then decide"
    )
