"""The documents stay true: every target, setting, endpoint and error code is there, links lead somewhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pydantic_settings
import pytest

import nnpd.settings
import service.errors
import service.settings
import worker.settings
from models_store import errors as store_errors
from nnp.core import errors as core_errors
from service.testing import serving

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _descendants(root: type) -> Iterator[type]:
    yield root
    for child in root.__subclasses__():
        yield from _descendants(child)


def _targets() -> list[str]:
    return re.findall(r"^([a-z-]+):.*$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("target", _targets())
def test_every_make_target_is_documented(target: str) -> None:
    assert f"`make {target}`" in (ROOT / "docs" / "development.md").read_text()


@pytest.mark.parametrize(
    "settings",
    [nnpd.settings.Settings, service.settings.Settings, worker.settings.Settings],
    ids=lambda s: s.__module__,
)
def test_every_setting_is_documented(settings: type[pydantic_settings.BaseSettings]) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    names = [f"NNPD_{name.upper()}" for name in settings.model_fields]
    assert [name for name in names if name not in text] == []


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    with serving(tmp_path) as http:
        paths = http.get("/v1/openapi.json").json()["paths"]
    missing = [
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method in operations
        if f"{method.upper()} {path}" not in text
    ]
    assert missing == []


@pytest.mark.parametrize(
    "tree", [core_errors.NnpError, store_errors.StoreError, service.errors.ServiceError], ids=lambda t: t.__name__
)
def test_every_error_code_is_documented(tree: type) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    codes = {error.code for error in _descendants(tree)}  # type: ignore[attr-defined]
    assert sorted(code for code in codes if f"`{code}`" not in text) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_blocks_parse_and_their_imports_exist(document: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", document.read_text(), flags=re.MULTILINE | re.DOTALL):
        tree = ast.parse(block)
        imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        exec("\n".join(imports), {})
