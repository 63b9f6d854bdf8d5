"""Frames of a dataset version as extended XYZ, streamed: memory does not grow with the version."""

import io
import itertools
from collections.abc import Iterator

from models_store import datasets
from nnp.core import writing
from service.parts import Parts

FRAMES_PER_PIECE = 100
MEDIA_TYPE = "chemical/x-extxyz"


def extxyz(parts: Parts, reference: str, wanted: datasets.Filter) -> Iterator[bytes]:
    """Pieces of the file, from a transaction of their own that lasts as long as the caller reads."""
    with parts.read_sessions() as session:
        frames = datasets.frames(session, datasets.version(session, reference), wanted)
        while piece := list(itertools.islice(frames, FRAMES_PER_PIECE)):
            text = io.StringIO()
            writing.write_extxyz(text, piece)
            yield text.getvalue().encode()
