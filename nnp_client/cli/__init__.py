"""The command `nnp`: one file per thing of the service; `entry` joins them."""

from nnp_client.cli.entry import main

__all__ = ["main"]
