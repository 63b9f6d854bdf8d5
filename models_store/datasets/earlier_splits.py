"""Which splits earlier versions of a dataset gave: what a potential may have learnt from is not tested on later."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models_store.datasets.splits import Place
from models_store.tables import DatasetMember, DatasetState, DatasetVersion, Split

CAUTION = (Split.TRAIN, Split.VALIDATION, Split.TEST)
"""Where one version is of several minds about what now is one trajectory, the first of these counts."""


def of(session: Session, version: DatasetVersion, places: Sequence[Place]) -> dict[str, Split]:
    """The splits by unit, for the units whose trajectory or structures a ready version of the dataset has.

    The newest such version decides.
    """
    known = _known(session, version, places)
    kept: dict[str, tuple[int, int]] = {}
    for place in places:
        for key in _keys(place.structure_id, place.trajectory):
            if key in known:
                kept[place.unit] = max(known[key], kept.get(place.unit, known[key]))
    return {unit: CAUTION[-rank] for unit, (_, rank) in kept.items()}


def _known(session: Session, version: DatasetVersion, places: Sequence[Place]) -> dict[str, tuple[int, int]]:
    """By structure and by trajectory: (number of the version, -place of the split in CAUTION); the greatest counts."""
    wanted = {key for place in places for key in _keys(place.structure_id, place.trajectory)}
    members = (
        select(
            DatasetMember.structure_id,
            DatasetMember.trajectory,
            DatasetMember.split,
            func.max(DatasetVersion.number),
        )
        .join(DatasetVersion, DatasetVersion.id == DatasetMember.version_id)
        .where(DatasetVersion.dataset_id == version.dataset_id, DatasetVersion.state == DatasetState.READY)
        .group_by(DatasetMember.structure_id, DatasetMember.trajectory, DatasetMember.split)
    )
    known: dict[str, tuple[int, int]] = {}
    for structure_id, trajectory, split, number in session.execute(members):
        verdict = (number, -CAUTION.index(split))
        for key in _keys(structure_id, trajectory):
            if key in wanted:
                known[key] = max(verdict, known.get(key, verdict))
    return known


def _keys(structure_id: str, trajectory: str | None) -> tuple[str, ...]:
    return (f"s:{structure_id}",) if trajectory is None else (f"s:{structure_id}", f"t:{trajectory}")
