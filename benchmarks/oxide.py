"""A guest atom in glassy SiO₂: a cheap potential, a quenched host, and the energies of the relaxed host.

Silica is that of van Beest, Kramer and van Santen (Phys. Rev. Lett. 64, 1955 (1990)) with screened Coulomb terms after
Carré et al. (J. Chem. Phys. 127, 114512 (2007)), ended smoothly at 6.5 Å and continued by parabolas at short distances.
The guest, called Cu, is made up: it is repelled by both elements and bound to oxygen by the square root of a sum over
its neighbours (second moment), so that its energy is no sum of pairs. Nothing here claims to be copper.
"""

import numba
import numpy as np
import numpy.typing as npt
from ase import Atoms, units
from ase.md.langevin import Langevin
from calculators import OfFunction
from scipy import optimize

Array = npt.NDArray[np.float64]

END, SMOOTHING, SCREENING, COULOMB = 6.5, 0.5, 5.649, 14.399645
ELEMENTS = ("Si", "O", "Cu")
CHARGES = np.array([2.4, -1.2, 0.0])
PREFACTOR = np.array([[0.0, 18003.7572, 0.0], [18003.7572, 1388.7730, 0.0], [0.0, 0.0, 0.0]])
EXPONENT = np.array([[1.0, 4.87318, 1.0], [4.87318, 2.76, 1.0], [1.0, 1.0, 1.0]])
SIXTH = np.array([[0.0, 133.5381, 0.0], [133.5381, 175.0, 0.0], [0.0, 0.0, 0.0]])
NEAREST = np.array([[1.0, 1.35, 0.5], [1.35, 1.7, 0.5], [0.5, 0.5, 0.5]])
STIFFNESS = 100.0
"""eV/Å², of the parabolas below `NEAREST`."""
GUEST_END = 5.0
GUEST = ELEMENTS.index("Cu")
REPULSION = np.array([[0.25, 9.0, 2.5], [0.30, 10.0, 2.0]])
"""Of the guest by silicon and oxygen: strength in eV, steepness, and distance in Å."""
BINDING = np.array([[0.0, 1.0, 2.5], [0.90, 2.5, 2.0]])
"""The same of the binding."""
VOLUME = 45.35
"""Å³ of one SiO₂."""
APART, MELT = 1.6, 4500.0
MOST = 1.5
"""Å, how far a coordinate of the host may move when it relaxes."""


def energy_and_forces(atoms: Atoms) -> tuple[float, Array]:
    """Energy (eV) and forces (N, 3) (eV/Å) of atoms in a cubic cell of at least twice `END` / 1.5."""
    kinds = np.array([ELEMENTS.index(symbol) for symbol in atoms.symbols])
    return _sum(atoms.positions, kinds, float(atoms.cell[0, 0]))


