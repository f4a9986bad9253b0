"""The decisions that matter most, as questions to a person.

Four kinds are asked: whether a finding of a check is right (one piece stands for the findings of its kind), which of two pieces that tell
a fact differently goes, or which of two categories holds, whether a piece near the limit is in the voice, and, where nothing says which
voice is meant, which of the archive's voices it is. The value of a question is the number of pieces that its answer is expected to move,
the asked one included:

    p (own move + others moved by a yes) + (1 - p) (own move + others moved by a no)

p is the chance of a yes: one less the confidence of a finding, or the likeness of a piece to the voice. Questions of one kind after the
first count for less, so that the queue does not ask the same thing again and again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from ..records import Approval
from ..settings import CurateSettings
from .checks import CHECKS, SHOWN_UNLESS_ASKED
from .checks.finding import refused, visible
from .choose import FEW, SURE, TYPICAL, Learned, weakest_axes
from .dataset import Curated, Dropped, Shown
from .decisions import FIXED, LABELS, OFF_VOICE, OVER_KEEP, VOICE, Answers, answers_of, kind_of
from .influence import Influence
from .pieces import Piece

MOST = 40
LOOKED_AT = 3000      # pieces, evenly spread, among which the archive's voices are looked for
COMPARED = 1500       # words of a near-duplicate and its twin that are compared
A_KIND = 5            # questions about one kind of finding at most
OF_THE_LIMIT = 0.6    # of the queue at most is about likeness to the voice, while there is anything else to ask
SHOWN_AT_ODDS = 0.5   # of its confidence: the chance that a person drops a piece for what is only to be looked at
FACTS = "inconsistent_facts"
SETTLED = 0.02        # expected moves under which nothing is asked
_OTHERWISE = re.compile(r"; '(.+?)'(?: \([\d-]+\))? says ")
_LIKELIER = re.compile(r"; likelier is '(.+)' at ")
_MARK = re.compile("»([^«]*)«")
_NUMBERED = re.compile(r"\[U\+([0-9A-F]{4,6})\]")


@dataclass(frozen=True)
class Group:
    """One voice of the archive: how many pieces it holds, its most typical ones, and the habits that set it off."""

    pieces: int
    typical: tuple[Piece, ...]
    habits: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One question. `about` is the reason or check, `kind` what exactly was found, `evidence` the finding in words and `marks` the
    stretches of the text that it speaks of. `kept` says what becomes of the piece without an answer, `confidence` how sure that is.

    `yes` and `no` count the other pieces that such an answer would move, `like` those with a finding of the same kind. Where the voice
    itself is asked about, `groups` are the answers, and `piece` is the most typical one of the largest. `twin` is the piece that a
    near-duplicate is like; the marks are then what differs. Of a fact it is the piece that tells it otherwise. `instead` is the category
    that a no gives the piece.
    """

    piece: Piece
    about: str
    kind: str | None
    evidence: str
    confidence: float
    kept: bool
    value: float
    yes: int = 0
    no: int = 0
    like: int = 0
    marks: tuple[str, ...] = ()
    twin: Piece | None = None
    instead: str | None = None
    groups: tuple[Group, ...] = field(default=(), repr=False)

    @property
    def of_voice(self) -> bool:
        """Whether the likeness of the piece to the voice is asked about."""
        return self.about == OFF_VOICE

    @property
    def why(self) -> str:
        """Why it is asked, in words."""
        if self.groups:
            return f"the archive holds {len(self.groups)} voices, and no gold pieces say which one is meant"
        parts = []
        if self.like:
            parts.append(f"it stands for {self.like} more with the same finding")
        if self.yes or self.no:
            parts.append("an answer moves pieces like it")
        if 0.2 < self.confidence < 0.8 or not parts:
            parts.append("it is not sure" if self.confidence < 0.8 else "a person should have seen it")
        return ", and ".join(parts)


