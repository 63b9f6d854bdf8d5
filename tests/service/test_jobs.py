"""/v1/jobs, with a worker's part played through the registry."""

import threading
from collections.abc import Callable

import pytest

from models_store import aliases, artifacts, jobs, potentials
from nnp.core.label import Frame
from nnp_client import errors
from nnp_client.client import Client
from nnp_client.wire.jobs import EventKind, JobOut, JobState
from service import testing


@pytest.fixture
def dataset(frames: list[Frame], store_frames: Callable[[str, list[Frame]], str]) -> str:
    return store_frames("si-pbe", frames)


@pytest.fixture
def queued(client: Client, dataset: str) -> JobOut:
    return client.train("Si", dataset, recipe={"seed": 3})


def claimed(http: testing.TestClient, job: JobOut) -> jobs.Claim:
    with testing.parts_of(http).sessions() as session, session.begin():
        claim = jobs.claim(session, job.id, worker="test", lease_seconds=60.0)
    assert claim is not None
    return claim


def said(http: testing.TestClient, claim: jobs.Claim, *entries: jobs.Entry) -> None:
    with testing.parts_of(http).sessions() as session, session.begin():
        jobs.record(session, claim, entries)


def test_whoever_got_202_finds_the_job(client: Client, queued: JobOut, dataset: str) -> None:
    found = client.job(queued.id)
    assert (found.state, found.kind, found.queue) == (JobState.QUEUED, "train", "train")
    assert found.request["dataset_version"] == dataset
    assert found.request["recipe"]["seed"] == 3
    assert found.request["recipe"]["cutoff"] == 6.0  # defaults are written out: the recipe is all there is


def test_a_dataset_without_number_means_the_newest(client: Client, dataset: str) -> None:
    assert client.train("Si", "si-pbe").request["dataset_version"] == dataset


@pytest.mark.parametrize(
    ("recipe", "field"),
    [
        ({"cutoff": 0}, "recipe.cutoff"),
        ({"replicas": []}, "recipe.replicas"),
        ({"committee": [{"hidden": [8], "activation": "sine"}]}, "recipe.committee.0.activation"),
        ({"test_fraction": 1.0}, "recipe.test_fraction"),
        ({"learning_rat": 1}, "recipe.learning_rat"),
        ({"symmetry_functions": {"kind": "power_spectrum", "l_max": 99}}, "recipe.symmetry_functions.l_max"),
        ({"exclude_groups": ["wram"]}, "recipe.exclude_groups"),
        ({"group_weights": {"wram": 2}}, "recipe.group_weights"),
    ],
)
def test_recipes_that_cannot_work_name_the_field(client: Client, dataset: str, recipe: object, field: str) -> None:
    with pytest.raises(errors.InvalidError) as refused:
        client.submit({"kind": "train", "potential": "Si", "dataset_version": dataset, "recipe": recipe})
    assert (refused.value.status, refused.value.field) == (422, field)


def test_unknown_names_are_told_before_anything_is_queued(client: Client, dataset: str) -> None:
    with pytest.raises(errors.NotFoundError, match="si-pbe"):
        client.train("Si", "si-pb:1")
    with pytest.raises(errors.NotFoundError):
        client.retrain("Si:1", dataset)
    with pytest.raises(errors.NotFoundError):
        client.evaluate("Si@production", dataset)
    assert client.jobs() == []


def test_retrain_takes_name_and_recipe_of_its_parent(
    http: testing.TestClient, client: Client, dataset: str, si_files: dict[str, bytes]
) -> None:
    testing.register(testing.parts_of(http), "Si", si_files, alias="production", recipe={"version": 1, "seed": 7})
    job = client.retrain("Si@production", dataset)
    assert (job.request["parent"], job.request["potential"]) == ("Si:1", "Si")
    assert job.request["recipe"] == {"version": 1, "seed": 7}