@numba.njit(cache=True)
def _sum(positions: Array, kinds: npt.NDArray[np.int64], length: float) -> tuple[float, Array]:
    """Over all pairs and the images of their second atom."""
    count = len(positions)
    energy, forces = 0.0, np.zeros((count, 3))
    density, pulls = np.zeros(count), np.zeros((count, count, 3))
    for i in range(count):
        for j in range(i + 1):
            apart = positions[j] - positions[i]
            apart -= length * np.round(apart / length)
            for image in range(27):
                x = apart[0] + length * (image % 3 - 1)
                y = apart[1] + length * (image // 3 % 3 - 1)
                z = apart[2] + length * (image // 9 - 1)
                r = np.sqrt(x * x + y * y + z * z)
                if r > END - 0.01 or r < 1e-6:
                    continue
                d = np.array([x, y, z])
                half = 0.5 if i == j else 1.0
                value, slope = _silica(r, kinds[i], kinds[j])
                if kinds[i] == GUEST or kinds[j] == GUEST:
                    guest, host = (i, j) if kinds[i] == GUEST else (j, i)
                    push, along, bound, binding = _guest(r, kinds[host])
                    value, slope = value + push, slope + along
                    density[guest] += bound
                    pulls[guest, host] += (binding / r * d) * (1.0 if guest == i else -1.0)
                energy += half * value
                pull = half * slope / r * d
                forces[i] += pull
                forces[j] -= pull
    for guest in range(count):
        if density[guest] > 0.0:
            root = np.sqrt(density[guest])
            energy -= root
            for host in range(count):
                pull = -pulls[guest, host] / (2.0 * root)
                forces[guest] += pull
                forces[host] -= pull
    return energy, forces


@numba.njit(cache=True)
def _silica(r: float, own: int, other: int) -> tuple[float, float]:
    """Energy and slope of a pair at distance r."""
    if CHARGES[own] == 0.0 or CHARGES[other] == 0.0:
        return 0.0, 0.0
    x = max(r, NEAREST[own, other])
    b, sixth = EXPONENT[own, other], SIXTH[own, other] / x**6
    repelling = PREFACTOR[own, other] * np.exp(-b * x)
    charge = COULOMB * CHARGES[own] * CHARGES[other] * np.exp(-x / SCREENING) / x
    value = repelling - sixth + charge
    slope = -b * repelling + 6.0 * sixth / x - charge * (1.0 / x + 1.0 / SCREENING)
    fade = np.exp(-((SMOOTHING / (x - END)) ** 2))
    slope = fade * (slope + value * 2.0 * SMOOTHING**2 / (x - END) ** 3)
    below = r - x
    return fade * value + slope * below + 0.5 * STIFFNESS * below**2, slope + STIFFNESS * below


@numba.njit(cache=True)
def _guest(r: float, other: int) -> tuple[float, float, float, float]:
    """Repulsion of the guest by a neighbour at distance r, the neighbour's share under the root, and both slopes."""
    if r >= GUEST_END or other == GUEST:
        return 0.0, 0.0, 0.0, 0.0
    fade = (1.0 - (r / GUEST_END) ** 2) ** 3
    fading = -6.0 * r / GUEST_END**2 * (1.0 - (r / GUEST_END) ** 2) ** 2
    strength, steepness, distance = REPULSION[other]
    push = strength * np.exp(-steepness * (r / distance - 1.0))
    strength, rate, distance_bound = BINDING[other]
    square = strength**2 * np.exp(-2.0 * rate * (r / distance_bound - 1.0))
    return (
        push * fade,
        push * (fading - steepness / distance * fade),
        square * fade,
        square * (fading - 2.0 * rate / distance_bound * fade),
    )


def relaxed(atoms: Atoms, fixed: int | None = None, *, gtol: float = 0.02, most: float = MOST) -> tuple[Atoms, float]:
    """The atoms after a bounded minimisation, and the energy; one atom may be fixed, then the others do not drift.

    A free host would carry a fixed guest to its next minimum by moving as a whole: its centre stays where it is.
    """
    free = np.array([i for i in range(len(atoms)) if i != fixed])
    start, found = atoms.positions.copy(), atoms.copy()

    def placed(flat: Array) -> Array:
        moved = flat.reshape(-1, 3)
        positions = start.copy()
        positions[free] += moved - (moved.mean(axis=0) if fixed is not None else 0.0)
        return positions

    def objective(flat: Array) -> tuple[float, Array]:
        found.positions = placed(flat)
        energy, forces = energy_and_forces(found)
        gradient = -forces[free]
        if fixed is not None:
            gradient = gradient - gradient.mean(axis=0)
        return energy, gradient.ravel()

    result = optimize.minimize(
        objective,
        np.zeros(3 * len(free)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-most, most)] * (3 * len(free)),
        options={"gtol": gtol, "ftol": 1e-12, "maxiter": 300},
    )
    found.positions = placed(result.x)
    return found, float(result.fun)


def glass(seed: int, formulas: int = 24) -> Atoms:
    """Silica of 2.2 g/cm³ at rest, quenched from a melt of random places in 8 ps."""
    random = np.random.default_rng(seed)
    length = (formulas * VOLUME) ** (1.0 / 3.0)
    positions = np.zeros((0, 3))
    while len(positions) < 3 * formulas:
        place = random.uniform(0.0, length, 3)
        apart = positions - place
        if np.all(np.linalg.norm(apart - length * np.round(apart / length), axis=1) > APART):
            positions = np.vstack([positions, place])
    atoms = Atoms(f"Si{formulas}O{2 * formulas}", positions, cell=[length] * 3, pbc=True)
    atoms, _ = relaxed(atoms)
    atoms.calc = OfFunction(energy_and_forces)
    for temperature in np.linspace(MELT, 300.0, 40):
        Langevin(atoms, timestep=2.0 * units.fs, temperature_K=temperature, friction=0.02, rng=random, fixcm=False).run(
            100
        )
    return relaxed(atoms, gtol=0.005)[0]


def grid_points(host: Atoms, count: int, closest: float, seed: int, divisions: int = 50) -> Array:
    """Random points (count, 3) of a grid of divisions³, none closer to an atom of the host than `closest`, Å."""
    random, length = np.random.default_rng(seed), float(host.cell[0, 0])
    order = random.permutation(divisions**3)
    points = np.stack(np.unravel_index(order, (divisions,) * 3), axis=1) * (length / divisions)
    found: list[Array] = []
    for point in points:
        apart = host.positions - point
        if np.linalg.norm(apart - length * np.round(apart / length), axis=1).min() > closest:
            found.append(point)
            if len(found) == count:
                break
    return np.array(found)
