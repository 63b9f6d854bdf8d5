"""Potentials, versions, aliases and their moves as wire models."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from models_store import aliases, lineage, potentials
from models_store.tables import Alias, AliasMove, DatasetVersion, Potential, PotentialVersion
from nnp_client.wire import potentials as wire


def potential(session: Session, row: Potential) -> wire.PotentialOut:
    versions = list(reversed(potentials.versions(session, row.name)))
    return wire.PotentialOut(
        name=row.name,
        description=row.description,
        created_by=row.created_by,
        created_at=row.created_at,
        versions=[version.reference for version in versions],
        latest=version_of(session, versions[-1]) if versions else None,
        aliases=[alias(found) for found in aliases.lookup(session, row.name)],
    )


def version_of(session: Session, row: PotentialVersion) -> wire.PotentialVersionOut:
    return versions(session, [row])[0]


def versions(session: Session, rows: Sequence[PotentialVersion]) -> list[wire.PotentialVersionOut]:
    ancestors = lineage.withdrawn_ancestors(session, rows)
    return [_version(session, row, ancestors.get(row.id, [])) for row in rows]


def gates(report: Mapping[str, Any] | None) -> wire.GateReport | None:
    if report is None:
        return None
    return wire.GateReport(
        passed=bool(report.get("passed")),
        dataset_version=report.get("dataset_version"),
        alias=report.get("alias"),
        incumbent=report.get("incumbent"),
        checks=[
            wire.GateCheck(
                name=check["name"], passed=check["passed"], detail=check["detail"], values=check.get("values") or {}
            )
            for check in report.get("checks", ())
        ],
    )


def limits(row: PotentialVersion) -> list[wire.Limit]:
    return [wire.Limit(code=limit["code"], sentence=limit["sentence"]) for limit in row.limits or ()]


def alias(row: Alias) -> wire.AliasOut:
    return wire.AliasOut(
        reference=f"{row.potential.name}@{row.name}",
        potential=row.potential.name,
        alias=row.name,
        version=row.version.number,
        moved_at=row.moved_at,
    )


def move(row: AliasMove) -> wire.AliasMove:
    return wire.AliasMove(
        version=row.version.reference if row.version else None,
        previous=row.previous.reference if row.previous else None,
        actor=row.actor,
        reason=row.reason,
        gates=gates(row.gates),
        accepted_limits=row.accepted_limits or [],
        at=row.at,
    )


def aliases_of(session: Session, row: PotentialVersion) -> list[str]:
    pointing = aliases.lookup(session, row.potential.name)
    return [f"{row.potential.name}@{found.name}" for found in pointing if found.version_id == row.id]


def card(session: Session, row: PotentialVersion) -> wire.Card:
    return wire.Card(
        reference=row.reference,
        state=wire.PotentialState(row.state),
        withdrawn_ancestors=lineage.withdrawn_ancestors(session, [row]).get(row.id, []),
        aliases=aliases_of(session, row),
        gates=gates(row.gates),
        limits=limits(row),
        origin=row.origin,
        card=row.card,
        lineage=lineage.of_potential(session, row),
    )


def _version(session: Session, row: PotentialVersion, withdrawn: list[str]) -> wire.PotentialVersionOut:
    return wire.PotentialVersionOut(
        reference=row.reference,
        name=row.potential.name,
        number=row.number,
        state=wire.PotentialState(row.state),
        reason=row.reason,
        elements=list(row.symbols),
        manifest=row.manifest,
        metrics=row.metrics,
        gates=gates(row.gates),
        limits=limits(row),
        origin=row.origin,
        artifacts=[
            wire.ArtifactOut(
                role=held.role,
                sha256=held.sha256,
                size=held.artifact.size,
                media_type=held.artifact.media_type,
            )
            for held in row.artifacts
        ],
        aliases=aliases_of(session, row),
        job_id=row.job_id,
        recipe=row.recipe,
        recipe_hash=row.recipe_hash,
        dataset_version=_reference(session, DatasetVersion, row.dataset_version_id),
        parent=_reference(session, PotentialVersion, row.parent_id),
        code_version=row.code_version,
        package_versions=row.package_versions,
        created_by=row.created_by,
        created_at=row.created_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_ancestors=withdrawn,
    )


def _reference(session: Session, table: Any, key: int | None) -> str | None:
    return None if key is None else session.get_one(table, key).reference
