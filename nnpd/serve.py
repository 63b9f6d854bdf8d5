"""`nnpd serve`: one API process. The service is named by a string: this package does not import it."""

import socket

import uvicorn

APPLICATION = "service.main:app"


def serve(listener: socket.socket) -> None:
    """Answer on `listener` until SIGINT or SIGTERM; requests under way are finished first."""
    config = uvicorn.Config(APPLICATION, log_config=None, access_log=False, timeout_graceful_shutdown=10)
    uvicorn.Server(config).run(sockets=[listener])
