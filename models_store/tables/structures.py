"""Structures, the methods that label them, and the labels. Rows are never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Double, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models_store.tables.base import Base, Json, Key, Name, Sha256, UtcDateTime, now


class Structure(Base):
    """Atoms, cell and periodicity, once per content; arrays are little-endian C order."""

    __tablename__ = "structures"

    id: Mapped[str] = mapped_column(Sha256, primary_key=True)  # nnp.core.identity.structure_id
    formula: Mapped[str] = mapped_column(String(1000), index=True)
    elements: Mapped[str] = mapped_column(String(500), index=True)  # symbols between spaces: " O Si "
    n_atoms: Mapped[int] = mapped_column(Integer, index=True)
    numbers: Mapped[bytes] = mapped_column(LargeBinary)  # (N,) int32
    positions: Mapped[bytes] = mapped_column(LargeBinary)  # (N, 3) float64, Å
    cell: Mapped[bytes] = mapped_column(LargeBinary)  # (3, 3) float64, Å
    pbc: Mapped[int] = mapped_column(SmallInteger)  # bit i: periodic along vector i
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Method(Base):
    """How labels were computed: code, functional, settings."""

    __tablename__ = "methods"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    record: Mapped[dict[str, Any]] = mapped_column(Json)
    digest: Mapped[str] = mapped_column(Sha256)  # of the record in canonical JSON
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Label(Base):
    """Energy, forces and stress of a structure by a method, in a stated electronic condition."""

    __tablename__ = "labels"
    __table_args__ = (
        UniqueConstraint("structure_id", "method_id", "condition"),
        Index(None, "method_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    structure_id: Mapped[str] = mapped_column(ForeignKey("structures.id"))
    method_id: Mapped[int] = mapped_column(ForeignKey("methods.id"))
    # Charge, spin, electronic temperature and quantities as one text: NULLs would escape the unique constraint.
    condition: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(Sha256)  # nnp.core.identity.label_id
    charge: Mapped[float] = mapped_column(Double)  # elementary charges
    spin: Mapped[float | None] = mapped_column(Double)  # total magnetic moment, Bohr magnetons
    electronic_temperature: Mapped[float | None] = mapped_column(Double)  # K
    energy: Mapped[float] = mapped_column(Double)  # eV
    energy_per_atom: Mapped[float] = mapped_column(Double, index=True)  # eV
    max_force: Mapped[float | None] = mapped_column(Double, index=True)  # eV/Å, largest force on an atom
    forces: Mapped[bytes | None] = mapped_column(LargeBinary)  # (N, 3) float64, eV/Å
    stress: Mapped[bytes | None] = mapped_column(LargeBinary)  # (6,) float64, eV/Å^3
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
