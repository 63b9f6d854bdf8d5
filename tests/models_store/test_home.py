from pathlib import Path

import pytest

from models_store import errors, home

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/anna/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:42 / /mnt/with\\040space rw - cifs //server/share rw
33 22 0:43 / /mnt/over rw - ext4 /dev/sdc1 rw
34 22 0:44 / /mnt/over rw - fuse.sshfs anna@host:/ rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/nnpd", "ext4"),
        ("/home", "nfs4"),
        ("/home/anna/nnpd", "nfs4"),
        ("/homes/anna", "ext4"),
        ("/home/anna/local/nnpd", "xfs"),
        ("/mnt/with space/nnpd", "cifs"),
        ("/mnt/over/nnpd", "fuse.sshfs"),
    ],
)
def test_the_filesystem_of_a_path_is_found(path: str, kind: str, mounts: Path) -> None:
    assert home.filesystem(Path(path), mounts) == kind


@pytest.mark.parametrize("path", ["/home/anna/nnpd", "/mnt/with space/nnpd", "/mnt/over/nnpd"])
def test_network_filesystems_are_refused_with_advice(path: str, mounts: Path) -> None:
    with pytest.raises(errors.NetworkFilesystem, match="network filesystem") as raised:
        home.Home.at(path).create(mounts)
    assert "NNPD_HOME" in str(raised.value.advice)
    assert "NNPD_DATABASE_URL" in str(raised.value.advice)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A table of mounts in which the folder of this test lies on NFS, and `local` in it does not."""
    path = tmp_path / "mountinfo"
    path.write_text(
        f"30 22 0:40 / {tmp_path} rw - nfs4 server:/home rw\n31 30 8:1 / {tmp_path}/local rw - ext4 /dev/sda1 rw\n"
    )
    return path


SERVED = "postgresql+psycopg://nnpd@db/nnpd"


def test_a_home_without_database_and_broker_may_lie_on_a_network_filesystem(tmp_path: Path, network: Path) -> None:
    path = tmp_path / "home"
    path.mkdir(mode=0o750)
    made = home.Home.at(path).prepare(SERVED, "redis://db", network)
    assert made.artifacts.is_dir()
    assert made.checkpoints.is_dir()
    assert not made.broker.exists()
    assert path.stat().st_mode & 0o777 == 0o750
    new = home.Home.at(tmp_path / "new").prepare(SERVED, "redis://db", network)
    assert new.path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("database_url", "broker_url", "what"),
    [
        (None, None, "SQLite"),
        ("", "redis://db", "SQLite"),
        (SERVED, None, "the filesystem broker"),
        (SERVED, "filesystem://", "the filesystem broker"),
        ("sqlite:///{folder}/elsewhere.sqlite?timeout=3", "redis://db", "SQLite"),
    ],
)
def test_what_needs_a_local_disk_is_told(
    tmp_path: Path, network: Path, database_url: str | None, broker_url: str | None, what: str
) -> None:
    url = database_url and database_url.format(folder=tmp_path)
    with pytest.raises(errors.NetworkFilesystem, match=f"where {what} loses data"):
        home.Home.at(tmp_path / "home").prepare(url, broker_url, network)
    assert not (tmp_path / "home").exists()


def test_a_database_on_a_local_disk_is_fine(tmp_path: Path, network: Path) -> None:
    url = f"sqlite:///{tmp_path}/local/nnpd.sqlite"
    assert home.Home.at(tmp_path / "home").prepare(url, "redis://db", network).checkpoints.is_dir()


def test_a_system_without_the_table_of_mounts_is_trusted(tmp_path: Path) -> None:
    assert home.filesystem(tmp_path, tmp_path / "absent") is None
    assert home.Home.at(tmp_path / "home").create(tmp_path / "absent").path.is_dir()


def test_the_folders_are_made_for_their_owner_only(tmp_path: Path) -> None:
    made = home.Home.at(tmp_path / "a" / "home").create()
    made.create()
    for folder in (made.path, made.broker, made.artifacts, made.checkpoints, made.logs):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert (made.broker / "messages").is_dir()
    assert (made.broker / "control").is_dir()
    assert made.database_url == f"sqlite:///{tmp_path}/a/home/nnpd.sqlite"
    assert made.artifacts_url == f"file://{tmp_path}/a/home/artifacts"


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    assert home.Home.at(tmp_path / "home").create().path.stat().st_mode & 0o777 == 0o700
