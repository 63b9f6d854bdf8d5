"""/v1/potentials: finding, downloading, promoting, withdrawing, deleting."""

import hashlib
from pathlib import Path

import pytest
from ase import Atoms

from nnp_client import errors
from nnp_client.client import Client
from service import testing


def test_potentials_are_found_by_the_elements_they_cover(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes], silica_files: dict[str, bytes]
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files, alias="production")
    testing.register(parts, "SiO2", silica_files)
    assert [entry.name for entry in client.potentials()] == ["Si", "SiO2"]
    assert [entry.name for entry in client.potentials(elements=["Si", "O"])] == ["SiO2"]
    assert client.potentials(elements=["Ge"]) == []
    shown = client.potential("Si")
    assert [alias.reference for alias in shown.aliases] == ["Si@production"]
    version = client.potential_version("Si@production")
    assert (version.reference, version.elements, version.aliases) == ("Si:1", ["Si"], ["Si@production"])
    assert version.manifest["cutoff"] == 4.0


def test_the_onnx_file_comes_verified_and_is_kept(
    http: testing.TestClient,
    client: Client,
    si_files: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NNPD_CACHE", str(tmp_path / "cache"))
    testing.register(testing.parts_of(http), "Si", si_files)
    sha256 = hashlib.sha256(si_files["float64"]).hexdigest()
    assert client.onnx("Si:1", dtype="float64") == si_files["float64"]
    kept = tmp_path / "cache" / f"{sha256}.onnx"
    assert kept.read_bytes() == si_files["float64"]
    kept.write_bytes(b"damaged")
    assert client.onnx("Si:1", dtype="float64") == si_files["float64"]
    answer = http.get("/v1/potentials/Si/versions/1/onnx?dtype=float64")
    assert answer.headers["ETag"] == f'"{sha256}"'
    again = http.get("/v1/potentials/Si/versions/1/onnx?dtype=float64", headers={"If-None-Match": f'"{sha256}"'})
    assert (again.status_code, again.content) == (304, b"")


def test_damaged_bytes_are_not_served(http: testing.TestClient, client: Client, si_files: dict[str, bytes]) -> None:
    parts = testing.parts_of(http)
    version = testing.register(parts, "Si", si_files)
    sha256 = version.artifact_hashes["onnx_float32"]
    stored = next(parts.settings.home.rglob(sha256))
    stored.chmod(0o600)
    stored.write_bytes(b"damaged")
    for path in ("/v1/potentials/Si/versions/1/onnx", "/v1/predict?potential=Si:1&format=extxyz"):
        body = b"1\n\nSi 0 0 0\n"
        answer = http.post(path, content=body) if "predict" in path else http.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "artifact_corrupt")


def test_promotion_moves_the_alias_and_the_next_prediction_uses_it(
    http: testing.TestClient,
    client: Client,
    si_files: dict[str, bytes],
    other_si_files: dict[str, bytes],
    silicon: Atoms,
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files)
    assert client.promote("Si", 1, expected=None, reason="first").version == 1
    assert client.predict_with_version(silicon, potential="Si@production")[1].reference == "Si:1"
    testing.register(parts, "Si", other_si_files, gates=testing.passed_gates(incumbent="Si:1"))
    client.promote("Si", 2, expected=1)
    assert client.predict_with_version(silicon, potential="Si@production")[1].reference == "Si:2"
    with pytest.raises(errors.ConflictError, match="moved"):
        client.promote("Si", 1, expected=1)
    client.promote("Si", 1, expected=2, reason="back")  # was there before: no new gates needed
    assert client.predict_with_version(silicon, potential="Si@production")[1].reference == "Si:1"
    moves = client.alias_history("Si")
    assert [(move.previous, move.version) for move in moves] == [("Si:2", "Si:1"), ("Si:1", "Si:2"), (None, "Si:1")]
    assert moves[0].reason == "back"


