"""`nnpd keys`: API keys, made on the machine of the service."""

from collections.abc import Iterator

from models_store import database, keys
from nnpd.installation import Installation


def create(installation: Installation, name: str) -> str:
    """The key, which is shown this once and not stored.

    Raises:
        Conflict: the name is taken.
    """
    with _sessions(installation).begin() as session:
        return keys.create(session, name)[1]


def listed(installation: Installation) -> Iterator[str]:
    """A line per key."""
    with _sessions(installation)() as session:
        for row in keys.search(session):
            state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else "valid"
            yield f"{row.name:24} {row.prefix}...  made {row.created_at:%Y-%m-%d}  {state}"


def revoke(installation: Installation, name: str) -> None:
    """End a key.

    Raises:
        NotFound: there is no key of this name.
    """
    with _sessions(installation).begin() as session:
        keys.revoke(session, name)


def _sessions(installation: Installation) -> database.sessionmaker[database.Session]:
    engine = database.create_engine(installation.database_url)
    database.check_schema(engine)
    return database.session_factory(engine)
