"""Rules that write a client's pieces: templates with fields, learned from training pieces by alignment, and filled from a brief.

Pieces are parted by category and by the fields that their briefs hold (`Label: value` facts; the parts of a title that change from
piece to piece are fields too). A value that stands in a piece becomes a named field. Then the piece that is most like the others is
aligned with each of them (Ratcliff and Obershelp's matching blocks): its words that stand in at least KEPT of the aligned pieces
are the template, and what changes between them is a gap for a person to fill. Pieces that no template fits make the next one.

What a rule gives is judged as any draft is: by the effort index from it to the published text (`voice/effort.py`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ..records import Brief, Example, Interval
from ..stats import mean_interval
from ..voice.effort import effort

KEPT = 0.6            # share of the aligned pieces in which a word of a template stands
ALIKE = 0.5           # matched share of two texts from which one template may write both
FEWEST = 4            # pieces that make a template
MOST = 4              # templates of a group
LOOKED = 24           # pieces of a group among which the most typical one is looked for
SHORTEST = 2          # tokens of a matching block: a single word in common is chance
SHARED_GRAM = 3       # tokens; pieces that share few such runs have no template, and are not aligned
LEAST_SHARED = 0.2    # share of a piece's runs that stand in another piece of its group, median over the group
TITLE = "title {}"    # name of the n-th field of a title
GAP = "[…]"
TOKEN = re.compile(r"\n+|[^\S\n]*(?:\w+(?:[.,'’]\w+)*|[^\w\s])")
FACT = re.compile(r"\s*([^:]{1,40}?)\s*:\s+(\S.*?)\s*")


@dataclass(frozen=True)
class Part:
    """A stretch of a template: words as they stand, the name of a field, or, with neither, a gap. `lead` is the space before it."""

    text: str = ""
    field: str = ""
    lead: str = ""


@dataclass(frozen=True)
class Template:
    """`parts` in order, the fields that they ask for, and how many training pieces it was learned from."""

    parts: tuple[Part, ...]
    pieces: int

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its fields filled; a gap, and a field without a value, show as GAP."""
        shown = []
        for part in self.parts:
            value = part.text or values.get(part.field) or GAP
            begins = not shown or shown[-1].endswith(("\n", ". ")) or shown[-1].rstrip().endswith((".", "!", "?"))
            shown.append(part.lead + (value[:1].upper() + value[1:] if begins and part.field else value))
        return "".join(shown).strip()

    @property
    def written(self) -> float:
        """Share of the template's words that it writes itself or fills from the brief; gaps count as one word."""
        counts = [len(part.text.split()) if part.text else 1 for part in self.parts]
        return sum(count for part, count in zip(self.parts, counts, strict=True) if part.text or part.field) / max(sum(counts), 1)


@dataclass(frozen=True)
class RuleSet:
    """Templates by (category, names of the fields), the most used first in each, and the form of the titles of each category."""

    templates: Mapping[tuple[str, frozenset[str]], tuple[Template, ...]]
    titles: Mapping[str, tuple[str | None, ...]]

    def draft(self, brief: Brief) -> str | None:
        """What the rules write to a brief; None where no template was learned for its category."""
        category = brief.category or ""
        values = _values(brief, self.titles.get(category, ()))
        fitting = [(len(fields & values.keys()) - len(fields - values.keys()), found[0])
                   for (name, fields), found in self.templates.items() if name == category]
        return max(fitting, key=lambda pair: (pair[0], pair[1].pieces))[1].fill(values) if fitting else None

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.templates.values())


