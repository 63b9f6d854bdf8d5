from concurrent import futures

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.neighborlist import primitive_neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from nnp.core import neighbours
from nnp.core.neighbours import neighbour_table
from nnp.core.structure import Structure


def random_structure(seed: int) -> Structure:
    """Few atoms in a skewed cell, often smaller than the cutoff, periodic along any directions, atoms also outside."""
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(2.5, 7.0, 3)) + rng.uniform(-1.5, 1.5, (3, 3)) * rng.integers(0, 2)
    pbc = rng.integers(0, 2, 3).astype(bool)
    atoms = int(rng.integers(1, 8))
    return Structure(
        numbers=rng.choice([1, 8, 14], atoms),
        positions=rng.uniform(-1.5, 2.5, (atoms, 3)) @ cell,
        cell=cell,
        pbc=pbc,
    )


def reference_edges(structure: Structure, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cell = (
        np.where(structure.pbc[:, None], structure.cell, np.eye(3) * 100.0)
        if not structure.pbc.all()
        else structure.cell
    )
    return primitive_neighbor_list("ijD", structure.pbc, cell, structure.positions, cutoff, numbers=structure.numbers)


def sorted_rows(first: np.ndarray, second: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    rows = np.column_stack([first, second, np.round(vectors, 7) + 0.0])
    return rows[np.lexsort(rows.T[::-1])]


def table_edges(table: neighbours.NeighbourTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, slot = np.nonzero(table.valid)
    return first, table.neighbours[first, slot], table.vectors[first, :, slot]


@pytest.mark.parametrize("seed", range(40))
def test_edges_equal_those_of_ase(seed: int) -> None:
    structure = random_structure(seed)
    cutoff = float(np.random.default_rng(seed).uniform(1.0, 6.0))
    ours = sorted_rows(*table_edges(neighbour_table([structure], cutoff)))
    theirs = sorted_rows(*reference_edges(structure, cutoff))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=6), st.sampled_from([1, 4, 8]))
def test_padding_and_reverse_of_any_batch(seeds: list[int], multiple: int) -> None:
    structures = [random_structure(seed) for seed in seeds]
    table = neighbour_table(structures, 4.0, pad_to_multiple=multiple)
    atoms, width = table.neighbours.shape
    assert table.vectors.shape == (atoms, 3, width)
    assert table.vectors.flags.c_contiguous
    assert width % multiple == 0
    assert width >= multiple
    own_slot = np.arange(atoms * width).reshape(atoms, width)
    own_atom = np.repeat(np.arange(atoms)[:, None], width, axis=1)
    padded = ~table.valid
    assert (table.vectors.transpose(0, 2, 1)[padded] == [8.0, 0.0, 0.0]).all()
    assert (table.neighbours[padded] == own_atom[padded]).all()
    assert (table.reverse[padded] == own_slot[padded]).all()
    flat = table.reverse.ravel()
    assert (flat[flat] == own_slot.ravel()).all()
    assert (flat // max(width, 1) == table.neighbours.ravel()).all()
    vectors = table.vectors.transpose(0, 2, 1)[table.valid]
    mirrored = table.vectors.transpose(0, 2, 1).reshape(-1, 3)[table.reverse[table.valid]]
    np.testing.assert_array_equal(mirrored, -vectors)
    assert (table.structure_index[table.neighbours] == table.structure_index[:, None]).all()


def test_a_batch_holds_what_each_structure_has_alone() -> None:
    structures = [Structure.from_atoms(bulk("Si")), random_structure(3), Structure.from_atoms(molecule("H2O"))]
    batch = neighbour_table(structures, 5.0)
    assert batch.starts.tolist() == np.concatenate([[0], np.cumsum([len(s) for s in structures])]).tolist()
    for index, structure in enumerate(structures):
        start, stop = batch.starts[index : index + 2]
        alone, rows = neighbour_table([structure], 5.0), batch.block(start, stop)
        np.testing.assert_array_equal(rows.counts, alone.counts)
        assert (rows.structure_index == index).all()
        width = min(alone.vectors.shape[2], rows.vectors.shape[2])
        np.testing.assert_array_equal(rows.vectors[:, :, :width], alone.vectors[:, :, :width])
        np.testing.assert_array_equal(rows.neighbours[:, :width] - start, alone.neighbours[:, :width])


def test_a_block_is_a_view() -> None:
    table = neighbour_table([Structure.from_atoms(bulk("Si", cubic=True))], 5.0)
    block = table.block(2, 5)
    assert len(block) == 3
    for name in ("vectors", "neighbours", "reverse", "counts"):
        assert np.shares_memory(getattr(block, name), getattr(table, name))
    np.testing.assert_array_equal(block.vectors, table.vectors[2:5])


def test_neighbour_species() -> None:
    structure = Structure.from_atoms(bulk("NaCl", "rocksalt", a=5.64))
    table = neighbour_table([structure], 2.9)
    species = np.array([0, 1])
    assert table.counts.tolist() == [6, 6]
    assert table.neighbour_species(species)[0, :6].tolist() == [1] * 6
    assert table.neighbour_species(species)[0, 6:].tolist() == [0] * (table.neighbours.shape[1] - 6)
    np.testing.assert_array_equal(table.block(1, 2).neighbour_species(species), table.neighbour_species(species)[1:2])


def test_float32_is_the_rounded_float64() -> None:
    structure = random_structure(11)
    double, single = neighbour_table([structure], 5.0), neighbour_table([structure], 5.0, dtype=np.float32)
    assert single.vectors.dtype == np.float32
    np.testing.assert_array_equal(single.vectors, double.vectors.astype(np.float32))


def test_more_atoms_than_fit_16_bits_and_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = np.random.default_rng(0).integers(0, 200_000, 50_000).astype(np.int32)
    np.testing.assert_array_equal(neighbours._stable_order(keys), np.argsort(keys, kind="stable"))
    structures = [random_structure(seed) for seed in range(8)]
    whole = neighbour_table(structures, 5.0)
    monkeypatch.setattr(neighbours, "ATOMS_AT_ONCE", 3)
    pieces = neighbour_table(structures, 5.0)
    for name in ("vectors", "neighbours", "reverse"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))


def test_lonely_atoms_and_empty_batches() -> None:
    lonely = Structure(numbers=[14], positions=np.zeros((1, 3)), cell=np.zeros((3, 3)), pbc=False)
    table = neighbour_table([lonely, lonely], 6.0)
    assert table.counts.tolist() == [0, 0]
    assert table.vectors.shape == (2, 3, 4)
    assert neighbour_table([], 6.0).vectors.shape == (0, 3, 4)
    apart = Structure(numbers=[14, 14], positions=[[0, 0, 0], [1e5, 0, 0]], cell=np.zeros((3, 3)), pbc=False)
    assert neighbour_table([apart], 6.0).counts.tolist() == [0, 0]


@pytest.mark.parametrize("cutoff", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_cutoffs(cutoff: float) -> None:
    with pytest.raises(ValueError, match="cutoff"):
        neighbour_table([random_structure(0)], cutoff)


def test_threads_do_not_disturb_each_other() -> None:
    structures = [random_structure(seed) for seed in range(20)]
    expected = [neighbour_table([structure], 5.0) for structure in structures]
    with futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda structure: neighbour_table([structure], 5.0), structures * 5))
    for index, table in enumerate(found):
        np.testing.assert_array_equal(table.vectors, expected[index % 20].vectors)
        np.testing.assert_array_equal(table.reverse, expected[index % 20].reverse)
    np.testing.assert_array_equal(
        neighbour_table(structures, 5.0, threads=2).reverse, neighbour_table(structures, 5.0).reverse
    )
