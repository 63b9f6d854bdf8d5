"""Weights of the elements: from the periodic table, and learned where the data say what matters."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from nnp.core import recipe
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import definition, element_channels, reference_energies, refinement, splits
from nnp.learn.radial import Radial
from nnp.learn.symmetry_functions import SymmetryFunctions

ELEMENTS = ("Al", "Ni", "Cu", "Pd")


def test_weights_follow_the_periodic_table() -> None:
    weights = np.array(element_channels.weighted(ELEMENTS, 3))
    assert weights.shape == (3, 4)
    np.testing.assert_allclose((weights**2).mean(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(weights[0], 1.0)
    np.testing.assert_allclose(weights[1:].sum(axis=1), 0.0, atol=1e-5)
    assert element_channels.weighted(ELEMENTS, 4) is None
    assert element_channels.weighted(("H",), 1) is None


def pair_sums(atoms: Atoms, charges: dict[str, float]) -> Label:
    """E = ½ Σ q_i q_j (1 - r/4)³ below 4 Å: what an element is, is one number."""
    structure = Structure.from_atoms(atoms)
    shifts = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]) @ atoms.cell[:]
    vectors = structure.positions[None, :, None] + shifts[None, None] - structure.positions[:, None, None]
    r = np.linalg.norm(vectors, axis=-1)
    near = (r > 1e-9) & (r < 4.0)
    q = np.array([charges[symbol] for symbol in structure.symbols])
    x = np.where(near, 1 - r / 4, 0.0)
    products = (q[:, None] * q[None, :])[..., None]
    slopes = np.where(near, -0.75 * x**2, 0.0) * products
    forces = (slopes[..., None] * vectors / np.where(near, r, 1.0)[..., None]).sum((1, 2))
    return Label(energy=float(0.5 * (products * x**3).sum()), forces=forces)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    random = np.random.default_rng(0)
    charges = {"Al": 1.0, "Ni": -1.0, "Cu": 2.0, "Pd": 0.3}
    found = []
    for _ in range(12):
        atoms = bulk("Cu", cubic=True) * (2, 2, 2)
        atoms.symbols[:] = random.choice(ELEMENTS, size=len(atoms))
        atoms.rattle(0.2, seed=int(random.integers(2**31)))
        found.append(Frame(structure=Structure.from_atoms(atoms), label=pair_sums(atoms, charges)))
    return found


def test_learned_weights_find_the_property_that_matters(frames: list[Frame]) -> None:
    functions = SymmetryFunctions(
        elements=ELEMENTS,
        cutoff=4.0,
        radial=tuple(Radial(eta=1.0, shift=s) for s in (2.0, 2.6, 3.2)),
        element_channels=((1.0, 1.0, 1.0, 1.0), (1.0, 0.5, -0.5, -1.0)),
    )
    references = reference_energies.fit(frames, ELEMENTS)
    found = element_channels.learned(functions, frames, references, seed=0, steps=100)
    again = [element_channels.learned(functions, frames, references, seed=1, steps=3) for _ in range(2)]
    assert again[0] == again[1]
    assert dataclasses.replace(found, element_channels=functions.element_channels) == functions

    def share(weights: tuple[tuple[float, ...], ...] | None) -> float:
        """Part of the charges that the weights span."""
        rows, charges = np.array(weights), np.array([1.0, -1.0, 2.0, 0.3])
        solution = np.linalg.lstsq(rows.T, charges, rcond=None)[0]
        return float(np.linalg.norm(rows.T @ solution) / np.linalg.norm(charges))

    assert share(functions.element_channels) < 0.55
    assert share(found.element_channels) > 0.8


def test_a_recipe_asks_for_channels_and_components(frames: list[Frame]) -> None:
    fields = {"kind": "wide_angular", "radial": 3, "channels": 1, "zetas": [1]}
    extra = {"element_channels": {"count": 2, "kind": "weighted"}, "compression": {"components": 5}}
    wanted = recipe.parse({"cutoff": 4.0, "symmetry_functions": {**fields, **extra}})
    parts = splits.Split(train=tuple(range(12)), validation=(), test=(), unlabelled=(), excluded=())
    found = definition.fit(wanted, frames, parts)
    assert found.functions.size == 5
    assert found.functions.to_dict()["inner"]["element_channels"] == [
        list(row) for row in element_channels.weighted(ELEMENTS, 2) or ()
    ]
    plain = SymmetryFunctions(elements=ELEMENTS, cutoff=4.0, radial=(Radial(),))
    references = reference_energies.fit(frames, ELEMENTS)
    assert refinement.refined(plain, recipe.Recipe(), frames, references) is plain
