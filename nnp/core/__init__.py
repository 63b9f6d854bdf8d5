"""Structures, labels, neighbour tables and the evaluation of potentials with ONNX Runtime. Never imports torch."""
