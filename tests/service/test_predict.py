"""POST /v1/predict against nnp.core in this process."""

import dataclasses
import io
import json

import ase.io
import numpy as np
import pytest
from ase import Atoms

from nnp.core.potential import Potential
from nnp.core.prediction import PROPERTIES, Domain
from nnp.core.structure import Structure
from nnp_client import errors
from nnp_client.client import Client
from nnp_client.wire import arrays, predictions, structures
from service import testing


@pytest.fixture
def http(shared_http: testing.TestClient) -> testing.TestClient:
    return shared_http


ARRAYS = ("energies", "forces", "stress", "virials", "energy_novelties", "force_uncertainties", "force_spreads")


def lists(atoms: Atoms) -> dict[str, object]:
    return {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.tolist(),
        "pbc": atoms.pbc.tolist(),
    }


def test_every_property_is_that_of_the_core(client: Client, si_files: dict[str, bytes], silicon: Atoms) -> None:
    direct = Potential.load(si_files["float64"], threads=1)
    expected = direct.evaluate([Structure.from_atoms(silicon)], PROPERTIES, deterministic=True)[0]
    found, used = client.predict_with_version(
        silicon, potential="Si@production", properties=PROPERTIES, dtype="float64", deterministic=True
    )
    assert (used.reference, used.dtype, used.withdrawn) == ("Si:1", "float64", False)
    assert found.energy == expected.energy
    assert found.energy_uncertainty == expected.energy_uncertainty
    assert found.energy_spread == expected.energy_spread
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.domain.extrapolating == expected.domain.extrapolating
    np.testing.assert_array_equal(found.domain.counts, expected.domain.counts)


def test_json_says_the_same_as_msgpack(http: testing.TestClient, client: Client, silicon: Atoms) -> None:
    body = {"potential": "Si:1", "structures": [lists(silicon)], "properties": list(PROPERTIES), "dtype": "float64"}
    answer = http.post("/v1/predict", json=body)
    assert answer.status_code == 200
    reply = predictions.PredictReply.model_validate(answer.json())
    found = client.predict(silicon, potential="Si:1", properties=PROPERTIES, dtype="float64")
    entry = reply.predictions[0]
    assert isinstance(entry, predictions.PredictionOut)
    assert entry.energy == pytest.approx(found.energy, abs=1e-12)
    np.testing.assert_allclose(entry.forces, found.forces, atol=1e-12)
    np.testing.assert_allclose(entry.stress, found.stress, atol=1e-14)
    assert entry.extrapolating is False
    assert "model;dur=" in answer.headers["Server-Timing"]


def test_only_what_was_asked_for_comes_back(client: Client, silicon: Atoms) -> None:
    found = client.predict(silicon, potential="Si:1", properties=["energy"])
    assert found.energy is not None
    assert (found.forces, found.stress, found.domain, found.unavailable) == (None, None, None, {})


def test_what_a_potential_does_not_offer_is_null_with_the_reason(client: Client, silicon: Atoms) -> None:
    asked = ["energy_novelties", "force_uncertainties", "energy_uncertainty"]
    found = client.predict(silicon, potential="SiO2:1", properties=asked)
    assert all(getattr(found, name) is None for name in asked)
    assert "replicas" in found.unavailable["energy_novelties"]
    assert "calibrated" in found.unavailable["force_uncertainties"]


def test_atoms_outside_the_training_range_are_told(client: Client) -> None:
    squeezed = Atoms("Si12", positions=np.random.default_rng(0).uniform(0, 2.2, (12, 3)))
    found = client.predict(squeezed, potential="Si:1", properties=["domain"])
    assert found.domain.extrapolating
    assert found.domain.counts.sum() > 0


def test_a_batch_answers_with_errors_in_the_place_of_bad_structures(client: Client, silicon: Atoms) -> None:
    oxygen, nan, touching, flat = silicon.copy(), silicon.copy(), silicon.copy(), silicon.copy()
    oxygen.numbers[0] = 8
    nan.positions[3, 1] = np.nan
    touching.positions[1] = touching.positions[0] + 0.01
    flat.cell[2] = flat.cell[1]
    found = client.predict([silicon, oxygen, nan, touching, flat, silicon], potential="Si:1")
    assert [getattr(entry, "code", "fine") for entry in found] == [
        "fine",
        "element_not_covered",
        "structure_invalid",
        "structure_invalid",
        "structure_invalid",
        "fine",
    ]
    assert "O" in found[1].message
    assert "atom 3" in found[2].message
    assert "0.01" in found[3].message
    np.testing.assert_allclose(found[0].forces, found[5].forces, atol=1e-6)


def test_a_single_bad_structure_is_refused(client: Client, silicon: Atoms) -> None:
    silicon.numbers[0] = 8
    with pytest.raises(errors.InvalidError) as refused:
        client.predict(silicon, potential="Si:1")
    assert (refused.value.status, refused.value.code) == (422, "element_not_covered")
    assert refused.value.request_id


