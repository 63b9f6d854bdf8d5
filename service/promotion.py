"""Promotion: an alias moves only to a version whose gates hold and were measured against the present incumbent."""

from sqlalchemy.orm import Session

from models_store import aliases, potentials
from models_store.tables import Alias, PotentialVersion
from nnp_client.wire.potentials import Promote
from service import errors


def promote(session: Session, name: str, alias: str, request: Promote, *, actor: str | None) -> Alias:
    """Move an alias by compare-and-swap; moving it back to a version that it pointed at before needs no new gates.

    Raises:
        GateRefusedError: The version was not measured, failed a gate, or was measured against another incumbent.
        NotFound, Conflict, Withdrawn: See `aliases.promote`.
    """
    version = potentials.version(session, name, request.version)
    if not _was_there(session, name, alias, version):
        _check_gates(session, name, alias, version)
    return aliases.promote(
        session,
        name,
        alias,
        request.version,
        expected=request.expected,
        gates=version.gates,
        reason=request.reason,
        actor=actor,
    )


def _was_there(session: Session, name: str, alias: str, version: PotentialVersion) -> bool:
    moves = aliases.history(session, name, alias)
    return any(move.version_id == version.id for move in moves)


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
