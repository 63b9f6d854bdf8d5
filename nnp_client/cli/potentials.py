"""nnp potentials, promote, card, download, withdraw, delete."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nnp_client.cli import job_results
from nnp_client.cli.state import of, pairs, table
from nnp_client.wire.potentials import GateReport, Limit, PotentialVersionOut

Reference = Annotated[str, typer.Argument(help="Si:3 or Si@production.")]
Reason = Annotated[str, typer.Option(help="Why, for everybody to read.")]


def potentials(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A potential, Si:3 or Si@production; default: list all.")] = None,
    element: Annotated[list[str] | None, typer.Option(help="Only covering this element; repeat for several.")] = None,
) -> None:
    """List potentials, the versions of one, or show a version."""
    state = of(context)
    if name is None:
        found = state.client.potentials(elements=element or ())
        rows = [
            [
                entry.name,
                None if entry.latest is None else entry.latest.reference,
                None if entry.latest is None else entry.latest.elements,
                [f"{alias.alias} -> {alias.version}" for alias in entry.aliases],
            ]
            for entry in found
        ]
        state.show(found, table(["potential", "newest", "elements", "aliases"], rows))
    elif ":" in name or "@" in name:
        version = state.client.potential_version(name)
        state.show(version, pairs(described(version)))
    else:
        versions = state.client.potential_versions(name)
        columns = ["version", "state", "gates", "aliases", "dataset", "made"]
        state.show(versions, table(columns, [_line(version) for version in versions]))


def promote(
    context: typer.Context,
    *,
    version: Annotated[str, typer.Argument(help="The version, such as Si:3.")],
    alias: Annotated[str, typer.Option(help="The alias to move.")] = "production",
    expect: Annotated[
        int | None, typer.Option(help="Version the alias must point at now (0: none); default: what it is now.")
    ] = None,
    accept_limit: Annotated[
        list[str] | None, typer.Option(help="Code of a limit that you can live with; repeat for several.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Point an alias at a version; promoting an earlier one again rolls back."""
    state = of(context)
    name, _, number = version.partition(":")
    if not number.isdecimal():
        raise ValueError(f"{version!r} does not name a version; write it as Si:3")
    now = {found.alias: found.version for found in state.client.potential(name).aliases}
    expected = now.get(alias) if expect is None else expect or None
    moved = state.client.promote(
        name, int(number), alias=alias, expected=expected, accept_limits=accept_limit or (), reason=reason
    )
    found = state.client.potential_version(version)  # a refusal says by itself which gates and limits stand against it
    for lines in (_gates(found.gates), _limits(found.limits)):
        if lines is not None:
            state.say(lines)
    before = f", before {name}:{now[alias]}" if alias in now else ""
    state.show(moved, f"{moved.reference} is {name}:{moved.version} now{before}")


LISTED = 12
"""Names of dropped functions that are listed on the terminal."""
LONG = ("errors", "symmetry_functions", "networks", "dropped_functions", "energy_volume", "dimers", "lineage", "import")
"""Parts that do not read well as a line: errors become a table, imports are told in words, the page has all."""


def card(
    context: typer.Context,
    reference: Reference,
) -> None:
    """Show what a user should know before using a version."""
    state = of(context)
    found = state.client.card(reference)
    facts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in found.card.items()
        if name not in LONG and value not in (None, [], {})
    }
    dropped = [f"{element}: {name}" for element, name in found.card.get("dropped_functions") or ()]
    shown = {
        "version": found.reference,
        "state": found.state.value,
        "aliases": found.aliases,
        "gates": _gates(found.gates),
        "form limits": _limits(found.limits),
        "imported from": _origin(found.origin),
        "dropped, as they hardly vary": _some(dropped),
    }
    state.show(found, pairs({**shown, "withdrawn before it": found.withdrawn_ancestors, **facts}))
    if not state.as_json:
        if errors := found.card.get("errors"):
            state.console.print(job_results.errors(errors))
        name, _, number = found.reference.partition(":")
        page = f"{state.client.base_url}/v1/potentials/{name}/versions/{number}/card.html"
        state.say(f"Curves, symmetry functions and lineage: {page}, or nnp --json card {found.reference}")


