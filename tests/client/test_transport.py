"""Failures on the way, played by a small real server on loopback that answers from a script."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nnp_client import errors, retrying
from nnp_client.client import Client
from nnp_client.wire import arrays

Answer = tuple[int, dict[str, str], bytes] | None
"""Status, headers, body; None breaks the connection off."""

DETAIL = {"code": "overloaded", "message": "full", "advice": None, "field": None, "request_id": "1"}
BODY = json.dumps({"error": DETAIL}).encode()
HEALTHY = json.dumps({"status": "ok", "version": "1"}).encode()
JSON = {"Content-Type": "application/json"}
NOW = {"Retry-After": "0", **JSON}


class Scripted(http.server.ThreadingHTTPServer):
    """Answers from its script, one entry a request, the last one for ever."""

    daemon_threads = True

    def __init__(self, script: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.requests: list[tuple[str, str]] = []
        self.connections: set[Any] = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Scripted)
        self.server.requests.append((self.command, self.path))
        self.server.connections.add(self.client_address)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        script = self.server.script
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def scripted(*script: Answer, patience: float = 5.0) -> Iterator[tuple[Client, Scripted]]:
    server = Scripted(list(script))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}", patience_seconds=patience, timeout_seconds=10) as client:
            yield client, server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_reads_are_repeated_until_they_succeed() -> None:
    with scripted((503, NOW, BODY), None, (502, {}, b""), (200, JSON, HEALTHY)) as (client, server):
        assert client.health().status == "ok"
        assert len(server.requests) == 4


def test_patience_ends_with_the_error_of_the_service() -> None:
    with scripted((503, {"Retry-After": "60", **JSON}, BODY)) as (client, server):
        with pytest.raises(errors.BusyError) as refused:
            client.health()
        assert (refused.value.code, refused.value.request_id) == ("overloaded", "1")
        assert len(server.requests) == 1  # 60 s are more than the patience: not waited for


def test_writes_are_not_repeated_when_they_may_have_arrived() -> None:
    with scripted(None) as (client, server):
        with pytest.raises(errors.UnreachableError):
            client.cancel("job")
        assert len(server.requests) == 1


def test_submissions_carry_a_key_and_are_repeated() -> None:
    with scripted(None, (409, JSON, BODY)) as (client, server):
        with pytest.raises(errors.ConflictError):
            client.submit({"kind": "train"})
        assert len(server.requests) == 2


def test_refusals_are_not_repeated() -> None:
    with scripted((404, JSON, BODY)) as (client, server):
        with pytest.raises(errors.NotFoundError):
            client.health()
        assert len(server.requests) == 1


def test_predictions_keep_their_connection_and_survive_its_end() -> None:
    reply = arrays.pack(
        {
            "potential": {
                "name": "Si",
                "version": 1,
                "reference": "Si:1",
                "dtype": "float32",
                "sha256": "0" * 64,
                "withdrawn": False,
            },
            "predictions": [],
        }
    )
    good: Answer = (200, {"Content-Type": arrays.CONTENT_TYPE, "Server-Timing": "model;dur=2.5"}, reply)
    with scripted(good, good, None, good) as (client, server):
        used = [client.predict_with_version([], potential="Si:1")[1] for _ in range(3)]
        assert [entry.model_seconds for entry in used] == [0.0025] * 3
        assert len(server.requests) == 4
        assert len(server.connections) == 2


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status": "ok"}'])
def test_answers_of_something_else_are_told_apart(body: bytes) -> None:
    with scripted((200, JSON, body)) as (client, _), pytest.raises(errors.ContractError):
        client.health()


def test_errors_without_a_body_of_ours_say_so() -> None:
    with scripted((500, {}, b"oops")) as (client, _), pytest.raises(errors.ServiceError, match="no error body"):
        client.health()


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:9", patience_seconds=0.0) as client:
        with pytest.raises(errors.UnreachableError, match="is the service running"):
            client.health()
        with pytest.raises(errors.UnreachableError):
            client.predict([], potential="Si:1")


def test_waits_grow_and_stay_inside_the_patience() -> None:
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    def fail() -> None:
        raise retrying.Passing(errors.UnreachableError("gone"))

    patience = retrying.Patience(total_seconds=20.0, first_seconds=0.1, longest_seconds=3.0)
    with pytest.raises(errors.UnreachableError, match="gone"):
        retrying.attempt(fail, patience, sleep=sleep, clock=lambda: now[0])
    assert now[0] <= 20.0
    assert waits[0] < 0.2
    assert max(waits) <= 3.0 * 1.25
    assert len(waits) > 8
