"""Frames out of files: extended XYZ, RuNNer `input.data`, and what ASE reads of VASP, Quantum ESPRESSO, CP2K and more.

Whatever is wrong with a file is said with the file, the frame (0-based) and the line (1-based).
"""

from nnp.core.reading.file import FORMATS, read_frames
from nnp.core.reading.keys import LabelKeys
from nnp.core.reading.record import Rejection

__all__ = ["FORMATS", "LabelKeys", "Rejection", "read_frames"]
