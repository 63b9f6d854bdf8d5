"""Datasets and their versions as a whole: make, find, withdraw, delete."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete as delete_rows
from sqlalchemy import exc, func, or_, select, update
from sqlalchemy.orm import Session

from models_store import audit, errors, names
from models_store.tables import Dataset, DatasetState, DatasetVersion, now

LISTED = 20
"""How many versions an error lists."""


def create(session: Session, name: str, *, description: str = "", actor: str | None = None) -> Dataset:
    """A new dataset without versions.

    Raises:
        InvalidName: the name is not one.
        Conflict: the name is taken.
    """
    dataset = Dataset(name=names.check(name), description=description, created_by=actor)
    try:
        with session.begin_nested():
            session.add(dataset)
    except exc.IntegrityError:
        raise errors.Conflict(f"there is a dataset {name!r}", advice="add a version to it") from None
    return dataset


def get(session: Session, name: str) -> Dataset:
    """The dataset of this name.

    Raises:
        NotFound: there is none; close names are listed.
    """
    dataset = session.scalars(select(Dataset).where(Dataset.name == name)).first()
    if dataset is None:
        known = session.scalars(select(Dataset.name)).all()
        raise errors.NotFound("dataset", name, close=names.close(name, known), available=sorted(known)[:LISTED])
    return dataset


def search(
    session: Session, *, elements: Collection[str] = (), text: str = "", limit: int = 100, offset: int = 0
) -> Sequence[Dataset]:
    """Datasets by name, with `text` in name or description, and a ready version that contains all `elements`."""
    query = select(Dataset).order_by(Dataset.name)
    if text:
        wanted = text.lower()
        query = query.where(
            or_(
                func.lower(Dataset.name).contains(wanted, autoescape=True),
                func.lower(Dataset.description).contains(wanted, autoescape=True),
            )
        )
    if elements:
        containing = select(DatasetVersion.dataset_id).where(DatasetVersion.state == DatasetState.READY)
        for element in elements:
            containing = containing.where(DatasetVersion.elements.contains(f" {element} ", autoescape=True))
        query = query.where(Dataset.id.in_(containing))
    return session.scalars(query.limit(limit).offset(offset)).all()


def begin(
    session: Session,
    name: str,
    *,
    job_id: str | None = None,
    source_sha256: str | None = None,
    parent_id: int | None = None,
    note: str = "",
    actor: str | None = None,
) -> DatasetVersion:
    """A new, empty version with the next number, in state "ingesting"; the dataset is made if there is none.

    Args:
        session: the transaction.
        name: the dataset.
        job_id: the job that will fill it.
        source_sha256: the registered artifact with the file as uploaded.
        parent_id: the row id of the version it is made from.
        note: what this version is, in the words of who makes it.
        actor: who asks.

    Raises:
        InvalidName: the name is not one.
    """
    names.check(name)
    dataset = session.scalars(select(Dataset).where(Dataset.name == name)).first()
    if dataset is None:
        try:
            dataset = create(session, name, actor=actor)
        except errors.Conflict:
            dataset = get(session, name)
    # The counter locks the dataset's row: numbers are unique and never given out twice.
    counted = update(Dataset).where(Dataset.id == dataset.id).values(last_number=Dataset.last_number + 1)
    number = session.execute(
        counted.returning(Dataset.last_number).execution_options(synchronize_session=False)
    ).scalar_one()
    version = DatasetVersion(
        dataset_id=dataset.id,
        number=number,
        job_id=job_id,
        source_sha256=source_sha256,
        parent_id=parent_id,
        note=note,
        created_by=actor,
    )
    session.add(version)
    session.flush()
    session.refresh(dataset)
    session.refresh(version)
    return version


def versions(session: Session, name: str, *, limit: int = 1000) -> Sequence[DatasetVersion]:
    """The versions of a dataset, the newest first.

    Raises:
        NotFound: there is no such dataset.
    """
    dataset = get(session, name)
    query = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset.id)
    return session.scalars(query.order_by(DatasetVersion.number.desc()).limit(limit)).all()


def version(session: Session, reference: str) -> DatasetVersion:
    """The version that "si-pbe:2" names; a bare "si-pbe" names the newest one that is ready.

    Raises:
        InvalidReference: the text is not of this form.
        NotFound: there is no such dataset or version; what exists is listed.
    """
    name, _, rest = reference.partition(":")
    if not names.NAME.fullmatch(name) or (rest and not rest.isdecimal()) or reference.endswith(":"):
        raise errors.InvalidReference(
            f"{reference!r} does not name a dataset version", advice="write name:number, as in si-pbe:2"
        )
    dataset = get(session, name)
    query = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset.id)
    if rest:
        query = query.where(DatasetVersion.number == int(rest))
    else:
        query = query.where(DatasetVersion.state == DatasetState.READY).order_by(DatasetVersion.number.desc()).limit(1)
    found = session.scalars(query).first()
    if found is None:
        numbers = session.scalars(
            select(DatasetVersion.number)
            .where(DatasetVersion.dataset_id == dataset.id)
            .order_by(DatasetVersion.number.desc())
            .limit(LISTED)
        )
        raise errors.NotFound("dataset version", reference, available=[f"{name}:{number}" for number in numbers])
    return found


def of_job(session: Session, job_id: str) -> DatasetVersion | None:
    """The version that a job was to fill, or filled."""
    query = select(DatasetVersion).where(DatasetVersion.job_id == job_id).order_by(DatasetVersion.id.desc())
    return session.scalars(query).first()


def withdraw(session: Session, found: DatasetVersion, *, reason: str, actor: str | None = None) -> DatasetVersion:
    """Mark a ready version as not to be used, for good; what descends from it says so (see lineage).

    Raises:
        Conflict: the version is not ready.
    """
    changed = update(DatasetVersion).where(DatasetVersion.id == found.id, DatasetVersion.state == DatasetState.READY)
    values = {"state": DatasetState.WITHDRAWN, "reason": reason, "withdrawn_at": now()}
    done = session.execute(changed.values(values).returning(DatasetVersion.id)).first()
    session.refresh(found)
    if done:
        audit.record(session, "withdraw", f"dataset {found.reference}", actor=actor, reason=reason)
    elif found.state != DatasetState.WITHDRAWN:
        raise errors.Conflict(f"{found.reference} is {found.state.value}", advice="only ready versions are withdrawn")
    return found


def delete(session: Session, found: DatasetVersion, *, actor: str | None = None, reason: str = "") -> None:
    """Delete a version that nothing descends from; its number is not given out again.

    Raises:
        Immutable: a potential was trained on it, or another version was made from it.
    """
    reference = found.reference
    try:
        with session.begin_nested():
            session.execute(delete_rows(DatasetVersion).where(DatasetVersion.id == found.id))
    except exc.IntegrityError:
        raise errors.Immutable(
            f"a potential was trained on {reference}, or another version was made from it",
            advice="withdraw it instead",
        ) from None
    audit.record(session, "delete", f"dataset {reference}", actor=actor, reason=reason)
