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
FILESYSTEM_BROKER = "filesystem"


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
        return f"{FILESYSTEM_BROKER}://"

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

    def prepare(self, database_url: str | None = None, broker_url: str | None = None, mounts: Path = MOUNTS) -> "Home":
        """Make the folders that a process with these settings needs.

        Where neither SQLite nor the filesystem broker is used, the home may lie on a network filesystem and be shared
        by several accounts: then its mode is left as it is.

        Args:
            database_url: None or empty for the SQLite database of the home.
            broker_url: None or empty for the filesystem broker of the home.
            mounts: the table of mounted filesystems, in the format of /proc/self/mountinfo.

        Raises:
            NetworkFilesystem: the database or the broker would lie on one.
        """
        self.check(database_url, broker_url, mounts)
        if not (database_url and broker_url) or broker_url.startswith(FILESYSTEM_BROKER):
            return self._make()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.artifacts, self.checkpoints, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self

    def create(self, mounts: Path = MOUNTS) -> "Home":
        """Make the folders, readable by their owner only, for everything in one place; harmless when they exist.

        Raises:
            NetworkFilesystem: the folder lies on one.
        """
        return self.prepare(mounts=mounts)

    def check(self, database_url: str | None = None, broker_url: str | None = None, mounts: Path = MOUNTS) -> None:
        """Check that what cannot live on a network filesystem does not; see `prepare`.

        Raises:
            NetworkFilesystem: the database or the broker would lie on one.
        """
        for path, what in self._bound_to_local_disks(database_url, broker_url):
            kind = filesystem(path, mounts)
            if kind in NETWORK_FILESYSTEMS.split():
                raise errors.NetworkFilesystem(
                    f"{path} lies on a network filesystem ({kind}), where {what} loses data",
                    advice="set NNPD_HOME to a folder on a local disk; to share one registry between machines, "
                    "run PostgreSQL and Redis and set NNPD_DATABASE_URL, NNPD_BROKER_URL and NNPD_ARTIFACTS_URL",
                )

    def _bound_to_local_disks(self, database_url: str | None, broker_url: str | None) -> Iterator[tuple[Path, str]]:
        if not database_url:
            yield self.path, "SQLite"
        elif database_url.startswith("sqlite") and (file := database_url.partition(":///")[2].partition("?")[0]):
            yield Path(file).absolute(), "SQLite"
        if not broker_url or broker_url.startswith(FILESYSTEM_BROKER):
            yield self.path, "the filesystem broker"

    def _make(self) -> "Home":
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        broker = (self.broker, self.broker / "messages", self.broker / "control")
        for folder in (*broker, self.artifacts, self.checkpoints, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self


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
