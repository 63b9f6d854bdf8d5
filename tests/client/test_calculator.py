"""The ASE calculator: remote and local give the same bits, forces are the slope of the energy."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from nnp_client import Client, NNPCalculator, errors
from service import testing


@pytest.fixture
def http(shared_http: testing.TestClient) -> testing.TestClient:
    return shared_http


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNPD_CACHE", str(tmp_path / "cache"))


def test_remote_and_local_agree_bit_by_bit(client: Client, silicon: Atoms) -> None:
    remote = NNPCalculator("Si@production", client=client)
    local = NNPCalculator("Si@production", client=client, local=True, threads=1)
    results = []
    for calculator in (remote, local):
        silicon.calc = calculator
        results.append({"forces": silicon.get_forces(), "stress": silicon.get_stress(), **calculator.results})
    assert results[0].keys() == results[1].keys()
    for name, value in results[0].items():
        np.testing.assert_array_equal(value, results[1][name], err_msg=name)
    assert remote.version == local.version == "Si:1"


def test_uncertainties_stand_in_the_results(client: Client, silicon: Atoms) -> None:
    silicon.calc = NNPCalculator("Si:1", client=client)
    energy = silicon.get_potential_energy()
    results = silicon.calc.results
    assert results["free_energy"] == energy == pytest.approx(results["energies"].sum())
    assert results["energy_novelties"].shape == results["force_uncertainties"].shape == (8,)
    assert results["energy_uncertainty"] > 0
    assert results["extrapolating"] is False
    assert silicon.get_potential_energy(force_consistent=True) == energy


def test_forces_are_the_slope_of_the_energy(client: Client, silicon: Atoms) -> None:
    silicon.calc = NNPCalculator("Si:1", client=client, dtype="float64", properties=["energy", "forces"])
    forces = silicon.get_forces()
    step = 1e-4
    energies = []
    for sign in (1, -1):
        moved = silicon.copy()
        moved.calc = silicon.calc
        moved.positions[2, 1] += sign * step
        energies.append(moved.get_potential_energy())
    assert forces[2, 1] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_a_calculation_never_changes_its_version(
    tmp_path: Path, migrated: Path, si_files: dict[str, bytes], other_si_files: dict[str, bytes], silicon: Atoms
) -> None:
    with testing.serving(tmp_path / "home", migrated=migrated) as http:
        parts = testing.parts_of(http)
        testing.register(parts, "Si", si_files, alias="production")
        client = Client("http://testserver", http=http)
        silicon.calc = NNPCalculator("Si@production", client=client)
        first = silicon.get_potential_energy()
        testing.register(parts, "Si", other_si_files, alias="production")
        assert http.portal is not None
        http.portal.call(parts.pool.refresh)
        silicon.rattle(1e-9)
        assert silicon.get_potential_energy() == pytest.approx(first, abs=1e-6)
        assert silicon.calc.version == "Si:1"
        fresh = silicon.copy()
        fresh.calc = NNPCalculator("Si@production", client=client)
        assert fresh.get_potential_energy() != pytest.approx(first, abs=1e-6)
        assert fresh.calc.version == "Si:2"


def test_what_is_not_defined_is_not_returned(client: Client) -> None:
    cluster = Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2.3]])
    cluster.calc = NNPCalculator("Si:1", client=client)
    assert cluster.get_forces().shape == (2, 3)
    with pytest.raises(PropertyNotImplementedError):
        cluster.get_stress()


def test_a_refusal_reaches_the_simulation(client: Client, silicon: Atoms) -> None:
    silicon.numbers[0] = 8
    silicon.calc = NNPCalculator("Si:1", client=client)
    with pytest.raises(errors.InvalidError, match="O"):
        silicon.get_potential_energy()
