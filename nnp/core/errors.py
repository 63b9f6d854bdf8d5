"""The errors of `nnp`: a small tree whose docstrings are the sentences a user reads.

NnpError
├── InputError
│   ├── StructureError
│   ├── LabelError
│   ├── ReadError
│   │   └── ForeignError
│   └── PlausibilityError
├── CoverageError
├── ManifestError
├── DeviceError
├── RecipeError
├── ExportError
├── DivergedError
├── ContractError
└── CheckpointError
"""

from collections.abc import Iterable
from typing import ClassVar


class NnpError(Exception):
    """Something went wrong in nnp."""

    code: ClassVar[str] = "nnp_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or self.code)


class InputError(NnpError):
    """The input cannot be used."""

    code = "input_invalid"


class StructureError(InputError):
    """The structure is not valid.

    Attributes:
        atom: 0-based index of the atom at fault, where one is.
    """

    code = "structure_invalid"

    def __init__(self, message: str | None = None, *, atom: int | None = None) -> None:
        super().__init__(message)
        self.atom = atom


class LabelError(InputError):
    """The label (energy, forces, stress) is not valid.

    Attributes:
        atom: 0-based index of the atom at fault, where one is.
    """

    code = "label_invalid"

    def __init__(self, message: str | None = None, *, atom: int | None = None) -> None:
        super().__init__(message)
        self.atom = atom


class ReadError(InputError):
    """A file cannot be read.

    Attributes:
        file: the name of the file as the caller gave it.
        frame: 0-based number of the frame, where known.
        line: 1-based number of the line, where known.
        reason: what is wrong there.
    """

    code = "file_unreadable"

    def __init__(self, *, file: str, reason: str, frame: int | None = None, line: int | None = None) -> None:
        self.file = file
        self.frame = frame
        self.line = line
        self.reason = reason
        places = [file]
        if frame is not None:
            places.append(f"frame {frame}")
        if line is not None:
            places.append(f"line {line}")
        super().__init__(f"{', '.join(places)}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_read_error, (self.file, self.reason, self.frame, self.line))


class ForeignError(ReadError):
    """A potential of another program cannot be imported; see ReadError for the attributes."""

    code = "import_invalid"

    def __reduce__(self) -> tuple[object, ...]:
        return (_foreign_error, (self.file, self.reason, self.frame, self.line))


class PlausibilityError(InputError):
    """The numbers are readable and cannot be meant: atoms on top of each other, or another unit of length."""

    code = "input_implausible"


class CoverageError(NnpError):
    """The potential does not know every element of the structure.

    Attributes:
        elements: the symbols that are not covered.
        covered: the symbols that the potential covers.
    """

    code = "element_not_covered"

    def __init__(self, *, elements: Iterable[str], covered: Iterable[str]) -> None:
        self.elements = tuple(elements)
        self.covered = tuple(covered)
        super().__init__(
            f"the potential covers {', '.join(self.covered) or 'no element'} and not {', '.join(self.elements)}; "
            "choose a potential that was trained with these elements"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (_coverage_error, (self.elements, self.covered))


class ManifestError(NnpError):
    """The file is no potential of this program, or its manifest is damaged or newer than this program."""

    code = "manifest_invalid"


class DeviceError(NnpError):
    """The device is unknown, or the installed ONNX Runtime cannot use it."""

    code = "device_unavailable"


class RecipeError(NnpError):
    """The recipe cannot work.

    Attributes:
        field: the field at fault, with dots between levels.
        reason: what is wrong with it.
    """

    code = "recipe_invalid"

    def __init__(self, *, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_recipe_error, (self.field, self.reason))


class ExportError(NnpError):
    """The potential cannot be written in the format of another program.

    Attributes:
        part: the part that the format has no words for.
    """

    code = "export_impossible"

    def __init__(self, *, part: str, reason: str) -> None:
        self.part = part
        self.reason = reason
        super().__init__(f"{part}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_export_error, (self.part, self.reason))


class DivergedError(NnpError):
    """The training diverged.

    Attributes:
        epoch: the epoch in which it did.
        reason: what was seen.
    """

    code = "training_diverged"

    def __init__(self, *, epoch: int, reason: str) -> None:
        self.epoch = epoch
        self.reason = reason
        super().__init__(f"the training diverged in epoch {epoch}: {reason}; a smaller learning rate may help")

    def __reduce__(self) -> tuple[object, ...]:
        return (_diverged_error, (self.epoch, self.reason))


class ContractError(NnpError):
    """The trained potential violates the physics contract and was not kept."""

    code = "contract_violated"


class CheckpointError(NnpError):
    """The checkpoint is damaged, belongs to another recipe, or is newer than this program."""

    code = "checkpoint_invalid"


def _read_error(file: str, reason: str, frame: int | None, line: int | None) -> ReadError:
    return ReadError(file=file, reason=reason, frame=frame, line=line)


def _foreign_error(file: str, reason: str, frame: int | None, line: int | None) -> ForeignError:
    return ForeignError(file=file, reason=reason, frame=frame, line=line)


def _export_error(part: str, reason: str) -> ExportError:
    return ExportError(part=part, reason=reason)


def _coverage_error(elements: tuple[str, ...], covered: tuple[str, ...]) -> CoverageError:
    return CoverageError(elements=elements, covered=covered)


def _recipe_error(field: str, reason: str) -> RecipeError:
    return RecipeError(field=field, reason=reason)


def _diverged_error(epoch: int, reason: str) -> DivergedError:
    return DivergedError(epoch=epoch, reason=reason)