@pytest.mark.parametrize(
    "structure",
    [
        {},
        {"numbers": [14]},
        {"numbers": [14], "positions": [[0, 0]]},
        {"numbers": [14], "positions": [[0, 0, 0]], "charge": 1},
        {"numbers": [0], "positions": [[0, 0, 0]]},
        {"numbers": [14, 14], "positions": [[0, 0, 0]]},
        {"numbers": ["Si"], "positions": [[0, 0, 0]]},
        "Si",
        None,
    ],
)
def test_malformed_structures_are_refused_in_both_encodings(http: testing.TestClient, structure: object) -> None:
    body = {"potential": "Si:1", "structures": [structure]}
    answers = [
        http.post("/v1/predict", json=body),
        http.post("/v1/predict", content=arrays.pack(body), headers={"Content-Type": arrays.CONTENT_TYPE}),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["code"] == "structure_invalid"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"potential": "Si"}, "potential"),
        ({"properties": ["enery"]}, "properties.0"),
        ({"properties": []}, "properties"),
        ({"dtype": "float16"}, "dtype"),
        ({"structures": []}, "structures"),
        ({"structures": 5}, "structures"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_impossible_requests_name_the_field(http: testing.TestClient, change: dict[str, object], field: str) -> None:
    body = {"potential": "Si:1", "structures": [{"numbers": [14], "positions": [[0, 0, 0]]}]} | change
    answer = http.post("/v1/predict", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_unknown_potentials_are_404_with_close_names(client: Client, silicon: Atoms) -> None:
    with pytest.raises(errors.NotFoundError) as refused:
        client.predict(silicon, potential="SiO@production")
    assert "SiO2" in str(refused.value.advice)
    with pytest.raises(errors.NotFoundError) as refused:
        client.predict(silicon, potential="Si:9")
    assert "Si:1" in str(refused.value.advice)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "body_unreadable"),
        (b"\xc1", arrays.CONTENT_TYPE, 400, "body_unreadable"),
        (b"[]", "application/json", 422, "field_invalid"),
        (b"x", "image/png", 415, "media_type_unknown"),
        (b"", "chemical/x-cif", 400, "body_unreadable"),
        (b"no structure", "chemical/x-cif", 422, "file_unreadable"),
        (b"\xff\xfe", "text/plain", 400, "body_unreadable"),
    ],
)
def test_unreadable_bodies(http: testing.TestClient, content: bytes, content_type: str, status: int, code: str) -> None:
    answer = http.post("/v1/predict?potential=Si:1", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


@pytest.mark.parametrize(
    ("format", "content_type"),
    [
        ("extxyz", "application/x-www-form-urlencoded"),
        ("vasp", "application/x-www-form-urlencoded"),
        ("cif", "application/x-www-form-urlencoded"),
        ("extxyz", "chemical/x-extxyz"),
        ("vasp", "chemical/x-poscar"),
        ("cif", "chemical/x-cif"),
    ],
)
def test_structure_files_are_predicted_as_they_are(
    http: testing.TestClient, client: Client, silicon: Atoms, format: str, content_type: str
) -> None:
    text = io.BytesIO() if format == "cif" else io.StringIO()
    ase.io.write(text, silicon, format=format)
    content = text.getvalue() if isinstance(text, io.BytesIO) else text.getvalue().encode()
    answer = http.post(
        "/v1/predict?potential=Si@production&properties=energy,forces&dtype=float64",
        content=content,
        headers={"Content-Type": content_type},
    )
    assert answer.status_code == 200, answer.text
    expected = client.predict(silicon, potential="Si:1", dtype="float64")
    assert answer.json()["predictions"][0]["energy"] == pytest.approx(expected.energy, abs=1e-4)


def test_a_trajectory_file_is_a_batch(http: testing.TestClient, silicon: Atoms) -> None:
    text = io.StringIO()
    ase.io.write(text, [silicon, silicon, silicon], format="extxyz")
    answer = http.post("/v1/predict?potential=Si:1&format=extxyz", content=text.getvalue())
    assert len(answer.json()["predictions"]) == 3


def test_the_pydantic_contract_accepts_what_the_fast_path_accepts(silicon: Atoms) -> None:
    value = structures.plain(silicon.numbers, silicon.positions, silicon.cell, silicon.pbc)
    as_lists = {name: array.tolist() for name, array in value.items()}
    structures.StructureIn.model_validate(json.loads(json.dumps(as_lists)))


def test_the_wire_names_every_property_of_the_core() -> None:
    assert tuple(predictions.Property) == PROPERTIES
    assert set(predictions.PredictionOut.model_fields) == {*PROPERTIES, "extrapolating", "unavailable"}
    assert set(predictions.DomainOut.model_fields) == {field.name for field in dataclasses.fields(Domain)}
