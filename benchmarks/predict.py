"""Microseconds per atom of a prediction: energy, forces, stress, atomic energies and novelty of rattled silicon.

1000 Si atoms (a = 5.431 Å, rattled by 0.1 Å), cutoff 6.0 Å: about 43 neighbours; 8 radial and 24 wide angular
functions (4 eta x zeta 1, 2, 4 x lambda +-1); a committee of 8 networks 32-20-20-1 and 4 replicas, with seeded random
weights: the time does not depend on them. Beside it, each against its own like: one member instead of eight, twice the
neighbours (cutoff 7.56 Å), the power spectrum of the default recipe with its networks, five elements with element
channels against one element, and the potential that the default recipe makes (four members and replicas, repulsion and
ZBL baseline) by the graph alone and with compiled functions where numba is installed. LAMMPS SNAP
(``Si_Zuo_JPCA2020.snap``) on the same atoms runs in turn with them, as the measure of the machine's speed: compare
ratios between machines, not microseconds. Times on one core are CPU times of the process (which other processes on the
machine disturb less; equal to the wall clock on a quiet one). ``--json`` prints one line.
"""

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from calculators import lammps_potential, lammps_silicon
from conditions import conditions

from nnp.core import neighbours
from nnp.core.label import Frame
from nnp.core.potential import Potential
from nnp.core.structure import Structure

PROPERTIES = ("energy", "forces", "stress", "energies", "energy_novelties")
GRAPH_OUTPUTS = ("atomic_energies", "pair_gradients", "atomic_virials", "energy_novelties")
CUTOFF, DOUBLED = 6.0, 6.0 * 2 ** (1 / 3)
FIVE, CHANNELS = ("C", "Si", "Ge", "Sn", "Pb"), 3
REPLICAS = ((10, 10), (15, 15), (20, 20), (25, 25))
RECIPE_MEMBERS = ((64, 32), (56, 40), (64, 24), (48, 40)) * 2
ZBL_END = 1.75
"""Where the ZBL baseline ends on mlearn Si, over the sum of the covalent radii (docs/log.md)."""
OTHERS = ("one_member", "doubled", "spectrum", "spectrum_recipe", "five_elements", "default")
COMPILED = ("spectrum_recipe", "five_elements", "default")
SIZES = (8, 64, 1000, 10_000, 100_000)


def silicon(atoms: int) -> Atoms:
    """About ``atoms`` atoms: whole cubic cells of 8, rattled."""
    cells = max(round((atoms / 8) ** (1 / 3)), 1)
    repeats = {10_000: (11, 11, 10), 100_000: (23, 23, 24)}.get(atoms, (cells, cells, cells))
    crystal = bulk("Si", a=5.431, cubic=True) * repeats
    crystal.rattle(0.1, seed=0)
    return crystal


def alloy(atoms: int) -> Atoms:
    """The same atoms with five elements at random."""
    crystal = silicon(atoms)
    crystal.symbols[:] = np.random.default_rng(0).choice(FIVE, size=len(crystal))
    return crystal


def write_potential(
    file: Path,
    functions: Any,
    members: Sequence[Sequence[int]],
    dtype: str = "float32",
    replicas: Sequence[Sequence[int]] = REPLICAS,
    **parts: Any,
) -> None:
    """A potential with seeded random weights, members and replicas of these widths, repulsion or baseline."""
    import torch

    from nnp.learn import export, network, potential

    generator = torch.Generator().manual_seed(1)

    def head(hidden: Sequence[int]) -> potential.Head:
        networks = [network.Network.random(functions.size, hidden, generator=generator) for _ in functions.elements]
        return potential.Head(networks)

    shape = (len(functions.elements), functions.size)
    made = potential.Potential(
        symmetry_functions=functions,
        shift=torch.zeros(shape),
        scale=torch.full(shape, 0.1),
        members=[head(hidden) for hidden in members],
        replicas=[head(hidden) for hidden in replicas],
        **parts,
    )
    file.write_bytes(export.to_onnx(made, export.describe(made, dtype)))