def learn_rules(pieces: Sequence[Example]) -> RuleSet:
    """The rules of these pieces; empty where they share no structure."""
    by_category: dict[str, list[Example]] = defaultdict(list)
    for piece in pieces:
        by_category[piece.brief.category or ""].append(piece)
    titles = {category: _title_form([piece.brief.title or "" for piece in group]) for category, group in by_category.items()}
    templates = {}
    for category, group in sorted(by_category.items()):
        parted: dict[frozenset[str], list[Example]] = defaultdict(list)
        for piece in group:
            parted[frozenset(_values(piece.brief, titles[category]))].append(piece)
        small = [piece for members in parted.values() if len(members) < FEWEST for piece in members]
        groups = {fields: members for fields, members in parted.items() if len(members) >= FEWEST}
        if len(small) >= FEWEST:
            common = frozenset.intersection(*(frozenset(_values(piece.brief, titles[category])) for piece in small))
            groups.setdefault(common, small)
        for fields, members in sorted(groups.items(), key=lambda pair: sorted(pair[0])):
            found = _templates([_tokens(piece, titles[category]) for piece in members])
            if found:
                templates[category, fields] = found
    return RuleSet(templates, titles)


def measure_rules(train: Sequence[Example], held_out: Sequence[Example]) -> tuple[Interval | None, int]:
    """(editing effort that rules of the training pieces leave on held-out ones, number of templates); a piece that no template fits is
    all to write: 1. None without held-out pieces."""
    if not held_out:
        return None, 0
    rules = learn_rules(train)
    drafts = [(rules.draft(piece.brief), piece.text) for piece in held_out] if rules.count else []
    return mean_interval([1.0 if draft is None else effort(draft, text) for draft, text in drafts] or [1.0] * len(held_out)), rules.count


Token = tuple[str, str, str]  # (what is compared, what is written, the space before it); a field is compared by its name


def _tokens(piece: Example, title: Sequence[str | None]) -> list[Token]:
    """The tokens of a piece, each value of its brief become one named token."""
    tokens: list[Token] = []
    for found in TOKEN.findall(piece.text.strip()):
        word = found.lstrip(" \t")
        tokens.append(("\n" if word.startswith("\n") else word.lower(), word, found[:len(found) - len(word)]))
    named = sorted(_values(piece.brief, title).items(), key=lambda pair: (-len(pair[1]), pair[0]))
    for name, value in named:
        wanted = [found.strip().lower() for found in TOKEN.findall(value)]
        at = 0
        while wanted and at + len(wanted) <= len(tokens):
            if [token[0] for token in tokens[at:at + len(wanted)]] == wanted:
                tokens[at:at + len(wanted)] = [(f"\0{name}", "", tokens[at][2])]
            at += 1
    return tokens


def _values(brief: Brief, title: Sequence[str | None]) -> dict[str, str]:
    """The fields of a brief: its facts of the form `Label: value`, and what stands in the changing places of its title."""
    values = {match[1]: match[2] for fact in brief.facts if (match := FACT.fullmatch(fact))}
    known = {value.lower() for value in values.values()}
    parts = [part for part in _title_parts(brief.title or "", title) if part.lower() not in known]
    return values | {TITLE.format(n): part for n, part in enumerate(parts, 1)}


def _title_form(titles: Sequence[str]) -> tuple[str | None, ...]:
    """The words that all titles share with None where something changes, such as ("water", "off", "on", None, ",", None); empty where
    they share nothing."""
    rows = [[found.strip().lower() for found in TOKEN.findall(title)] for title in titles if title]
    if len(rows) < FEWEST:
        return ()
    counts = Counter(token for row in rows for token in set(row))
    shared = {token for token, count in counts.items() if count >= 0.9 * len(rows)}
    form: list[str | None] = []
    for token in max(rows, key=lambda row: sum(one in shared for one in row)):
        if token in shared:
            form.append(token)
        elif not form or form[-1] is not None:
            form.append(None)
    return tuple(form) if any(form) else ()


def _title_parts(title: str, form: Sequence[str | None]) -> list[str]:
    """What stands in the changing places of a title; nothing where it has not this form."""
    if not form:
        return []
    pattern = r"\s*".join("(.+?)" if token is None else re.escape(token) for token in form)
    match = re.fullmatch(pattern, title.strip(), re.IGNORECASE)
    return [part.strip() for part in match.groups()] if match else []


