"""A potential: symmetry functions, scaling, committee and replicas, and every output from one pass.

E_i = 1/M Σ_m E_m(x_i),    x_i = (G_i - shift) · scale with shift and scale of the atom's element,    g_ij = dE_i/dr_ij
F_i = Σ_j g_ij - Σ_j g_ji,    atomic virial_i = -Σ_j r_ij ⊗ g_ij,    virial = -stress · volume

A baseline and a short-range repulsion add their own E_i and g_ij to those of every member.
Reference energies are not part of it: they are added in float64 by ``nnp.core``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch

from nnp.core import cuts
from nnp.learn import by_element, densities, network, repulsion, tracing
from nnp.learn.baseline import Baseline
from nnp.learn.descriptor import Descriptor

MERGED_WIDTH = 80
"""Networks are evaluated as one block-diagonal network as long as its widest layer stays below this."""
RANGE_SLACK = 1e-4
"""Fraction of the range's width beyond which a symmetry function counts as outside: more than rounding."""
CONSTANT_SHARE = 0.05
"""Fraction of its value that a function constant in training has as width beside the mean width of the others."""


class Head(torch.nn.Module):
    """One member or replica: a network for each element, in the order of ``SymmetryFunctions.elements``."""

    def __init__(self, networks: Sequence[network.Network]) -> None:
        super().__init__()
        self.networks = torch.nn.ModuleList(networks)

    def network(self, element: int) -> network.Network:
        """The network of the element with this index."""
        return cast("network.Network", self.networks[element])


