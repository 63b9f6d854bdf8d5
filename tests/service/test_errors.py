"""Every error of core and store has a status, and nobody sees an error that nobody foresaw."""

import re
from collections.abc import Iterator

import fastapi
import pytest

from models_store import errors as store_errors
from nnp.core import errors as core_errors
from nnp_client import errors as client_errors
from service import errors, testing


def tree(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


KINDS = sorted(
    {kind for root in (core_errors.NnpError, store_errors.StoreError, errors.ServiceError) for kind in tree(root)},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_a_sentence_and_a_status(kind: type[Exception]) -> None:
    blank = kind.__new__(kind)
    Exception.__init__(blank, "sentence")
    status = errors.status_of(blank)
    assert status is not None
    assert 400 <= status < 600
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kind.code)  # type: ignore[attr-defined]
    assert kind.__doc__


def test_codes_are_told_apart() -> None:
    codes = [kind.code for kind in KINDS]  # type: ignore[attr-defined]
    assert len(codes) == len(set(codes))


def test_an_unforeseen_error_is_hidden_and_logged(
    http: testing.TestClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    app = http.app
    assert isinstance(app, fastapi.FastAPI)

    @app.get("/v1/broken")
    def broken() -> None:
        raise RuntimeError("the secret")

    answer = http.get("/v1/broken", headers={"X-Request-ID": "my-id"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] == "my-id"
    detail = answer.json()["error"]
    assert (detail["code"], detail["request_id"]) == ("internal_error", "my-id")
    assert "secret" not in answer.text
    logged = capsys.readouterr()
    assert "the secret" in caplog.text + logged.out + logged.err


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/v1/nothing", 404, "route_not_found"), ("DELETE", "/v1/health", 405, "method_not_allowed")],
)
def test_wrong_addresses_have_error_bodies(
    shared_http: testing.TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = shared_http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_full_disk_is_told(http: testing.TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise store_errors.StorageFull("no space is left")

    monkeypatch.setattr(type(testing.parts_of(http).store), "keep", full)
    answer = http.post("/v1/datasets?name=si", content=b"1\n\nSi 0 0 0\n")
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert http.get("/v1/jobs").json()["items"] == []


def test_the_client_has_a_class_for_every_status() -> None:
    detail = errors.detail_of(errors.FieldError("x"), "id")
    assert isinstance(client_errors.from_detail(detail, status=409), client_errors.ConflictError)
    assert isinstance(client_errors.from_detail(detail, status=503), client_errors.BusyError)
    assert isinstance(client_errors.from_detail(detail, status=507), client_errors.ServiceError)
    assert type(client_errors.from_detail(detail, status=418)) is client_errors.ApiError