def wide(cutoff: float) -> Any:
    """8 radial and 24 wide angular functions; lengths grow with the cutoff."""
    from nnp.learn.angular import WideAngular
    from nnp.learn.radial import Radial
    from nnp.learn.symmetry_functions import SymmetryFunctions

    scale = cutoff / CUTOFF
    etas = [eta / scale**2 for eta in (0.01, 0.05, 0.1, 0.3)]
    shifted = [Radial(eta=2.0 / scale**2, shift=s * scale) for s in (2.3, 3.0, 3.8, 4.6)]
    return SymmetryFunctions(
        elements=("Si",),
        cutoff=cutoff,
        radial=(*(Radial(eta=eta) for eta in etas), *shifted),
        angular=WideAngular(channels=tuple(Radial(eta=eta) for eta in etas), zetas=(1, 2, 4)),
    )


def automatic(structure: Structure, channels: int | None) -> Any:
    """The symmetry functions of the default recipe, with element channels."""
    from nnp.core import recipe
    from nnp.learn import grid

    weights = None if channels is None else {"kind": "weighted", "count": channels}
    fields = {"kind": "power_spectrum", "element_channels": weights}
    wanted = recipe.parse({"cutoff": CUTOFF, "symmetry_functions": fields})
    table = neighbours.neighbour_table([structure], CUTOFF)
    return grid.symmetry_functions_for(wanted, sorted(set(structure.symbols)), table)


def write_default(file: Path, structure: Structure) -> None:
    """The potential of the default recipe as a training on this structure would make it, but for the weights."""
    from ase.data import atomic_numbers, covalent_radii

    from nnp.core import recipe
    from nnp.learn import repulsion, zbl

    wanted, functions = recipe.parse({}), automatic(structure, None)
    assert wanted.repulsion is not None
    assert wanted.replicas is not None
    (element,) = functions.elements
    end = ZBL_END * 2.0 * float(covalent_radii[atomic_numbers[element]])
    window = repulsion.below(
        repulsion.shortest_distances([structure], functions.elements),
        functions.elements,
        margin=wanted.repulsion.margin,
        steepness=wanted.repulsion.steepness,
        repels=False,
    )
    write_potential(
        file,
        functions,
        [member.hidden for member in wanted.committee],
        replicas=[replica.hidden for replica in wanted.replicas],
        repulsion=window,
        baseline=zbl.Zbl(elements=functions.elements, inner=((0.0,),), outer=((end,),)),
    )


def write_potentials(folder: Path) -> None:
    """The main potential in both precisions, and the others."""
    one, five = Structure.from_atoms(silicon(1000)), Structure.from_atoms(alloy(1000))
    for dtype in ("float32", "float64"):
        write_potential(folder / f"{dtype}.onnx", wide(CUTOFF), [(20, 20)] * 8, dtype)
    write_potential(folder / "one_member.onnx", wide(CUTOFF), [(20, 20)])
    write_potential(folder / "doubled.onnx", wide(DOUBLED), [(20, 20)] * 8)
    write_potential(folder / "spectrum.onnx", automatic(one, None), [(20, 20)] * 8)
    write_potential(folder / "spectrum_recipe.onnx", automatic(one, None), RECIPE_MEMBERS)
    write_potential(folder / "five_elements.onnx", automatic(five, CHANNELS), [(20, 20)] * 8)
    write_default(folder / "default.onnx", one)


def graph_alone(potential: Potential, structure: Structure) -> Callable[[], None]:
    """Runs the graph, by the engine of the potential, over all blocks of a structure whose neighbour table is ready."""
    table = neighbours.neighbour_table([structure], potential.manifest.cutoff, dtype=potential.manifest.dtype)
    index = {element: number for number, element in enumerate(potential.manifest.elements)}
    species = np.array([index[symbol] for symbol in structure.symbols], dtype=np.int64)
    kinds = table.neighbour_species(species)
    blocks = []
    for start in range(0, len(table), potential.block_atoms):
        rows = slice(start, start + potential.block_atoms)
        feeds = {
            "vectors": table.vectors[rows],
            "neighbour_species": kinds[rows],
            "species": species[rows],
        }
        blocks.append(feeds)

    def run() -> None:
        for block in blocks:
            potential.run(GRAPH_OUTPUTS, block)

    return run


