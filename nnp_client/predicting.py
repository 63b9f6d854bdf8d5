"""Predictions to and from MessagePack: arrays pass as bytes, nothing is checked element by element."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnp.core.prediction import Domain, Prediction
from nnp_client import errors
from nnp_client.keep_alive import Headers
from nnp_client.wire import errors as wire_errors
from nnp_client.wire import structures

FIELDS = tuple(name for name in Prediction.__dataclass_fields__ if name not in ("domain", "unavailable"))


@dataclass(frozen=True, kw_only=True)
class Used:
    """The exact version that predicted.

    Attributes:
        reference: "Si:3".
        name: Name of the potential.
        version: Number of the version.
        dtype: Precision of the networks.
        sha256: Of the ONNX file.
        withdrawn: Whether the version was withdrawn.
        model_seconds: Time that the service spent evaluating, in s; None when it does not say.
    """

    reference: str
    name: str
    version: int
    dtype: str
    sha256: str
    withdrawn: bool
    model_seconds: float | None


def request(
    many: Sequence[Any], potential: str, properties: Collection[str], dtype: str, deterministic: bool
) -> dict[str, Any]:
    """The request for structures.

    Args:
        many: ase.Atoms or nnp.core Structures.
        potential: "Si:3" or "Si@production".
        properties: What to predict.
        dtype: Precision.
        deterministic: Evaluate every structure alone.
    """
    return {
        "potential": potential,
        "properties": list(properties),
        "dtype": dtype,
        "deterministic": deterministic,
        "structures": [structures.plain(item.numbers, item.positions, item.cell, item.pbc) for item in many],
    }


def reply(value: Any, headers: Headers) -> tuple[list[Any], Used]:
    """The predictions of a reply.

    Args:
        value: The decoded body.
        headers: Its headers.

    Returns:
        A Prediction, or the ApiError that stands in its place, for each structure; and the version used.

    Raises:
        ContractError: The reply is not of the contract.
    """
    try:
        used = Used(**value["potential"], model_seconds=_model_seconds(headers))
        return [_result(entry) for entry in value["predictions"]], used
    except (TypeError, KeyError) as error:
        raise errors.ContractError(f"{errors.ContractError.__doc__} ({error})") from error


def _result(entry: Mapping[str, Any]) -> Prediction | errors.ApiError:
    if "error" in entry:
        return errors.from_detail(wire_errors.ErrorDetail.model_validate(entry["error"]))
    domain = entry["domain"]
    return Prediction(
        **{name: entry[name] for name in FIELDS},
        domain=None if domain is None else Domain(**domain | {"counts": np.asarray(domain["counts"])}),
        unavailable=dict(entry["unavailable"]),
    )


def _model_seconds(headers: Headers) -> float | None:
    name, _, milliseconds = headers.get("Server-Timing", "").partition(";dur=")
    return float(milliseconds) / 1000 if name == "model" else None
