"""The server command `nnpd`: starts, migrates, backs up and inspects an installation."""