def snap(structure: Structure) -> Callable[[], None] | None:
    """Ten force evaluations by LAMMPS SNAP without neighbour lists; None where LAMMPS is not installed."""
    try:
        engine = lammps_silicon(structure.positions, float(structure.cell[0, 0]))
    except (ImportError, OSError):
        return None
    folder = lammps_potential("Si_Zuo_JPCA2020.snapcoeff").parent
    engine.commands_string(
        f"pair_style snap\npair_coeff * * {folder}/Si_Zuo_JPCA2020.snapcoeff {folder}/Si_Zuo_JPCA2020.snapparam Si\n"
        "neigh_modify once yes\nthermo 0\nrun 0"
    )
    return lambda: engine.command("run 4 pre no post no")


def seconds(work: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> float:
    """CPU time of this process, or the time that another clock gives."""
    start = clock()
    work()
    return clock() - start


def compare(folder: Path, rounds: int) -> dict[str, float | None]:
    """All variants on 1000 atoms in turn: medians over the rounds; the ratio is the median of each round's ratio."""
    atoms = silicon(1000)
    structure = Structure.from_atoms(atoms)
    single = Potential.load(folder / "float32.onnx", threads=1, kernel=False)
    double = Potential.load(folder / "float64.onnx", threads=1, kernel=False)
    two = Potential.load(folder / "float32.onnx", threads=2, kernel=False)
    reference = snap(structure)
    work: dict[str, tuple[Callable[[], Any], int]] = {
        "us_per_atom_graph": (graph_alone(single, structure), 1),
        "us_per_atom": (lambda: single.evaluate([Structure.from_atoms(atoms)], PROPERTIES), 1),
        "us_per_atom_neighbours": (lambda: neighbours.neighbour_table([structure], CUTOFF, dtype="float32"), 1),
        "us_per_atom_two_threads": (lambda: two.evaluate([Structure.from_atoms(atoms)], PROPERTIES), 1),
        "us_per_atom_float64": (lambda: double.evaluate([Structure.from_atoms(atoms)], PROPERTIES), 1),
    }
    five = Structure.from_atoms(alloy(1000))
    for name in OTHERS:
        other = Potential.load(folder / f"{name}.onnx", threads=1, kernel=False)
        work[f"us_per_atom_graph_{name}"] = (graph_alone(other, five if name == "five_elements" else structure), 1)
    for name in COMPILED if importlib.util.find_spec("numba") else ():
        other = Potential.load(folder / f"{name}.onnx", threads=1, kernel=True)
        work[f"us_per_atom_compiled_{name}"] = (graph_alone(other, five if name == "five_elements" else structure), 1)
        if name == "default":
            work["us_per_atom_default"] = (partial(other.evaluate, [structure], PROPERTIES), 1)
    if reference is not None:
        work["reference_us_per_atom"] = (reference, 4)
    times: dict[str, list[float]] = {name: [] for name in work}
    for job, _ in work.values():
        job()
    for _ in range(rounds):
        for name, (job, times_each) in work.items():
            repeats = 1 if name.startswith("reference") else 3
            clock = time.perf_counter if name.endswith("two_threads") else time.process_time
            times[name].append(min(seconds(job, clock) for _ in range(repeats)) / times_each / len(structure) * 1e6)
    result: dict[str, float | None] = {name: median(values) for name, values in times.items()}
    result.setdefault("reference_us_per_atom", None)
    graph = times["us_per_atom_graph"]
    spectrum = times["us_per_atom_graph_spectrum"]
    for name, over, under in (
        ("ratio_eight_members_to_one", graph, times["us_per_atom_graph_one_member"]),
        ("ratio_neighbours_doubled", times["us_per_atom_graph_doubled"], graph),
        ("ratio_five_elements_to_one", times["us_per_atom_graph_five_elements"], spectrum),
        (
            "ratio_default_graph_to_compiled",
            times["us_per_atom_graph_default"],
            times.get("us_per_atom_compiled_default", []),
        ),
    ):
        result[name] = median(a / b for a, b in zip(over, under, strict=True)) if under else None
    served = ("graph", "graph_spectrum", "graph_spectrum_recipe", "graph_default", "compiled_default", "default")
    for name in served if reference is not None else ():
        if f"us_per_atom_{name}" not in times:
            continue
        rounds_of = zip(times[f"us_per_atom_{name}"], times["reference_us_per_atom"], strict=True)
        result[f"us_per_atom_{name}_where_snap_takes_151"] = median(ours / theirs * 151 for ours, theirs in rounds_of)
    pairs = zip(times["us_per_atom"], times.get("reference_us_per_atom", []), strict=False)
    result["ratio"] = median(ours / theirs for ours, theirs in pairs) if reference is not None else None
    return result


def measure_size(file: Path, atoms: int) -> dict[str, float]:
    """Time per atom and peak memory of this process for one structure; run in a process of its own."""
    crystal = silicon(atoms)
    potential = Potential.load(file, threads=1, kernel=False)
    potential.evaluate([Structure.from_atoms(silicon(8))], PROPERTIES)

    def predict() -> None:
        potential.evaluate([Structure.from_atoms(crystal)], PROPERTIES)

    least = min(seconds(predict) for _ in range(20 if atoms < 5000 else 2))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"atoms": len(crystal), "us_per_atom": least / len(crystal) * 1e6, "peak_rss_mb": peak}


