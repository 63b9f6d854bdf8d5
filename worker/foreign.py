"""A version from the files of another program, as the jobs `import` and `replicas` make it."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models_store import datasets
from models_store.artifacts import Stored
from models_store.tables import PotentialVersion
from nnp.core.label import Frame
from nnp.core.recipe import Recipe
from worker import archives, evaluation, judging, provenance, publishing
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn.finish import Progress
    from nnp.learn.foreign import importing


@dataclass(frozen=True, kw_only=True)
class Source:
    """An uploaded foreign potential.

    Attributes:
        artifact: the upload, a tar archive of files or one file.
        filename: its name.
        units: of lengths and energies in the files; None for the format's own.
        note, authors, licence, citation: in the words of who uploaded it.
    """

    artifact: str
    filename: str
    units: str | None = None
    note: str = ""
    authors: str | None = None
    licence: str | None = None
    citation: str | None = None

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "Source":
        """The source that a payload, or the origin of a version, names."""
        return cls(**{name: payload[name] for name in cls.__dataclass_fields__ if name in payload})


def make(
    work: Work,
    source: Source,
    *,
    dataset_version: str | None,
    wanted: Recipe | None,
    parent: PotentialVersion | None = None,
) -> Publish:
    """Read, export, check and judge a foreign potential, and train replicas for it where a recipe wants them.

    Args:
        work: its payload names the potential and the alias.
        source: the files.
        dataset_version: whose structures replicas learn on; its labelled test frames, if any, are the test.
        wanted: the recipe of the replicas.
        parent: the version whose files these are.

    Raises:
        JobRefused: the upload is no archive of files.
        ForeignError: the files cannot be used; it names file and line.
        ContractError: forces are no derivatives of the energy, or the ONNX files differ from the potential.
        CoverageError, InputError: the structures have elements that the potential does not know.
    """
    frames = [] if dataset_version is None else evaluation.frames(work, dataset_version)
    content, size = _read(work, source)
    built = publishing.follow(
        work,
        lambda: _building(
            work, source=source, files=content, frames=frames, wanted=wanted, dataset_version=dataset_version
        ),
    )
    test = [frame for frame in frames if frame.split == "test" and frame.label is not None]
    if dataset_version is not None and test:
        report = judging.judge(work, built, test, dataset_version=dataset_version, limits=built.limits)
    else:
        report = judging.judge_unmeasured(work, built, source.artifact, built.limits)
    files = {**publishing.store(work, built), "source": Stored(sha256=source.artifact, size=size)}

    def publish(session: Session) -> dict[str, Any]:
        result = publishing.register(
            session,
            work,
            built,
            files,
            gates=report,
            recipe=None,
            dataset_version_id=None if dataset_version is None else datasets.version(session, dataset_version).id,
            parent=parent,
            limits=built.limits,
            origin={**built.origin, **_said(source)},
        )
        return {**result, "limits": [limit["code"] for limit in built.limits]}

    return publish


def _read(work: Work, source: Source) -> tuple[dict[str, bytes], int]:
    with work.workplace.artifacts.open(source.artifact) as stream:
        files = archives.read(stream, source.filename)
        return files, stream.seek(0, 2)


def _building(
    work: Work,
    *,
    source: Source,
    files: Mapping[str, bytes],
    frames: list[Frame],
    wanted: Recipe | None,
    dataset_version: str | None,
) -> Generator["Progress", None, "importing.Result"]:
    # Torch is loaded where potentials are made and nowhere else: workers of other queues never need it.
    from nnp.learn import foreign
    from nnp.learn.foreign import importing

    read = foreign.read(files, units=source.units)
    for warning in read.warnings:
        work.journal.say(warning, level="warning")
    return importing.build(
        read,
        frames,
        wanted,
        checkpoint_directory=work.checkpoint_directory,
        threads=work.workplace.threads,
        lineage=_lineage(work, source, dataset_version),
    )


def _lineage(work: Work, source: Source, dataset_version: str | None) -> dict[str, Any]:
    own = f"{work.payload['potential']}, imported from {source.filename} with nnpd {provenance.code_version()}."
    return {
        "potential": work.payload["potential"],
        "dataset_version": dataset_version,
        "job_id": work.claim.job_id,
        "authors": source.authors,
        "licence": source.licence,
        "citation": f"{own} {source.citation}" if source.citation else own,
        **({"note": source.note} if source.note else {}),
    }


def _said(source: Source) -> dict[str, Any]:
    """What is kept with the version, so that it can be made again with replicas."""
    words = {"authors": source.authors, "licence": source.licence, "citation": source.citation}
    given = {name: value for name, value in words.items() if value is not None}
    return {"filename": source.filename, "note": source.note, **given}
