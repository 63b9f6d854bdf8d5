"""API keys: made once, shown once, kept as hashes."""

import hashlib
import secrets
from collections.abc import Sequence

from sqlalchemy import exc, select
from sqlalchemy.orm import Session

from models_store import audit, errors, names
from models_store.tables import ApiKey, now

PREFIX = "nnpd_"
SHOWN = 12
"""How many characters of a key are kept to recognise it by."""


def create(session: Session, name: str, *, actor: str | None = None) -> tuple[ApiKey, str]:
    """A new key: its row, and the key itself, which is not stored.

    Raises:
        InvalidName: the name is not one.
        Conflict: the name is taken.
    """
    # 256 random bits: a plain hash is enough, there is nothing to guess.
    key = PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(name=names.check(name), prefix=key[:SHOWN], key_hash=_hash(key))
    try:
        with session.begin_nested():
            session.add(row)
    except exc.IntegrityError:
        raise errors.Conflict(f"there is an API key named {name!r}", advice="revoked keys keep their names") from None
    audit.record(session, "create_key", f"key {name}", actor=actor)
    return row, key


def verify(session: Session, key: str) -> ApiKey | None:
    """The row of a key that is valid now; None for any other text."""
    row = session.scalars(select(ApiKey).where(ApiKey.key_hash == _hash(key))).first()
    return row if row is not None and row.revoked_at is None else None


def revoke(session: Session, name: str, *, actor: str | None = None) -> ApiKey:
    """End a key for good.

    Raises:
        NotFound: there is no key of this name.
    """
    row = session.scalars(select(ApiKey).where(ApiKey.name == name)).first()
    if row is None:
        known = session.scalars(select(ApiKey.name)).all()
        raise errors.NotFound("API key", name, close=names.close(name, known))
    if row.revoked_at is None:
        row.revoked_at = now()
        audit.record(session, "revoke_key", f"key {name}", actor=actor)
    return row


def search(session: Session) -> Sequence[ApiKey]:
    """All keys, the oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
