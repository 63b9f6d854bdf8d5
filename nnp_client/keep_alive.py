"""Persistent plain HTTP connections for small frequent requests: a tenth of the time a general client takes for one."""

import collections
import http.client
import socket
import ssl
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Headers(Protocol):
    """Headers of an answer; names are compared without case."""

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a header."""
        ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status.
        headers: Headers; names are compared without case.
        body: The whole body.
    """

    status: int
    headers: Headers
    body: bytes


def proxied(base_url: str) -> bool:
    """Whether the environment sends requests to this host through a proxy, which these connections do not know."""
    parts = urllib.parse.urlsplit(base_url)
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname or "")


class KeepAlive:
    """A few open connections to one service; safe to share between threads, each request takes one for itself.

    Args:
        base_url: Address of the service, http or https.
    """

    def __init__(self, base_url: str) -> None:
        parts = urllib.parse.urlsplit(base_url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: collections.deque[http.client.HTTPConnection] = collections.deque(maxlen=8)

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float) -> Answer:
        """Send one request and read the whole answer.

        Args:
            path: Path below the base URL, with a leading slash.
            body: The bytes to send.
            headers: Headers of the request.
            timeout_seconds: Longest wait for any one step (connect, send, receive).

        Raises:
            OSError: No connection, or it broke (TimeoutError: too slow).
            http.client.HTTPException: The answer is not HTTP.
        """
        connection = self._take()
        if connection is not None:
            try:
                return self._exchange(connection, path, body, headers, timeout_seconds)
            except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
                connection.close()  # the service closed it while it was idle: one fresh connection decides
        connection = self._open(timeout_seconds)
        return self._exchange(connection, path, body, headers, timeout_seconds)

    def close(self) -> None:
        """Close all idle connections."""
        while (connection := self._take()) is not None:
            connection.close()

    def _take(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _open(self, timeout_seconds: float) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_seconds, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_seconds)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> Answer:
        try:
            if isinstance(connection.sock, socket.socket):
                connection.sock.settimeout(timeout_seconds)
            connection.request("POST", self._prefix + path, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return Answer(status=response.status, headers=response.headers, body=content)