def test_a_move_made_elsewhere_is_followed(
    http: testing.TestClient,
    client: Client,
    si_files: dict[str, bytes],
    other_si_files: dict[str, bytes],
    silicon: Atoms,
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files, alias="production")
    assert client.predict_with_version(silicon, potential="Si@production")[1].reference == "Si:1"
    testing.register(parts, "Si", other_si_files, alias="production")  # as another API process would
    assert http.portal is not None
    http.portal.call(parts.pool.refresh)
    assert client.predict_with_version(silicon, potential="Si@production")[1].reference == "Si:2"


@pytest.mark.parametrize(
    ("gates", "reason"),
    [
        (None, "has not been through the gates"),
        ({"passed": False, "checks": [{"name": "finite_test_errors", "passed": False, "detail": "NaN"}]}, "NaN"),
        ({"passed": True, "incumbent": "Si:7", "checks": []}, "measured against Si:7"),
    ],
)
def test_gates_that_do_not_hold_refuse_the_promotion(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes], gates: dict[str, object] | None, reason: str
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files, alias="production")
    testing.register(parts, "Si", si_files, gates=gates)
    with pytest.raises(errors.ConflictError, match=reason) as refused:
        client.promote("Si", 2, expected=1)
    assert refused.value.code == "gate_refused"
    assert client.potential_version("Si@production").reference == "Si:1"


def test_cards_show_state_and_lineage(http: testing.TestClient, client: Client, si_files: dict[str, bytes]) -> None:
    card = {
        "limits": "<b>only silicon</b>",
        "errors": {"test": {"force_rmse_ev_per_a": 0.1, "energy_rmse_mev_per_atom": 5.0}},
        "energy_volume": {"volume": [1.0, 2.0, 3.0, 4.0, 5.0], "energy": [2.0, 1.0, 0.5, 1.0, 2.0]},
        "dimers": {"distance_a": [1.0, 2.0, 3.0, 4.0, 5.0], "energy_ev": {"Si-Si": [5.0, 1.0, 0.5, 0.2, 0.0]}},
        "authors": ["A", "B"],
    }
    testing.register(testing.parts_of(http), "Si", si_files, card=card, recipe={"seed": 1})
    found = client.card("Si:1")
    assert found.card == card
    assert found.lineage["recipe"] == {"seed": 1}
    assert client.lineage("Si:1").lineage["code_version"] == "test"
    page = http.get("/v1/potentials/Si/versions/1/card.html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "&lt;b&gt;only silicon" in page.text
    assert page.text.count("<svg") == 2
    assert "Si-Si energy ev" in page.text


def test_withdrawn_versions_say_so_and_cannot_be_promoted(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes], silicon: Atoms
) -> None:
    testing.register(testing.parts_of(http), "Si", si_files)
    assert client.withdraw("Si:1", reason="bad data").reason == "bad data"
    assert client.predict_with_version(silicon, potential="Si:1")[1].withdrawn
    with pytest.raises(errors.ConflictError, match="bad data"):
        client.promote("Si", 1, expected=None)


def test_deletion_is_dry_unless_asked_for(http: testing.TestClient, client: Client, si_files: dict[str, bytes]) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files)
    shared = client.delete("Si:1")
    assert (shared.deleted, len(shared.artifacts)) == (False, 2)
    assert shared.bytes == sum(map(len, si_files.values()))
    testing.register(parts, "Si", si_files)
    assert client.delete("Si:1").artifacts == []  # the second version holds the same bytes
    assert client.delete("Si:1", dry_run=False).deleted
    with pytest.raises(errors.NotFoundError):
        client.potential_version("Si:1")
    client.promote("Si", 2, expected=None)
    with pytest.raises(errors.ConflictError):
        client.delete("Si:2", dry_run=False)


def test_an_alias_can_be_removed(http: testing.TestClient, client: Client, si_files: dict[str, bytes]) -> None:
    testing.register(testing.parts_of(http), "Si", si_files, alias="production")
    assert http.delete("/v1/potentials/Si/aliases/production?reason=tidy").status_code == 204
    assert http.get("/v1/potentials/Si/aliases").json() == []
    assert client.alias_history("Si")[0].version is None
