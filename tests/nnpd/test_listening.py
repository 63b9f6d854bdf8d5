import socket

import pytest

from nnpd import listening
from nnpd.errors import NotLoopbackError, PortInUseError
from nnpd.settings import Settings


def test_port_0_is_a_free_port_that_listens() -> None:
    with listening.listen(Settings(port=0), allow_network=False) as listener:
        host, port = listener.getsockname()
        assert listening.url(listener) == f"http://127.0.0.1:{port}"
        socket.create_connection((host, port), timeout=5).close()


def test_a_taken_port_is_a_sentence() -> None:
    with listening.listen(Settings(port=0), allow_network=False) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(PortInUseError, match="--port 0"),
            listening.listen(Settings(port=port), allow_network=False),
        ):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "example.org"])
def test_the_network_needs_a_word(host: str) -> None:
    with (
        pytest.raises(NotLoopbackError, match="--allow-network"),
        listening.listen(Settings(host=host), allow_network=False),
    ):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_does_not(host: str) -> None:
    assert listening.is_loopback(host)
