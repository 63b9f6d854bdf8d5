"""Alembic's entry: runs inside the connection and transaction that `models_store.database.migrate` opened."""

from alembic import context

from models_store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.Base.metadata,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
