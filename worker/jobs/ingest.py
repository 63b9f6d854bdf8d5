"""The job `ingest`: an uploaded file becomes a dataset version that is ready, or one rejected with its reasons."""

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models_store import datasets, jobs
from models_store.tables import DatasetState, DatasetVersion
from nnp.core import errors, reading
from nnp.core.label import Frame
from worker.failing import JobRefused, Rejections
from worker.work import Publish, Work

FRAMES_PER_STEP = 64


def run(work: Work) -> Publish:
    """Read the artifact frame by frame, check every frame, and store all that is good in one transaction.

    Raises:
        JobRefused: the file cannot be read, or has bad frames and the upload did not say to skip them.
    """
    payload = work.payload
    rejected: list[dict[str, Any]] = []
    frames = _read(work, rejected)
    if rejected and payload.get("on_error", "raise") == "raise":
        first = rejected[0]
        raise JobRefused(
            "upload_rejected",
            f"{len(rejected)} of {len(rejected) + len(frames)} frames cannot be used; the first: {_place(first)}: "
            f"{first['reason']}. Mend the file, or upload with on_error=skip to leave them out.",
            rejections=rejected,
        )
    if not frames:
        raise JobRefused("upload_rejected", "The file has no usable frame.", rejections=rejected)
    labelled = sum(frame.label is not None for frame in frames)
    work.journal.say(
        f"read {len(frames)} frames, {labelled} of them with labels, left out {len(rejected)}",
        level="info" if labelled else "warning",
    )
    work.journal.progress("store", message=f"{len(frames)} frames")

    def publish(session: Session) -> dict[str, Any]:
        method = payload.get("method") or {"name": payload["dataset"], "record": {}}
        ingested = datasets.ingest(
            session,
            _begun(session, work),
            frames,
            method=datasets.method(session, method["name"], method["record"]),
            test_fraction=payload.get("test_fraction", 0.1),
            seed=payload.get("seed", 0),
            rejected=rejected,
            on_conflict=payload.get("on_error", "raise"),
        )
        if ingested.warning is not None:
            entry = jobs.Entry(kind="log", data={"level": "warning", "message": ingested.warning})
            jobs.record(session, work.claim, [entry])
        return {
            "dataset_version": ingested.version.reference,
            "duplicate": ingested.duplicate,
            "warning": ingested.warning,
            "frames": len(frames),
            "labelled": labelled,
            "rejected": len(rejected),
        }

    return publish


def abandon(session: Session, work: Work, reason: str, rejections: Rejections) -> None:
    """The dataset version of an upload that came to nothing says why."""
    datasets.reject(session, _begun(session, work), rejections=rejections, reason=reason)


def _begun(session: Session, work: Work) -> DatasetVersion:
    """The version that the upload began; a new one where a retried job's first one was rejected."""
    version = datasets.of_job(session, work.claim.job_id)
    if version is not None and version.state == DatasetState.INGESTING:
        return version
    payload = work.payload
    return datasets.begin(
        session,
        payload["dataset"],
        job_id=work.claim.job_id,
        source_sha256=payload["artifact"],
        note=payload.get("note", ""),
        actor=work.claim.created_by,
    )


def _read(work: Work, rejected: list[dict[str, Any]]) -> list[Frame]:
    """All good frames; what is wrong with the others goes to `rejected`, so that one look shows all of it.

    Raises:
        JobRefused: the file cannot be read at all.
    """
    payload = work.payload
    frames: list[Frame] = []
    problems: list[reading.Rejection] = []
    work.checkpoint_directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work.checkpoint_directory) as folder:
        path = Path(folder) / Path(payload["filename"]).name
        with work.workplace.artifacts.open(payload["artifact"]) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        found = reading.read_frames(
            path,
            format=payload.get("format"),
            keys=reading.LabelKeys(**(payload.get("keys") or {})),
            on_error="skip",
            rejected=problems,
            require_labels=payload.get("require_labels"),
            length_unit=payload.get("length_unit"),
            energy_unit=payload.get("energy_unit"),
            name=payload["filename"],
        )
        try:
            for number, frame in enumerate(found):
                if number % FRAMES_PER_STEP == 0:
                    work.check()
                    work.journal.progress("read", message=f"{number} frames")
                frames.append(frame)
        except errors.InputError as error:
            # The file as a whole cannot be used, whatever frames may be left out: its format, its units, a missing key.
            problems.append(_rejection(payload["filename"], error))
            rejected.extend(dataclasses.asdict(problem) for problem in problems)
            raise JobRefused("upload_rejected", str(error), rejections=rejected) from error
    rejected.extend(dataclasses.asdict(problem) for problem in problems)
    return frames


def _rejection(file: str, error: errors.InputError) -> reading.Rejection:
    if isinstance(error, errors.ReadError):
        return reading.Rejection(file=file, frame=error.frame, line=error.line, reason=error.reason)
    return reading.Rejection(file=file, frame=None, line=None, reason=str(error))


def _place(rejection: dict[str, Any]) -> str:
    parts = [str(rejection["file"])]
    parts += [f"{word} {rejection[word]}" for word in ("frame", "line") if rejection[word] is not None]
    return ", ".join(parts)
