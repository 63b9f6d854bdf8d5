"""Jobs: submit, follow, cancel, retry."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic

from nnp_client import downloads, watching
from nnp_client.calls import base
from nnp_client.wire import jobs as wire
from nnp_client.wire.paging import Page


class JobCalls(base.Calls):
    """The calls under /v1/jobs."""

    def train(
        self,
        potential: str,
        dataset_version: str,
        *,
        recipe: "Mapping[str, Any] | pydantic.BaseModel | None" = None,
        alias: str = "production",
    ) -> wire.JobOut:
        """Queue a training.

        Args:
            potential: Name of the potential.
            dataset_version: "si-pbe:2".
            recipe: Fields of nnp.core.recipe.Recipe that differ from the default, or a Recipe.
            alias: The alias whose present version the new one must not be worse than.

        Raises:
            InvalidError: The recipe cannot work; `field` names where.
            ClientError: See `nnp_client.errors`.
        """
        fields = {"kind": "train", "potential": potential, "dataset_version": dataset_version, "alias": alias}
        return self.submit(fields | {"recipe": _fields(recipe) or {}})

    def retrain(
        self,
        parent: str,
        dataset_version: str,
        *,
        potential: str | None = None,
        recipe: "Mapping[str, Any] | pydantic.BaseModel | None" = None,
        alias: str = "production",
    ) -> wire.JobOut:
        """Queue a training that starts from the weights of `parent`; recipe and name are the parent's if not given."""
        fields = {"kind": "retrain", "parent": parent, "dataset_version": dataset_version, "alias": alias}
        return self.submit(fields | {"potential": potential, "recipe": _fields(recipe)})

    def evaluate(
        self, version: str, dataset_version: str, *, split: str | None = "test", alias: str | None = None
    ) -> wire.JobOut:
        """Queue an evaluation; with `alias` the version goes through the gates again, against that alias."""
        fields = {"kind": "evaluate", "version": version, "dataset_version": dataset_version}
        return self.submit(fields | {"split": split, "alias": alias})

    def train_replicas(
        self,
        version: str,
        dataset_version: str,
        *,
        replicas: Sequence[Mapping[str, Any]] | None = None,
        replica_steps: int | None = None,
        replica_gain: float | None = None,
        alias: str = "production",
    ) -> wire.JobOut:
        """Queue the training of replicas for `version` on structures, which need no labels; makes a new version.

        Args:
            version: "Si:3" or "Si@production".
            dataset_version: "si-pbe:2".
            replicas: The networks, as in a recipe; None takes those of the version's recipe, or of the default one.
            replica_steps: Their optimiser steps; None as above.
            replica_gain: Factor on their initial weight spread; None as above.
            alias: The alias whose present version the new one must not be worse than.

        Raises:
            ClientError: See `nnp_client.errors`.
        """
        fields = {"kind": "replicas", "version": version, "dataset_version": dataset_version, "alias": alias}
        chosen = {"replicas": replicas, "replica_steps": replica_steps, "replica_gain": replica_gain}
        return self.submit(fields | chosen)

    def preview(
        self, dataset_version: str, *, recipe: "Mapping[str, Any] | pydantic.BaseModel | None" = None
    ) -> wire.JobOut:
        """Queue a look at what a recipe means on a data set; its files are `plot` (PNG) and `numbers` (JSON).

        The job's result holds `functions` (how many for each element), `types` (pairs and triples of elements: kept or
        not, with the reason) and `recipe`, in which only the kept ones have functions.

        Args:
            dataset_version: "si-pbe:2".
            recipe: A recipe as for `train`.

        Raises:
            InvalidError: The recipe cannot work; `field` names where.
            ClientError: See `nnp_client.errors`.
        """
        return self.submit({"kind": "preview", "dataset_version": dataset_version, "recipe": _fields(recipe) or {}})

    def select(
        self,
        dataset_version: str,
        *,
        recipe: "Mapping[str, Any] | pydantic.BaseModel | None" = None,
        selection: "Mapping[str, Any] | pydantic.BaseModel | None" = None,
    ) -> wire.JobOut:
        """Queue the choice of symmetry functions; the job's result holds `recipe` and `curve`, its file is `plot`.

        Args:
            dataset_version: "si-pbe:2".
            recipe: A recipe as for `train`; its symmetry functions are the pool to choose from.
            selection: Fields of nnp.core.selection.Selection that differ from the default, or a Selection.

        Raises:
            InvalidError: The recipe or the selection cannot work; `field` names where.
            ClientError: See `nnp_client.errors`.
        """
        chosen = {"recipe": _fields(recipe) or {}, "selection": _fields(selection) or {}}
        return self.submit({"kind": "select", "dataset_version": dataset_version, **chosen})

    def search(
        self,
        dataset_version: str,
        *,
        recipe: "Mapping[str, Any] | pydantic.BaseModel | None" = None,
        search: "Mapping[str, Any] | pydantic.BaseModel | None" = None,
    ) -> wire.JobOut:
        """Queue the search for a better recipe; the job's result holds `recipe` and `errors`, its file is `plot`.

        Args:
            dataset_version: "si-pbe:2".
            recipe: Where to start, as for `train`.
            search: Fields of nnp.core.search.Search that differ from the default, or a Search.

        Raises:
            InvalidError: The recipe or the search cannot work; `field` names where.
            ClientError: See `nnp_client.errors`.
        """
        chosen = {"recipe": _fields(recipe) or {}, "search": _fields(search) or {}}
        return self.submit({"kind": "search", "dataset_version": dataset_version, **chosen})

    def export(self, version: str, format: str) -> wire.JobOut:
        """Queue the writing of `version` in the files of "n2p2" or "simple-nn"; see `download_job_file`."""
        return self.submit({"kind": "export", "version": version, "format": format})

    def download_job_file(self, job_id: str, role: str, target: Path | str) -> Path:
        """Write a file that a finished job made, such as `export`, a tar archive, or `plot`, a picture."""
        return downloads.to_file(self._transport, f"/v1/jobs/{job_id}/files/{role}", Path(target), params={})

    def submit(self, request: Mapping[str, Any]) -> wire.JobOut:
        """Queue a job given as the fields of a request in `wire.jobs`; repeated safely when the connection breaks."""
        key = uuid.uuid4().hex
        return base.parse(
            wire.JobOut,
            self._transport.request("POST", "/v1/jobs", body=dict(request), headers={"Idempotency-Key": key}),
        )

    def jobs(self, *, kinds: Sequence[str] = (), states: Sequence[str] = (), limit: int = 50) -> list[wire.JobOut]:
        """The newest jobs."""
        params = {"kind": list(kinds) or None, "state": list(states) or None, "limit": limit}
        return base.parse(Page[wire.JobOut], self._transport.request("GET", "/v1/jobs", params=params)).items

    def job(self, job_id: str) -> wire.JobOut:
        """A job with its progress."""
        return base.parse(wire.JobOut, self._transport.request("GET", f"/v1/jobs/{job_id}"))

    def events(
        self, job_id: str, *, after: int = 0, kinds: Sequence[str] = (), wait_seconds: float = 0.0, limit: int = 1000
    ) -> wire.JobEvents:
        """What a job said after event number `after`; waits up to `wait_seconds` (at most 30) for something."""
        params = {"after": after, "kind": list(kinds) or None, "wait": wait_seconds or None, "limit": limit}
        found = self._transport.request("GET", f"/v1/jobs/{job_id}/events", params=params)
        return base.parse(wire.JobEvents, found)

    def watch(self, job_id: str, *, timeout_seconds: float | None = None) -> Iterator[wire.JobEvents]:
        """Follow a job to its end.

        Args:
            job_id: The job.
            timeout_seconds: Longest time to follow, in s; None to the end of the job.

        Yields:
            New events with the job's state and progress, as they come.

        Raises:
            TimedOutError: The job did not end in time.
            ClientError: See `nnp_client.errors`.
        """
        return watching.watch(self, job_id, timeout_seconds=timeout_seconds)

    def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> wire.JobOut:
        """Wait for a job to succeed.

        Raises:
            JobError: It failed or was cancelled.
            TimedOutError: It did not end in time.
        """
        for _ in self.watch(job_id, timeout_seconds=timeout_seconds):
            pass
        return watching.succeeded(self.job(job_id))

    def cancel(self, job_id: str) -> wire.JobOut:
        """Stop a job; a running one stops at its next step."""
        return base.parse(wire.JobOut, self._transport.request("POST", f"/v1/jobs/{job_id}/cancel"))

    def retry(self, job_id: str) -> wire.JobOut:
        """Queue a failed or cancelled job again; it goes on from its checkpoint."""
        return base.parse(wire.JobOut, self._transport.request("POST", f"/v1/jobs/{job_id}/retry"))


def _fields(recipe: "Mapping[str, Any] | pydantic.BaseModel | None") -> dict[str, Any] | None:
    if isinstance(recipe, pydantic.BaseModel):
        return recipe.model_dump(mode="json")
    return None if recipe is None else dict(recipe)
