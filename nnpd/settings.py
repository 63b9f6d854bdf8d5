"""Settings of the server command, read once from NNPD_* environment variables and handed down as values."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What `nnpd` needs to know before it starts anything; `docs/operations.md` lists all settings of all processes."""

    model_config = SettingsConfigDict(env_prefix="NNPD_", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "nnpd",
        description="folder of the embedded database, broker, artifacts and checkpoints (mode 0700, local disk)",
    )
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in the home folder")
    broker_url: str | None = Field(default=None, description="filesystem:// (default, in the home folder) or redis://")
    artifacts_url: str | None = Field(default=None, description="file:// (default, in the home folder) or s3://")
    host: str = Field(default="127.0.0.1", description="address the API binds to")
    port: int = Field(default=8765, ge=0, le=65535, description="port of the API; 0 takes a free one")
    stop_seconds: float = Field(
        default=30.0, gt=0, description="time a process gets to stop by itself, in s; a training checkpoints in it"
    )
    log_format: Literal["json", "console"] = Field(default="json", description="form of log lines")
    log_level: str = Field(default="INFO", description="least level that is logged")

    def export(self) -> None:
        """Hand the home to what this process becomes or loads, which reads the environment."""
        os.environ["NNPD_HOME"] = str(self.home.expanduser().absolute())
