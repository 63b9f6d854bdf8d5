"""Where imported versions come from, what limits a version, and which limits a promotion accepted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
NAME = "immutable_potential_versions_origin"
MESSAGE = "immutable: these columns of potential_versions never change"


def upgrade() -> None:
    # Added in place, also on SQLite: the triggers of the tables stay.
    op.add_column("potential_versions", sa.Column("origin", JSON, nullable=True))
    op.add_column("potential_versions", sa.Column("limits", JSON, nullable=True))
    op.add_column("alias_history", sa.Column("accepted_limits", JSON, nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {NAME} BEFORE UPDATE ON potential_versions FOR EACH ROW "
            "WHEN OLD.origin IS NOT NEW.origin OR OLD.limits IS NOT NEW.limits "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION USING ERRCODE = '23000', MESSAGE = '{MESSAGE}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {NAME} BEFORE UPDATE ON potential_versions FOR EACH ROW "
        "WHEN (OLD.origin IS DISTINCT FROM NEW.origin OR OLD.limits IS DISTINCT FROM NEW.limits) "
        f"EXECUTE FUNCTION {NAME}()"
    )
