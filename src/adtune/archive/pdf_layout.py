"""Lines on pages become paragraphs, headings and lists: by the gaps between baselines, the size of the type and the marks of lists."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from dataclasses import dataclass

HYPHEN = "\ufffe"                 # a hyphen at the end of a line, joined with the next line
RUNNING_PAGES = 3                 # with the same line at the same height: a chapter's header runs over its pages only
EDGE_LINES = 3                    # of a page's top and foot, among which running lines are looked for
GAP, MAX_PITCH = 1.35, 1.6        # a wider gap, in pitches, parts paragraphs; a pitch is at most so many type sizes
BIGGER = 1.15                     # times the size of the body: a heading
HEADING_CHARACTERS = 150
SHORT = 0.6                       # of the widest line: a line that is not filled ends by itself
_BULLET = re.compile(r"^[•‣▪●◦–·∙*-]\s+(?=\S)")
_NUMBERED = re.compile(r"^[1-9]\d?[.)]\s+\S")
_ENDED = re.compile(r"[.!?:;…\"”»)]$")


@dataclass(frozen=True)
class Line:
    """One line: its text, its left and right x, the baselines of its first and last character, and the size of its type, in points."""

    text: str
    x: float
    right: float
    y: float
    end: float
    size: float


@dataclass(frozen=True)
class Block:
    """A paragraph, heading or list item."""

    kind: str
    text: str
    size: float


def without_running_lines(pages: list[list[Line]]) -> tuple[list[list[Line]], int]:
    """The pages without the lines that stand at the same place of several of them, and how many were dropped.

    They are the same but for a number that counts with the pages. A line in type that is larger than the body's is a heading, however
    often it comes.
    """
    counts = Counter(key for number, lines in enumerate(pages) for key in set().union(*(_keys(line, number) for line in _edges(lines))))
    full, usual = sum(map(bool, pages)), _usual(pages)
    running = {key for key, count in counts.items() if count >= RUNNING_PAGES or (count == 2 and full <= RUNNING_PAGES)}
    kept = []
    for number, lines in enumerate(pages):
        runs = [line.size <= BIGGER * usual and bool(_keys(line, number) & running) for line in lines]
        first, last = 0, len(lines)
        while first < min(EDGE_LINES, last) and runs[first]:
            first += 1
        while last > max(first, len(lines) - EDGE_LINES) and runs[last - 1]:
            last -= 1
        kept.append(lines[first:last])
    return kept, sum(map(len, pages)) - sum(map(len, kept))


def blocks(pages: list[list[Line]]) -> list[Block]:
    """The blocks of all pages; a paragraph goes on over a page's end where its sentence does."""
    lines = [line for page in pages for line in page]
    if not lines:
        return []
    usual = _usual(pages)
    pitch, widest = _pitches(pages), max(line.right - line.x for line in lines)
    words = Counter(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", "\n".join(line.text for line in lines).casefold()))
    out: list[Block] = []
    before: Line | None = None
    for page in pages:
        for line in page:
            text, kind = _kind(line, usual)
            joint = None if before is None else _joint(before, line, pitch.get(line.size, line.size * MAX_PITCH), widest)
            same = out and (out[-1].kind == kind or (out[-1].kind == "item" and kind == "paragraph")) and not _BULLET.match(line.text)
            if same and joint is not None and not (kind == "paragraph" and _NUMBERED.match(text)):
                out[-1] = Block(out[-1].kind, out[-1].text + joint + text, line.size)
            else:
                out.append(Block(kind, text, line.size))
            before = line
    return [Block(block.kind, _whole_words(block.text, words), block.size) for block in out]


def titled(found: list[Block], title: str | None) -> tuple[str | None, str]:
    """The title (the stated one, else the first heading or a short first line) and the text without it, as light Markdown."""
    first = found[0] if found else None
    if first and title is None and len(found) > 1 and _is_title(first):
        title = " ".join(first.text.split())
    if first and title and " ".join(first.text.split()).casefold() == title.casefold():
        found = found[1:]
    text = ""
    for block, before in zip(found, [None, *found], strict=False):
        mark = {"heading": "## ", "item": "- "}.get(block.kind, "")
        body = block.text.replace("\n", " ") if mark else block.text
        text += ("" if before is None else "\n" if block.kind == before.kind == "item" else "\n\n") + mark + body
    return title, text


def _is_title(block: Block) -> bool:
    return len(block.text) <= HEADING_CHARACTERS and block.kind != "item" and (block.kind == "heading" or not _ENDED.search(block.text))


def _edges(lines: list[Line]) -> list[Line]:
    return lines[:EDGE_LINES] + lines[max(EDGE_LINES, len(lines) - EDGE_LINES):]


def _keys(line: Line, page: int) -> set[tuple[str, int]]:
    """The words as they stand, and with the first or last number as its distance from the page's; each with the height on the page."""
    text, height = line.text.casefold(), round(line.y / 4)
    numbers = [match for match in re.finditer(r"\d{1,5}", text)]
    counted = [f"{text[:one.start()]}#{int(one[0]) - page}{text[one.end():]}" for one in (*numbers[:1], *numbers[-1:])]
    return {(key, height) for key in (text, *counted, *(["#"] if re.fullmatch("[ivxlc]+", text) else []))}


def _usual(pages: list[list[Line]]) -> float:
    """The size of type in which most of the text stands."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _pitches(pages: list[list[Line]]) -> dict[float, float]:
    """The usual distance between two lines of a paragraph, by the size of the type: the lower quartile of all distances."""
    gaps: dict[float, list[float]] = {}
    for lines in pages:
        for above, below in zip(lines, lines[1:], strict=False):
            if above.size == below.size and above.end > below.y:
                gaps.setdefault(below.size, []).append(above.end - below.y)
    quartiles = {size: statistics.quantiles(found, n=4)[0] if len(found) > 1 else found[0] for size, found in gaps.items()}
    return {size: min(pitch, MAX_PITCH * size) for size, pitch in quartiles.items()}


def _kind(line: Line, usual: float) -> tuple[str, str]:
    if _BULLET.match(line.text):
        return _BULLET.sub("", line.text), "item"
    if line.size > BIGGER * usual and len(line.text) <= HEADING_CHARACTERS:
        return line.text, "heading"
    return line.text, "paragraph"


def _joint(above: Line, below: Line, pitch: float, widest: float) -> str | None:
    """What stands between two lines of one block; None where a new block begins."""
    gap = above.end - below.y
    if abs(above.size - below.size) > 0.1 * below.size:
        return None
    if gap <= 0 or gap > 10 * pitch:   # the next column or page
        return None if _ENDED.search(above.text) or not below.text[:1].islower() else " "
    if gap > GAP * pitch or (below.x - above.x > below.size and _ENDED.search(above.text)):
        return None
    return "\n" if above.right - above.x < SHORT * widest and not below.text[:1].islower() else " "


def _whole_words(text: str, words: Counter[str]) -> str:
    """Words that a line's end parted: the hyphen stays where the text elsewhere has it, or a capital or digit follows."""
    def joined(match: re.Match[str]) -> str:
        left, right = match[1], match[2]
        whole, hyphened = (left + right).casefold(), f"{left}-{right}".casefold()
        keep = not right[:1].islower() or (words[hyphened] and words[hyphened] >= words[whole])
        return f"{left}-{right}" if keep else left + right

    return re.sub(rf"(\S*){HYPHEN}\s*(\S*)", joined, text)
