"""The migrations of the registry's tables (Alembic); they ship with the package."""
