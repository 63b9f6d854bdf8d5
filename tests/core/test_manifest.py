"""The manifest: JSON round trip, refusal of what is damaged or newer, and the upgrade path."""

import json
from pathlib import Path

import pytest

from nnp.core import errors, manifest
from nnp.core.manifest import Manifest

KEPT = Path(__file__).parent / "data" / "manifest_1.json"


def test_the_kept_manifest_of_every_format_version_still_reads() -> None:
    kept = sorted(KEPT.parent.glob("manifest_*.json"))
    assert [path.stem for path in kept] == [f"manifest_{version}" for version in range(1, manifest.FORMAT_VERSION + 1)]
    for path in kept:
        assert Manifest.from_json(path.read_text(encoding="utf-8")).format_version == manifest.FORMAT_VERSION


def test_the_format_has_not_changed_without_a_new_version() -> None:
    text = KEPT.with_name(f"manifest_{manifest.FORMAT_VERSION}.json").read_text(encoding="utf-8")
    assert json.loads(Manifest.from_json(text).to_json()) == json.loads(text)


def test_a_newer_manifest_is_refused_with_advice() -> None:
    content = {**json.loads(KEPT.read_text(encoding="utf-8")), "format_version": manifest.FORMAT_VERSION + 1}
    with pytest.raises(errors.ManifestError, match="install a newer version of nnpd"):
        Manifest.from_json(json.dumps(content))


def test_an_older_manifest_is_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(KEPT.read_text(encoding="utf-8"))
    content["format_version"] = 0
    content["species"] = content.pop("elements")

    def upgrade_0_to_1(old: dict) -> dict:
        return {**old, "elements": old["species"], "format_version": 1}

    with pytest.raises(errors.ManifestError, match="no upgrade leads from manifest format version 0"):
        Manifest.from_json(json.dumps(content))
    monkeypatch.setitem(manifest.UPGRADES, 0, upgrade_0_to_1)
    assert Manifest.from_json(json.dumps(content)).elements == ("Na", "Cl")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format_version": 1}', '{"format_version": "one"}'])
def test_damaged_manifests_are_refused(text: str) -> None:
    with pytest.raises(errors.ManifestError):
        Manifest.from_json(text)
