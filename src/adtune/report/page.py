"""One self-contained HTML5 page: no scripts, nothing loaded from anywhere, readable on a phone and on paper.

The block methods return HTML and escape everything they are given; `section` takes such blocks. A page forbids itself scripts and
network access by a content security policy, so that even a text that slipped through would stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .brand import Brand
from .style import CSS
from .words import NOT_MEASURED, escape, shown

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


UNBRANDED = Brand()
MARKS = {"cut": "del", "new": "ins", "claim": "mark"}


@dataclass(frozen=True)
class Link:
    """A cell that leads to the section of this name on the same page."""

    text: str
    section: str

    def __str__(self) -> str:
        return self.text


class Page:
    """A report under construction; `render` gives the file's text."""

    def __init__(self, title: str, subtitle: str = "", brand: Brand = UNBRANDED):
        self.title, self.subtitle, self.brand = title, subtitle, brand
        self._sections: list[str] = []

    def section(self, heading: str, *blocks: str, name: str = "") -> None:
        """Adds a section of blocks, each of them HTML from this class or an SVG from `plots`; a Link leads to it by its `name`."""
        number = len(self._sections) + 1
        body = "\n".join(_framed(block) for block in blocks if block)
        place = f' id="{_anchor(name)}"' if name else ""
        head = f'<h2 id="s{number}">{escape(heading)}</h2>'
        self._sections.append(f'<section{place} aria-labelledby="s{number}">\n{head}\n{body}\n</section>')

    @staticmethod
    def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
        """A table; None reads "not measured", floats have three significant digits, columns of numbers are set to the right.

        An Interval shows its value and both ends. A table without rows says so.
        """
        if not rows:
            return '<p class="empty">Nothing to list.</p>'
        numeric = [_is_numeric([row[i] for row in rows if i < len(row)]) for i in range(len(headers))]
        head = "".join(f'<th scope="col"{_right(n)}>{escape(h)}</th>' for h, n in zip(headers, numeric, strict=True))
        body = "\n".join("<tr>" + "".join(_cell(value, n) for value, n in zip(row, numeric, strict=False)) + "</tr>" for row in rows)
        return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'

    @staticmethod
    def paragraph(text: str) -> str:
        return f"<p>{escape(text)}</p>"

    @staticmethod
    def heading(text: str) -> str:
        """A heading below the section's own."""
        return f"<h3>{escape(text)}</h3>"

    @staticmethod
    def items(texts: Iterable[str]) -> str:
        """A bulleted list."""
        return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"

    @staticmethod
    def note(text: str, tone: str = "") -> str:
        """A paragraph that stands out; `tone` is good, warn, bad or nothing."""
        return f'<p class="note {escape(tone)}" role="note">{escape(text)}</p>'

    @staticmethod
    def quote(text: str) -> str:
        """Somebody's words, white space kept."""
        return f"<blockquote>{escape(text)}</blockquote>"

    @staticmethod
    def terms(pairs: Iterable[tuple[str, str]]) -> str:
        """Words with their meanings."""
        return '<dl class="terms">' + "".join(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in pairs) + "</dl>"

    @staticmethod
    def details(summary: str, *blocks: str) -> str:
        """Blocks that are folded away under a line; a click opens them. On paper only the line stands."""
        body = "\n".join(_framed(block) for block in blocks if block)
        return f"<details><summary>{escape(summary)}</summary>\n{body}\n</details>"

    @staticmethod
    def columns(texts: Sequence[tuple[str, str]]) -> str:
        """Texts side by side (under each other where the screen is narrow), white space kept."""
        parts = "".join(f"<div><h3>{escape(heading)}</h3><pre>{escape(text)}</pre></div>" for heading, text in texts)
        return f'<div class="columns">{parts}</div>'

    @staticmethod
    def marked_columns(texts: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
        """Texts side by side in parts of (text, mark): "" is plain, and the others stand in MARKS; white space kept."""
        parts = []
        for heading, some in texts:
            inner = "".join(f"<{MARKS[mark]}>{escape(text)}</{MARKS[mark]}>" if mark else escape(text) for text, mark in some)
            parts.append(f"<div><h3>{escape(heading)}</h3><pre>{inner}</pre></div>")
        return f'<div class="columns">{"".join(parts)}</div>'

    @staticmethod
    def cards(cards: Sequence[tuple[str, object, str]]) -> str:
        """Headline figures: label, value, and a short note under it."""
        parts = "".join(f'<div class="card"><dt>{escape(label)}</dt><dd class="figure{_none(value)}">{escape(shown(value))}</dd>'
                        f'<dd class="aside">{escape(note)}</dd></div>' for label, value, note in cards)
        return f'<dl class="cards">{parts}</dl>'

    @staticmethod
    def figure(svg: str, caption: str) -> str:
        """A plot with its caption."""
        return f'<figure><div class="plot">{svg}</div><figcaption>{escape(caption)}</figcaption></figure>'

    def render(self) -> str:
        """The whole file, UTF-8 safe."""
        subtitle = f"\n<p>{escape(self.subtitle)}</p>" if self.subtitle else ""
        body = "\n".join(self._sections)
        named = escape(self.brand.agency or "logo")
        logo = f'<img class="logo" src="{escape(self.brand.logo)}" alt="{named}">\n' if self.brand.logo else ""
        agency = f'<p class="agency">{escape(self.brand.agency)}</p>\n' if self.brand.agency else ""
        maker = self.brand.agency or ("" if self.brand.logo else "Made by adtune")
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(self.title)}</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
{logo}{agency}<h1>{escape(self.title)}</h1>{subtitle}
</header>
{body}
<footer>{f"{escape(maker)}. " if maker else ""}Everything in this file is static; it loads nothing and sends nothing.</footer>
</main>
</body>
</html>
"""


def _framed(block: str) -> str:
    return f'<figure><div class="plot">{block}</div></figure>' if block.startswith("<svg") else block


def _anchor(name: str) -> str:
    """A name that is safe as an id, and that no numbered heading has."""
    return "at-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _is_numeric(column: Sequence[object]) -> bool:
    told = [value for value in column if value is not None]
    return bool(told) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in told)


def _cell(value: object, numeric: bool) -> str:
    if isinstance(value, Link):
        return f'<td><a href="#{_anchor(value.section)}">{escape(value.text)}</a></td>'
    text = shown(value)
    unbroken = max(map(len, text.split()), default=0) > 40  # a hash or an address: it may break anywhere
    classes = " ".join(name for name, on in (("n", numeric), ("none", text == NOT_MEASURED), ("long", unbroken)) if on)
    return f'<td class="{classes}">{escape(text)}</td>' if classes else f"<td>{escape(text)}</td>"


def _right(numeric: bool) -> str:
    return ' class="n"' if numeric else ""


def _none(value: object) -> str:
    return " none" if shown(value) == NOT_MEASURED else ""