def download(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Si:3 or Si@production (ONNX); with --dataset si-pbe:2 (extxyz).")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; default: by the name.")] = None,
    dtype: Annotated[str, typer.Option(help="float32 or float64, for a potential.")] = "float32",
    dataset: Annotated[bool, typer.Option("--dataset", help="It is a dataset version.")] = False,
) -> None:
    """Write a potential as ONNX, or a dataset version as extended XYZ."""
    state = of(context)
    if dataset:
        target = output or Path(reference.replace(":", "-") + ".extxyz")
        state.client.download_dataset(reference, target)
    else:
        version = state.client.potential_version(reference)
        target = output or Path(f"{version.name}-{version.number}-{dtype}.onnx")
        target.write_bytes(state.client.onnx(version.reference, dtype=dtype))
    state.show({"file": str(target)}, f"wrote {target}")


def withdraw(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Si:3; with --dataset si-pbe:2.")],
    reason: Annotated[str, typer.Option(help="Why, for everybody to read.")],
    dataset: Annotated[bool, typer.Option("--dataset", help="It is a dataset version.")] = False,
) -> None:
    """Mark a version as not to be used; it stays, and its descendants say so."""
    state = of(context)
    if dataset:
        version: Any = state.client.withdraw_dataset(reference, reason=reason)
    else:
        version = state.client.withdraw(reference, reason=reason)
    state.show(version, f"{version.reference} is withdrawn")


def delete(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="The version, such as Si:3; with --dataset si-pbe:2.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would go.")] = False,
    dataset: Annotated[bool, typer.Option("--dataset", help="It is a dataset version.")] = False,
) -> None:
    """Delete a version that was never promoted, and that nothing was made from."""
    state = of(context)
    remove = state.client.delete_dataset if dataset else state.client.delete
    done = remove(reference, dry_run=not yes)
    verb = "deleted" if done.deleted else "would be deleted (add --yes)"
    state.show(done, f"{done.reference} {verb}: {len(done.artifacts)} artifacts, {done.bytes} bytes")


def install(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (potentials, promote, card, download, withdraw, delete):
        app.command()(command)


def _line(version: PotentialVersionOut) -> list[Any]:
    passed = None if version.gates is None else "passed" if version.gates.passed else "failed"
    made = f"{version.created_at:%Y-%m-%d %H:%M}"
    return [version.reference, version.state.value, passed, version.aliases, version.dataset_version, made]


def described(version: PotentialVersionOut) -> dict[str, Any]:
    """What to show of a version."""
    return {
        "version": version.reference,
        "state": version.state.value,
        "reason": version.reason,
        "elements": version.elements,
        "aliases": version.aliases,
        "dataset": version.dataset_version,
        "parent": version.parent,
        "job": version.job_id,
        "imported from": _origin(version.origin),
        "gates": _gates(version.gates),
        "limits": _limits(version.limits),
        "withdrawn before it": version.withdrawn_ancestors,
        **{held.role: held.sha256 for held in version.artifacts},
    }


def _gates(report: GateReport | None) -> str | None:
    if report is None:
        return None
    lines = [f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.detail}" for check in report.checks]
    return "\n".join(lines) or "no gate was measured"


def _limits(limits: Sequence[Limit]) -> str | None:
    return "\n".join(f"LIMIT   {limit.code}: {limit.sentence}" for limit in limits) or None


def _some(names: Sequence[str]) -> str | None:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}" if names else None


def _origin(origin: Mapping[str, Any] | None) -> str | None:
    if origin is None:
        return None
    units = f" ({origin['units']})" if "units" in origin else ""
    return f"{origin.get('format', 'another program')}{units}: {', '.join(origin.get('files', {}))}"
