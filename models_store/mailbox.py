"""The filesystem broker made safe for many processes: messages appear whole and never leave their folder."""

import logging
import os
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    """kombu's own channel writes messages in place (a reader can meet half of one) and moves them through /tmp."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        folder = Path(self.data_folder_out)
        name = f"{uuid.uuid1().time:020d}_{uuid.uuid4()}.{queue}.msg"
        unfinished = folder / f"{name}.unfinished"
        try:
            unfinished.write_text(dumps(payload))
            unfinished.rename(folder / name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ChannelError(f"Cannot put a message into {folder}: {error}") from error

    def _get(self, queue: str) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        for name in sorted(name for name in os.listdir(folder) if name.endswith(f".{queue}.msg")):
            taken = folder / f"{name}.taken-{os.getpid()}"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue
            try:
                return loads(taken.read_text())
            except ValueError:
                # A power cut can leave an empty file. Raising would end the worker; the reconciler rings again.
                logger.warning("an unreadable message was dropped", extra={"file": name})
            finally:
                taken.unlink()
        raise Empty


class Transport(filesystem.Transport):
    """`filesystem://` with the channel above."""

    Channel = Channel
