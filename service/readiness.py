"""Whether this process can do its work."""

import socket
import urllib.parse

import sqlalchemy

from models_store import database
from models_store import errors as store_errors
from nnp_client.wire.health import Readiness
from service import errors
from service.parts import Parts

BROKER_SECONDS = 2.0


def check_alive(parts: Parts) -> None:
    """Check that predictions go on.

    Raises:
        UnreadyError: One batch has been computing for too long.
    """
    if parts.batcher.running_seconds > parts.settings.stall_seconds:
        raise errors.UnreadyError(
            f"A batch has been computing for {parts.batcher.running_seconds:.0f} s.", advice="Restart this process."
        )


def check(parts: Parts) -> Readiness:
    """Reach for the database and the broker.

    Raises:
        UnreadyError: One of them does not answer, or the tables are not those of this program.
    """
    try:
        database.check_schema(parts.engine)
    except (store_errors.SetupError, sqlalchemy.exc.SQLAlchemyError) as error:
        advice = getattr(error, "advice", None)
        raise errors.UnreadyError(f"The database is not ready: {error}.", advice=advice) from error
    try:
        _reach_broker(parts)
    except Exception as error:
        # Each broker's library has its own exceptions.
        raise errors.UnreadyError(f"The broker does not answer: {error}.") from error
    check_alive(parts)
    return Readiness(status="ready", database=parts.engine.dialect.name, broker=parts.broker)


def _reach_broker(parts: Parts) -> None:
    address = urllib.parse.urlsplit(parts.celery.conf.broker_url or "")
    if address.hostname:
        socket.create_connection((address.hostname, address.port or 6379), timeout=BROKER_SECONDS).close()
    else:
        with parts.celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
