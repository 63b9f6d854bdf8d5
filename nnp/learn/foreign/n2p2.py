"""Potentials of RuNNer and n2p2: `input.nn`, `scaling.data` and one `weights.ZZZ.data` for each element.

E = Σ_i E_i / conv_energy + N · mean_energy + Σ_elements n · atom_energy. The functions' parameters are in native units
whether or not the data set was normalised, so conv_length does not enter. Source:
https://compphysvienna.github.io/n2p2/topics/units.html.
"""

from collections.abc import Mapping, Sequence

from ase.data import atomic_numbers

from nnp.core import errors
from nnp.learn.foreign import mapping, numbers, scaling_data, symmetry_function_lines, topology, weights_data
from nnp.learn.foreign.imported import Imported
from nnp.learn.foreign.keywords import ELECTROSTATIC, Settings
from nnp.learn.foreign.scaling_data import Scaling
from nnp.learn.foreign.sources import Files, matching
from nnp.learn.foreign.symmetry_function_lines import Definition
from nnp.learn.foreign.units import ATOMIC, Units

SETTINGS = "input.nn"
FORMAT = "n2p2"
LARGEST_TYPE = 8
UNSTATED_UNITS = (
    "the files do not state their units: Bohr and Hartree are assumed, as is the custom of RuNNer and n2p2; "
    "import with other units if the potential was trained in others"
)


def read(files: Files, units: Units | None = None) -> Imported:
    """The potential in these files.

    Args:
        files: by base name.
        units: of the files; None takes Bohr and Hartree and says so.

    Raises:
        ForeignError: something is missing, unsupported or inconsistent, naming file and line.
    """
    settings = Settings(files[SETTINGS])
    for pattern in ("weightse.*.data", "hardness.*.data"):
        for name in matching(files, pattern):
            raise errors.ForeignError(file=name, reason=ELECTROSTATIC)
    symbols = _elements(settings)
    definitions = symmetry_function_lines.read(settings, symbols)
    scalings = _scalings(files, settings, definitions)
    used = {SETTINGS} | ({scaling_data.NAME} & set(files))
    native = units or ATOMIC
    mean, energy_unit = _normalisation(settings)
    references = _reference_energies(settings, symbols)
    elements = []
    for symbol in symbols:
        used.add(weights_data.name(atomic_numbers[symbol]))
        reference = (mean + references[symbol]) * native.energy_ev
        elements.append(
            _element(
                files,
                settings,
                symbol,
                definitions=definitions[symbol],
                scaling=scalings[symbol],
                units=native,
                reference=reference,
            )
        )
    return Imported(
        potential=mapping.to_potential(elements, native.energy_ev / energy_unit),
        format=FORMAT,
        files={name: files[name].sha256 for name in sorted(used)},
        units=native,
        warnings=() if units else (UNSTATED_UNITS,),
    )


def _elements(settings: Settings) -> tuple[str, ...]:
    """The elements by atomic number."""
    entry = settings.needed("elements")
    for word in entry.words:
        if atomic_numbers.get(word, 0) == 0:
            raise settings.error(entry, f"{word[:20]!r} is no chemical symbol")
    if len(set(entry.words)) != len(entry.words):
        raise settings.error(entry, "an element is named twice")
    count = settings.needed("number_of_elements")
    stated = numbers.integer(count.words[0], file=settings.file, line=count.line)
    if stated != len(entry.words):
        raise settings.error(count, f"number_of_elements is {stated} and 'elements' names {len(entry.words)}")
    return tuple(sorted(entry.words, key=lambda symbol: atomic_numbers[symbol]))


def _scalings(
    files: Files, settings: Settings, definitions: Mapping[str, Sequence[Definition]]
) -> Mapping[str, Scaling]:
    counts = {symbol: len(own) for symbol, own in definitions.items()}
    if scaling_data.NAME not in files:
        raise errors.ForeignError(file=scaling_data.NAME, reason="this file is missing")
    return scaling_data.read(files[scaling_data.NAME], settings, counts)


def _element(
    files: Files,
    settings: Settings,
    symbol: str,
    *,
    definitions: Sequence[Definition],
    scaling: Scaling,
    units: Units,
    reference: float,
) -> mapping.Element:
    name = weights_data.name(atomic_numbers[symbol])
    if name not in files:
        raise errors.ForeignError(file=name, reason=f"this file is missing: it holds the network of {symbol}")
    readings = topology.candidates(settings, symbol, len(definitions))
    found, layers = weights_data.read(files[name], symbol, readings)
    if settings.one("normalize_nodes") is not None:
        layers = mapping.divided(layers)
    cutoff_type, alpha = _cutoff(settings)
    functions = []
    for definition in definitions:
        try:
            functions.append(
                symmetry_function_lines.to_function(
                    definition, length=units.length_a, cutoff_type=cutoff_type, alpha=alpha
                )
            )
        except ValueError as error:
            raise errors.ForeignError(file=settings.file, line=definition.line, reason=str(error)) from error
    return mapping.Element(
        symbol=symbol,
        functions=tuple(functions),
        shift=scaling.shift,
        scale=scaling.scale,
        lower=scaling.lower,
        upper=scaling.upper,
        layers=layers,
        activations=found.activations,
        reference_energy=reference,
    )


def _cutoff(settings: Settings) -> tuple[int, float]:
    """Number of the cutoff function, and the inner radius over the cutoff."""
    entry = settings.needed("cutoff_type")
    kind = numbers.integer(entry.words[0], file=settings.file, line=entry.line)
    if kind > LARGEST_TYPE:
        raise settings.error(entry, f"unknown cutoff_type {kind}; known: 0 to {LARGEST_TYPE}")
    alpha = numbers.real(entry.words[1], file=settings.file, line=entry.line) if len(entry.words) > 1 else 0.0
    if not 0.0 <= alpha < 1.0:
        raise settings.error(entry, f"the inner cutoff, {alpha:g} of the cutoff, is outside of 0 <= alpha < 1")
    return kind, alpha


def _normalisation(settings: Settings) -> tuple[float, float]:
    """Mean energy per atom, and the factor from native to the networks' energies."""
    entries = {name: settings.one(name) for name in ("mean_energy", "conv_energy", "conv_length")}
    given = [entry for entry in entries.values() if entry is not None]
    if not given:
        return 0.0, 1.0
    values = {}
    for name, entry in entries.items():
        if entry is None:
            raise settings.error(given[0], f"{given[0].keyword!r} without {name!r}: give all three or none")
        value = numbers.real(settings.with_arguments(entry, 1).words[0], file=settings.file, line=entry.line)
        if name != "mean_energy" and value <= 0.0:
            raise settings.error(entry, f"{name} = {value:g} is not positive")
        values[name] = value
    return values["mean_energy"], values["conv_energy"]


def _reference_energies(settings: Settings, symbols: Sequence[str]) -> dict[str, float]:
    """Native energy of an atom of each element."""
    found = dict.fromkeys(symbols, 0.0)
    seen: dict[str, int] = {}
    for entry in settings.every("atom_energy"):
        symbol, value = settings.with_arguments(entry, 2).words[:2]
        if symbol not in found:
            raise settings.error(entry, f"{symbol[:20]!r} is none of the elements {', '.join(symbols)}")
        if symbol in seen:
            raise settings.error(entry, f"the atom_energy of {symbol} is given twice, first in line {seen[symbol]}")
        seen[symbol] = entry.line
        found[symbol] = numbers.real(value, file=settings.file, line=entry.line)
    return found
