"""Promotion: an alias moves to a version whose gates hold against the incumbent and whose limits the caller accepts."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from models_store import aliases, potentials
from models_store.tables import Alias, PotentialVersion
from nnp_client.wire.potentials import Promote
from service import errors


def promote(session: Session, name: str, alias: str, request: Promote, *, actor: str | None) -> Alias:
    """Move an alias by compare-and-swap; moving it back to a version that it pointed at before needs no new gates.

    Raises:
        GateRefusedError: The version was not measured, failed a gate, or was measured against another incumbent.
        LimitsRefusedError: The version has limits that the request does not accept.
        FieldError: The request accepts a limit that the version does not have.
        NotFound, Conflict, Withdrawn: See `aliases.promote`.
    """
    version = potentials.version(session, name, request.version)
    _check_accepted(version, request.accept_limits)
    if not _was_there(session, name, alias, version):
        _check_gates(session, name, alias, version)
        _check_limits(version, request.accept_limits)
    return aliases.promote(
        session,
        name,
        alias,
        request.version,
        expected=request.expected,
        gates=version.gates,
        accepted_limits=request.accept_limits,
        reason=request.reason,
        actor=actor,
    )


def _was_there(session: Session, name: str, alias: str, version: PotentialVersion) -> bool:
    moves = aliases.history(session, name, alias)
    return any(move.version_id == version.id for move in moves)


def _check_accepted(version: PotentialVersion, accepted: Collection[str]) -> None:
    known = {limit["code"] for limit in version.limits or ()}
    if unknown := sorted(set(accepted) - known):
        raise errors.FieldError(
            f"accept_limits: {version.reference} has no limit {', '.join(unknown)}",
            advice=f"Its limits: {', '.join(sorted(known)) or 'none'}.",
            field="accept_limits",
        )


def _check_limits(version: PotentialVersion, accepted: Collection[str]) -> None:
    open_limits = [limit for limit in version.limits or () if limit["code"] not in accepted]
    if not open_limits:
        return
    sentences = " ".join(f"{limit['code']}: {limit['sentence']}" for limit in open_limits)
    codes = [limit["code"] for limit in open_limits]
    options = " ".join(f"--accept-limit {code}" for code in codes)
    raise errors.LimitsRefusedError(
        f"{version.reference} has limits: {sentences}",
        advice=f"If you can live with them, accept them by name: accept_limits {', '.join(codes)} "
        f"(nnp promote {version.reference} {options}).",
        field="accept_limits",
    )


def _check_gates(session: Session, name: str, alias: str, version: PotentialVersion) -> None:
    gates = version.gates
    again = f"Submit an evaluate job with alias {alias!r} (nnp evaluate {version.reference} --alias {alias})."
    if gates is None:
        raise errors.GateRefusedError(f"{version.reference} has not been through the gates.", advice=again)
    failed = [check for check in gates.get("checks", ()) if not check["passed"]]
    if failed or not gates.get("passed"):
        details = "; ".join(f"{check['name']}: {check['detail']}" for check in failed)
        raise errors.GateRefusedError(
            f"{version.reference} failed its gates: {details or 'no check was made'}.",
            advice="Train on more or better data, or with another recipe.",
        )
    incumbent = next((row.version.reference for row in aliases.lookup(session, name) if row.name == alias), None)
    if incumbent is not None and incumbent not in (gates.get("incumbent"), version.reference):
        measured = gates.get("incumbent") or "no version"
        raise errors.GateRefusedError(
            f"{version.reference} was measured against {measured}, and {name}@{alias} is {incumbent} now.", advice=again
        )
