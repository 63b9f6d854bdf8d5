"""A job request becomes a job row: what it names is looked up first, so that mistakes are told at once."""

from typing import Any

from sqlalchemy.orm import Session

from models_store import datasets, jobs, potentials
from models_store import errors as store_errors
from models_store.tables import DatasetState, DatasetVersion, Job, PotentialState, PotentialVersion
from nnp.core.recipe import Recipe
from nnp_client.wire import jobs as wire
from service import errors


def submit(
    session: Session,
    request: wire.AnyRequest,
    *,
    idempotency_key: str | None,
    actor: str | None,
) -> Job:
    """Queue a job.

    Raises:
        NotFound: A name in the request names nothing.
        Conflict: A version in the request is not ready, or withdrawn.
        FieldError: The parent has no recipe and the request has none either.
    """
    match request:
        case wire.TrainRequest():
            payload = _train(session, request)
        case wire.RetrainRequest():
            payload = _retrain(session, request)
        case wire.EvaluateRequest():
            payload = _evaluate(session, request)
        case wire.ReplicasRequest():
            payload = _replicas(session, request)
        case wire.ExportRequest():
            payload = {"version": usable(session, request.version).reference, "format": request.format}
        case wire.PreviewRequest():
            payload = _on_data(session, request)
        case wire.SelectRequest():
            payload = _on_data(session, request) | {"selection": request.selection.model_dump(mode="json")}
        case wire.SearchRequest():
            payload = _on_data(session, request) | {"search": request.search.model_dump(mode="json")}
    return jobs.submit(session, request.kind, payload, idempotency_key=idempotency_key, actor=actor)


def _train(session: Session, request: wire.TrainRequest) -> dict[str, Any]:
    dataset = ready(session, request.dataset_version)
    recipe = _pinned(session, request.recipe.model_dump(mode="json"))
    _check_names(recipe, dataset)
    return {
        "potential": request.potential,
        "dataset_version": dataset.reference,
        "recipe": recipe,
        "alias": request.alias,
    }


def _retrain(session: Session, request: wire.RetrainRequest) -> dict[str, Any]:
    parent = usable(session, request.parent)
    recipe = parent.recipe if request.recipe is None else _pinned(session, request.recipe.model_dump(mode="json"))
    if recipe is None and parent.origin is not None:
        recipe = Recipe().model_dump(mode="json")  # an import has none, and keeps its own networks and cutoff
    if recipe is None:
        raise errors.FieldError(f"recipe: {parent.reference} was not trained here and has none", field="recipe")
    dataset = ready(session, request.dataset_version)
    if request.recipe is not None:
        _check_names(recipe, dataset)
        _check_inherited(recipe, parent)
    return {
        "potential": request.potential or parent.potential.name,
        "parent": parent.reference,
        "dataset_version": dataset.reference,
        "recipe": recipe,
        "alias": request.alias,
    }


def _evaluate(session: Session, request: wire.EvaluateRequest) -> dict[str, Any]:
    return {
        "version": usable(session, request.version).reference,
        "dataset_version": ready(session, request.dataset_version).reference,
        "split": request.split,
        "alias": request.alias,
    }


def _replicas(session: Session, request: wire.ReplicasRequest) -> dict[str, Any]:
    parent = usable(session, request.version)
    if parent.recipe is None and parent.origin is None:
        raise errors.FieldError(f"version: {parent.reference} was neither trained here nor imported", field="version")
    if parent.recipe is not None and not (parent.recipe.get("replicas") or request.replicas):
        raise errors.FieldError(
            f"replicas: the recipe of {parent.reference} has none", advice="Name the networks.", field="replicas"
        )
    chosen = request.model_dump(mode="json", exclude={"kind", "version", "dataset_version"})
    return {
        "potential": parent.potential.name,
        "parent": parent.reference,
        "dataset_version": ready(session, request.dataset_version).reference,
        **chosen,
    }


def _pinned(session: Session, recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with the potentials of its baseline by version, also where it names an alias."""
    for number, term in enumerate(recipe["baseline"] or []):
        if term["kind"] != "potential":
            continue
        field = f"recipe.baseline.{number}.name"
        try:
            version = usable(session, term["name"])
        except store_errors.StoreError as error:
            raise errors.FieldError(f"{field}: {error}", advice=error.advice, field=field) from error
        if "checkpoint" not in version.artifact_hashes:
            raise errors.FieldError(f"{field}: {version.reference} has no checkpoint", field=field)
        term["name"] = version.reference
    return recipe


def _on_data(
    session: Session, request: wire.PreviewRequest | wire.SelectRequest | wire.SearchRequest
) -> dict[str, Any]:
    dataset = ready(session, request.dataset_version)
    recipe = _pinned(session, request.recipe.model_dump(mode="json"))
    _check_names(recipe, dataset)
    return {"dataset_version": dataset.reference, "recipe": recipe}


def _check_names(recipe: dict[str, Any], dataset: DatasetVersion) -> None:
    """A group or an element that the data set does not have is a misspelt one."""
    found = dataset.statistics or {}
    for word, known, fields in (
        ("group", set(found.get("groups", {})), ("exclude_groups", "group_weights")),
        ("element", set(found.get("elements", ())), ("centres", "without")),
    ):
        for field in fields:
            unknown = sorted(set(recipe[field] or ()) - known)
            if unknown:
                raise errors.FieldError(
                    f"recipe.{field}: {dataset.reference} has no {word} {', '.join(unknown)}",
                    advice=f"Its {word}s: {', '.join(sorted(known - {''})) or 'none'}.",
                    field=f"recipe.{field}",
                )


def _check_inherited(recipe: dict[str, Any], parent: PotentialVersion) -> None:
    """A warm start continues the parent's networks, so what shapes them is the parent's."""
    for field in ("committee", "cutoff", "centres", "without"):
        if parent.recipe is not None and field in parent.recipe and recipe[field] != parent.recipe[field]:
            raise errors.FieldError(
                f"recipe.{field}: a warm start needs that of {parent.reference}",
                advice="Leave the recipe out to take the parent's, or train instead of retrain.",
                field=f"recipe.{field}",
            )


def ready(session: Session, reference: str) -> DatasetVersion:
    """The dataset version, if a job may use it.

    Raises:
        NotFound: There is none.
        Conflict: It is not ready, or withdrawn.
    """
    version = datasets.version(session, reference)
    if version.state == DatasetState.WITHDRAWN:
        raise store_errors.Withdrawn(f"{version.reference} was withdrawn: {version.reason}")
    if version.state != DatasetState.READY:
        raise store_errors.Conflict(
            f"{version.reference} is {version.state.value}, not ready",
            advice="wait for its job, or name another version",
        )
    return version


def usable(session: Session, reference: str) -> PotentialVersion:
    """The potential version, if a job may use it.

    Raises:
        NotFound: There is none.
        Withdrawn: It was withdrawn.
    """
    version = potentials.resolve(session, reference)
    if version.state == PotentialState.WITHDRAWN:
        raise store_errors.Withdrawn(f"{version.reference} was withdrawn: {version.reason}")
    return version
