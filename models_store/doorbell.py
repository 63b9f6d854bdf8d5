"""The doorbell: one Celery message with a job id, sent after the job's row was committed; losing it costs only time."""

import logging
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Exchange, Queue

TASK = "worker.tasks.run_job"
"""Name of the only task there is; its one argument is a job id."""

QUEUES = ("default", "train")
"""One queue per kind of resource: a training must not make an upload wait."""

logger = logging.getLogger(__name__)


class Doorbell:
    """Tells the workers of a queue that a job waits in the registry."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, job_id: str, queue: str) -> bool:
        """Send the message; False, with a warning in the log, if the broker refuses it: the reconciler rings again."""
        try:
            self._app.send_task(TASK, (job_id,), queue=queue, retry=False, ignore_result=True)
        except Exception as error:
            # Whatever goes wrong in a broker (its library, the network, a full disk) must not undo a committed job.
            logger.warning("the doorbell did not ring", extra={"job_id": job_id, "queue": queue, "reason": str(error)})
            return False
        return True

    def waiting(self, queue: str) -> int:
        """How many messages lie in the broker for `queue`, not counting those a worker already took."""
        with self._app.connection_for_read() as connection, connection.channel() as channel:
            try:
                return int(channel.queue_declare(queue, passive=True).message_count)
            except connection.channel_errors:
                return 0  # Redis forgets an empty queue


def create_celery(broker_url: str, broker_folder: Path) -> Celery:
    """The Celery application of every process that rings or answers.

    Args:
        broker_url: `filesystem://` (folders under `broker_folder`) or `redis://host:port/db`.
        broker_folder: folder of the filesystem broker; unused on Redis.
    """
    app = Celery("nnpd", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_transport_options=_transport_options(broker_url, broker_folder),
        broker_transport=_transport(broker_url),
        broker_connection_timeout=4,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_queues=[Queue(name, Exchange(name, type="direct"), routing_key=name) for name in QUEUES],
        task_default_queue="default",
        task_create_missing_queues=False,
        task_ignore_result=True,
        # Acknowledged on receipt: the row is the truth, so a redelivered message could only start work twice.
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=broker_url.startswith("redis"),
        # Cancelling goes through the row; remote control would only add fan-out queues to lose connections on.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


def _transport(broker_url: str) -> str | None:
    return "models_store.mailbox.Transport" if broker_url.startswith("filesystem") else None


def _transport_options(broker_url: str, broker_folder: Path) -> dict[str, Any]:
    if broker_url.startswith("filesystem"):
        messages = str(broker_folder / "messages")
        return {
            "data_folder_in": messages,
            "data_folder_out": messages,
            "control_folder": str(broker_folder / "control"),
            "polling_interval": 0.1,
        }
    # A message a busy worker took ahead of time goes to another worker after visibility_timeout.
    return {
        "visibility_timeout": 300,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_timeout": 30,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
    }
