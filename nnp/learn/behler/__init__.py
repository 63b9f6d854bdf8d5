"""Behler-Parrinello symmetry functions given one by one, as n2p2, RuNNer and SIMPLE-NN define them."""
