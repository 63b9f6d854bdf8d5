"""The command nnp, against a service in this process."""

import json
from collections.abc import Callable
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms

from models_store import artifacts, jobs
from nnp.core.label import Frame
from nnp.core.recipe import Recipe
from nnp_client import Client
from nnp_client.cli import entry, exit_codes, following
from nnp_client.wire.jobs import JobProgress
from service import testing

Nnp = Callable[..., tuple[int, str]]


@pytest.fixture
def nnp(http: testing.TestClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nnp:
    """Run nnp with arguments; returns the exit code and everything printed."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str]:
        code = entry.run(arguments, open_client=lambda _: Client("http://testserver", http=http, patience_seconds=0.5))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def structures(tmp_path: Path, silicon: Atoms) -> Path:
    """A file with a good structure and one of another element."""
    stranger = ase.build.bulk("Ge", cubic=True)
    file = tmp_path / "two.extxyz"
    ase.io.write(file, [silicon, stranger])
    return file


def test_upload_without_waiting(nnp: Nnp, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "si.extxyz"
    ase.io.write(file, ase.build.bulk("Si"))
    code, printed = nnp("upload", str(file), "--name", "si-pbe", "--energy-key", "E", "--no-wait")
    assert code == 0
    assert "si-pbe:1" in printed
    (job,) = client.jobs()
    assert job.id in printed
    assert job.request["keys"] == {"energy": "E"}


def test_train_shows_the_job_and_watch_its_end(
    http: testing.TestClient,
    nnp: Nnp,
    frames: list[Frame],
    store_frames: Callable[[str, list[Frame]], str],
    tmp_path: Path,
) -> None:
    store_frames("si-pbe", frames)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("seed = 5\n[loss]\nforce = 2.0\n")
    code, printed = nnp("--json", "train", "Si", "si-pbe", "--recipe", str(recipe), "--set", "loss.energy=3")
    assert code == 0
    job = json.loads(printed)
    assert job["request"]["recipe"]["seed"] == 5
    assert job["request"]["recipe"]["loss"]["energy"] == 3.0
    with testing.parts_of(http).sessions() as session, session.begin():
        claim = jobs.claim(session, job["id"], worker="test", lease_seconds=60.0)
        assert claim is not None
        progress = {"stage": "committee", "epoch": 3, "epochs": 9, "metrics": {}, "seconds_left": 65.0}
        jobs.heartbeat(session, claim, lease_seconds=60.0, progress=progress)
        jobs.record(session, claim, [jobs.Entry(kind="log", data={"message": "a word from the job"})])
    assert "epoch 3/9  1:05 left" in nnp("jobs")[1]
    with testing.parts_of(http).sessions() as session, session.begin():
        jobs.fail(session, claim, code="training_diverged", message="it diverged in epoch 4", retryable=False)
    code, printed = nnp("watch", job["id"])
    assert code == exit_codes.JOB
    assert "a word from the job" in printed
    assert "it diverged in epoch 4" in printed
    assert nnp("retry", job["id"])[0] == 0
    assert "cancelled" in nnp("cancel", job["id"])[1]


def test_predict_prints_a_table_and_writes_a_file(
    http: testing.TestClient, nnp: Nnp, structures: Path, si_files: dict[str, bytes], silicon: Atoms
) -> None:
    testing.register(testing.parts_of(http), "Si", si_files, alias="production")
    target = structures.with_name("out.extxyz")
    code, printed = nnp("predict", str(structures), "-p", "Si@production", "-o", str(target))
    assert code == exit_codes.REFUSED
    assert "Si:1" in printed
    assert "Ge" in printed
    good, bad = ase.io.read(target, index=":")
    expected = Client("http://testserver", http=http).predict(silicon, potential="Si:1")
    np.testing.assert_allclose(good.get_forces(), expected.forces, atol=1e-7)
    assert good.info["potential"] == "Si:1"
    assert good.arrays["energy_novelties"].shape == (8,)
    assert "Ge" in bad.info["error"]
    code, printed = nnp("--json", "predict", str(structures), "-p", "Si:1", "--index", "0")
    assert code == 0
    assert json.loads(printed)["predictions"][0]["energy"] == pytest.approx(expected.energy, abs=1e-5)


def test_retrain_with_set_changes_the_recipe_of_the_parent(
    http: testing.TestClient,
    nnp: Nnp,
    si_files: dict[str, bytes],
    frames: list[Frame],
    store_frames: Callable[[str, list[Frame]], str],
) -> None:
    store_frames("si-pbe", frames)
    recipe = {**Recipe(cutoff=5.0).model_dump(mode="json"), "loss": {"energy": 7.0}}
    testing.register(testing.parts_of(http), "Si", si_files, recipe=recipe)
    code, printed = nnp("--json", "retrain", "Si:1", "si-pbe", "--set", "steps=9", "--set", "loss.force=2.0")
    assert code == 0, printed
    used = json.loads(printed)["request"]["recipe"]
    assert (used["cutoff"], used["steps"]) == (5.0, 9)
    assert (used["loss"]["energy"], used["loss"]["force"]) == (7.0, 2.0)


def test_promote_shows_the_gates_and_moves_the_alias(
    http: testing.TestClient, nnp: Nnp, si_files: dict[str, bytes]
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files)
    code, printed = nnp("promote", "Si:1")
    assert code == 0
    assert "passed  physics_contract: all hold" in printed
    assert "Si@production is Si:1 now" in printed
    testing.register(parts, "Si", si_files, gates=None)
    code, printed = nnp("promote", "Si:2")
    assert code == exit_codes.REFUSED
    assert "nnp evaluate Si:2" in printed


def test_limits_are_shown_and_accepted_by_name(http: testing.TestClient, nnp: Nnp, si_files: dict[str, bytes]) -> None:
    limits = [{"code": "hard_cutoff", "sentence": "The energy jumps at the cutoff."}]
    origin = {"format": "n2p2", "files": {"input.nn": "ab12"}, "units": "bohr,hartree"}
    testing.register(
        testing.parts_of(http),
        "Si",
        si_files,
        limits=limits,
        origin=origin,
        card={"import": {"origin": origin}, "dropped_functions": [["Si", f"G2 {number}"] for number in range(20)]},
    )
    assert "Si: G2 11 and 8 more" in " ".join(nnp("card", "Si:1")[1].split())
    for shown in (nnp("potentials", "Si:1"), nnp("card", "Si:1")):
        assert "hard_cutoff: The energy jumps" in shown[1]
        assert "n2p2 (bohr,hartree): input.nn" in shown[1]
        assert "ab12" not in shown[1]  # what the card says of the import is shown once, in words
        assert "RMSE" not in shown[1]  # nothing was measured
    code, printed = nnp("promote", "Si:1")
    assert code == exit_codes.REFUSED
    assert "nnp promote Si:1 --accept-limit hard_cutoff" in printed
    assert printed.count("The energy jumps at the cutoff.") == 1
    assert "Si@production is Si:1 now" in nnp("promote", "Si:1", "--accept-limit", "hard_cutoff")[1]


def test_a_preview_shows_counts_and_reasons_and_writes_its_plot(
    http: testing.TestClient,
    nnp: Nnp,
    frames: list[Frame],
    store_frames: Callable[[str, list[Frame]], str],
    tmp_path: Path,
) -> None:
    store_frames("si-pbe", frames)
    job = json.loads(nnp("--json", "preview", "si-pbe", "--set", "cutoff=5.0")[1])
    assert (job["kind"], job["request"]["recipe"]["cutoff"]) == ("preview", 5.0)
    told = {
        "kind": "radial",
        "elements": ["Si", "Si"],
        "kept": True,
        "per_atom": 4.0,
        "reason": "4.0 direct neighbours",
    }
    finish(http, job["id"], {"functions": {"Si": 113}, "types": [told], "recipe": {"seed": 4}})
    code, printed = nnp("watch", job["id"])
    assert code == 0
    assert "113" in printed
    assert "4.0 direct neighbours" in printed
    assert '"seed": 4' in nnp("recipe", job["id"], "--plot", str(tmp_path / "preview.png"))[1]
    assert (tmp_path / "preview.png").read_bytes() == b"a picture"


def test_the_errors_of_a_search_are_shown_with_their_intervals(
    http: testing.TestClient, nnp: Nnp, frames: list[Frame], store_frames: Callable[[str, list[Frame]], str]
) -> None:
    store_frames("si-pbe", frames)
    job = json.loads(nnp("--json", "search", "si-pbe", "--steps", "100")[1])
    force = {"mean": 0.125, "interval": [0.1, 0.15], "folds": [0.12, 0.13]}
    finish(http, job["id"], {"recipe": {"seed": 4}, "errors": {"given": {"force_rmse_ev_per_a": force}, "best": {}}})
    assert "0.125 (0.1 to 0.15)" in nnp("watch", job["id"])[1]


def test_a_stage_without_epochs_says_what_it_does() -> None:
    empty = dict.fromkeys(JobProgress.model_fields)
    progress = JobProgress(**{**empty, "metrics": {}, "stage": "contract", "message": "invariances"})
    assert following.detail(progress) == "invariances"
    assert following.detail(progress.model_copy(update={"epoch": 3, "epochs": 9})) == "epoch 3/9"


def finish(http: testing.TestClient, job_id: str, result: dict[str, object]) -> None:
    """End a job as a worker would, with a picture."""
    parts = testing.parts_of(http)
    with parts.sessions() as session, session.begin():
        stored = parts.store.put(b"a picture")
        artifacts.register(session, stored, "image/png")
        claim = jobs.claim(session, job_id, worker="test", lease_seconds=60.0)
        assert claim is not None
        jobs.keep(session, claim, {"plot": stored.sha256})
        jobs.succeed(session, claim, {**result, "files": {"plot": stored.sha256}})


def test_the_recipe_of_a_selection_is_written(
    http: testing.TestClient,
    nnp: Nnp,
    frames: list[Frame],
    store_frames: Callable[[str, list[Frame]], str],
    tmp_path: Path,
) -> None:
    store_frames("si-pbe", frames)
    code, printed = nnp("--json", "select", "si-pbe", "--method", "lasso", "--count", "2")
    job = json.loads(printed)
    assert (code, job["request"]["selection"]["method"]) == (0, "lasso")
    code, printed = nnp("recipe", job["id"])
    assert code == exit_codes.USAGE
    assert "has no recipe" in printed
    curve = [{"count": 2, "loss": 0.25, "random_loss": None}]
    finish(http, job["id"], {"recipe": {"seed": 4}, "curve": curve})
    assert "0.25" in nnp("watch", job["id"])[1]
    target, plot = tmp_path / "recipe.json", tmp_path / "curve.png"
    assert nnp("recipe", job["id"], "-o", str(target), "--plot", str(plot))[0] == 0
    assert json.loads(target.read_text()) == {"seed": 4}
    assert plot.read_bytes() == b"a picture"


def test_import_without_waiting(nnp: Nnp, client: Client, tmp_path: Path) -> None:
    assert "no file of a potential" in nnp("import", str(tmp_path), "--name", "Si")[1]
    (tmp_path / "potential_saved").write_text("ELEM_LIST Si")
    code, printed = nnp("import", str(tmp_path), "--name", "Si", "--units", "angstrom,ev", "--no-wait")
    assert code == 0
    (job,) = client.jobs()
    assert job.id in printed
    assert (job.kind, job.request["units"]) == ("import", "angstrom,ev")


def test_potentials_cards_and_downloads(
    http: testing.TestClient, nnp: Nnp, si_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNPD_CACHE", str(tmp_path / "cache"))
    testing.register(testing.parts_of(http), "Si", si_files, alias="production", card={"limits": "silicon only"})
    assert "production -> 1" in nnp("potentials")[1]
    assert "Si:1" in nnp("potentials", "Si")[1]
    assert "silicon only" in nnp("card", "Si@production")[1]
    target = tmp_path / "si.onnx"
    assert nnp("download", "Si@production", "-o", str(target), "--dtype", "float64")[0] == 0
    assert target.read_bytes() == si_files["float64"]
    code, printed = nnp("delete", "Si:1")
    assert code == exit_codes.REFUSED  # it was promoted once
    assert "withdraw it instead" in printed
    code, printed = nnp("withdraw", "Si:1", "--reason", "test")
    assert code == exit_codes.REFUSED  # an alias points at it
    assert "promote another version" in printed


def test_datasets_are_shown(
    nnp: Nnp, frames: list[Frame], store_frames: Callable[[str, list[Frame]], str], tmp_path: Path
) -> None:
    reference = store_frames("si-pbe", frames)
    assert "si-pbe:1" in nnp("datasets")[1]
    assert "warm 3" in nnp("datasets", reference)[1]
    assert "si-pbe:2" in nnp("exclude", reference, "--group", "warm", "--note", "why")[1]
    target = tmp_path / "down.extxyz"
    assert nnp("download", reference, "--dataset", "-o", str(target))[0] == 0
    assert len(ase.io.read(target, index=":")) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("card", "Si:1"), exit_codes.REFUSED, "there is no potential 'Si'"),
        (("promote", "Si"), exit_codes.USAGE, "write it as Si:3"),
        (("train", "Si", "si-pbe", "--set", "seed"), exit_codes.USAGE, "write it as field=value"),
        (("datasets", "no such"), exit_codes.REFUSED, ""),
        (("fly",), exit_codes.USAGE, "fly"),
    ],
)
def test_mistakes_are_one_sentence_and_an_exit_code(
    nnp: Nnp, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found, printed = nnp(*arguments)
    assert found == code
    assert sentence in printed
    assert "Traceback" not in printed


def test_a_service_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    code = entry.run(["jobs"], open_client=lambda _: Client("http://127.0.0.1:9", patience_seconds=0.0))
    assert code == exit_codes.UNREACHABLE
    assert "is the service running" in capsys.readouterr().err
