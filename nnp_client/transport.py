"""Requests to the service: bounded in time, retried when that is safe, errors as the client's tree."""

import http.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pydantic

from nnp_client import errors, keep_alive, retrying
from nnp_client.wire import arrays
from nnp_client.wire import errors as wire_errors

PASSING_STATUSES = frozenset({429, 502, 503, 504})
SAFE_METHODS = frozenset({"GET", "HEAD"})
Parameters = Mapping[str, Any]


class Transport:
    """One service, reached by httpx, and by plain kept-alive connections for the small frequent requests.

    Args:
        base_url: Address of the service, without /v1.
        http: An httpx client to use instead of an own one; then everything goes through it.
        api_key: Sent as a bearer token when given.
        timeout_seconds: Longest wait for any one step of a request (connect, send, receive).
        patience: How long failed requests that are safe to repeat are repeated.
    """

    def __init__(
        self,
        base_url: str,
        *,
        http: httpx.Client | None,
        api_key: str | None,
        timeout_seconds: float,
        patience: retrying.Patience,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._owns_http = http is None
        self._http = http if http is not None else httpx.Client(base_url=self.base_url, timeout=timeout_seconds)
        self._fast = (
            keep_alive.KeepAlive(self.base_url) if http is None and not keep_alive.proxied(self.base_url) else None
        )
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_seconds = timeout_seconds
        self._patience = patience

    def close(self) -> None:
        """Close the connections; an injected httpx client stays open."""
        if self._fast is not None:
            self._fast.close()
        if self._owns_http:
            self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send JSON, receive JSON.

        Args:
            method: HTTP method; GET is repeated when it fails in passing, the others only when they did not arrive.
            path: Path with /v1.
            params: Query parameters; None values are left out.
            body: JSON value, or None for no body.
            headers: Headers besides the key; with an Idempotency-Key any method is safe to repeat.

        Returns:
            The JSON value of the answer; None for an empty one.

        Raises:
            ClientError: See `nnp_client.errors`.
        """
        answer = retrying.attempt(
            lambda: self._once(method, path, params=params, json=body, headers=headers or {}), self._patience
        )
        return self._json(answer)

    def post_packed(self, path: str, value: Any) -> tuple[Any, keep_alive.Headers]:
        """Post MessagePack and receive MessagePack; the request must be safe to repeat.

        Args:
            path: Path with /v1.
            value: What `arrays.pack` takes.

        Returns:
            The decoded answer and its headers.

        Raises:
            ClientError: See `nnp_client.errors`.
        """
        body = arrays.pack(value)
        headers = self._headers | {"Content-Type": arrays.CONTENT_TYPE, "Accept": arrays.CONTENT_TYPE}
        status, answer_headers, content = retrying.attempt(lambda: self._post_once(path, body, headers), self._patience)
        if status >= 400:
            raise _api_error(status, content, answer_headers)
        try:
            return arrays.unpack(content), answer_headers
        except arrays.ArrayError as error:
            raise errors.ContractError(f"{errors.ContractError.__doc__} ({error})") from error

    @contextmanager
    def stream(self, path: str, *, params: Parameters | None = None) -> Iterator[httpx.Response]:
        """Receive a long body piece by piece.

        Args:
            path: Path with /v1.
            params: Query parameters.

        Yields:
            The open response, of status 200.

        Raises:
            ClientError: See `nnp_client.errors`.
        """
        try:
            with self._http.stream("GET", path, params=_present(params), headers=self._headers) as response:
                if response.status_code != 200:
                    response.read()
                    raise _api_error(response.status_code, response.content, response.headers)
                yield response
        except httpx.TimeoutException as error:
            raise errors.TimedOutError(f"{self.base_url} stopped sending: {error}") from error
        except httpx.TransportError as error:
            raise errors.UnreachableError(self._unreachable(error)) from error

    def upload(self, path: str, pieces: Iterable[bytes], *, params: Parameters, headers: Mapping[str, str]) -> Any:
        """Send a long body piece by piece, once; receive JSON.

        Args:
            path: Path with /v1.
            pieces: The body.
            params: Query parameters.
            headers: Headers besides the key.

        Raises:
            ClientError: See `nnp_client.errors`.
        """
        try:
            answer = self._http.post(
                path, content=pieces, params=_present(params), headers=self._headers | dict(headers)
            )
        except httpx.TimeoutException as error:
            raise errors.TimedOutError(f"{self.base_url} did not take the upload in time: {error}") from error
        except httpx.TransportError as error:
            raise errors.UnreachableError(self._unreachable(error)) from error
        if answer.status_code >= 400:
            raise _api_error(answer.status_code, answer.content, answer.headers)
        return self._json(answer)

    def _once(
        self, method: str, path: str, *, params: Parameters | None, json: Any, headers: Mapping[str, str]
    ) -> httpx.Response:
        safe = method in SAFE_METHODS or "Idempotency-Key" in headers
        try:
            answer = self._http.request(
                method, path, params=_present(params), json=json, headers={**self._headers, **headers}
            )
        except httpx.ConnectError as error:
            raise retrying.Passing(errors.UnreachableError(self._unreachable(error))) from error
        except httpx.TimeoutException as error:
            raise self._slow(path) from error
        except httpx.TransportError as error:
            lost = errors.UnreachableError(self._unreachable(error))
            raise (retrying.Passing(lost) if safe else lost) from error
        if answer.status_code >= 400:
            _raise_for(answer.status_code, answer.content, answer.headers, safe=safe)
        return answer

    def _post_once(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, keep_alive.Headers, bytes]:
        try:
            if self._fast is not None:
                answer = self._fast.post(path, body, headers, timeout_seconds=self._timeout_seconds)
                status, answer_headers, content = answer.status, answer.headers, answer.body
            else:
                response = self._http.post(path, content=body, headers=headers)
                status, answer_headers, content = response.status_code, response.headers, response.content
        except (TimeoutError, httpx.TimeoutException) as error:
            raise self._slow(path) from error
        except (OSError, http.client.HTTPException, httpx.TransportError) as error:
            raise retrying.Passing(errors.UnreachableError(self._unreachable(error))) from error
        if status >= 400:
            _raise_for(status, content, answer_headers, safe=True)
        return status, answer_headers, content

    def _json(self, answer: httpx.Response) -> Any:
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise errors.ContractError(f"{self.base_url}: {errors.ContractError.__doc__}") from error

    def _slow(self, path: str) -> errors.TimedOutError:
        return errors.TimedOutError(f"{self.base_url}{path} did not answer within {self._timeout_seconds:g} s")

    def _unreachable(self, error: Exception) -> str:
        return f"{self.base_url} cannot be reached ({error or type(error).__name__}); is the service running there?"


def _raise_for(status: int, content: bytes, headers: keep_alive.Headers, *, safe: bool) -> None:
    error = _api_error(status, content, headers)
    # 429 and 503 of this service mean that nothing was done; a gateway's 502 or 504 leaves that open.
    refused = isinstance(error, errors.BusyError)
    if status in PASSING_STATUSES and (safe or refused):
        raise retrying.Passing(error, _seconds(headers.get("Retry-After")))
    raise error


def _api_error(status: int, content: bytes, headers: keep_alive.Headers) -> errors.ApiError:
    try:
        if headers.get("Content-Type", "").startswith(arrays.CONTENT_TYPE):
            body = wire_errors.ErrorBody.model_validate(arrays.unpack(content))
        else:
            body = wire_errors.ErrorBody.model_validate_json(content)
        detail = body.error
    except (pydantic.ValidationError, arrays.ArrayError):
        detail = wire_errors.ErrorDetail(
            code="no_error_body",
            message=f"The answer had status {status} and no error body of this service.",
            advice="Is the URL right, or is a proxy in between?",
            field=None,
            request_id=headers.get("X-Request-ID", ""),
        )
    return errors.from_detail(detail, status=status)


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None


def _present(params: Parameters | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}
