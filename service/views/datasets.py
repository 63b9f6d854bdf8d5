"""Datasets, versions and frames as wire models."""

from sqlalchemy.orm import Session

from models_store import datasets, lineage
from models_store.tables import Dataset, DatasetVersion
from nnp_client.wire import datasets as wire
from nnp_client.wire import frames as wire_frames


def dataset(session: Session, row: Dataset) -> wire.DatasetOut:
    versions = list(reversed(datasets.versions(session, row.name)))
    return wire.DatasetOut(
        name=row.name,
        description=row.description,
        created_by=row.created_by,
        created_at=row.created_at,
        versions=[version.reference for version in versions],
        latest=version_of(session, versions[-1]) if versions else None,
    )


def version_of(session: Session, row: DatasetVersion) -> wire.DatasetVersionOut:
    parent = None if row.parent_id is None else session.get_one(DatasetVersion, row.parent_id).reference
    return wire.DatasetVersionOut(
        reference=row.reference,
        dataset=row.dataset.name,
        number=row.number,
        state=wire.DatasetState(row.state),
        parent=parent,
        job_id=row.job_id,
        source_sha256=row.source_sha256,
        content_hash=row.content_hash,
        statistics=row.statistics,
        rejections=[
            wire.Rejection(
                file=str(entry.get("file", "")),
                frame=entry.get("frame"),
                line=entry.get("line"),
                reason=str(entry.get("reason", "")),
            )
            for entry in row.rejections
        ],
        reason=row.reason,
        note=row.note,
        created_by=row.created_by,
        created_at=row.created_at,
        frozen_at=row.frozen_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_ancestors=lineage.of_dataset(session, row)["withdrawn_ancestors"],
    )


def frame(member: datasets.Member) -> wire_frames.FrameOut:
    return wire_frames.FrameOut(
        position=member.position,
        structure_id=member.structure_id,
        formula=member.formula,
        n_atoms=member.n_atoms,
        method=member.method,
        energy_per_atom=member.energy_per_atom,
        max_force=member.max_force,
        group=member.group,
        trajectory=member.trajectory,
        split=wire.Split(member.split),
        name=member.name,
        source_file=member.source_file,
        source_frame=member.source_frame,
        source_line=member.source_line,
    )


def comparison(before: str, after: str, found: datasets.Comparison) -> wire.Comparison:
    return wire.Comparison(
        before=before,
        after=after,
        unchanged=found.unchanged,
        added=list(found.added),
        removed=list(found.removed),
        relabelled=[_difference(entry) for entry in found.relabelled],
        resplit=[_difference(entry) for entry in found.resplit],
        regrouped=[_difference(entry) for entry in found.regrouped],
    )


def chosen(query: wire_frames.FrameFilter) -> datasets.Filter:
    """The registry's filter for a query."""
    return datasets.Filter(
        elements=query.element,
        only_elements=query.only_element,
        formula=query.formula,
        groups=query.group,
        splits=[split.value for split in query.split],
        trajectory=query.trajectory,
        energy_per_atom_min=query.energy_per_atom_min,
        energy_per_atom_max=query.energy_per_atom_max,
        max_force_min=query.max_force_min,
        max_force_max=query.max_force_max,
        n_atoms_min=query.n_atoms_min,
        n_atoms_max=query.n_atoms_max,
        labelled=query.labelled,
    )


def _difference(found: datasets.Difference) -> wire.Difference:
    return wire.Difference(structure_id=found.structure_id, before=found.before, after=found.after)
