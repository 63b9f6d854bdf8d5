"""The Python client: everything the service offers, one class."""

import os
from collections.abc import Collection
from typing import Any

import httpx

from nnp_client import predicting, retrying, transport
from nnp_client.calls import base
from nnp_client.calls.datasets import DatasetCalls
from nnp_client.calls.jobs import JobCalls
from nnp_client.calls.potentials import PotentialCalls
from nnp_client.wire import health as wire_health

DEFAULT_URL = "http://127.0.0.1:8765"
PROPERTIES = ("energy", "forces", "stress")


class Client(DatasetCalls, JobCalls, PotentialCalls):
    """A connection to one nnpd service.

    Example:
        >>> with Client("http://127.0.0.1:8765") as client:
        ...     prediction = client.predict(atoms, potential="Si@production")
        ...     prediction.energy, prediction.forces.shape
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        http: httpx.Client | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 120.0,
        patience_seconds: float = 30.0,
    ) -> None:
        """Open nothing yet; the first request connects.

        Args:
            base_url: Address of the service, without /v1; default NNPD_URL, then http://127.0.0.1:8765.
            http: An httpx client to use instead of an own one.
            api_key: Key of the service; default NNPD_API_KEY.
            timeout_seconds: Longest wait for any one step of a request, in s.
            patience_seconds: How long a request that failed in passing and is safe to repeat is repeated, in s.
        """
        super().__init__(
            transport.Transport(
                base_url or os.environ.get("NNPD_URL") or DEFAULT_URL,
                http=http,
                api_key=api_key or os.environ.get("NNPD_API_KEY"),
                timeout_seconds=timeout_seconds,
                patience=retrying.Patience(total_seconds=patience_seconds),
            )
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """Address of the service."""
        return self._transport.base_url

    def close(self) -> None:
        """Close the connections; an injected httpx client stays open."""
        self._transport.close()

    def predict(
        self,
        structures: Any,
        *,
        potential: str,
        properties: Collection[str] = PROPERTIES,
        dtype: str = "float32",
        deterministic: bool = False,
    ) -> Any:
        """Predict one structure or many.

        Args:
            structures: An ase.Atoms or nnp.core Structure, or a sequence of them.
            potential: "Si:3" or "Si@production".
            properties: What to predict, of nnp.core.prediction.PROPERTIES.
            dtype: "float32" or "float64".
            deterministic: Evaluate every structure alone: equal requests give equal bits.

        Returns:
            For one structure its nnp.core.prediction.Prediction; for a sequence a list in the same order, in which a
            structure that could not be predicted has its ApiError.

        Raises:
            ApiError: The request, or its only structure, is not possible.
            ClientError: See `nnp_client.errors`.
        """
        return self.predict_with_version(
            structures, potential=potential, properties=properties, dtype=dtype, deterministic=deterministic
        )[0]

    def predict_with_version(
        self,
        structures: Any,
        *,
        potential: str,
        properties: Collection[str] = PROPERTIES,
        dtype: str = "float32",
        deterministic: bool = False,
    ) -> tuple[Any, predicting.Used]:
        """As `predict`, with the exact version that answered.

        Returns:
            The predictions, and the version used.

        Raises:
            ClientError: As `predict`.
        """
        single = hasattr(structures, "positions")
        many = [structures] if single else list(structures)
        value = predicting.request(many, potential, properties, dtype, deterministic)
        reply, headers = self._transport.post_packed("/v1/predict", value)
        results, used = predicting.reply(reply, headers)
        return (results[0] if single else results), used

    def health(self) -> wire_health.Health:
        """Whether the service lives."""
        return base.parse(wire_health.Health, self._transport.request("GET", "/v1/health"))

    def ready(self) -> wire_health.Readiness:
        """Whether the service can do its work."""
        return base.parse(wire_health.Readiness, self._transport.request("GET", "/v1/ready"))
