"""The dataset shapes of other tools, known from a file's first rows: chats, instructions and prompt-completion pairs.

A row of such a file becomes a row of pieces: the request is the brief, the answer is the text, the other columns stay what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .briefs import brief_fields
from .columns import known_as, squeezed
from .rows import Fault, Row
from .turns import NO_TOOLS, is_turns, piece_of
from .values import facts, kind_of

FIRST_ROWS = 20
GUIDES = 20          # distinct system messages that are kept in full
GUIDE_SHOWN = 160    # characters of one in a note

Values = Mapping[str, Any]
Made = tuple[dict[str, Any], str | None]   # the fields of a piece, and the system message


@dataclass(frozen=True)
class Shape:
    """`fits` tells the shape from a row's lower-case column names; `uses` are the columns that `make` turns into fields."""

    name: str
    uses: tuple[str, ...]
    fits: Callable[[Values], bool]
    make: Callable[[Values], Made]


def _chat(key: str) -> Callable[[Values], Made]:
    def make(values: Values) -> Made:
        if values.get("tools") or values.get("functions"):
            raise ValueError(f"the row defines tools; {NO_TOOLS}")
        return piece_of(values[key], values.get("system") if isinstance(values.get("system"), str) else None)

    return make


def _alpaca(values: Values) -> Made:
    """`instruction` and `input` are the request, `history` earlier turns as pairs."""
    turns = []
    for pair in values.get("history") or ():
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError("the history is not a list of [request, answer] pairs")
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    asked = [_said(values, name) for name in ("instruction", "input")]
    turns += [{"role": "user", "content": "\n".join(part for part in asked if part.strip())},
              {"role": "assistant", "content": _said(values, "output")}]
    return piece_of(turns, _said(values, "system"))


def _pair(values: Values) -> Made:
    """Strings, or lists of messages on either side (TRL)."""
    prompt, answer = values.get("prompt"), values["completion"]
    if isinstance(prompt, list) or isinstance(answer, list):
        turns = [*(prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]),
                 *(answer if isinstance(answer, list) else [{"role": "assistant", "content": answer}])]
        return piece_of(turns)
    return {**brief_fields(_said(values, "prompt")), "text": _said(values, "completion")}, None


def _preference(values: Values) -> Made:
    raise ValueError("a pair of a chosen and a rejected answer is not read: adtune learns from approved texts; "
                     "give the chosen ones as prompt and completion")


def _said(values: Values, name: str) -> str:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the {name} is {kind_of(value)}, not words")
    return value or ""


SHAPES = (
    Shape("preference pairs", ("prompt", "chosen", "rejected"), lambda v: {"chosen", "rejected"} <= v.keys(), _preference),
    Shape("chat messages (OpenAI)", ("messages", "tools", "functions", "parallel_tool_calls", "system", "text"),
          lambda v: is_turns(v.get("messages")), _chat("messages")),
    Shape("conversations (ShareGPT)", ("conversations", "tools", "functions", "system", "text"), lambda v: is_turns(v.get("conversations")),
          _chat("conversations")),
    Shape("instructions (Alpaca)", ("instruction", "input", "output", "history", "system", "text"),
          lambda v: {"instruction", "output"} <= v.keys(), _alpaca),
    Shape("prompt and completion", ("prompt", "completion"), lambda v: {"prompt", "completion"} <= v.keys(), _pair),
)


class Shapes:
    """Converts the rows of one read; remembers the system messages, which are no part of a piece."""

    def __init__(self) -> None:
        self.guides: Counter[str] = Counter()
        self.other_guides = 0

    def converted(self, shape: Shape, rows: Iterable[Row | Fault]) -> Iterator[Row | Fault]:
        """The rows of a file of this shape as pieces; a row of another form passes as it is."""
        for row in rows:
            yield self._one(shape, row) if isinstance(row, Row) else row

    def _one(self, shape: Shape, row: Row) -> Row | Fault:
        values = lowered(row.values)
        if not shape.fits(values):
            return row
        try:
            made, system = shape.make(values)
            others = {name: value for name, value in row.values.items() if name.strip().casefold() not in shape.uses}
            merged = _merged(made, others)
        except ValueError as error:
            return Fault(row.line, str(error), row.part)
        if system:
            self._remember(system)
        return replace(row, values=merged)

    def _remember(self, system: str) -> None:
        if system in self.guides or len(self.guides) < GUIDES:
            self.guides[system] += 1
        else:
            self.other_guides += 1

    def notes(self) -> Iterator[str]:
        """What a person should know of the system messages."""
        for words, count in self.guides.most_common(3):
            shown = " ".join(words.split())
            shown = shown if len(shown) <= GUIDE_SHOWN else f"{shown[:GUIDE_SHOWN]}…"
            yield (f"{count} pieces came with the system message “{shown}”, which is no part of a piece: if it says how the client writes, "
                   "save it as a file and give it to `adtune curate --brand-guide`")
        more = sum(count for _, count in self.guides.most_common()[3:]) + self.other_guides
        if more:
            yield f"{more} more pieces came with other system messages, which are no part of a piece"


def shape_of(rows: Iterable[Row | Fault]) -> Shape | None:
    """The shape of at least half of these rows; None where they are rows of pieces."""
    read = [lowered(row.values) for row in rows if isinstance(row, Row) and not row.document]
    return next((shape for shape in SHAPES if read and 2 * sum(map(shape.fits, read)) >= len(read)), None)


def lowered(values: Values) -> dict[str, Any]:
    return {str(name).strip().casefold(): value for name, value in values.items()}


def _merged(made: dict[str, Any], others: Values) -> dict[str, Any]:
    """The fields of the request and the answer, with the row's other columns. A title or facts of its own stay beside the request."""
    fields: dict[str, Any] = {}
    for name, value in others.items():
        field = known_as(name)
        if value in (None, "", []) or field == "text":
            continue
        if field == "title" and isinstance(value, str):
            if made.get("title") and squeezed(value) != squeezed(made["title"]):
                made = {**made, "facts": [made["title"], *made.get("facts", ())]}
            made = {**made, "title": value}
        elif field == "facts":
            own = list(facts(value))
            made = made if own == list(made.get("facts") or ()) else {**made, "facts": [*made.get("facts", ()), *own]}
        else:
            fields.setdefault(name, value)
    given = {known_as(name) for name in fields}
    return {**fields, **{name: value for name, value in made.items() if name not in given}}