def run(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_potentials(folder)
        result: dict[str, Any] = compare(folder, rounds)
        result["sizes"] = []
        for atoms in SIZES:
            arguments = [sys.executable, __file__, "--size", str(atoms), "--file", str(folder / "float32.onnx")]
            answer = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
            result["sizes"].append(json.loads(answer))
    return result


def table(result: dict[str, Any]) -> str:
    def number(value: float | None) -> str:
        return "      -" if value is None else f"{value:7.2f}"

    lines = [
        "1000 Si atoms, 8 radial + 24 wide angular functions, committee of 8, 4 replicas; µs per atom",
        f"  graph alone, float32, one core       {number(result['us_per_atom_graph'])}",
        f"    with one member                    {number(result['us_per_atom_graph_one_member'])}",
        f"    with twice the neighbours          {number(result['us_per_atom_graph_doubled'])}",
        f"    power spectrum                     {number(result['us_per_atom_graph_spectrum'])}",
        f"    and the networks of the recipe     {number(result['us_per_atom_graph_spectrum_recipe'])}",
        f"    five elements, three channels      {number(result['us_per_atom_graph_five_elements'])}",
        f"  default recipe: graph alone          {number(result['us_per_atom_graph_default'])}",
        f"    with compiled functions            {number(result.get('us_per_atom_compiled_default'))}",
        f"    and from Structure to results      {number(result.get('us_per_atom_default'))}",
        f"  Atoms to results, one core           {number(result['us_per_atom'])}",
        f"  of which neighbour table             {number(result['us_per_atom_neighbours'])}",
        f"  two threads                          {number(result['us_per_atom_two_threads'])}",
        f"  float64, one core                    {number(result['us_per_atom_float64'])}",
        f"  LAMMPS SNAP without neighbour lists  {number(result['reference_us_per_atom'])}",
        f"  ratio to LAMMPS SNAP                 {'-' if result['ratio'] is None else format(result['ratio'], '.4f')}",
        "",
        "    atoms   µs per atom   peak memory MB",
    ]
    lines += [f"{s['atoms']:9d} {s['us_per_atom']:13.2f} {s['peak_rss_mb']:16.0f}" for s in result["sizes"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line instead of a table")
    parser.add_argument("--rounds", type=int, default=9, help="rounds over all variants")
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.size:
        print(json.dumps(measure_size(arguments.file, arguments.size)))
        return
    result = run(arguments.rounds)
    structures = [Frame(structure=Structure.from_atoms(atoms)) for atoms in (silicon(1000), alloy(1000))]
    seeds = {"rattle": 0, "elements": 0, "weights": 1}
    result["conditions"] = conditions(split=[structures], seeds=seeds, rounds=arguments.rounds)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
