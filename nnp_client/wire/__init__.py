"""The contract between client and service: closed pydantic models, and arrays in MessagePack."""
