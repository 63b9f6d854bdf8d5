import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from models_store import audit, errors, keys, tables


def test_a_key_is_shown_once_and_kept_as_a_hash(session: Session) -> None:
    row, key = keys.create(session, "anna", actor="root")
    assert key.startswith(row.prefix)
    stored = session.execute(sa.select(tables.ApiKey.__table__)).mappings().one()
    assert key not in [str(value) for value in stored.values()]
    found = keys.verify(session, key)
    assert found is not None
    assert found.name == "anna"
    assert keys.verify(session, key + "x") is None
    assert keys.verify(session, "") is None
    assert [event.action for event in audit.search(session)] == ["create_key"]


def test_a_revoked_key_opens_nothing(session: Session) -> None:
    _, key = keys.create(session, "anna")
    keys.revoke(session, "anna")
    keys.revoke(session, "anna")
    assert keys.verify(session, key) is None
    assert [row.name for row in keys.search(session)] == ["anna"]
    with pytest.raises(errors.Conflict):
        keys.create(session, "anna")
    with pytest.raises(errors.NotFound) as raised:
        keys.revoke(session, "ana")
    assert raised.value.close == ("anna",)


def test_audit_events_are_searched(session: Session) -> None:
    first = audit.record(session, "delete", "potential Si:1", actor="anna", reason="x")
    second = audit.record(session, "withdraw", "potential Si:2")
    assert [event.id for event in audit.search(session)] == [second.id, first.id]
    assert [event.id for event in audit.search(session, before=second.id)] == [first.id]
    assert audit.search(session, subject="potential Si:1")[0].detail == {"reason": "x"}
