"""docs/onnx.md: its example runs as printed, and its tables name every input and output."""

import re
from pathlib import Path

import pytest

from nnp.core import onnx_graph
from tests.learn import random_potential


def test_the_example_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (repository / "docs/onnx.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "potential.onnx").write_bytes(random_potential.file(random_potential.make(), "float32"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/onnx.md", "exec"), {})
    assert " eV" in capsys.readouterr().out


def test_every_input_output_and_key_is_documented(repository: Path) -> None:
    text = (repository / "docs/onnx.md").read_text(encoding="utf-8")
    _, manifest = onnx_graph.read(random_potential.file(random_potential.make()))
    named = set(re.findall(r"`(\w+)`", text))
    assert {*manifest.inputs, *manifest.outputs, *manifest.__dataclass_fields__} <= named
