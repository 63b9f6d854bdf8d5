import pickle

import pytest

from nnp.core import errors


def descendants(base: type) -> list[type]:
    return [base, *(below for child in base.__subclasses__() for below in descendants(child))]


def example(kind: type[errors.NnpError]) -> errors.NnpError:
    arguments = {
        errors.ReadError: {"file": "a.xyz", "frame": 3, "line": 17, "reason": "no atoms"},
        errors.ForeignError: {"file": "input.nn", "line": 17, "reason": "unknown keyword"},
        errors.ExportError: {"part": "repulsion", "reason": "no words for it"},
        errors.CoverageError: {"elements": ["Ge"], "covered": ["Si"]},
        errors.RecipeError: {"field": "cutoff", "reason": "must be greater than 0"},
        errors.DivergedError: {"epoch": 3, "reason": "the loss is not finite"},
    }
    return kind(**arguments.get(kind, {}))


@pytest.mark.parametrize("kind", descendants(errors.NnpError))
def test_every_error_has_a_sentence_and_survives_a_process_boundary(kind: type[errors.NnpError]) -> None:
    error = example(kind)
    assert str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)


def test_codes_differ() -> None:
    codes = [kind.code for kind in descendants(errors.NnpError)]
    assert len(set(codes)) == len(codes)


def test_a_read_error_names_the_place() -> None:
    assert str(example(errors.ReadError)) == "a.xyz, frame 3, line 17: no atoms"
    assert str(errors.ReadError(file="OUTCAR", reason="no ions")) == "OUTCAR: no ions"
