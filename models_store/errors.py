"""The errors of the store: a small tree whose docstrings are the sentences a user reads.

StoreError
├── NotFound
├── Conflict
│   ├── Fenced
│   ├── Immutable
│   ├── Withdrawn
│   └── LabelConflict
├── Invalid
│   ├── InvalidName
│   ├── InvalidReference
│   ├── InvalidSplit
│   └── EmptyVersion
├── ArtifactError
│   ├── ArtifactMissing
│   ├── ArtifactCorrupt
│   └── StorageFull
└── SetupError
    ├── SchemaMissing
    ├── SchemaTooNew
    └── NetworkFilesystem
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class StoreError(Exception):
    """Something went wrong in the registry.

    Attributes:
        advice: what to do about it, where the store knows.
    """

    code: ClassVar[str] = "store_error"

    def __init__(self, message: str | None = None, *, advice: str | None = None) -> None:
        super().__init__(message or self.__doc__ or self.code)
        self.advice = advice


class NotFound(StoreError):
    """There is no such thing in the registry.

    Attributes:
        kind: what was looked for ("potential", "dataset version", "job", ...).
        name: the name as given.
        close: names that exist and look like it.
        available: what exists under the part of the name that was found (versions, aliases).
    """

    code = "not_found"

    def __init__(self, kind: str, name: str, *, close: Sequence[str] = (), available: Sequence[str] = ()) -> None:
        self.kind = kind
        self.name = name
        self.close = tuple(close)
        self.available = tuple(available)
        advice = None
        if self.close:
            advice = f"did you mean {' or '.join(self.close)}?"
        elif self.available:
            advice = f"there are {', '.join(self.available)}"
        super().__init__(f"there is no {kind} {name!r}", advice=advice)


class Conflict(StoreError):
    """Somebody else was faster, or the request contradicts what is stored."""

    code = "conflict"


class Fenced(Conflict):
    """This attempt no longer holds the job: its lease ran out, or the job ended. Nothing was written."""

    code = "attempt_fenced"


class Immutable(Conflict):
    """What is stored under a version never changes; make a new version, or withdraw this one."""

    code = "immutable"


class Withdrawn(Conflict):
    """The version was withdrawn."""

    code = "withdrawn"


class LabelConflict(Conflict):
    """A structure already has another label by the same method.

    Attributes:
        rejections: one entry per frame at fault: file, frame, line, reason.
    """

    code = "label_conflict"

    def __init__(self, rejections: Sequence[Mapping[str, Any]]) -> None:
        self.rejections = tuple(dict(entry) for entry in rejections)
        first = self.rejections[0]["reason"] if self.rejections else ""
        super().__init__(
            f"{len(self.rejections)} frames contradict labels already stored for the same method; the first: {first}",
            advice="name another method if the settings differ, or leave these frames out",
        )


class Invalid(StoreError):
    """The registry cannot take this."""

    code = "invalid"


class InvalidName(Invalid):
    """A name is 1 to 64 letters, digits, dots, underscores and hyphens, and begins with a letter or a digit."""

    code = "invalid_name"


class InvalidReference(Invalid):
    """A version is named by its number, as in Si:3, or by an alias, as in Si@production."""

    code = "invalid_reference"


class InvalidSplit(Invalid):
    """The frames cannot be split like this."""

    code = "invalid_split"


class EmptyVersion(Invalid):
    """A dataset version needs at least one frame."""

    code = "empty_version"


class ArtifactError(StoreError):
    """The artifact store failed."""

    code = "artifact_error"


class ArtifactMissing(ArtifactError):
    """The artifact is not in the store."""

    code = "artifact_missing"


class ArtifactCorrupt(ArtifactError):
    """The bytes in the store are not those that were put there: their sha256 differs. They are not used."""

    code = "artifact_corrupt"


class StorageFull(ArtifactError):
    """No space is left for artifacts. Nothing was stored."""

    code = "storage_full"


class SetupError(StoreError):
    """The registry is not ready for use."""

    code = "setup_error"


class SchemaMissing(SetupError):
    """The database has no tables, or older ones, than this program needs."""

    code = "schema_missing"


class SchemaTooNew(SetupError):
    """The database was written by a newer nnpd."""

    code = "schema_too_new"


class NetworkFilesystem(SetupError):
    """The folder lies on a network filesystem, where SQLite and the filesystem broker lose data."""

    code = "network_filesystem"