def queue(curated: Curated, settings: CurateSettings, most: int = MOST) -> list[Question]:
    """At most `most` questions, the one that is expected to move the most pieces first; what a person decided is not asked again."""
    pieces = {piece.asset.id: piece for piece in curated.pieces}
    asked = _voices(curated.pieces)
    found = [*_findings(curated, pieces, settings), *_facts(curated, pieces), *_labels(curated, pieces), *_near_the_limit(curated)]
    found.sort(key=lambda one: (-round(one.value, 6), one.piece.content, one.about))
    best: dict[str, Question] = {}
    for question in found:
        if question.value >= SETTLED:
            best.setdefault(question.piece.content, question)
    near = [one for one in best.values() if one.of_voice]
    others = [one for one in best.values() if not one.of_voice]
    room = most - len(asked)
    near = near[:max(room - len(others), int(OF_THE_LIMIT * room))]
    return [*asked, *sorted([*near, *others[:room - len(near)]], key=lambda one: (-round(one.value, 6), one.piece.content))]


def _findings(curated: Curated, pieces: dict[str, Piece], settings: CurateSettings) -> list[Question]:
    """The findings of checks: of each kind the middle one stands for the kind, then those that are the least sure."""
    groups: dict[tuple[str, str], list[Dropped | Shown]] = defaultdict(list)
    known = {check.name for check in CHECKS if not check.shows} - FIXED   # of what only shows, facts and labels are asked apart
    for one in (*curated.dropped, *curated.shown):
        if one.reason in known and not (one.reason in SHOWN_UNLESS_ASKED and one.asset.approval == Approval.GOLD):
            groups[one.reason, kind_of(one.evidence)].append(one)
    answers, questions = answers_of(curated.pieces), []
    own = {item.asset for item in curated.dataset.items}
    named = {piece.name: piece for piece in curated.pieces if piece.asset.id in own}
    for key, members in groups.items():
        given = answers.get(key, Answers())
        open_ = sorted((one for one in members if not pieces[one.asset.id].ruling),
                       key=lambda one: (one.confidence, pieces[one.asset.id].content))
        if not open_:
            continue
        yes, no = _moved(open_, given, settings)
        first = open_[len(open_) // 2]
        rest = sorted((one for one in open_ if one is not first), key=lambda one: abs(one.confidence - settings.drop_confidence))
        for place, one in enumerate([first, *rest][:A_KIND]):
            kept = isinstance(one, Shown)
            leaves = one.confidence * (SHOWN_AT_ODDS if isinstance(one, Shown) and not one.drops else 1.0)
            others = ((1 - leaves) * max(0, yes - (not kept)) + leaves * max(0, no - kept)) if not place else 0.0
            value = (((1 - leaves) if not kept else leaves) + others) / (1 + place)
            piece = pieces[one.asset.id]
            moves = {"yes": max(0, yes - (not kept)), "no": max(0, no - kept), "like": len(open_) - 1} if not place else {}
            twin = _twin(piece, one, named) if one.reason == "near_duplicate" else None
            marks = marks_of(one.evidence) if twin is None else differences(piece.body, twin.body)
            questions.append(Question(piece, one.reason, key[1], one.evidence, one.confidence, kept, value, marks=marks, twin=twin,
                                      **moves))
    return questions


def _moved(members: Sequence[Dropped | Shown], given: Answers, settings: CurateSettings) -> tuple[int, int]:
    """How many of the findings change sides after one more yes, and after one more no."""
    yes, no, also = given.after(False), given.after(True), [name.strip() for name in settings.drop_also.split(",")]
    shows = {name for name in SHOWN_UNLESS_ASKED if name not in also}
    back = sum(isinstance(one, Dropped) and (yes.weighed(given.raw(one.confidence)) < settings.drop_confidence
                                             or (one.reason in shows and not yes.backed)) for one in members)
    gone = sum(isinstance(one, Shown) and (one.drops or (one.reason in shows and no.backed))
               and no.weighed(given.raw(one.confidence)) >= settings.drop_confidence for one in members)
    return back, gone


def _facts(curated: Curated, pieces: dict[str, Piece]) -> list[Question]:
    """Facts that two pieces tell differently, each pair once: whether the older of the two stays. An answer is about this fact alone."""
    named = {pieces[item.asset].name: pieces[item.asset] for item in curated.dataset.items}
    asked: dict[frozenset[str], Question] = {}
    for one in curated.shown:
        piece, other = pieces[one.asset.id], _OTHERWISE.search(one.evidence) if one.reason == FACTS else None
        if other is None or piece.ruling or piece.gold:
            continue
        twin = named.get(other[1])
        if twin and twin.ruling and twin.ruling.about == FACTS:
            continue
        pair = frozenset({piece.content, twin.content if twin else other[1]})
        before = asked.get(pair)
        if before is None or (piece.asset.date or "", piece.content) < (before.piece.asset.date or "", before.piece.content):
            asked[pair] = Question(piece, FACTS, None, one.evidence, one.confidence, True, one.confidence * SHOWN_AT_ODDS,
                                   marks=marks_of(one.evidence.partition("; '")[0]), twin=twin)
    return list(asked.values())


def _labels(curated: Curated, pieces: dict[str, Piece]) -> list[Question]:
    """Categories that look wrong: a yes keeps the category, a no gives the piece the likelier one."""
    found = [(pieces[one.asset.id], one, _LIKELIER.search(one.evidence)) for one in curated.shown if one.reason == LABELS]
    return [Question(piece, LABELS, other[1], one.evidence, one.confidence, True, one.confidence * SHOWN_AT_ODDS, instead=other[1])
            for piece, one, other in found if other and not piece.ruling]


def _twin(piece: Piece, found: Dropped | Shown, named: Mapping[str, Piece]) -> Piece | None:
    """The kept piece that a near-duplicate is like, as its evidence names it; None where that was dropped for another reason."""
    name = re.search(r"'(.*)'", found.evidence, re.S)
    twin = named.get(name[1]) if name else None
    return None if twin is None or twin.order == piece.order else twin


def differences(text: str, other: str) -> tuple[str, ...]:
    """The runs of words that a text has and another has not, each with the word before it."""
    mine, theirs = text.split()[:COMPARED], other.split()[:COMPARED]
    parts = SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
    runs = [" ".join(mine[max(0, start - 1):end]) for tag, start, end, _, _ in parts if tag in ("replace", "delete")]
    return tuple(dict.fromkeys(runs))


def _near_the_limit(curated: Curated) -> list[Question]:
    """Pieces whose voice is the least sure, each chosen for what its answer would move once those before it are answered."""
    learned = curated.selection.learned
    if learned is None:
        return []
    gone = {one.asset.id: one for one in curated.dropped}
    own = {item.asset for item in curated.dataset.items}
    by_order = {piece.order: piece for piece in curated.pieces}
    places = [place for place, order in enumerate(learned.orders)
              if not by_order[order].ruling and not by_order[order].gold
              and (by_order[order].asset.id in own or gone[by_order[order].asset.id].reason == OFF_VOICE)]
    if not places:
        return []
    influence, questions = Influence(learned.likeness, _edge(curated, learned, own), places), []
    left = list(range(len(influence.places)))
    kept = {at: by_order[learned.orders[int(influence.places[at])]].asset.id in own for at in left}
    for _ in range(min(MOST, len(left))):
        told = {at: (int(influence.moved(at, True).sum()), int(influence.moved(at, False).sum())) for at in left}
        value = {at: float(influence.chances[at]) * (told[at][0] + (not kept[at]))
                 + (1 - float(influence.chances[at])) * (told[at][1] + kept[at]) for at in left}
        best = max(left, key=lambda at: (round(value[at], 6), -at))
        left.remove(best)
        influence.learn(best)
        place = int(influence.places[best])
        piece = by_order[learned.orders[place]]
        fell = gone.get(piece.asset.id)
        evidence, score = _about_voice(learned, place, fell), float(influence.chances[best])
        questions.append(Question(piece, OFF_VOICE, None, evidence, max(score, 1 - score), kept[best], value[best], *told[best],
                                  marks=_pulling(learned, place)))
    return questions


def _edge(curated: Curated, learned: Learned, own: set[str]) -> float:
    """The likeness at which a piece stays or goes: the limit, or what the last place went to where more passed than there are places."""
    scores = {order: learned.likeness.scores[place] for place, order in enumerate(learned.orders)}
    kept = [scores[piece.order] for piece in curated.pieces if piece.asset.id in own and not piece.wanted and piece.order in scores]
    full = any(one.reason == OVER_KEEP for one in curated.dropped)
    return max(learned.limit, min(SURE / 100, *kept)) if full and kept else learned.limit


def _about_voice(learned: Learned, place: int, dropped: Dropped | None) -> str:
    if dropped is not None:
        return dropped.evidence
    found = learned.likeness
    told = "; ".join(f"{axis} {found.axes[axis][place]:.2f}" for axis in weakest_axes(found, place))
    return f"likeness {found.scores[place]:.2f}, where the limit is {learned.limit:.2f}; the least like are {told}"


def _pulling(learned: Learned, place: int) -> tuple[str, ...]:
    """The words of the piece that pull it away from the voice, of its two weakest axes."""
    found = learned.likeness
    names = [name for axis in weakest_axes(found, place) for name, pull in found.behind(place, axis, 12) if pull < 0]
    return tuple(dict.fromkeys(name.partition(": ")[2] for name in names if ": " in name))


def marks_of(evidence: str) -> tuple[str, ...]:
    """The stretches of text that an evidence quotes, as they stand in the text."""
    found = (_NUMBERED.sub(lambda match: chr(int(match[1], 16)), one.strip(" …")) for one in _MARK.findall(evidence))
    return tuple(dict.fromkeys(one for one in found if one))


def spans_of(text: str, marks: Sequence[str]) -> list[tuple[int, int]]:
    """Where the marks stand in a text, in order and without overlap; white space may differ, and a lone word stands for itself only."""
    spans: list[tuple[int, int]] = []
    for mark in marks:
        pattern = r"\s+".join(map(re.escape, mark.split()))
        bounded = rf"(?<!\w){pattern}(?!\w)" if len(mark.split()) == 1 and mark.isalnum() else pattern
        spans += [match.span() for match in re.finditer(bounded, text, re.I)] if pattern else []
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def segments(text: str, marks: Sequence[str]) -> list[tuple[str, bool]]:
    """The text in parts, each with whether it is marked; what a reader can't see is written by its number."""
    parts, end = [], 0
    for start, stop in spans_of(text, marks):
        parts += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return [(visible(part), marked) for part, marked in [*parts, (text[end:], False)] if part]


def _voices(pieces: Sequence[Piece]) -> list[Question]:
    """Which voice is meant, where the archive has no gold pieces, nobody has said it, and the approved ones part into several."""
    usable = [piece for piece in pieces if piece.plain and not refused(piece)]
    gold = sum(piece.gold or piece.says == "voice" for piece in usable)
    approved = [piece for piece in usable if piece.asset.approval == Approval.APPROVED]
    asked = sorted(approved if len(approved) >= FEW else usable, key=lambda piece: (piece.content, piece.order))
    if gold >= FEW or len(asked) < 2 * FEW:
        return []
    from ..voice.clusters import voices

    asked = asked if len(asked) <= LOOKED_AT else [asked[place * len(asked) // LOOKED_AT] for place in range(LOOKED_AT)]
    found = voices([piece.body for piece in asked])
    if len(found) < 2:
        return []
    groups = tuple(Group(len(one.places), tuple(asked[place] for place in one.typical), one.habits) for one in found)
    largest = len(asked) - groups[0].pieces
    return [Question(groups[0].typical[0], VOICE, None, f"{len(groups)} groups of pieces with habits of their own", 0.5, True,
                     float(largest), groups=groups)]


def as_row(question: Question) -> dict[str, Any]:
    """The question as a row of JSON."""
    asset = question.piece.asset
    row = {"asset": asset.id, "title": asset.title, "source": vars(asset.source), "about": question.about, "kind": question.kind,
           "evidence": question.evidence, "marks": list(question.marks), "confidence": round(question.confidence, 3),
           "now": "keep" if question.kept else "drop", "why": question.why,
           "moves": {"keep": question.yes, "drop": question.no, "like": question.like}, "value": round(question.value, 3)}
    groups = [{"pieces": one.pieces, "typical": [piece.name for piece in one.typical[:TYPICAL]],
               "ids": [piece.asset.id for piece in one.typical[:TYPICAL]], "habits": list(one.habits)} for one in question.groups]
    return {**row, "twin": question.twin.asset.id if question.twin else None, "instead": question.instead, "groups": groups or None}

