"""The manifest of a potential: one JSON object in the ONNX file's ``metadata_props`` under the key ``nnpd``.

It says what the graph cannot: units, elements, reference energies, calibration, provenance. Every format version has
one upgrade function to the next; a file newer than this code is refused with a clear error.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from nnp.core import errors

FORMAT_VERSION = 2
METADATA_KEY = "nnpd"
UNITS = {"length": "Å", "energy": "eV", "force": "eV/Å", "stress": "eV/Å³"}


def _without_repulsion(old: dict[str, Any]) -> dict[str, Any]:
    """Version 2 has short-range repulsion and baseline; before there were neither."""
    return {**old, "repulsion": None, "baseline": None, "format_version": 2}


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _without_repulsion}
"""Format version n -> function that turns a manifest of version n into one of version n + 1."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an ONNX file of a potential says about itself.

    Attributes:
        elements: chemical symbols; ``species`` and ``neighbour_species`` of the graph index this list.
        cutoff: radius of the neighbour lists, Å.
        dtype: ``float32`` or ``float64``.
        inputs: name -> shape (sizes, or the names ``atoms`` and ``neighbours``).
        outputs: likewise; which of them are there depends on members, replicas and ranges.
        reference_energies: element -> eV per atom, to be added in float64 to the graph's atomic energies.
        n_members: networks in the committee, at least 1.
        n_replicas: replicas behind ``energy_novelties``, or 0.
        symmetry_functions: ``SymmetryFunctions.to_dict()``.
        networks: hidden widths and activations: ``{"members": [...], "replicas": [...]}``; a
            width list by element where elements differ.
        calibration: ``{"force": ..., "energy": ...}``, each as ``calibration.Calibration.to_dict()``, or None.
        repulsion: short-range repulsion: ``{"kind": "zbl", "inner": {pair: Å}, "outer": {pair: Å}, ...}``, or None.
        baseline: terms that are added to the networks: ``Baseline.to_dict()``, or None.
        density: ``{"lowest": {element: least log_density of a training atom}}``, or None.
        training: provenance (recipe and dataset hashes, job, ...).
        name: of the potential, where it has one.
        units: of lengths, energies, forces and stress.
        code_version: of the code that wrote the file.
        format_version: of this manifest.
    """

    elements: tuple[str, ...]
    cutoff: float
    dtype: str
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    reference_energies: dict[str, float]
    n_members: int
    n_replicas: int
    symmetry_functions: dict[str, Any]
    networks: dict[str, Any]
    calibration: dict[str, Any] | None = None
    repulsion: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    density: dict[str, Any] | None = None
    training: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    units: dict[str, str] = field(default_factory=lambda: dict(UNITS))
    code_version: str = ""
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, floats that read back to the same bits."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """The manifest in a JSON text of this or an older format version.

        Raises:
            errors.ManifestError: not JSON, not a manifest, or written by a newer version of the code.
        """
        try:
            content = json.loads(text)
            version = content["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise errors.ManifestError(f"the file's manifest is damaged: {error}") from error
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise errors.ManifestError(
                f"the file's manifest has format version {version}, this code reads up to {FORMAT_VERSION}; "
                "install a newer version of nnpd"
            )
        while version < FORMAT_VERSION:
            if version not in UPGRADES:
                raise errors.ManifestError(f"no upgrade leads from manifest format version {version}")
            content = UPGRADES[version](content)
            version = content["format_version"]
        known = {item.name for item in fields(cls)}
        try:
            content["elements"] = tuple(content["elements"])
            return cls(**{key: value for key, value in content.items() if key in known})
        except (KeyError, TypeError) as error:
            raise errors.ManifestError(f"the file's manifest is damaged: {error}") from error