def test_retrain_refuses_other_networks_than_the_parents(
    http: testing.TestClient, client: Client, dataset: str, si_files: dict[str, bytes]
) -> None:
    recipe = client.train("Si", dataset).request["recipe"]
    testing.register(testing.parts_of(http), "Si", si_files, recipe=recipe)
    for told in ({"cutoff": 5.0}, {"centres": ["Si"]}, {"without": ["Si"]}):
        with pytest.raises(errors.InvalidError) as refused:
            client.retrain("Si:1", dataset, recipe=told)
        assert refused.value.field == f"recipe.{next(iter(told))}"
    assert client.retrain("Si:1", dataset, recipe={"seed": 9}).request["recipe"]["seed"] == 9


def test_a_preview_is_a_job_with_a_recipe(client: Client, dataset: str) -> None:
    job = client.preview(dataset, recipe={"cutoff": 5.0})
    assert (job.kind, job.queue, job.request["recipe"]["cutoff"]) == ("preview", "train", 5.0)
    with pytest.raises(errors.InvalidError) as refused:
        client.preview(dataset, recipe={"exclude_groups": ["nowhere"]})
    assert refused.value.field == "recipe.exclude_groups"
    with pytest.raises(errors.InvalidError, match=r"has no element Fe\. Its elements: Si") as refused:
        client.preview(dataset, recipe={"centres": ["Si", "Fe"]})
    assert refused.value.field == "recipe.centres"


def test_a_selection_is_a_job_with_recipe_and_method(client: Client, dataset: str) -> None:
    job = client.select(dataset, recipe={"seed": 3}, selection={"method": "lasso", "count": 20})
    assert (job.kind, job.queue) == ("select", "train")
    assert (job.request["recipe"]["seed"], job.request["selection"]["count"]) == (3, 20)
    assert job.request["selection"]["folds"] == 4  # defaults are written out
    with pytest.raises(errors.InvalidError) as refused:
        client.select(dataset, selection={"method": "guess"})
    assert refused.value.field == "selection.method"


def test_a_search_is_a_job_with_recipe_and_budget(client: Client, dataset: str) -> None:
    job = client.search(dataset, recipe={"seed": 3}, search={"steps": 100, "vary": ["cutoff"]})
    assert (job.kind, job.queue) == ("search", "train")
    assert (job.request["recipe"]["seed"], job.request["search"]["steps"]) == (3, 100)
    with pytest.raises(errors.InvalidError) as refused:
        client.search(dataset, search={"steps": 0})
    assert refused.value.field == "search.steps"


