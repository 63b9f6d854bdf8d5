"""Reference energies: exact where compositions determine them, named directions where they do not."""

import tracemalloc

import numpy as np
import pytest

from nnp.core import errors
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import reference_energies

ENERGIES = {"O": -433.2, "Ti": -1626.7}


def _frame(symbols: tuple[str, ...]) -> Frame:
    structure = Structure.from_symbols(symbols, np.arange(3 * len(symbols)).reshape(-1, 3), np.zeros((3, 3)), False)
    return Frame(structure=structure, label=Label(energy=sum(ENERGIES[s] for s in symbols)))


def test_compositions_that_span_give_the_energies_back() -> None:
    frames = [_frame(("Ti", "O", "O")), _frame(("Ti", "O")), _frame(("Ti", "Ti", "O", "O", "O"))]
    found = reference_energies.fit(frames, ("O", "Ti"))
    assert found.energies == pytest.approx(ENERGIES, abs=1e-9)
    assert found.free_directions == ()
    assert found.of(("Ti", "O")) == pytest.approx(sum(ENERGIES.values()))


def test_one_stoichiometry_warns_and_names_the_free_direction() -> None:
    with pytest.warns(UserWarning, match=r"O by -0\.5 eV, Ti by \+1 eV"):
        found = reference_energies.fit([_frame(("Ti", "O", "O"))] * 3, ("O", "Ti"))
    assert found.of(("Ti", "O", "O")) == pytest.approx(ENERGIES["Ti"] + 2 * ENERGIES["O"], abs=1e-9)
    assert found.free_directions == ({"O": -0.5, "Ti": 1.0},)


def test_without_labels_there_is_nothing_to_fit() -> None:
    bare = Frame(structure=_frame(("Ti",)).structure)
    with pytest.raises(errors.InputError, match="no structure has an energy"):
        reference_energies.fit([bare], ("Ti",))


def test_fewer_structures_than_elements_leave_directions_free() -> None:
    with pytest.warns(UserWarning, match="do not determine"):
        found = reference_energies.fit([_frame(("Ti", "O", "O"))], ("O", "Ti"))
    assert found.of(("Ti", "O", "O")) == pytest.approx(ENERGIES["Ti"] + 2 * ENERGIES["O"], abs=1e-9)
    assert found.free_directions == ({"O": -0.5, "Ti": 1.0},)


def test_memory_does_not_grow_with_the_square_of_the_data() -> None:
    frames = [_frame(("Ti", "O", "O")), _frame(("Ti", "O"))] * 3000
    tracemalloc.start()
    found = reference_energies.fit(frames, ("O", "Ti"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.energies == pytest.approx(ENERGIES, abs=1e-9)
    assert peak < 20e6
