"""Versions are immutable by constraint: triggers refuse what no code may do, whoever holds the connection.

A later migration that rebuilds one of these tables on SQLite (batch mode) drops its triggers and
must create them again.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEVER_UPDATED = (
    "structures",
    "methods",
    "labels",
    "artifacts",
    "dataset_members",
    "potential_artifacts",
    "job_artifacts",
    "job_events",
    "alias_history",
    "audit_events",
)
NEVER_DELETED = ("alias_history", "audit_events")

# table: (condition on OLD under which the columns are frozen, the columns)
FROZEN = {
    "dataset_versions": (
        "OLD.state <> 'ingesting'",
        "id dataset_id number parent_id job_id source_sha256 content_hash elements statistics rejections note"
        " created_by created_at frozen_at",
    ),
    "potential_versions": (
        "TRUE",
        "id potential_id number elements manifest metrics card job_id recipe recipe_hash dataset_version_id"
        " parent_id code_version package_versions created_by created_at",
    ),
    "jobs": ("TRUE", "id kind parent_id payload idempotency_key created_by created_at"),
    "datasets": ("TRUE", "id name created_at"),
    "potentials": ("TRUE", "id name created_at"),
}

# table: the changes of state that are refused
STATES = {
    "dataset_versions": (
        "OLD.state <> 'ingesting' AND NEW.state <> OLD.state AND NOT (OLD.state = 'ready' AND NEW.state = 'withdrawn')"
    ),
    "potential_versions": "NEW.state <> OLD.state AND NOT (OLD.state = 'available' AND NEW.state = 'withdrawn')",
}

COUNTERS = ("datasets", "potentials")

# table: who may refer to a row that is to be deleted. PostgreSQL's foreign keys always hold; SQLite's only where a
# connection switches them on, and a shell does not.
REFERRERS = {
    "dataset_versions": (
        "EXISTS (SELECT 1 FROM potential_versions WHERE dataset_version_id = OLD.id)"
        " OR EXISTS (SELECT 1 FROM dataset_versions WHERE parent_id = OLD.id)"
    ),
    "potential_versions": (
        "EXISTS (SELECT 1 FROM aliases WHERE version_id = OLD.id)"
        " OR EXISTS (SELECT 1 FROM alias_history WHERE version_id = OLD.id OR previous_id = OLD.id)"
        " OR EXISTS (SELECT 1 FROM potential_versions WHERE parent_id = OLD.id)"
    ),
    "artifacts": (
        "EXISTS (SELECT 1 FROM potential_artifacts WHERE sha256 = OLD.sha256)"
        " OR EXISTS (SELECT 1 FROM job_artifacts WHERE sha256 = OLD.sha256)"
        " OR EXISTS (SELECT 1 FROM dataset_versions WHERE source_sha256 = OLD.sha256)"
    ),
    "labels": "EXISTS (SELECT 1 FROM dataset_members WHERE label_id = OLD.id)",
    "structures": (
        "EXISTS (SELECT 1 FROM dataset_members WHERE structure_id = OLD.id)"
        " OR EXISTS (SELECT 1 FROM labels WHERE structure_id = OLD.id)"
    ),
}

# table: (event, condition): rows that belong to a version that is no longer being made. A row whose version is gone is
# being deleted with it.
OWNED = {
    "dataset_members_added": (
        "INSERT ON dataset_members",
        "EXISTS (SELECT 1 FROM dataset_versions WHERE id = NEW.version_id AND state <> 'ingesting')",
    ),
    "dataset_members_removed": (
        "DELETE ON dataset_members",
        "EXISTS (SELECT 1 FROM dataset_versions WHERE id = OLD.version_id AND state <> 'ingesting')",
    ),
    "potential_artifacts_removed": (
        "DELETE ON potential_artifacts",
        "EXISTS (SELECT 1 FROM potential_versions WHERE id = OLD.version_id)",
    ),
}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in NEVER_UPDATED:
        _refuse(f"{table}_update", f"UPDATE ON {table}", None, f"immutable: rows of {table} never change")
    for table in NEVER_DELETED:
        _refuse(f"{table}_delete", f"DELETE ON {table}", None, f"immutable: rows of {table} are never deleted")
    for table, (when, columns) in FROZEN.items():
        differs = "IS NOT" if sqlite else "IS DISTINCT FROM"
        changed = " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns.split())
        message = f"immutable: these columns of {table} never change"
        _refuse(f"{table}_frozen", f"UPDATE ON {table}", f"({when}) AND ({changed})", message)
    for table, condition in STATES.items():
        message = "immutable: a version can only be withdrawn, once and for good"
        _refuse(f"{table}_state", f"UPDATE ON {table}", condition, message)
    for table in COUNTERS:
        message = "immutable: numbers of versions are given out once"
        _refuse(f"{table}_counter", f"UPDATE ON {table}", "NEW.last_number < OLD.last_number", message)
    for name, (event, condition) in OWNED.items():
        _refuse(name, event, condition, "immutable: a version keeps its rows", queries=True)
    if sqlite:
        for table, condition in REFERRERS.items():
            message = f"immutable: something refers to this row of {table}"
            _refuse(f"{table}_referred", f"DELETE ON {table}", condition, message)


def _refuse(name: str, event: str, condition: str | None, message: str, queries: bool = False) -> None:
    """A trigger that refuses `event` where `condition` holds; `queries`: the condition reads other tables."""
    if op.get_bind().dialect.name == "sqlite":
        when = f"WHEN {condition}" if condition else ""
        op.execute(
            f"CREATE TRIGGER immutable_{name} BEFORE {event} FOR EACH ROW {when} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    when = f"WHEN ({condition})" if condition and not queries else ""
    guard = f"IF {condition} THEN {_raise(message)} END IF;" if condition and queries else _raise(message)
    op.execute(
        f"CREATE FUNCTION immutable_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {guard} IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    op.execute(
        f"CREATE TRIGGER immutable_{name} BEFORE {event} FOR EACH ROW {when} EXECUTE FUNCTION immutable_{name}()"
    )


def _raise(message: str) -> str:
    return f"RAISE EXCEPTION USING ERRCODE = '23000', MESSAGE = '{message}';"
