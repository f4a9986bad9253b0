"""Static SVG plots: bars, dots with whiskers, and lines with a marked point.

Each is an `<svg>` with a title and a description that says the figures in words. Colours stand in attributes, so that a plot can be
shown alone, and the page's style sheet overrides them for dark screens and paper; shape (dashes, whiskers) never depends on colour.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from .axis import Axis, tick_text
from .words import between, escape, number, shown

WIDTH = 640
_COLOURS = ("#1f5fa8", "#b4540a", "#2c7a4b", "#7b3f98")
_DASHES = ("", ' stroke-dasharray="7 4"', ' stroke-dasharray="2 4"', ' stroke-dasharray="9 3 2 3"')
_EMPTY = '<p class="empty">Not measured: nothing to draw.</p>'
_LABELS = 190  # widest column of row labels, pixels

Point = tuple[float, float]


def bars(rows: Sequence[tuple[str, float]], unit: str = "", title: str = "Bars") -> str:
    """Horizontal bars from zero, one a row, with the value written at its end; a value of None says "not measured"."""
    measured = [value for _, value in rows if _finite(value)]
    if not measured:
        return _EMPTY
    left = _label_width([label for label, _ in rows])
    axis = Axis(min(0.0, *measured), max(0.0, *measured) or 1.0 if min(measured) >= 0 else max(0.0, *measured), left, WIDTH - 110)
    height, parts = 30 * len(rows) + 12, []
    for index, (label, value) in enumerate(rows):
        y = 30 * index + 22
        parts.append(_label(label, left, y + 4))
        if not _finite(value):
            parts.append(_text(axis.at(max(0.0, axis.low)) + 6, y + 4, "not measured", soft=True))
            continue
        start, end = sorted((axis.at(0.0), axis.at(value)))
        parts.append(f'<rect class="f0" x="{start}" y="{y - 9}" width="{max(round(end - start, 1), 1)}" height="18" rx="2" '
                     f'fill="{_COLOURS[0]}"/>')
        parts.append(_text(end + 6, y + 4, _with_unit(shown(value), unit)))
    zero = axis.at(0.0)
    parts.append(f'<path class="axis" d="M{zero} 8V{height - 6}" stroke="#5a646e" fill="none"/>')
    told = "; ".join(f"{label}: {_with_unit(shown(value), unit)}" for label, value in rows)
    return _svg(height, title, told, parts)


def intervals(rows: Sequence[tuple[str, float, float | None, float | None]], unit: str = "", lower_is_better: bool = True,
              title: str = "Values with 95 % intervals", colours: int = len(_COLOURS)) -> str:
    """A dot a row with a whisker from low to high, on one axis; rows are (label, value, low, high), in so many colours that take turns."""
    ends = [end for _, value, low, high in rows if _finite(value) for end in (value, low, high) if _finite(end)]
    if not ends:
        return _EMPTY
    left = _label_width([row[0] for row in rows])
    axis = Axis.over(ends, left + 8, WIDTH - 16)
    bottom = 40 * len(rows) + 12
    parts = _grid_across(axis, bottom)
    for index, (label, value, low, high) in enumerate(rows):
        parts += _whisker(axis, 40 * index + 30, index % max(1, colours), (label, value, low, high), left)
    direction = "lower is better" if lower_is_better else "higher is better"
    parts.append(_text(WIDTH - 16, bottom + 36, f"{unit}, {direction}" if unit else direction, anchor="end", soft=True))
    told = "; ".join(f"{label}: {_with_unit(between(value, low, high), unit)}" for label, value, low, high in rows)
    return _svg(bottom + 46, title, f"{told}. {direction.capitalize()}.", parts)


def _whisker(axis: Axis, y: int, index: int, row: tuple[str, float, float | None, float | None], left: float) -> list[str]:
    label, value, low, high = row
    parts = [_label(label, left, y + 4)]
    if not _finite(value):
        return [*parts, _text(left + 12, y + 4, "not measured", soft=True)]
    colour = index % len(_COLOURS)
    if _finite(low) and _finite(high):
        a, b = axis.at(low), axis.at(high)  # type: ignore[arg-type]
        parts.append(f'<path class="s{colour}" d="M{a} {y}H{b}M{a} {y - 6}V{y + 6}M{b} {y - 6}V{y + 6}" stroke="{_COLOURS[colour]}" '
                     'stroke-width="2" fill="none"/>')
    x = axis.at(value)
    parts.append(f'<circle class="f{colour}" cx="{x}" cy="{y}" r="5.5" fill="{_COLOURS[colour]}"/>')
    anchor = "start" if x < left + 50 else "end" if x > WIDTH - 60 else "middle"
    parts.append(_text(x, y - 10, number(value), anchor=anchor, bold=True))
    return parts


def lines(series: Sequence[tuple[str, Sequence[Point]]], x_label: str, y_label: str, mark: tuple[float, float, str] | None = None,
          band: tuple[float, float] | None = None, title: str = "") -> str:
    """Lines over one pair of axes; `mark` is a point (x, y, words) to ring, `band` a range of y to shade."""
    kept = [(name, [(x, y) for x, y in points if _finite(x) and _finite(y)]) for name, points in series]
    kept = [(name, points) for name, points in kept if points]
    if not kept:
        return _EMPTY
    every = [point for _, points in kept for point in points] + ([mark[:2]] if mark else [])
    across = Axis.over([x for x, _ in every], 64, WIDTH - 20, margin=0.03)
    top = 26 + 20 * math.ceil(len(kept) / 2)
    up = Axis.over([y for _, y in every] + list(band or ()), 330, top)
    parts = _band(up, band) + _frame(across, up, x_label, y_label) + _legend([name for name, _ in kept])
    for index, (_, points) in enumerate(kept):
        parts += _line(across, up, index, points)
    if mark:
        parts += _mark(across, up, mark)
    told = "; ".join(f"{name}: from {number(points[0][1])} to {number(points[-1][1])} over {len(points)} points" for name, points in kept)
    told += f". Marked: {mark[2]} at {x_label} {number(mark[0])}, {y_label} {number(mark[1])}" if mark else ""
    return _svg(388, title or f"{y_label} by {x_label}", told + ".", parts)


def _line(across: Axis, up: Axis, index: int, points: Sequence[Point]) -> list[str]:
    kind = index % len(_COLOURS)
    path = "L".join(f"{across.at(x)} {up.at(y)}" for x, y in points)
    dots = [f'<circle class="f{kind}" cx="{across.at(x)}" cy="{up.at(y)}" r="2.6" fill="{_COLOURS[kind]}"/>' for x, y in points]
    stroke = (f'<path class="s{kind}" d="M{path}" stroke="{_COLOURS[kind]}" stroke-width="2" stroke-linejoin="round" fill="none"'
              f'{_DASHES[kind]}/>')
    return [stroke, *(dots if len(points) <= 60 else dots[:1])]


def path(points: Sequence[tuple[float, float, str]], x_label: str, y_label: str, title: str = "") -> str:
    """A line through labelled points (x, y, words) in their order, with the zero of either axis drawn where it lies on the picture."""
    kept = [(x, y, words) for x, y, words in points if _finite(x) and _finite(y)]
    if not kept:
        return _EMPTY
    across = Axis.over([0.0, *(x for x, _, _ in kept)], 64, WIDTH - 20, margin=0.1)
    up = Axis.over([0.0, *(y for _, y, _ in kept)], 330, 26, margin=0.1)
    parts = _frame(across, up, x_label, y_label)
    zeros = f"M64 {up.at(0.0)}H{WIDTH - 20}M{across.at(0.0)} {up.start}V{up.end}"
    parts.append(f'<path class="axis" d="{zeros}" stroke="#5a646e" fill="none"/>')
    parts += _line(across, up, 0, [(x, y) for x, y, _ in kept])
    for x, y, words in kept:
        end = across.at(x) > WIDTH - 120
        parts.append(_text(across.at(x) + (-8 if end else 8), up.at(y) - 8, words, anchor="end" if end else "start", bold=True))
    told = "; ".join(f"{words}: {x_label} {number(x)}, {y_label} {number(y)}" for x, y, words in kept)
    return _svg(388, title or f"{y_label} against {x_label}", f"{told}.", parts)


def _mark(across: Axis, up: Axis, mark: tuple[float, float, str]) -> list[str]:
    x, y = across.at(mark[0]), up.at(mark[1])
    anchor = "start" if x < 190 else "end" if x > WIDTH - 190 else "middle"
    y_words = y + 22 if y + 22 < up.start - 4 else y - 12
    words = _text(x, y_words, mark[2], anchor=anchor, bold=True)
    halo = f'<g class="halo" stroke="#fff" stroke-width="5" stroke-linejoin="round">{words}</g>'  # keeps lines off the words
    return [f'<path class="axis" d="M{x} {y}V{up.start}" stroke="#5a646e" stroke-dasharray="3 3" fill="none"/>',
            f'<circle class="ring" cx="{x}" cy="{y}" r="6" fill="#fff" stroke="#1c2126" stroke-width="2"/>',
            halo, words]


def _band(up: Axis, band: tuple[float, float] | None) -> list[str]:
    if band is None:
        return []
    top, bottom = up.at(max(band)), up.at(min(band))
    return [f'<rect class="band" x="64" y="{top}" width="{WIDTH - 84}" height="{round(bottom - top, 1)}" fill="#5a646e" opacity="0.15"/>']


def _frame(across: Axis, up: Axis, x_label: str, y_label: str) -> list[str]:
    parts, rows, columns = [], up.ticks(), across.ticks(7)
    for value in rows:
        parts.append(f'<path class="rule" d="M64 {up.at(value)}H{WIDTH - 20}" stroke="#d9dee3" fill="none"/>')
        parts.append(_text(56, up.at(value) + 4, tick_text(value, rows), anchor="end", soft=True))
    for value in columns:
        parts.append(_text(across.at(value), up.start + 19, tick_text(value, columns), anchor="middle", soft=True))
    parts.append(f'<path class="axis" d="M64 {up.start}H{WIDTH - 20}" stroke="#5a646e" fill="none"/>')
    parts.append(_text((64 + WIDTH - 20) / 2, up.start + 42, x_label, anchor="middle"))
    return [*parts, _text(8, 16, y_label)]


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for index, name in enumerate(names):
        kind, x, y = index % len(_COLOURS), 64 + 290 * (index % 2), 34 + 20 * (index // 2)
        parts.append(f'<path class="s{kind}" d="M{x} {y}h30" stroke="{_COLOURS[kind]}" stroke-width="2.5" fill="none"{_DASHES[kind]}/>')
        parts.append(_text(x + 38, y + 4, _cut(name, 34)))
    return parts


def _grid_across(axis: Axis, bottom: int) -> list[str]:
    parts, ticks = [], axis.ticks()
    for value in ticks:
        x = axis.at(value)
        parts.append(f'<path class="rule" d="M{x} 6V{bottom}" stroke="#d9dee3" fill="none"/>')
        parts.append(_text(x, bottom + 17, tick_text(value, ticks), anchor="middle", soft=True))
    return parts


def _svg(height: int, title: str, told: str, parts: Sequence[str]) -> str:
    mark = hashlib.sha256(f"{title}{told}{''.join(parts)}".encode("utf-8", "replace")).hexdigest()[:10]
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t{mark} d{mark}" font-family="system-ui,sans-serif" '
            f'font-size="13"><title id="t{mark}">{escape(title)}</title><desc id="d{mark}">{escape(told)}</desc>{"".join(parts)}</svg>')


def _text(x: float, y: float, words: str, anchor: str = "start", soft: bool = False, bold: bool = False) -> str:
    look = ' class="soft" fill="#5a646e"' if soft else ' fill="#1c2126"'
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{look}{weight}>{escape(words)}</text>'


def _label(label: str, left: float, y: float) -> str:
    return _text(left - 10, y, _cut(label, int(left / 7)), anchor="end")


def _label_width(labels: Sequence[str]) -> float:
    return min(_LABELS, 7.2 * max(len(label) for label in labels) + 18)


def _cut(words: str, limit: int) -> str:
    return words if len(words) <= limit else words[:limit - 1].rstrip() + "…"


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}".strip()


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
