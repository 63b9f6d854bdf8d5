"""The tables of the registry."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(20)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
    )
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_at"), "audit_events", ["at"], unique=False)
    op.create_index(op.f("ix_audit_events_subject"), "audit_events", ["subject"], unique=False)
    op.create_table(
        "datasets",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("name", name=op.f("uq_datasets_name")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=True),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("result", JSON, nullable=True),
        sa.Column("progress", JSON, nullable=True),
        sa.Column("error", JSON, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lost_attempts", sa.Integer(), nullable=False),
        sa.Column("max_lost_attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("available_at", sa.Double(), nullable=False),
        sa.Column("ring_at", sa.Double(), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["jobs.id"], name=op.f("fk_jobs_parent_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_jobs_idempotency_key")),
    )
    op.create_index(op.f("ix_jobs_created_at"), "jobs", ["created_at"], unique=False)
    op.create_index(op.f("ix_jobs_parent_id"), "jobs", ["parent_id"], unique=False)
    op.create_index(op.f("ix_jobs_state_lease_until"), "jobs", ["state", "lease_until"], unique=False)
    op.create_index(op.f("ix_jobs_state_ring_at"), "jobs", ["state", "ring_at"], unique=False)
    op.create_table(
        "methods",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("record", JSON, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_methods")),
        sa.UniqueConstraint("name", name=op.f("uq_methods_name")),
    )
    op.create_table(
        "potentials",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_potentials")),
        sa.UniqueConstraint("name", name=op.f("uq_potentials_name")),
    )
    op.create_table(
        "structures",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("formula", sa.String(length=1000), nullable=False),
        sa.Column("elements", sa.String(length=500), nullable=False),
        sa.Column("n_atoms", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.Column("cell", sa.LargeBinary(), nullable=False),
        sa.Column("pbc", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_structures")),
    )
    op.create_index(op.f("ix_structures_elements"), "structures", ["elements"], unique=False)
    op.create_index(op.f("ix_structures_formula"), "structures", ["formula"], unique=False)
    op.create_index(op.f("ix_structures_n_atoms"), "structures", ["n_atoms"], unique=False)
    op.create_table(
        "dataset_versions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("source_sha256", sa.String(length=64), nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("elements", sa.String(length=500), nullable=True),
        sa.Column("statistics", JSON, nullable=True),
        sa.Column("rejections", JSON, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("frozen_at", TIME, nullable=True),
        sa.Column("withdrawn_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_versions_dataset_id_datasets")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_dataset_versions_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["dataset_versions.id"], name=op.f("fk_dataset_versions_parent_id_dataset_versions")
        ),
        sa.ForeignKeyConstraint(
            ["source_sha256"], ["artifacts.sha256"], name=op.f("fk_dataset_versions_source_sha256_artifacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_versions")),
        sa.UniqueConstraint("dataset_id", "content_hash", name=op.f("uq_dataset_versions_dataset_id_content_hash")),
        sa.UniqueConstraint("dataset_id", "number", name=op.f("uq_dataset_versions_dataset_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_dataset_versions_elements"), "dataset_versions", ["elements"], unique=False)
    op.create_index(op.f("ix_dataset_versions_job_id"), "dataset_versions", ["job_id"], unique=False)
    op.create_index(op.f("ix_dataset_versions_parent_id"), "dataset_versions", ["parent_id"], unique=False)
    op.create_index(op.f("ix_dataset_versions_source_sha256"), "dataset_versions", ["source_sha256"], unique=False)
    op.create_table(
        "job_artifacts",
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_artifacts_job_id_jobs"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["artifacts.sha256"], name=op.f("fk_job_artifacts_sha256_artifacts")),
        sa.PrimaryKeyConstraint("job_id", "role", name=op.f("pk_job_artifacts")),
    )
    op.create_index(op.f("ix_job_artifacts_sha256"), "job_artifacts", ["sha256"], unique=False)
    op.create_table(
        "job_attempts",
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("outcome", WORD, nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_attempts_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_job_attempts")),
    )
    op.create_table(
        "job_events",
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_events_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_job_events")),
    )
    op.create_table(
        "labels",
        sa.Column("id", KEY, nullable=False),
        sa.Column("structure_id", sa.String(length=64), nullable=False),
        sa.Column("method_id", KEY, nullable=False),
        sa.Column("condition", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("charge", sa.Double(), nullable=False),
        sa.Column("spin", sa.Double(), nullable=True),
        sa.Column("electronic_temperature", sa.Double(), nullable=True),
        sa.Column("energy", sa.Double(), nullable=False),
        sa.Column("energy_per_atom", sa.Double(), nullable=False),
        sa.Column("max_force", sa.Double(), nullable=True),
        sa.Column("forces", sa.LargeBinary(), nullable=True),
        sa.Column("stress", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["method_id"], ["methods.id"], name=op.f("fk_labels_method_id_methods")),
        sa.ForeignKeyConstraint(["structure_id"], ["structures.id"], name=op.f("fk_labels_structure_id_structures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint(
            "structure_id", "method_id", "condition", name=op.f("uq_labels_structure_id_method_id_condition")
        ),
    )
    op.create_index(op.f("ix_labels_energy_per_atom"), "labels", ["energy_per_atom"], unique=False)
    op.create_index(op.f("ix_labels_max_force"), "labels", ["max_force"], unique=False)
    op.create_index(op.f("ix_labels_method_id"), "labels", ["method_id"], unique=False)
    op.create_table(
        "dataset_members",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("structure_id", sa.String(length=64), nullable=False),
        sa.Column("label_id", KEY, nullable=True),
        sa.Column("group", sa.String(length=200), nullable=True),
        sa.Column("trajectory", sa.String(length=200), nullable=True),
        sa.Column("split", WORD, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("source_file", sa.Text(), nullable=True),
        sa.Column("source_frame", sa.Integer(), nullable=True),
        sa.Column("source_line", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name=op.f("fk_dataset_members_label_id_labels")),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structures.id"], name=op.f("fk_dataset_members_structure_id_structures")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_versions.id"],
            name=op.f("fk_dataset_members_version_id_dataset_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_dataset_members")),
    )
    op.create_index(op.f("ix_dataset_members_label_id"), "dataset_members", ["label_id"], unique=False)
    op.create_index(op.f("ix_dataset_members_structure_id"), "dataset_members", ["structure_id"], unique=False)
    op.create_index(
        op.f("ix_dataset_members_version_id_group"), "dataset_members", ["version_id", "group"], unique=False
    )
    op.create_table(
        "potential_versions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("potential_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("elements", sa.String(length=500), nullable=False),
        sa.Column("manifest", JSON, nullable=False),
        sa.Column("metrics", JSON, nullable=False),
        sa.Column("card", JSON, nullable=False),
        sa.Column("gates", JSON, nullable=True),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("recipe", JSON, nullable=True),
        sa.Column("recipe_hash", sa.String(length=64), nullable=True),
        sa.Column("dataset_version_id", KEY, nullable=True),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("code_version", sa.String(length=100), nullable=False),
        sa.Column("package_versions", JSON, nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("withdrawn_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_version_id"],
            ["dataset_versions.id"],
            name=op.f("fk_potential_versions_dataset_version_id_dataset_versions"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_potential_versions_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["potential_versions.id"], name=op.f("fk_potential_versions_parent_id_potential_versions")
        ),
        sa.ForeignKeyConstraint(
            ["potential_id"], ["potentials.id"], name=op.f("fk_potential_versions_potential_id_potentials")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_potential_versions")),
        sa.UniqueConstraint("potential_id", "number", name=op.f("uq_potential_versions_potential_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_potential_versions_dataset_version_id"), "potential_versions", ["dataset_version_id"], unique=False
    )
    op.create_index(op.f("ix_potential_versions_elements"), "potential_versions", ["elements"], unique=False)
    op.create_index(op.f("ix_potential_versions_job_id"), "potential_versions", ["job_id"], unique=False)
    op.create_index(op.f("ix_potential_versions_parent_id"), "potential_versions", ["parent_id"], unique=False)
    op.create_table(
        "alias_history",
        sa.Column("id", KEY, nullable=False),
        sa.Column("potential_id", KEY, nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("version_id", KEY, nullable=True),
        sa.Column("previous_id", KEY, nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gates", JSON, nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["potential_id"], ["potentials.id"], name=op.f("fk_alias_history_potential_id_potentials")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["potential_versions.id"], name=op.f("fk_alias_history_previous_id_potential_versions")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["potential_versions.id"], name=op.f("fk_alias_history_version_id_potential_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_history")),
    )
    op.create_index(
        op.f("ix_alias_history_potential_id_alias"), "alias_history", ["potential_id", "alias"], unique=False
    )
    op.create_index(op.f("ix_alias_history_previous_id"), "alias_history", ["previous_id"], unique=False)
    op.create_index(op.f("ix_alias_history_version_id"), "alias_history", ["version_id"], unique=False)
    op.create_table(
        "aliases",
        sa.Column("potential_id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("moved_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["potential_id"], ["potentials.id"], name=op.f("fk_aliases_potential_id_potentials")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["potential_versions.id"], name=op.f("fk_aliases_version_id_potential_versions")
        ),
        sa.PrimaryKeyConstraint("potential_id", "name", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_version_id"), "aliases", ["version_id"], unique=False)
    op.create_table(
        "potential_artifacts",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["artifacts.sha256"], name=op.f("fk_potential_artifacts_sha256_artifacts")),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["potential_versions.id"],
            name=op.f("fk_potential_artifacts_version_id_potential_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "role", name=op.f("pk_potential_artifacts")),
    )
    op.create_index(op.f("ix_potential_artifacts_sha256"), "potential_artifacts", ["sha256"], unique=False)
