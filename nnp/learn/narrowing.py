"""Leave out the radial functions, channels, degrees and four-body part of moment functions that no column needs."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnp.learn.angular import Angular, ChebyshevAngular, PowerSpectrum, WideAngular

if TYPE_CHECKING:
    from nnp.learn.symmetry_functions import SymmetryFunctions

Key = tuple[Hashable, ...]


def narrow(functions: "SymmetryFunctions", columns: Sequence[int]) -> tuple["SymmetryFunctions", tuple[int, ...]]:
    """A smaller definition with these columns of another one, and their places in it, in the given order.

    Functions of kinds that this module does not know are left as they are.
    """
    as_it_is = functions, tuple(columns)
    part = functions.angular
    if isinstance(part, PowerSpectrum) and part.four_body is not None:
        if any(functions.names()[column].startswith("B ") for column in columns):
            return as_it_is
        return narrow(replace(functions, angular=replace(part, four_body=None)), columns)
    keys = _keys(functions)
    masked = functions.radial_elements is not None or functions.angular_pairs is not None
    if masked or len(keys) != functions.size:
        return as_it_is
    kept = [keys[column] for column in columns]
    gaussians = sorted({int(key[2]) for key in kept if key[0] == "G2"})  # type: ignore[call-overload]
    part, channels = _narrow_angular(functions.angular, [key for key in kept if key[0] != "G2"])
    smaller = replace(functions, radial=tuple(functions.radial[number] for number in gaussians), angular=part)
    places = {key: place for place, key in enumerate(_keys(smaller, gaussians, channels))}
    if len(places) != smaller.size or any(key not in places for key in kept):
        return as_it_is
    return smaller, tuple(places[key] for key in kept)


def _keys(
    functions: "SymmetryFunctions", radial: Sequence[int] | None = None, channels: Sequence[int] | None = None
) -> list[Key]:
    """What each column is: by number of Gaussian or channels, which are renamed as given."""
    gaussians = range(len(functions.radial)) if radial is None else radial
    keys: list[Key] = [("G2", e, g) for e in range(len(functions.groups)) for g in gaussians]
    part = functions.angular
    if part is None:
        return keys
    n = len(part.channels)
    numbers = range(n) if channels is None else channels
    pairs = [tuple((a // n, numbers[a % n]) for a in pair) for pair in part.pairs(len(functions.groups))]
    keys += [("angular", pair, name) for pair in pairs for name in part.functions()]
    if part.appends_self_sums:
        keys += [("S", pair, "") for pair in pairs if pair[0][0] == pair[1][0]]
    return keys


def _narrow_angular(part: Angular | None, kept: Sequence[Key]) -> tuple[Angular | None, list[int]]:
    """The angular part with the channels and degrees that are used, and the old numbers of its channels."""
    if part is None or not kept:
        return None, []
    used = sorted({channel for key in kept for _, channel in key[1]})  # type: ignore[attr-defined]
    channels = tuple(part.channels[channel] for channel in used)
    names = {key[2] for key in kept if key[0] == "angular"}
    if isinstance(part, PowerSpectrum):
        degrees = [degree for degree, name in enumerate(part.functions()) if name in names]
        sums = part.self_sums if part.self_sums != "append" or any(key[0] == "S" for key in kept) else "none"
        return replace(part, channels=channels, l_max=max(degrees, default=0), self_sums=sums), used
    if isinstance(part, ChebyshevAngular):
        return replace(part, channels=channels), used
    grid = [(zeta, sign) for zeta in part.zetas for sign in part.lambdas]
    wanted = [pair for pair, name in zip(grid, part.functions(), strict=True) if name in names]
    zetas = tuple(z for z in part.zetas if any(z == pair[0] for pair in wanted))
    lambdas = tuple(s for s in part.lambdas if any(s == pair[1] for pair in wanted))
    return WideAngular(channels=channels, zetas=zetas, lambdas=lambdas), used
