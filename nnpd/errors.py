"""What the server command refuses to do, each with the sentence its user reads."""

from pathlib import Path


class ServerError(Exception):
    """The server command cannot go on."""


class HomeInUseError(ServerError):
    """Another `nnpd up` runs on this home."""

    def __init__(self, home: Path, pid: str) -> None:
        super().__init__(
            f"Another `nnpd up` (process {pid}) already runs on {home}. Use it (its address is in {home / 'url'}), "
            f"stop it with Ctrl-C or `kill {pid}`, or choose another folder with NNPD_HOME."
        )


class PortInUseError(ServerError):
    """The port is taken."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host}:{port} ({reason}). Choose another port, or --port 0 for a free one.")


class NotLoopbackError(ServerError):
    """The service has no authentication of the network yet; it binds to loopback unless told otherwise."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is reachable from the network. Put a proxy with TLS in front of 127.0.0.1, or, "
            "inside a private network only, add --allow-network."
        )


class ChildFailedError(ServerError):
    """A process failed again and again right after its start."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(
            f"{name} stopped {'by signal ' + str(-code) if code < 0 else 'with status ' + str(code)} right after each "
            "start; its log lines above say why. `nnpd doctor` checks this installation."
        )


class NotEmbeddedError(ServerError):
    """`nnpd backup` copies the embedded registry only."""

    def __init__(self) -> None:
        super().__init__(
            "This registry is not embedded in its home. Back up PostgreSQL with `pg_dump --format=custom` first, then "
            "copy the artifacts (their folder, or the bucket with its own tools): rows never refer to later artifacts."
        )


class BackupTargetError(ServerError):
    """The destination of a backup exists."""

    def __init__(self, destination: Path) -> None:
        super().__init__(f"{destination} exists. Name a folder that does not, for example one with the date.")
