"""An ASE calculator that predicts through the service, or in process with the same ONNX bytes."""

from collections.abc import Callable, Collection
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from nnp.core.prediction import Prediction
from nnp_client.client import Client

PROPERTIES = (
    "energy",
    "energies",
    "forces",
    "stress",
    "energy_novelties",
    "energy_uncertainty",
    "force_uncertainties",
    "domain",
)
"""What a calculator asks for when it is not told otherwise."""

TELLING = frozenset({"energy_novelties", "energy_uncertainty", "force_uncertainties", "domain"})
"""Properties that come with `extrapolating`."""

Evaluate = Callable[[Atoms], Prediction]


class NNPCalculator(Calculator):
    """Energies, forces and stress of a potential of an nnpd service, with their uncertainties.

    The exact version is fixed at the first calculation: an alias that moves later does not change a running simulation.
    Structures are evaluated one at a time, so that remote and local results are equal to the last bit.

    `results` also holds, where the potential offers them: `energy_novelties` (N,) in eV, `energy_uncertainty` in eV,
    `force_uncertainties` (N,) in eV/Å, `extrapolating` (bool).

    Example:
        >>> atoms.calc = NNPCalculator("Si@production")
        >>> atoms.get_potential_energy(), atoms.calc.results["energy_uncertainty"]
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(
        self,
        potential: str,
        *,
        url: str | None = None,
        client: Client | None = None,
        local: bool = False,
        properties: Collection[str] = PROPERTIES,
        dtype: str = "float32",
        threads: int | None = None,
        device: str = "cpu",
        **arguments: Any,
    ) -> None:
        """Connect at the first calculation.

        Args:
            potential: "Si:3" or "Si@production".
            url: Address of the service; default NNPD_URL, then http://127.0.0.1:8765.
            client: A client to use instead of an own one.
            local: Download the ONNX file once (kept in the cache folder) and evaluate it in this process.
            properties: What to calculate; fewer are faster, above all without the uncertainties.
            dtype: "float32" or "float64".
            threads: Threads of a local evaluation; None for the library's choice.
            device: "cpu" or "cuda", of a local evaluation.
            arguments: For ase.calculators.calculator.Calculator.
        """
        super().__init__(**arguments)
        self._owned = Client(url) if client is None else None
        self._client = client if client is not None else self._owned
        self._potential = potential
        # The service tells `extrapolating` with any of these; asked for by name, both ways of evaluating tell it.
        self._properties = tuple(properties) if TELLING.isdisjoint(properties) else tuple({*properties, "domain"})
        self._dtype = dtype
        self._threads = threads
        self._device = device
        self._evaluate: Evaluate = self._first_local if local else self._first_remote
        self.version: str | None = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Collection[str] = ("energy",),
        system_changes: Collection[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` with all properties of this calculator.

        Args:
            atoms: The structure.
            properties: What ASE wants now; everything is calculated at once anyway.
            system_changes: What changed since the last calculation.

        Raises:
            ClientError: The service cannot be reached or refuses the structure.
            NnpError: In process, the structure cannot be evaluated.
        """
        super().calculate(atoms, properties, system_changes)
        self.results = _results(self._evaluate(self.atoms))

    def close(self) -> None:
        """Close the connection, if it is the calculator's own."""
        if self._owned is not None:
            self._owned.close()

    def _remote(self, atoms: Atoms) -> Prediction:
        return self._ask(atoms, self.version or self._potential)[0]

    def _first_remote(self, atoms: Atoms) -> Prediction:
        prediction, used = self._ask(atoms, self._potential)
        self.version = used.reference
        self._evaluate = self._remote
        return prediction

    def _ask(self, atoms: Atoms, reference: str) -> Any:
        assert self._client is not None
        return self._client.predict_with_version(
            atoms, potential=reference, properties=self._properties, dtype=self._dtype, deterministic=True
        )

    def _first_local(self, atoms: Atoms) -> Prediction:
        from nnp.core.potential import Potential
        from nnp.core.structure import Structure

        assert self._client is not None
        version = self._client.potential_version(self._potential)
        self.version = version.reference
        file = self._client.onnx(version.reference, dtype=self._dtype)
        potential = Potential.load(file, threads=self._threads, device=self._device)

        def evaluate(atoms: Atoms) -> Prediction:
            structure = Structure.from_atoms(atoms)
            return potential.evaluate([structure], self._properties, deterministic=True)[0]

        self._evaluate = evaluate
        return evaluate(atoms)


def _results(prediction: Prediction) -> dict[str, Any]:
    named = {
        name: getattr(prediction, name)
        for name in (
            "energy",
            "energies",
            "forces",
            "stress",
            "energy_novelties",
            "energy_uncertainty",
            "force_uncertainties",
        )
    }
    results = {name: value for name, value in named.items() if value is not None}
    if prediction.energy is not None:
        # The energy whose derivative the forces are.
        results["free_energy"] = prediction.energy
    if prediction.domain is not None:
        results["extrapolating"] = bool(prediction.domain.extrapolating)
    return results
