"""Artifacts: the registry's list of the bytes in the artifact store."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from models_store.tables.base import Base, Sha256, UtcDateTime, now


class Artifact(Base):
    """Bytes in the artifact store, by content."""

    __tablename__ = "artifacts"

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    media_type: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
