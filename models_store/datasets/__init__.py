"""Datasets: named, growing collections of frames, with immutable versions.

catalogue.py: datasets and versions as a whole; ingestion.py: frames into a version; selection.py: frames out of it;
derivation.py: versions from versions, and what differs between two; splits.py, earlier_splits.py and content.py: what
ingestion computes.
"""

from models_store.datasets.catalogue import (
    begin,
    create,
    delete,
    get,
    of_job,
    search,
    version,
    versions,
    withdraw,
)
from models_store.datasets.derivation import Comparison, Difference, compare, exclude
from models_store.datasets.ingestion import Ingested, ingest, reject
from models_store.datasets.selection import Filter, Member, count, frames, members
from models_store.labels import ensure_method as method
from models_store.labels import methods

__all__ = [
    "Comparison",
    "Difference",
    "Filter",
    "Ingested",
    "Member",
    "begin",
    "compare",
    "count",
    "create",
    "delete",
    "exclude",
    "frames",
    "get",
    "ingest",
    "members",
    "method",
    "methods",
    "of_job",
    "reject",
    "search",
    "version",
    "versions",
    "withdraw",
]