def _templates(rows: list[list[Token]]) -> tuple[Template, ...]:
    """Templates of one group, the one with the most pieces first."""
    found: list[Template] = []
    if _shared([[token[0] for token in row] for row in rows]) < LEAST_SHARED:
        return ()
    while len(rows) >= FEWEST and len(found) < MOST:
        typical = _typical(rows)
        blocks = [_blocks(typical, row) for row in rows]
        members = [n for n, matched in enumerate(blocks) if _share(matched, typical, rows[n]) >= ALIKE]
        if len(members) < FEWEST:
            break
        found.append(Template(_parts(typical, [(rows[n], blocks[n]) for n in members]), len(members)))
        rows = [row for n, row in enumerate(rows) if n not in set(members)]
    return tuple(sorted(found, key=lambda one: -one.pieces))


def _shared(rows: Sequence[Sequence[str]]) -> float:
    """The median share of a row's runs of SHARED_GRAM tokens that stand in another row too."""
    grams = [{tuple(row[n:n + SHARED_GRAM]) for n in range(len(row) - SHARED_GRAM + 1)} for row in rows]
    counts = Counter(gram for some in grams for gram in some)
    shares = sorted(sum(counts[gram] > 1 for gram in some) / len(some) for some in grams if some)
    return shares[len(shares) // 2] if shares else 0.0


Block = tuple[int, int, int]  # place in the typical row, place in the other, length


def _blocks(first: Sequence[Token], second: Sequence[Token]) -> list[Block]:
    found = SequenceMatcher(None, [token[0] for token in first], [token[0] for token in second], autojunk=False).get_matching_blocks()
    return [(one.a, one.b, one.size) for one in found
            if one.size >= SHORTEST or any(first[one.a + n][0].startswith("\0") for n in range(one.size))]


def _share(blocks: Iterable[Block], first: Sequence[Token], second: Sequence[Token]) -> float:
    return 2 * sum(size for _, _, size in blocks) / max(len(first) + len(second), 1)


def _typical(rows: Sequence[Sequence[Token]]) -> Sequence[Token]:
    """The row that the others are most like."""
    some = rows if len(rows) <= LOOKED else [rows[n * len(rows) // LOOKED] for n in range(LOOKED)]
    likeness = [0.0] * len(some)
    for n, first in enumerate(some):
        for m in range(n):
            share = _share(_blocks(first, some[m]), first, some[m])
            likeness[n] += share
            likeness[m] += share
    return some[max(range(len(some)), key=lambda n: (likeness[n], -n))]


def _parts(typical: Sequence[Token], aligned: Sequence[tuple[Sequence[Token], Sequence[Block]]]) -> tuple[Part, ...]:
    """The template: tokens of the typical row that KEPT of the aligned rows share, gaps where those have something else in between."""
    support, between = [0] * len(typical), [0] * (len(typical) + 1)
    for row, blocks in aligned:
        place = {a + n: b + n for a, b, size in blocks for n in range(size)}
        before = (-1, -1)
        for a in sorted(place):
            support[a] += 1
            if place[a] - before[1] > 1:
                between[a] += 1      # something of this row's own stands before the shared token
            before = (a, place[a])
        between[len(typical)] += before[1] < len(row) - 1
    least = KEPT * len(aligned)
    parts: list[Part] = []
    for at, (key, text, lead) in enumerate(typical):
        if support[at] < least:
            continue
        if between[at] > len(aligned) / 2:
            parts.append(Part(lead=" " if parts else ""))
        if key.startswith("\0"):
            parts.append(Part(field=key[1:], lead=lead))
        elif parts and parts[-1].text:
            parts[-1] = Part(parts[-1].text + lead + text, lead=parts[-1].lead)
        else:
            parts.append(Part(text, lead=lead))
    if between[len(typical)] > len(aligned) / 2:
        parts.append(Part(lead=" "))
    return tuple(parts)
