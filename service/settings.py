"""Settings of an API process, read once from NNPD_* environment variables and handed down as values."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the registry, the broker and the artifacts are, and how much a caller may ask for."""

    model_config = SettingsConfigDict(env_prefix="NNPD_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "nnpd", description="NNPD_HOME")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in the home folder")
    broker_url: str | None = Field(default=None, description="filesystem:// (default, in the home folder) or redis://")
    artifacts_url: str | None = Field(default=None, description="file:// (default, in the home folder) or s3://")
    require_keys: bool = Field(default=False, description="refuse requests without an API key even when none exists")
    predict_threads: int = Field(
        default=1, ge=1, description="threads of one evaluation; more only pay for thousands of atoms"
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="where potentials are evaluated; cuda needs onnxruntime-gpu in place of onnxruntime"
    )
    pool_potentials: int = Field(default=8, ge=1, description="potentials kept loaded; the least recently used go")
    refresh_seconds: float = Field(default=1.0, gt=0, description="pause between two looks at the aliases, s")
    batch_atoms: int = Field(default=4096, ge=1, description="a batch of predictions closes at this many atoms")
    queue_atoms: int = Field(default=400_000, ge=1, description="predictions of this many atoms may wait")
    stall_seconds: float = Field(
        default=300.0,
        gt=0,
        description="a batch that computes longer than this (s) makes the process report itself ill",
    )
    body_bytes: int = Field(default=128 * 2**20, ge=1024, description="largest body of a request but uploads, bytes")
    upload_bytes: int = Field(default=20 * 2**30, ge=1024, description="largest upload, bytes")
    log_format: Literal["json", "console"] = Field(default="json", description="form of log lines")
    log_level: str = Field(default="INFO", description="least level that is logged")
