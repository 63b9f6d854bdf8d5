"""The nnpd client: wire contract, Python client, ASE calculator and the command `nnp`."""
