"""The calls of the client, one file per thing of the service."""
