from collections.abc import Iterator

import pytest

from models_store import errors, names


def tree(parent: type[errors.StoreError]) -> Iterator[type[errors.StoreError]]:
    yield parent
    for child in parent.__subclasses__():
        yield from tree(child)


def test_every_error_has_its_own_code_and_a_sentence() -> None:
    codes = [error.code for error in tree(errors.StoreError)]
    assert len(codes) == len(set(codes))
    for error in tree(errors.StoreError):
        assert error.__doc__
        assert error.__name__ in str(errors.__doc__)


def test_the_docstring_is_the_default_sentence() -> None:
    assert str(errors.EmptyVersion()) == "A dataset version needs at least one frame."
    assert errors.NotFound("job", "x").advice is None


@pytest.mark.parametrize(
    ("name", "known", "close"),
    [
        ("Silicn", ["silicon", "lithium"], ["silicon"]),
        ("SI-PBE", ["si-pbe", "lithium"], ["si-pbe"]),
        ("tio2", ["TiO2", "Tio2"], ["TiO2", "Tio2"]),
        ("zzz", ["silicon"], []),
        ("x", [], []),
    ],
)
def test_close_names(name: str, known: list[str], close: list[str]) -> None:
    assert names.close(name, known) == close
