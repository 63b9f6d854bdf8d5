"""Molecular dynamics of 216 silicon atoms with ASE: through the service, and with the same potential in process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet

PROPERTIES = ("energy", "forces", "stress", "energy_novelties")
TEMPERATURE_KELVIN = 300.0
STEPS = 200
COMPARED_STEPS = 60
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one trajectory showed.

    Attributes:
        steps: number of steps of 1 fs.
        milliseconds_per_step: median.
        temperature: mean over the second half, K.
        drift_mev_per_atom: change of the total energy over the run, meV/atom.
        largest_novelty: eV, over atoms and steps.
    """

    steps: int
    milliseconds_per_step: float
    temperature: float
    drift_mev_per_atom: float
    largest_novelty: float


def crystal() -> Atoms:
    """Diamond, 3 x 3 x 3 conventional cells, with velocities of 300 K after equipartition."""
    atoms = bulk("Si", "diamond", a=5.47, cubic=True).repeat(3)
    thermalize_momenta(atoms, 2 * TEMPERATURE_KELVIN, exact_temperature=True, rng=np.random.default_rng(SEED))
    Stationary(atoms)
    return atoms


def run(calculator: Any, *, steps: int = STEPS, on_step: Callable[[int], None] = lambda _step: None) -> Run:
    """Microcanonical dynamics with a time step of 1 fs."""
    atoms = crystal()
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, timestep=1.0 * units.fs)
    before = atoms.get_total_energy()
    seconds, temperatures, novelties = [], [], []
    for step in range(steps):
        begin = time.perf_counter()
        dynamics.run(1)
        seconds.append(time.perf_counter() - begin)
        temperatures.append(atoms.get_temperature())
        novelties.append(float(np.max(calculator.results.get("energy_novelties", 0.0))))
        on_step(step + 1)
    return Run(
        steps=steps,
        milliseconds_per_step=1000.0 * median(seconds),
        temperature=float(np.mean(temperatures[steps // 2 :])),
        drift_mev_per_atom=1000.0 * float(atoms.get_total_energy() - before) / len(atoms),
        largest_novelty=max(novelties),
    )
