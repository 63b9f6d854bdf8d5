"""docker-compose.yml, the Dockerfile and docs/operations.md say what the code does."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from models_store import doorbell
from nnpd import cli
from nnpd.settings import Settings
from service.settings import Settings as ServiceSettings
from worker.settings import Settings as WorkerSettings

COMMAND = typer.main.get_command(cli.app)


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict[str, Any]:
    return yaml.safe_load((repository / "docker-compose.yml").read_text())


def parse(arguments: list[str]) -> None:
    """Let the command line parse the arguments without running the command."""
    name, *rest = arguments
    COMMAND.commands[name].make_context(name, rest)  # type: ignore[attr-defined]


def of_ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if service.get("build")}


def test_compose_runs_the_same_commands(compose: dict[str, Any]) -> None:
    ours = of_ours(compose)
    assert set(ours) == {"migrate", "api", "worker-default", "worker-train", "reconciler"}
    for service in ours.values():
        parse(service["command"])
    queues = {service["command"][-1] for name, service in ours.items() if name.startswith("worker-")}
    assert queues == set(doorbell.QUEUES)


def test_compose_sets_what_the_processes_read(compose: dict[str, Any]) -> None:
    known = {
        f"NNPD_{name.upper()}"
        for settings in (Settings, ServiceSettings, WorkerSettings)
        for name in settings.model_fields
    }
    for service in of_ours(compose).values():
        assert set(service["environment"]) <= known
        assert service["environment"]["NNPD_BROKER_URL"].startswith("redis://redis:")
        assert "@postgres:" in service["environment"]["NNPD_DATABASE_URL"]


def test_compose_keeps_data_and_stays_on_loopback(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["redis"]["command"] == ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert mounted == set(compose["volumes"])
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_compose_starts_in_order(compose: dict[str, Any]) -> None:
    for name, service in of_ours(compose).items():
        needed = {"postgres"} if name == "migrate" else {"postgres", "redis", "migrate"}
        assert set(service["depends_on"]) == needed


def test_the_image_holds_every_package_and_runs_the_command(repository: Path) -> None:
    lines = (repository / "Dockerfile").read_text().splitlines()
    copied = {line.split()[-1] for line in lines if line.startswith("COPY ") and "--from" not in line}
    packages = {path.parent.name for path in repository.glob("*/__init__.py")}
    assert packages <= copied
    command = next(line for line in lines if line.startswith("CMD"))
    parse([part.strip(",") for part in shlex.split(command.removeprefix("CMD").strip(" []"))])


def test_every_setting_is_documented(repository: Path) -> None:
    text = (repository / "docs" / "operations.md").read_text()
    documented = set(re.findall(r"`(NNPD_[A-Z_]+)`", text))
    settings = {f"NNPD_{name.upper()}" for each in (Settings, WorkerSettings) for name in each.model_fields}
    assert settings <= documented
    service = {f"NNPD_{name.upper()}" for name in ServiceSettings.model_fields}
    assert documented <= settings | service


def test_every_command_is_documented(repository: Path) -> None:
    text = (repository / "docs" / "operations.md").read_text()
    commands = COMMAND.commands  # type: ignore[attr-defined]
    assert [name for name in commands if f"nnpd {name}" not in text] == []
