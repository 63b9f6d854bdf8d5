"""The job `import`: the files of another program's potential become a potential version."""

from nnp.core.recipe import Recipe
from worker import foreign
from worker.work import Publish, Work


def run(work: Work) -> Publish:
    """Read the uploaded files, export and check the potential, train replicas if asked for.

    Raises:
        ForeignError: the files cannot be used; it names file and line.
        ContractError: the potential is not consistent.
    """
    payload = work.payload
    dataset_version = payload["dataset_version"]
    wanted = None if dataset_version is None else Recipe()
    return foreign.make(work, foreign.Source.of(payload), dataset_version=dataset_version, wanted=wanted)
