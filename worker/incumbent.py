"""The version that an alias points at now, judged on the frames that a candidate is judged on."""

from collections.abc import Sequence

from models_store import potentials
from models_store.errors import NotFound, StoreError
from models_store.tables import PotentialVersion
from nnp.core import metrics
from nnp.core.errors import NnpError
from nnp.core.label import Frame
from worker import evaluation
from worker.gates import Incumbent
from worker.work import Work


def judge(work: Work, name: str, alias: str, test: Sequence[Frame], *, but: int | None = None) -> Incumbent | None:
    """Errors of the version at `name`@`alias` on `test`; None if there is none, or if its row id is `but`."""
    version = lookup(work, name, alias)
    if version is None or version.id == but:
        return None
    try:
        potential = evaluation.load(work.workplace.artifacts, version, threads=work.workplace.threads)
        predictions = evaluation.predict(work, potential, test)
    except (NnpError, StoreError) as error:
        # An incumbent that cannot even be evaluated on these frames does not stand in anybody's way.
        return Incumbent(reference=version.reference, errors=None, reason=str(error))
    return Incumbent(reference=version.reference, errors=metrics.errors(test, predictions))


def lookup(work: Work, name: str, alias: str) -> PotentialVersion | None:
    """The version at `name`@`alias`, if there is one."""
    with work.workplace.reading() as session:
        try:
            return potentials.resolve(session, f"{name}@{alias}")
        except NotFound:
            return None
