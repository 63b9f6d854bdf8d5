"""The listening socket is made once and inherited by the API: its port outlives a crash of the API process."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from nnpd.errors import NotLoopbackError, PortInUseError
from nnpd.settings import Settings

BACKLOG = 2048


@contextmanager
def listen(settings: Settings, *, allow_network: bool) -> Iterator[socket.socket]:
    """A listening TCP socket on the host and port of the settings.

    Raises:
        NotLoopbackError: the host is reachable from the network and nobody said that it may be.
        PortInUseError: the port is taken.
    """
    if not (allow_network or is_loopback(settings.host)):
        raise NotLoopbackError(settings.host)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(BACKLOG)
        except OSError as error:
            raise PortInUseError(settings.host, settings.port, error.strerror or str(error)) from error
        yield listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url(listener: socket.socket) -> str:
    """The address a client on this machine uses."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
