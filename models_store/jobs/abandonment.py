"""What becomes of the dataset version that a job was to fill, when the job ends and no worker is there to say it."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from models_store.tables import DatasetState, DatasetVersion, now


def reject_begun_versions(session: Session, job_id: str, reason: str) -> None:
    """End the versions that the job began; a retry of the job begins a new one."""
    begun = update(DatasetVersion).where(
        DatasetVersion.job_id == job_id, DatasetVersion.state == DatasetState.INGESTING
    )
    values = {"state": DatasetState.REJECTED, "reason": reason, "frozen_at": now()}
    session.execute(begun.values(values).execution_options(synchronize_session=False))
