"""The command as a person types it: help, refusals in one sentence, light imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from models_store.errors import NotFound
from nnpd import cli, lock

COMMANDS = ("up", "serve", "work", "migrate", "backup", "collect", "doctor", "keys")


def nnpd(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments, env={"NNPD_HOME": str(home)})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cli") / "home"
    done = nnpd(home, "migrate")
    assert done.exit_code == 0, done.output
    assert "revision" in done.output
    return home


def test_help_lists_the_commands_and_imports_nothing_heavy(repository: Path) -> None:
    program = (
        "import sys\nfrom nnpd import cli\n"
        "try:\n    cli.app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'sqlalchemy', 'celery', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=repository, check=True)
    assert all(command in done.stdout for command in COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.processes
def test_a_second_up_is_refused_with_advice(home: Path, repository: Path) -> None:
    with lock.hold(home / "nnpd.lock"):
        done = subprocess.run(
            [sys.executable, "-m", "nnpd", "up", "--port", "0", "--home", str(home)],
            capture_output=True,
            text=True,
            cwd=repository,
            check=False,
        )
    assert done.returncode == 1
    assert f"process {os.getpid()}" in done.stderr
    assert "NNPD_HOME" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_are_shown_once_listed_and_revoked(home: Path) -> None:
    key = nnpd(home, "keys", "create", "anna").output.strip()
    assert key.startswith("nnpd_")
    listed = nnpd(home, "keys", "list").output
    assert "anna" in listed
    assert "valid" in listed
    assert key not in listed
    assert nnpd(home, "keys", "revoke", "anna").exit_code == 0
    assert "revoked" in nnpd(home, "keys", "list").output
    unknown = nnpd(home, "keys", "revoke", "ana").exception
    assert isinstance(unknown, NotFound)
    assert unknown.close == ("anna",)


def test_the_doctor_says_what_to_do(tmp_path: Path, home: Path) -> None:
    ill = nnpd(tmp_path / "nowhere", "doctor")
    assert ill.exit_code == 1
    assert "nnpd migrate" in ill.output
    home.chmod(0o755)
    ill = nnpd(home, "doctor")
    assert ill.exit_code == 1
    assert "chmod 700" in ill.output
    home.chmod(0o700)
    well = nnpd(home, "doctor")
    assert "torch" in well.output
    assert "NOT home" not in well.output
    assert "NOT database" not in well.output


def test_nothing_to_collect(home: Path) -> None:
    done = nnpd(home, "collect", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "would remove 0 artifacts" in done.output
