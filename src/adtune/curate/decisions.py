"""What persons decided, applied: to the piece itself, and to the findings and scores of pieces like it.

A piece that a person kept stays, whatever a check guesses; one that a person left out goes first. Each such answer also counts for the
other findings of its kind. The confidence c of a finding is read as the mean of a Beta distribution worth PRIOR answers, so that after
k answers that agreed with the check and r that did not

    c' = (PRIOR c + k) / (PRIOR + k + r)

(Gelman and others, Bayesian Data Analysis, 3rd edition, 2.4). What was measured and not guessed (confidence 1) stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..records import Asset, Decision
from .checks import SHOWN_UNLESS_ASKED, Check, Found
from .pieces import Piece, body_of

PRIOR = 2.0           # answers that a check's own confidence is worth
# what no answer overrules: the client's own word, rights, and pieces that would teach nothing or steer a model
FIXED = frozenset({"replaced", "withdrawn", "empty", "not_approved", "rights_expired", "control_tokens", "exact_duplicate"})
LEFT_OUT = "left_out"
LABELS, RELABEL = "category_labels", "relabel"   # a no to a question about the category gives the piece the likelier one
OFF_VOICE, OVER_KEEP, VOICE = "off_voice", "over_keep", "voice"
OF_VOICE = (OFF_VOICE, VOICE)   # a no to these says that the piece is in another voice
_OWN_WORDS = re.compile(r": |[»«“\"'…]")   # where an evidence begins to speak of the one piece


def pieces_with(assets: Sequence[Asset], decisions: Sequence[Decision]) -> list[Piece]:
    """The assets as pieces, each with the latest decision about its id or its words; one that was taken back counts as none."""
    latest: dict[str, tuple[int, Decision]] = {}
    for number, decision in enumerate(decisions):
        latest[decision.asset] = latest[decision.content] = (number, decision)
    pieces = [Piece(order, asset, body_of(asset)) for order, asset in enumerate(assets)]
    if not latest:
        return pieces
    return [_ruled(piece, _ruling(latest, piece)) for piece in pieces]


def _ruled(piece: Piece, ruling: Decision | None) -> Piece:
    """The piece under a ruling; where a person gave it another category, with that one."""
    given = ruling.kind if ruling and ruling.says == RELABEL else None
    return replace(piece, asset=replace(piece.asset, category=given) if given else piece.asset, ruling=ruling)


def _ruling(latest: Mapping[str, tuple[int, Decision]], piece: Piece) -> Decision | None:
    found = [latest[name] for name in (piece.asset.id, piece.content) if name in latest]
    decision = max(found, key=lambda pair: pair[0])[1] if found else None
    return None if decision is None or decision.says == "open" else decision


def overrides_of(pieces: Iterable[Piece]) -> tuple[tuple[str, str, str | None], ...]:
    """(asset, says, about) of the pieces that a decision holds for, in the order of their ids: who and when decide nothing."""
    return tuple(sorted(((piece.asset.id, piece.ruling.says, piece.ruling.about) for piece in pieces if piece.ruling),
                        key=lambda one: (one[0], one[1], one[2] or "")))


def left_out(pieces: Sequence[Piece]) -> dict[int, Found]:
    """The pieces that a person left out."""
    about = {piece.order: (piece.ruling.about or "").replace("_", " ") for piece in pieces if piece.ruling and piece.says == "drop"}
    return {order: Found("a person said no" + (f" when asked about {asked}" if asked else "")) for order, asked in about.items()}


def overruled(piece: Piece, reason: str) -> bool:
    """Whether a person kept the piece and may do so against this reason."""
    return piece.says == "keep" and reason not in FIXED


def says_other(piece: Piece) -> bool:
    """Whether a person said that the piece, which may be used, is in another voice."""
    ruling, asset = piece.ruling, piece.asset
    if ruling is None or asset.withdrawn or asset.replaced_by:
        return False
    return ruling.says == "other" or (ruling.says == "drop" and ruling.about in OF_VOICE)


def kind_of(evidence: str) -> str:
    """What was found, without the words and numbers of the one piece: findings of one kind stand and fall together."""
    kind = _OWN_WORDS.split(evidence, maxsplit=1)[0]
    return " ".join(re.sub(r"\d+(?:[.,]\d+)*\s?%?", "", kind).split())[:80]


@dataclass(frozen=True)
class Answers:
    """Answers about the findings of one kind: how many agreed with the check, and how many did not."""

    agreed: int = 0
    refused: int = 0

    def weighed(self, confidence: float) -> float:
        """The confidence after the answers."""
        if confidence >= 1 or not self.agreed + self.refused:
            return confidence
        return round((PRIOR * confidence + self.agreed) / (PRIOR + self.agreed + self.refused), 4)

    def raw(self, weighed: float) -> float:
        """The confidence before the answers, from the one after them."""
        count = self.agreed + self.refused
        return weighed if weighed >= 1 or not count else ((PRIOR + count) * weighed - self.agreed) / PRIOR

    @property
    def backed(self) -> bool:
        """Whether more persons' answers agree with the check than not."""
        return self.agreed > self.refused

    def after(self, agrees: bool) -> Answers:
        """The answers with one more."""
        return Answers(self.agreed + agrees, self.refused + (not agrees))


def answers_of(pieces: Iterable[Piece]) -> dict[tuple[str, str], Answers]:
    """What was answered about each (check, kind): a piece that stayed refuses the finding, one that went agrees with it."""
    counts: Counter[tuple[str, str, bool]] = Counter()
    for piece in pieces:
        ruling = piece.ruling
        if ruling and ruling.about and ruling.kind is not None and ruling.says in ("keep", "drop"):
            counts[ruling.about, ruling.kind, ruling.says == "drop"] += 1
    return {(about, kind): Answers(counts[about, kind, True], counts[about, kind, False]) for about, kind, _ in counts}


def weighed(check: Check, found: Mapping[int, Found], answers: Mapping[tuple[str, str], Answers]) -> dict[int, Found]:
    """The findings of a check with the confidence that the answers about their kind leave them. What only shows, unless the settings say
    otherwise, drops what persons' answers back."""
    if not answers:
        return dict(found)
    none, shows, heard = Answers(), check.name in SHOWN_UNLESS_ASKED, {}
    for order, one in found.items():
        given = answers.get((check.name, kind_of(one.evidence)), none)
        heard[order] = replace(one, confidence=given.weighed(one.confidence), drops=one.drops or (shows and given.backed))
    return heard
