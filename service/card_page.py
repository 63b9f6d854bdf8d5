"""A card as one plain HTML page: every table of numbers, and curves as small drawings."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from nnp_client.wire.potentials import Card

WIDTH, HEIGHT, MARGIN = 420, 220, 30
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: .4em 0 }
td, th { border: 1px solid #ccc; padding: .15em .6em; text-align: left }
h2 { margin-top: 1.6em; border-bottom: 1px solid #ccc }
.bad { color: #a00; font-weight: bold } svg { background: #fafafa }
"""


def render(card: Card) -> str:
    """The page; everything that came from users is escaped."""
    sections = [f"<h1>{html.escape(card.reference)}</h1>", _state(card)]
    if card.gates is not None:
        rows = [[check.name, "passed" if check.passed else "failed", check.detail] for check in card.gates.checks]
        sections += ["<h2>Gates</h2>", _table(["gate", "", "detail"], rows)]
    if card.limits:
        rows = [[limit.code, limit.sentence] for limit in card.limits]
        sections += ["<h2>Limits of the form</h2>", _table(["code", "what it means"], rows)]
    if card.origin is not None:
        sections.append(_section("imported from", card.origin))
    sections += [_section(name, value) for name, value in card.card.items() if name != "lineage"]
    sections.append(_section("lineage", card.lineage))
    title = html.escape(card.reference)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(sections)}</body></html>"
    )


def _state(card: Card) -> str:
    parts = [f"<p>State: {card.state.value}. Aliases: {html.escape(', '.join(card.aliases) or 'none')}.</p>"]
    if card.withdrawn_ancestors:
        names = html.escape(", ".join(card.withdrawn_ancestors))
        parts.append(f'<p class="bad">It descends from withdrawn versions: {names}.</p>')
    return "".join(parts)


def _section(name: str, value: Any) -> str:
    return f"<h2>{html.escape(_title(name))}</h2>{_value(value)}"


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]  # capitalize() would write Si-si


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return f"<p>{_scalar(value)}</p>"
    if value and all(isinstance(row, Mapping) for row in value):
        columns = list(dict.fromkeys(key for row in value for key in row))
        return _table(
            [_title(column) for column in columns], [[row.get(column) for column in columns] for row in value]
        )
    return f"<p>{_scalar(value)}</p>"


def _mapping(value: Mapping[str, Any]) -> str:
    value = _flat(value)
    curves = {key: list(points) for key, points in value.items() if _is_curve(points)}
    drawing = ""
    if len(curves) >= 2 and len({len(points) for points in curves.values()}) == 1:
        (x_name, x), *others = curves.items()
        drawing = "".join(_drawing(x_name, x, y_name, y) for y_name, y in others)
        value = {key: points for key, points in value.items() if key not in curves}
    rows = value.values()
    if rows and all(isinstance(row, Mapping) for row in rows):
        columns = list(dict.fromkeys(key for row in rows for key in row))
        body = [[key, *(row.get(column) for column in columns)] for key, row in value.items()]
        return drawing + _table(["", *map(_title, columns)], body)
    return drawing + (_table(None, [[_title(key), entry] for key, entry in value.items()]) if value else "")


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Curves that are kept one level down (a dimer curve for each pair of elements) beside their common axis."""
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        if isinstance(entry, Mapping) and entry and all(_is_curve(points) for points in entry.values()):
            flat |= {f"{inner} {key}": points for inner, points in entry.items()}
        else:
            flat[key] = entry
    return flat


def _is_curve(points: Any) -> bool:
    return isinstance(points, list) and len(points) > 4 and all(isinstance(point, int | float) for point in points)


def _drawing(x_name: str, x: list[float], y_name: str, y: list[float]) -> str:
    """A curve with its ranges written at the axes."""
    x_low, x_high, y_low, y_high = min(x), max(x), min(y), max(y)
    across, up = (x_high - x_low) or 1.0, (y_high - y_low) or 1.0
    points = " ".join(
        f"{MARGIN + (a - x_low) / across * (WIDTH - 2 * MARGIN):.1f},"
        f"{HEIGHT - MARGIN - (b - y_low) / up * (HEIGHT - 2 * MARGIN):.1f}"
        for a, b in zip(x, y, strict=True)
    )
    x_label = f"{html.escape(_title(x_name))}: {x_low:.4g} to {x_high:.4g}"
    y_label = f"{html.escape(_title(y_name))}: {y_low:.4g} to {y_high:.4g}"
    return (
        f'<p><svg width="{WIDTH}" height="{HEIGHT}"><polyline points="{points}" fill="none" stroke="#06c"/>'
        f'<text x="{MARGIN}" y="18" font-size="12">{y_label}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT - 8}" font-size="12">{x_label}</text></svg></p>'
    )


def _table(head: list[str] | None, rows: list[list[Any]]) -> str:
    top = "" if head is None else "<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{top}{body}</table>"


def _cell(value: Any) -> str:
    return _mapping(value) if isinstance(value, Mapping) else _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return html.escape(", ".join(f"{item:.6g}" if isinstance(item, float) else str(item) for item in value))
    return html.escape(str(value))
