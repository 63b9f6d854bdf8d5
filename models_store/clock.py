"""The clock of the database, so that leases do not depend on the clocks of the workers."""

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class seconds_now(GenericFunction[float]):  # noqa: N801 - it reads as the SQL function it is
    """Seconds since the epoch, now, by the database's clock (not of the beginning of the transaction)."""

    type = Double()
    inherit_cache = True
    name = "nnpd_seconds_now"


@compiles(seconds_now, "sqlite")
def _sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(seconds_now, "postgresql")
def _postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
