"""High-dimensional neural network potentials: `nnp.core` evaluates them, `nnp.learn` trains them."""
