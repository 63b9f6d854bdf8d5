"""Settings of a worker and of the reconciler, read once from NNPD_* environment variables."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the registry, the broker and the artifacts are, and how patient to be."""

    model_config = SettingsConfigDict(env_prefix="NNPD_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "nnpd", description="NNPD_HOME")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in the home folder")
    broker_url: str | None = Field(default=None, description="filesystem:// (default, in the home folder) or redis://")
    artifacts_url: str | None = Field(default=None, description="file:// (default, in the home folder) or s3://")
    lease_seconds: float = Field(
        default=30.0, gt=0, description="a running job whose worker was silent for so long (s) starts again elsewhere"
    )
    reconcile_seconds: float = Field(default=5.0, gt=0, description="pause between two rounds of the reconciler, s")
    deaf_seconds: float = Field(
        default=60.0, gt=0, description="an idle worker that leaves messages lying for so long (s) restarts itself"
    )
    checkpoint_seconds: float = Field(default=5.0, ge=0, description="pause between two checkpoints of a training, s")
    threads: int | None = Field(default=None, ge=1, description="threads of a training; default: the cores we may use")
    log_format: Literal["json", "console"] = Field(default="json", description="form of log lines")
    log_level: str = Field(default="INFO", description="least level that is logged")
