"""Prometheus metrics of one API process, in a registry of its own."""

from collections.abc import Iterator

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from models_store import jobs
from service.batcher import Batcher

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """What an API process counts."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.requests = prometheus.Counter(
            "nnpd_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.request_seconds = prometheus.Histogram(
            "nnpd_request_seconds",
            "Time to the end of the answer.",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.predicted_atoms = prometheus.Counter(
            "nnpd_predicted_atoms", "Atoms of structures that were predicted.", ("potential",), registry=self.registry
        )
        self.model_seconds = prometheus.Counter(
            "nnpd_model_seconds", "Time spent evaluating potentials.", ("potential",), registry=self.registry
        )
        self.structures_refused = prometheus.Counter(
            "nnpd_structures_refused", "Structures that could not be predicted.", ("code",), registry=self.registry
        )

    def count_jobs(self, sessions: sessionmaker[Session]) -> None:
        """Count the jobs of the registry by queue and state whenever the metrics are read."""
        self.registry.register(_Jobs(sessions))

    def watch(self, batcher: Batcher) -> None:
        """Read the batcher's state whenever the metrics are read."""
        waiting = prometheus.Gauge("nnpd_waiting_atoms", "Atoms waiting for prediction.", registry=self.registry)
        waiting.set_function(lambda: batcher.waiting_atoms)
        running = prometheus.Gauge("nnpd_batch_seconds", "Age of the running batch.", registry=self.registry)
        running.set_function(lambda: batcher.running_seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return prometheus.generate_latest(self.registry)


class _Jobs(Collector):
    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # so that registering does not read the database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("nnpd_jobs", "Jobs in the registry.", labels=("queue", "state"))
        try:
            with self._sessions() as session:
                for (queue, state), number in jobs.count_by_state(session).items():
                    family.add_metric((queue, state), number)
        except SQLAlchemyError:
            return  # the other metrics matter all the more while the database is away
        yield family
