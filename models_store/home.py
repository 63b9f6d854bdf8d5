"""NNPD_HOME: the folder of a registry on one machine, private to its owner, on a local filesystem."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models_store import errors

NETWORK_FILESYSTEMS = (
    "nfs nfs4 cifs smb smb2 smb3 smbfs ncpfs afs 9p ceph lustre gpfs beegfs glusterfs pvfs2 orangefs "
    "fuse.sshfs fuse.glusterfs fuse.ceph fuse.s3fs fuse.rclone fuse.gcsfuse fuse.davfs davfs"
)
MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where things lie under NNPD_HOME.

    Attributes:
        path: the folder, absolute.
    """

    path: Path

    @classmethod
    def at(cls, path: Path | str) -> "Home":
        """The home at `path`, which need not exist."""
        return cls(path=Path(path).expanduser().absolute())

    @property
    def database_url(self) -> str:
        """The SQLite database."""
        return f"sqlite:///{self.path / 'nnpd.sqlite'}"

    @property
    def broker_url(self) -> str:
        """The broker that needs no server: files under `broker`."""
        return "filesystem://"

    @property
    def broker(self) -> Path:
        """The folder of the filesystem broker."""
        return self.path / "broker"

    @property
    def artifacts(self) -> Path:
        """The folder of the artifact store."""
        return self.path / "artifacts"

    @property
    def artifacts_url(self) -> str:
        """The artifact store as a URL."""
        return self.artifacts.as_uri()

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of running trainings, a folder per job."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """Log files of the processes that the supervisor starts."""
        return self.path / "logs"

    def create(self, mounts: Path = MOUNTS) -> "Home":
        """Make the folders, readable by their owner only; harmless when they exist.

        Args:
            mounts: the table of mounted filesystems, in the format of /proc/self/mountinfo.

        Raises:
            NetworkFilesystem: the folder lies on one.
        """
        self.check(mounts)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        broker = (self.broker, self.broker / "messages", self.broker / "control")
        for folder in (*broker, self.artifacts, self.checkpoints, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self

    def check(self, mounts: Path = MOUNTS) -> None:
        """Check that the folder lies on a local filesystem.

        Raises:
            NetworkFilesystem: it does not.
        """
        kind = filesystem(self.path, mounts)
        if kind in NETWORK_FILESYSTEMS.split():
            raise errors.NetworkFilesystem(
                f"{self.path} lies on a network filesystem ({kind}), where SQLite and the filesystem broker lose data",
                advice="set NNPD_HOME to a folder on a local disk; to share one registry between machines, "
                "run PostgreSQL and Redis and set NNPD_DATABASE_URL, NNPD_BROKER_URL and NNPD_ARTIFACTS_URL",
            )


def filesystem(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of filesystem that `path` lies on ("ext4", "nfs4", ...); None where the system does not tell."""
    if not mounts.exists():
        return None
    resolved = path.resolve()
    best, kind = -1, None
    for point, found in _mounted(mounts.read_text()):
        # Of several filesystems on one mount point the last one mounted is seen.
        if (resolved == point or point in resolved.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), found
    return kind


def _mounted(table: str) -> Iterator[tuple[Path, str]]:
    for line in table.splitlines():
        before, separator, after = line.partition(" - ")
        if separator and len(before.split()) >= 5:
            point = before.split()[4].encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")
            yield Path(point), after.split()[0]