class Potential(torch.nn.Module):
    """Parameters of a potential.

    Args:
        symmetry_functions: the definition of the D inputs.
        shift: (E, D) subtracted from the symmetry functions of an atom, by its element.
        scale: (E, D) multiplied afterwards; 0 drops a function.
        members: committee of M >= 1 heads; their mean is what is served.
        replicas: P heads trained on the reference's atomic energies, or none.
        reference_energies: element -> eV per atom.
        lower, upper: (E, D) range of the symmetry functions in training; None where unknown.
        density: of the training data; None where unknown.
        repulsion: of atoms closer than any in training, or None.
        baseline: what is added to the networks, or None; of the same elements.
    """

    def __init__(
        self,
        *,
        symmetry_functions: Descriptor,
        shift: torch.Tensor,
        scale: torch.Tensor,
        members: Sequence[Head],
        replicas: Sequence[Head] = (),
        reference_energies: Mapping[str, float] | None = None,
        lower: torch.Tensor | None = None,
        upper: torch.Tensor | None = None,
        density: densities.Density | None = None,
        repulsion: repulsion.Repulsion | None = None,
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__()
        if not members:
            raise ValueError("a potential needs at least one committee member")
        for part in (repulsion, baseline):
            if part is not None and part.elements != symmetry_functions.elements:
                raise ValueError(f"elements {part.elements} are not those of the potential")
        self.symmetry_functions = symmetry_functions
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.register_buffer("lower", lower)
        self.register_buffer("upper", upper)
        for name in ("landmarks", "log_weights", "widths"):
            self.register_buffer(name, None if density is None else torch.from_numpy(getattr(density, name)))
        self.lowest_densities = None if density is None else density.lowest
        self.members = torch.nn.ModuleList(members)
        self.replicas = torch.nn.ModuleList(replicas)
        self.reference_energies = {e: float((reference_energies or {}).get(e, 0.0)) for e in self.elements}
        self.repulsion = repulsion
        self.baseline = baseline

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols that the potential covers."""
        return self.symmetry_functions.elements

    @property
    def cutoff(self) -> float:
        """Radius of the neighbour table that it needs, Å."""
        parts = (self.symmetry_functions, self.repulsion, self.baseline)
        return max(part.cutoff for part in parts if part is not None)

    def forward(
        self,
        vectors: torch.Tensor,
        neighbour_species: torch.Tensor,
        species: torch.Tensor,
        reverse: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """As ``outputs``."""
        return outputs(self, vectors, neighbour_species, species, reverse)


def outputs(
    potential: Potential,
    vectors: torch.Tensor,
    neighbour_species: torch.Tensor,
    species: torch.Tensor,
    reverse: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Every output of the graph for a batch of N atoms of any number of structures.

    Args:
        potential: parameters.
        vectors: r_ij (N, 3, K), Å; padded slots beyond the cutoff.
        neighbour_species: element index of the neighbours (N, K), int64.
        species: element index of the atoms (N,), int64.
        reverse: flat index j·K + k' of the reversed edge of each slot (N, K), int64; padded slots point to themselves.

    Returns:
        ``atomic_energies`` (N,) eV; ``member_atomic_energies`` (N, M) eV; ``pair_gradients`` (N, 3, K) eV/Å;
        ``forces`` (N, 3) eV/Å; ``atomic_virials`` (N, 3, 3) eV; with replicas ``energy_novelties`` (N,) eV; with M > 1
        ``member_pair_gradients`` (M, N, 3, K) and ``force_spreads`` (N,) eV/Å; with ranges ``range_excess`` (N,), the
        largest distance of a function to its range in units of the width, and ``range_violations`` (N,), how many are
        outside; with a density ``log_density`` (N,).
    """
    found = _pass(potential, vectors, neighbour_species, species, tracing.named)
    parts = found.parts
    members, g = found.with_energies(parts["member_atomic_energies"]), found.gradients(parts["mean_gradient"], "mean")
    result = {
        "atomic_energies": members.mean(-1),
        "member_atomic_energies": members,
        "pair_gradients": g,
        "forces": assembled_forces(g, reverse),
        "atomic_virials": torch.matmul(vectors, g.transpose(1, 2)) * -1.0,
    }
    if "replica_atomic_energies" in parts:
        result["energy_novelties"] = _population_std(parts["replica_atomic_energies"])
    if "range_excess" in parts:
        result["range_excess"], result["range_violations"] = found.range()
    if "log_density" in parts:
        result["log_density"] = parts["log_density"].squeeze(-1)
    if len(potential.members) > 1:
        pairs = [found.gradients(parts[f"gradient_{m}"], str(m)) for m in range(len(potential.members))]
        result["member_pair_gradients"] = torch.stack(pairs, 0)
        result["force_spreads"] = force_spreads([assembled_forces(pair, reverse) for pair in pairs])
    return result


def energies_and_gradients(
    potential: Potential, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The committee's mean alone: ``atomic_energies`` (N,) and ``pair_gradients`` (N, 3, K) of ``outputs``."""
    found = _pass(potential, vectors, neighbour_species, species)
    members = found.with_energies(found.parts["member_atomic_energies"])
    return members.mean(-1), found.gradients(found.parts["mean_gradient"])


class _Pass(NamedTuple):
    """One pass over the atoms: what networks, repulsion and baseline say."""

    functions: Descriptor
    geometry: Any
    parts: dict[str, torch.Tensor]
    given: tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # vectors and elements as they are
    repulsion: repulsion.Repulsion | None
    softened: repulsion.Softened | None
    known: tuple[torch.Tensor, torch.Tensor] | None  # energies and pair gradients of the baseline

    def with_energies(self, atomic: torch.Tensor) -> torch.Tensor:
        """(N, M) energies of the members and what is added to them."""
        if self.softened is not None:
            atomic = atomic + self.softened.energies.unsqueeze(-1)
        return atomic if self.known is None else atomic + self.known[0].unsqueeze(-1)

    def gradients(self, dE_dG: torch.Tensor, of: str | None = None) -> torch.Tensor:
        """(N, 3, K) pair gradients from dE/dG of the networks; ``of`` names both in a graph (``nnp.core.cuts``)."""
        if of is not None:
            dE_dG = tracing.named(dE_dG, cuts.GRADIENT + of)
        g = self.functions.adjoint(self.geometry, dE_dG)
        if of is not None:
            g = tracing.named(g, cuts.PAIR_GRADIENTS + of)
        if self.repulsion is not None and self.softened is not None:
            g = repulsion.harden(self.repulsion, self.softened, self.given, g)
        return g if self.known is None else g + self.known[1]

    def range(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Range excess and violations (N,); a neighbour closer than any in training counts as one."""
        excess, violations = (self.parts[name].squeeze(-1) for name in ("range_excess", "range_violations"))
        if self.softened is None:
            return excess, violations
        closeness = self.softened.closeness
        return torch.maximum(excess, closeness), violations + (closeness > 0.0).to(excess.dtype)


def _pass(
    potential: Potential,
    vectors: torch.Tensor,
    neighbour_species: torch.Tensor,
    species: torch.Tensor,
    named: Callable[[torch.Tensor, str], torch.Tensor] = lambda tensor, _: tensor,
) -> _Pass:
    functions, given = potential.symmetry_functions, (vectors, neighbour_species, species)
    known, softened = None, None
    if potential.baseline is not None:
        energies, gradients = potential.baseline.energies_and_gradients(*given)
        known = named(energies, cuts.BASELINE_ENERGIES), named(gradients, cuts.BASELINE_GRADIENTS)
    if potential.repulsion is not None:
        names = (cuts.VECTORS, cuts.REPULSION_ENERGIES, cuts.CLOSENESS, cuts.CLOSE)
        found = repulsion.soften(potential.repulsion, *given)
        softened = repulsion.Softened(*(named(tensor, name) for tensor, name in zip(found, names, strict=True)))
        vectors = softened.vectors
    geometry = functions.geometry(vectors, neighbour_species, species)
    G = named(functions.values(geometry), cuts.SYMMETRY_FUNCTIONS)
    parts = _by_element(potential, G, species)
    return _Pass(functions, geometry, parts, given, potential.repulsion, softened, known)


def assembled_forces(pair_gradients: torch.Tensor, reverse: torch.Tensor) -> torch.Tensor:
    """F_i = Σ_k g_ik - Σ_k g[reverse(i, k)] (N, 3), eV/Å, from pair gradients (N, 3, K); a Gather, no scatter."""
    by_edge = pair_gradients.transpose(1, 2)  # (N, K, 3)
    reversed_edges = by_edge.flatten(0, 1).index_select(0, reverse.flatten()).unflatten(0, reverse.shape)
    return (by_edge - reversed_edges).sum(1)


def force_spreads(forces: Sequence[torch.Tensor]) -> torch.Tensor:
    """√(1/(3M) Σ_m |F_m - F|²) (N,), eV/Å: rms over members and components of the deviation from their mean F."""
    every = torch.stack(list(forces), 0)
    deviation = every - every.mean(0, keepdim=True)
    return torch.sqrt((deviation * deviation).mean(0).mean(-1))


def _population_std(values: torch.Tensor) -> torch.Tensor:
    deviation = values - values.mean(-1, keepdim=True)
    return torch.sqrt((deviation * deviation).mean(-1))


def _by_element(potential: Potential, G: torch.Tensor, species: torch.Tensor) -> dict[str, torch.Tensor]:
    """Per-atom parts of the outputs, each element's atoms through its own networks, back in the order of the atoms."""
    n_elements = len(potential.elements)
    if n_elements == 1:
        return _element_parts(potential, 0, G)
    rows = by_element.rows(species, n_elements)
    parts = [_element_parts(potential, e, G.index_select(0, row)) for e, row in enumerate(rows)]
    place = by_element.places(species, n_elements)
    return {name: torch.cat([part[name] for part in parts]).index_select(0, place) for name in parts[0]}


def _element_parts(potential: Potential, element: int, G: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the networks of one element say about its atoms, given their symmetry functions G (n, D)."""
    shift, scale = _row(potential.shift, element), _row(potential.scale, element)
    x = (G - shift) * scale
    members = [cast(Head, head).network(element) for head in potential.members]
    energies, gradient = _committee(members, x, len(members))
    result = {"member_atomic_energies": energies, "mean_gradient": gradient * scale}
    if len(members) > 1:
        for m, one in enumerate(members):
            _, slopes = network.evaluate(one, x)
            result[f"gradient_{m}"] = network.gradient(one, slopes, torch.ones_like(scale[:1]), x) * scale
    if len(potential.replicas):
        replicas = [cast(Head, head).network(element) for head in potential.replicas]
        result["replica_atomic_energies"], _ = _committee(replicas, x, len(replicas))
    if potential.lower is not None:
        lower, upper = _row(potential.lower, element), _row(potential.upper, element)
        excess = torch.clamp(torch.maximum(lower - G, G - upper) * _per_width(lower, upper, scale), min=0.0)
        result["range_excess"] = excess.amax(-1, keepdim=True)
        result["range_violations"] = (excess > RANGE_SLACK).to(G.dtype).sum(-1, keepdim=True)
    if potential.landmarks is not None:
        landmarks, log_weights = _row(potential.landmarks, element), _row(potential.log_weights, element)
        result["log_density"] = densities.log_density(x, landmarks, log_weights, _row(potential.widths, element))
    return result


def _per_width(lower: torch.Tensor, upper: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """One over the widths of the training ranges (D,).

    A function that was constant in training, such as that of two elements which never met around a centre, has the mean
    width of the others, and a share of its value against rounding: the networks do not see it, and know nothing of what
    changes it.
    """
    known = (scale != 0) & (upper > lower)
    widths = torch.where(known, upper - lower, torch.zeros_like(scale))
    mean = widths.sum() / torch.clamp(known.to(scale.dtype).sum(), min=1.0)
    widths = torch.where(known, widths, mean + CONSTANT_SHARE * torch.abs(upper))
    return torch.where(mean > 0.0, 1.0 / widths, torch.zeros_like(scale))


def _row(buffer: torch.Tensor | torch.nn.Module, element: int) -> torch.Tensor:
    return cast(torch.Tensor, buffer)[element]


def _committee(networks: Sequence[network.Network], x: torch.Tensor, total: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies (n, M) in the order of ``networks`` and dE/dx (n, D) of their sum divided by ``total``."""
    columns, order, gradient = [], [], None
    for group in _groups(networks):
        one = network.merged([networks[m] for m in group])
        energies, slopes = network.evaluate(one, x)
        seed = torch.full((len(group),), 1.0 / total, dtype=one.weights[0].dtype, device=one.weights[0].device)
        part = network.gradient(one, slopes, seed, x)
        gradient = part if gradient is None else gradient + part
        columns.append(energies)
        order += group
    assert gradient is not None
    energies = torch.cat(columns, -1)
    if order != sorted(order):
        energies = energies.index_select(-1, torch.tensor([order.index(m) for m in range(len(order))]))
    return energies, gradient


def _groups(networks: Sequence[network.Network]) -> list[list[int]]:
    """Networks of one depth and activation together, as long as the merged layers stay narrow."""
    groups: list[list[int]] = []
    for m, one in enumerate(networks):
        for group in groups:
            first = networks[group[0]]
            alike = (one.activation, len(one.weights)) == (first.activation, len(first.weights))
            widths = [networks[i].hidden for i in [*group, m]]
            if alike and max((sum(layer) for layer in zip(*widths, strict=True)), default=0) <= MERGED_WIDTH:
                group.append(m)
                break
        else:
            groups.append([m])
    return groups
