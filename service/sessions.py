"""One transaction per request, committed before the answer is sent: a client that got 202 finds its job."""

from collections.abc import Iterator
from typing import Annotated

import fastapi
from sqlalchemy.orm import Session


def _writing(request: fastapi.Request) -> Iterator[Session]:
    with request.app.state.parts.sessions() as session, session.begin():
        yield session


def _reading(request: fastapi.Request) -> Iterator[Session]:
    with request.app.state.parts.read_sessions() as session:
        yield session


# The default scope of a dependency ends after the answer has been sent; "function" ends it, and commits, before.
Writing = Annotated[Session, fastapi.Depends(_writing, scope="function")]
Reading = Annotated[Session, fastapi.Depends(_reading, scope="function")]
