"""Search for hyperparameters: a recipe and data in, a better recipe with its cross-validated error out."""
