"""API keys, limits of bodies, request identifiers, health, readiness, metrics."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ase import Atoms

from models_store import keys
from nnp.core.label import Frame
from nnp_client import Client, errors
from nnp_client.wire.jobs import JobState
from service import testing


def test_keys_are_asked_for_when_there_are_any(
    http: testing.TestClient, frames: list[Frame], store_frames: Callable[[str, list[Frame]], str]
) -> None:
    store_frames("si-pbe", frames)
    with testing.parts_of(http).sessions() as session, session.begin():
        key = keys.create(session, "anna")[1]
    with pytest.raises(errors.KeyRefusedError) as refused:
        Client("http://testserver", http=http).jobs()
    assert (refused.value.status, refused.value.code) == (401, "key_missing")
    with pytest.raises(errors.KeyRefusedError) as refused:
        Client("http://testserver", http=http, api_key="nnpd_wrong").jobs()
    assert (refused.value.status, refused.value.code) == (403, "key_refused")
    anna = Client("http://testserver", http=http, api_key=key)
    job = anna.train("Si", "si-pbe")
    assert (job.created_by, job.state) == ("anna", JobState.QUEUED)
    assert http.get("/v1/health").status_code == 200
    assert http.get("/v1/openapi.json").status_code == 200


def test_keys_can_be_required_before_there_are_any(tmp_path: Path, migrated: Path) -> None:
    with testing.serving(tmp_path / "home", migrated=migrated, require_keys=True) as http:
        assert http.get("/v1/jobs").status_code == 401
        assert http.get("/v1/jobs", headers={"Authorization": "Basic abc"}).status_code == 401


def test_bodies_are_limited_announced_or_not(tmp_path: Path, migrated: Path) -> None:
    with testing.serving(tmp_path / "home", migrated=migrated, body_bytes=2000, upload_bytes=5000) as http:
        pieces = (b"x" * 1000 for _ in range(3))
        for content in (b"x" * 2001, pieces):
            answer = http.post("/v1/predict?potential=Si:1&format=extxyz", content=content)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
        assert http.post("/v1/datasets?name=si", content=b"x" * 4000).status_code == 202
        assert http.post("/v1/datasets?name=si", content=(b"x" * 1000 for _ in range(6))).status_code == 413
        assert len(http.get("/v1/jobs").json()["items"]) == 1
        left = [path for path in (tmp_path / "home" / "artifacts").rglob("*") if path.is_file()]
        assert len(left) == 1


def test_request_identifiers_are_taken_over_when_they_are_harmless(shared_http: testing.TestClient) -> None:
    assert shared_http.get("/v1/health", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    assert "\n" not in shared_http.get("/v1/health", headers={"X-Request-ID": "a b"}).headers["X-Request-ID"]
    assert shared_http.get("/v1/health", headers={"X-Request-ID": "a b"}).headers["X-Request-ID"] != "a b"


def test_readiness_tells_what_it_reached(client: Client) -> None:
    found = client.ready()
    assert (found.status, found.database, found.broker) == ("ready", "sqlite", "filesystem")


def test_without_tables_the_process_is_alive_and_not_ready(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with testing.serving(tmp_path / "home", migrated=empty) as http:
        assert http.get("/v1/health").status_code == 200
        answer = http.get("/v1/ready")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unready")
        assert "nnpd migrate" in answer.text


def test_without_its_broker_the_process_is_not_ready(tmp_path: Path, migrated: Path) -> None:
    with testing.serving(tmp_path / "home", migrated=migrated, broker_url="redis://127.0.0.1:9/0") as http:
        answer = http.get("/v1/ready")
        assert answer.status_code == 503
        assert "broker" in answer.json()["error"]["message"]


def test_a_database_that_is_gone_is_503(tmp_path: Path, migrated: Path) -> None:
    with testing.serving(tmp_path / "home", migrated=migrated) as http:
        testing.parts_of(http).engine.dispose()
        shutil.rmtree(tmp_path / "home")
        answer = http.get("/v1/jobs")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unready")
        assert answer.headers["Retry-After"]


def test_a_prediction_that_hangs_makes_the_process_ill(tmp_path: Path, migrated: Path) -> None:
    with testing.serving(tmp_path / "home", migrated=migrated, stall_seconds=1e-9) as http:
        batcher = testing.parts_of(http).batcher
        batcher._running_since = 0.0
        answer = http.get("/v1/health")
        batcher._running_since = None
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unready")
        assert http.get("/v1/health").status_code == 200


def test_metrics_count_by_route_and_potential(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes], silicon: Atoms
) -> None:
    testing.register(testing.parts_of(http), "Si", si_files)
    client.predict(silicon, potential="Si:1")
    with pytest.raises(errors.NotFoundError):
        client.potential("nothing")
    text = http.get("/v1/metrics").text
    assert 'nnpd_requests_total{method="POST",route="/v1/predict",status="200"} 1.0' in text
    assert 'nnpd_requests_total{method="GET",route="/v1/potentials/{name}",status="404"} 1.0' in text
    assert 'nnpd_predicted_atoms_total{potential="Si:1"} 8.0' in text
    assert "nnpd_waiting_atoms 0.0" in text
    assert "nnpd_jobs{" not in text
    http.post("/v1/datasets?name=si", content=b"x")
    assert 'nnpd_jobs{queue="default",state="queued"} 1.0' in http.get("/v1/metrics").text