def test_a_submission_repeated_with_its_key_is_one_job(http: testing.TestClient, dataset: str) -> None:
    body = {"kind": "train", "potential": "Si", "dataset_version": dataset}
    answers = [http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    other = http.post("/v1/jobs", json=body | {"potential": "Other"}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 409


def test_jobs_are_filtered_and_paged(http: testing.TestClient, client: Client, dataset: str) -> None:
    made = [client.train("Si", dataset).id for _ in range(3)]
    client.cancel(made[0])
    assert [job.id for job in client.jobs(states=["queued"])] == made[:0:-1]
    assert client.jobs(kinds=["ingest"]) == []
    first = http.get("/v1/jobs", params={"limit": 2}).json()
    second = http.get("/v1/jobs", params={"limit": 2, "after": first["next"]}).json()
    assert [job["id"] for job in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None


def test_events_are_read_from_where_one_stopped(http: testing.TestClient, client: Client, queued: JobOut) -> None:
    claim = claimed(http, queued)
    said(http, claim, jobs.Entry(kind="log", data={"level": "info", "message": "hello"}))
    first = client.events(queued.id)
    assert first.events[-1].data == {"level": "info", "message": "hello"}
    assert client.events(queued.id, after=first.last).events == []
    said(http, claim, jobs.Entry(kind="metrics", data={"epoch": 1, "metrics": {"force_rmse_ev_per_a": 0.2}}))
    second = client.events(queued.id, after=first.last, kinds=["metrics"])
    assert [event.kind for event in second.events] == [EventKind.METRICS]
    assert second.last > first.last


def test_a_waiting_reader_gets_what_comes(http: testing.TestClient, client: Client, queued: JobOut) -> None:
    claim = claimed(http, queued)
    seen = client.events(queued.id).last
    found: list[object] = []
    reader = threading.Thread(
        target=lambda: found.append(client.events(queued.id, after=seen, wait_seconds=30).events[0].data)
    )
    reader.start()
    said(http, claim, jobs.Entry(kind="log", data={"message": "late"}))
    reader.join(30)
    assert found == [{"message": "late"}]


def test_watch_follows_to_the_end(http: testing.TestClient, client: Client, queued: JobOut) -> None:
    claim = claimed(http, queued)
    progress = {"stage": "committee", "epoch": 2, "epochs": 10, "metrics": {"force_rmse_ev_per_a": 0.3}, "more": 1}
    with testing.parts_of(http).sessions() as session, session.begin():
        jobs.heartbeat(session, claim, lease_seconds=60.0, progress=progress)
        jobs.record(session, claim, [jobs.Entry(kind="progress", data=progress)])
        jobs.succeed(session, claim, {"potential_version": "Si:1"})
    pages = list(client.watch(queued.id))
    assert pages[-1].state == JobState.SUCCEEDED
    assert pages[-1].progress is not None
    assert (pages[-1].progress.epoch, pages[-1].progress.seconds_left) == (2, None)
    assert client.wait(queued.id).result == {"potential_version": "Si:1"}


def test_waiting_for_a_job_that_fails_says_why(http: testing.TestClient, client: Client, queued: JobOut) -> None:
    claim = claimed(http, queued)
    with testing.parts_of(http).sessions() as session, session.begin():
        detail = {"epoch": 4}
        jobs.fail(session, claim, code="training_diverged", message="it did", retryable=False, detail=detail)
    with pytest.raises(errors.JobError, match="it did"):
        client.wait(queued.id)
    failure = client.job(queued.id).error
    assert failure is not None
    assert (failure.code, failure.detail) == ("training_diverged", {"epoch": 4})
    assert client.retry(queued.id).state == JobState.QUEUED
    with pytest.raises(errors.ConflictError):
        client.retry(queued.id)


def test_a_watcher_does_not_wait_for_ever(client: Client, queued: JobOut) -> None:
    with pytest.raises(errors.TimedOutError, match="queued"):
        client.wait(queued.id, timeout_seconds=0.0)


def test_cancelling_a_running_job_asks_its_worker(http: testing.TestClient, client: Client, queued: JobOut) -> None:
    claim = claimed(http, queued)
    assert client.cancel(queued.id).cancel_requested
    with testing.parts_of(http).sessions() as session, session.begin():
        assert jobs.heartbeat(session, claim, lease_seconds=60.0).cancel_requested


def test_a_job_that_is_not_there(client: Client) -> None:
    with pytest.raises(errors.NotFoundError):
        client.job("nothing")
    with pytest.raises(errors.NotFoundError):
        client.events("nothing", wait_seconds=5)


def test_potentials_of_a_baseline_are_pinned_to_versions(
    http: testing.TestClient, client: Client, dataset: str, si_files: dict[str, bytes]
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files, alias="production")
    baseline = {"baseline": [{"kind": "potential", "name": "Si@production"}]}
    for name, reason in (("Si@production", "Si:1 has no checkpoint"), ("Ge:1", "there is no potential 'Ge'")):
        with pytest.raises(errors.InvalidError, match=reason) as refused:
            client.train("Si", dataset, recipe={"baseline": [{"kind": "potential", "name": name}]})
        assert refused.value.field == "recipe.baseline.0.name"
    with parts.sessions() as session, session.begin():
        stored = parts.store.put(b"weights")
        artifacts.register(session, stored)
        version = potentials.register(
            session, "Si", manifest={}, elements=["Si"], artifacts={"checkpoint": stored.sha256}
        )
        aliases.promote(session, "Si", "production", version.number)
    assert client.train("Si", dataset, recipe=baseline).request["recipe"]["baseline"][0]["name"] == "Si:2"
    for ask in (client.preview, client.select, client.search):
        job = ask(dataset, recipe=baseline)
        assert job.request["recipe"]["baseline"][0]["name"] == "Si:2"
