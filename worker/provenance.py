"""Which code made a potential version."""

from importlib import metadata

PACKAGES = ("torch", "numpy", "onnx", "onnxruntime", "vesin", "ase", "scipy")
"""The packages that can change a number."""


def code_version() -> str:
    """The version of nnpd."""
    return metadata.version("nnpd")


def package_versions() -> dict[str, str]:
    """The versions of the packages that can change a number."""
    return {package: metadata.version(package) for package in PACKAGES}
