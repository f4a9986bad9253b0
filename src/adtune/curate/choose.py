"""Which pieces stay when a number to keep is given: quality first, then coverage under quotas.

Quality is likeness to the voice, learned from the gold pieces, else from those that a person said show it, else from the approved
ones; a piece that a person kept counts with them, and what a person called another voice counts against them. A piece under the limit
is never kept for the sake of a quota, and one that is worse than the N best only where a mix asks for it. Where nothing says which
voice is meant, every piece that passed the checks is as good, and the archive's voices are laid out, so that a person can say it.

Of pieces that resemble each other (versions of one text, forms filled in anew) the best goes first, and the others wait until each
other piece that passed has its place: a second version covers nothing new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..records import Approval
from ..settings import CurateSettings
from .checks import Found
from .coverage import cover, uncovered
from .decisions import OFF_VOICE, OVER_KEEP
from .pieces import Piece
from .quotas import Mix, Quotas, read_mix, share_out

if TYPE_CHECKING:
    from ..voice.in_context import Loss
    from ..voice.likeness import Likeness

FEW = 6             # gold or approved pieces from which the voice is learned, as the scorers ask
SURE = 95           # likeness, in hundredths, from which one piece is as good as another
REVIEWED = "reviewed"
TYPICAL = 3         # titles that show a voice to a person

@dataclass(frozen=True)
class Learned:
    """The likeness of pieces to the voice; `orders` gives the piece of each of its places, `limit` the score under which a piece goes."""

    likeness: Likeness
    orders: tuple[int, ...]
    limit: float


@dataclass(frozen=True)
class Selection:
    """The orders of the pieces chosen, what the others fell for, and what is told of the choice.

    `mix` gives {kind: {target, kept}}; `uncovered` the briefs that no kept piece resembles; `likeness` says from which pieces the voice was
    learned, with the limit, or lists the voices to choose from. Each is None where it was not asked or not measured.
    """

    chosen: frozenset[int]
    dropped: dict[int, tuple[str, Found]]
    mix: dict[str, dict[str, int]] | None = None
    uncovered: tuple[str, ...] | None = None
    likeness: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    learned: Learned | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class _Quality:
    """Whole numbers 1 to 100 by order, the pieces under the limit, and what is told."""

    scores: dict[int, int]
    under: dict[int, Found] = field(default_factory=dict)
    told: dict[str, Any] | None = None
    learned: Learned | None = None


def select(pieces: Sequence[Piece], settings: CurateSettings, against: Sequence[Piece] = (), family: Mapping[str, int] | None = None,
           loss: Loss | None = None) -> Selection:
    """At most `settings.keep` of the pieces that passed the checks; the same pieces give the same choice in any order.

    `against` are pieces that a person called another voice, among `pieces` or not. `family` numbers the group of similar pieces that each
    content belongs to; without it every piece is its own. With `loss` a base's gain from gold pieces in context is part of the likeness.
    Without a number to keep all stay, and mix and briefs are only told of. Raises SettingError for a mix that can't be.
    """
    if not pieces:
        return Selection(frozenset(), {})
    briefs = tuple(dict.fromkeys(title for line in (settings.briefs or "").splitlines() if (title := line.strip())))
    mix = read_mix(settings.mix, pieces) if settings.mix or settings.keep is not None else None
    if settings.keep is None or mix is None:
        return _told(pieces, pieces, {}, settings, (mix, briefs, None))
    ordered = sorted(pieces, key=lambda piece: (piece.content, piece.order))
    quality = _quality(ordered, settings, against, (family or {}, loss))
    passed = [piece for piece in ordered if piece.order not in quality.under]
    dropped = {order: (OFF_VOICE, found) for order, found in quality.under.items()}
    if len(passed) <= settings.keep:
        return replace(_told(pieces, passed, dropped, settings, (mix, briefs, quality.told)), learned=quality.learned)
    passed, over = _first_versions(passed, quality.scores, settings.keep, family or {})
    dropped |= over
    if not settings.mix:
        passed, over = _best(passed, quality.scores, settings.keep)
        dropped |= over
    places = cover(passed, [quality.scores[piece.order] for piece in passed], Quotas(passed, mix, settings.keep), briefs)
    chosen = [passed[place] for place in places]
    orders = {piece.order for piece in chosen}
    beyond = Found(f"{len(passed)} pieces passed, {settings.keep} are kept")
    dropped |= {piece.order: (OVER_KEEP, beyond) for piece in passed if piece.order not in orders}
    return replace(_told(pieces, chosen, dropped, settings, (mix, briefs, quality.told)), learned=quality.learned)


def _first_versions(passed: Sequence[Piece], scores: Mapping[int, int], keep: int,
                    family: Mapping[str, int]) -> tuple[list[Piece], dict[int, tuple[str, Found]]]:
    """The wanted pieces and the best of each family; where these are fewer than `keep`, as many second, third, ... versions as are missing.

    Of the versions of one text the one that a person approved goes before the one that is likest to the voice.
    """
    ranked = sorted(passed, key=lambda piece: (not piece.wanted, piece.asset.approval != Approval.APPROVED, -scores[piece.order],
                                               piece.content, piece.order))
    first: dict[object, Piece] = {}
    version: dict[int, int] = {}
    held: Counter[object] = Counter()
    for piece in ranked:
        own = family.get(piece.content, piece.content)
        first.setdefault(own, piece)
        version[piece.order] = 0 if piece.wanted else held[own]
        held[own] += 1
    by_version = sorted(passed, key=lambda piece: (version[piece.order], -scores[piece.order], piece.content, piece.order))
    firsts = sum(number == 0 for number in version.values())
    kept = {piece.order for piece in by_version[:max(keep, firsts)]}
    over = {piece.order: (OVER_KEEP, Found(f"another version of '{first[family.get(piece.content, piece.content)].name}'"))
            for piece in passed if piece.order not in kept}
    return [piece for piece in passed if piece.order in kept], over


def _best(passed: Sequence[Piece], scores: dict[int, int], keep: int) -> tuple[list[Piece], dict[int, tuple[str, Found]]]:
    """The wanted pieces, the `keep` best, and all that are SURE to be as good; a spread that nobody asked for admits no worse piece."""
    least = min(SURE, sorted((100 if piece.wanted else scores[piece.order] for piece in passed), reverse=True)[keep - 1])
    over = {piece.order: (OVER_KEEP, Found(f"likeness {scores[piece.order] / 100:.2f}; {keep} or more pieces have {least / 100:.2f}"))
            for piece in passed if not piece.wanted and scores[piece.order] < least}
    return [piece for piece in passed if piece.order not in over], over


def _quality(pieces: Sequence[Piece], settings: CurateSettings, against: Sequence[Piece],
             known_of: tuple[Mapping[str, int], Loss | None]) -> _Quality:
    """Likeness to the voice, where the archive says which pieces show it; `known_of` are the families and the loss of a base."""
    family, loss = known_of
    own, source = _own(pieces)
    even = dict.fromkeys((piece.order for piece in pieces), 100)
    if not own:
        return _Quality(even, told=_voices(pieces))
    from ..voice.likeness import likeness

    others = sorted({piece.content: piece for piece in against}.values(), key=lambda piece: piece.content)
    known = {piece.order: place for place, piece in enumerate(pieces)}
    absent = [piece for piece in others if piece.order not in known]
    refused = [known[piece.order] for piece in others if piece.order in known] + [len(pieces) + place for place in range(len(absent))]
    numbers: dict[object, int] = {}
    families = [numbers.setdefault(family.get(piece.content, piece.content), len(numbers)) for piece in [*pieces, *absent]]
    found = likeness([piece.body for piece in [*pieces, *absent]], own, loss=loss, against=refused, families=families)
    limit = found.limit if settings.likeness is None else settings.likeness
    named = {place for place in own if source != Approval.APPROVED or pieces[place].says == "keep"}
    under = {}
    for place, piece in enumerate(pieces):
        if found.scores[place] < limit and place not in named:
            told = "; ".join(f"{axis} {found.axes[axis][place]:.2f}{_habit(found.behind(place, axis))}"
                             for axis in weakest_axes(found, place))
            under[piece.order] = Found(f"likeness {found.scores[place]:.2f}, under the limit {limit:.2f}: {told}",
                                       round(1 - found.scores[place], 2))
    inside = [place for place, piece in enumerate(pieces) if piece.order not in under]
    learned = Learned(found, tuple(piece.order for piece in pieces), limit)
    axes = {axis: round(sum(scores[place] for place in inside) / max(1, len(inside)), 3) for axis, scores in found.axes.items()}
    auc = found.auc
    told = {"voice": source, "pieces": len(own), "limit": limit, "passed": len(inside), "auc": auc.value,
            "auc_interval": auc.as_list(), "axes": axes, **({"in_context": found.in_context} if loss is not None else {})}
    return _Quality({piece.order: max(1, round(100 * found.ranks[place])) for place, piece in enumerate(pieces)}, under, told, learned)


def _own(pieces: Sequence[Piece]) -> tuple[list[int], str | None]:
    """Places of the pieces that show the voice, and who says so: gold, reviewed (a person in review) or approved.

    What a person kept is added to whichever holds; what a person called another voice shows none.
    """
    kept = {place for place, piece in enumerate(pieces) if piece.says == "keep"}
    said = {place for place, piece in enumerate(pieces) if piece.says == "voice"}
    other = {place for place, piece in enumerate(pieces) if piece.says == "other"}
    gold, approved = ({place for place, piece in enumerate(pieces) if piece.asset.approval == one} - other
                      for one in (Approval.GOLD, Approval.APPROVED))
    for own, source in ((gold | (said if len(gold) >= FEW else set()), str(Approval.GOLD)), (said | gold, REVIEWED),
                        (approved, str(Approval.APPROVED)), (said | gold | kept, REVIEWED)):
        if len(own) >= FEW:
            return sorted(own | kept), source
    return [], None


def weakest_axes(found: Likeness, place: int) -> list[str]:
    """The two axes on which a piece is the least like the voice."""
    return sorted(found.axes, key=lambda axis: (found.axes[axis][place], axis))[:2]


def _habit(behind: Sequence[tuple[str, float]]) -> str:
    """The habit that pulls the most away from the voice, in brackets."""
    away = next((name for name, pull in behind if pull < 0), None)
    return f" ({away.replace('_', ' ')})" if away else ""


def _voices(pieces: Sequence[Piece]) -> dict[str, Any] | None:
    """The voices that the archive holds, the largest first, each with its most typical pieces."""
    from ..voice.clusters import voices

    found = voices([piece.body for piece in pieces])
    ask = [{"pieces": len(one.places), "typical": [pieces[place].name for place in one.typical[:TYPICAL]],
            "ids": [pieces[place].asset.id for place in one.typical[:TYPICAL]], "habits": list(one.habits)} for one in found]
    return {"voice": None, "ask": ask} if len(ask) > 1 else None


def _told(read: Sequence[Piece], kept: Sequence[Piece], dropped: dict[int, tuple[str, Found]], settings: CurateSettings,
          about: tuple[Mix | None, tuple[str, ...], dict[str, Any] | None]) -> Selection:
    mix, briefs, likeness = about
    shares, notes = None, []
    if mix is not None:
        places = len(kept) if settings.keep is None else settings.keep
        held = Counter(mix.kind(piece) for piece in kept)
        names = sorted({*mix.weights, *held})
        weights = {name: mix.weights.get(name, 0.0) for name in names}
        wanted = share_out(weights, dict.fromkeys(names, 0), dict.fromkeys(names, places), places)
        shares = {name: {"target": wanted[name], "kept": held[name]} for name in names}
        short = [f"{name} {held[name]} of {wanted[name]}" for name in names if held[name] < wanted[name]]
        if short and settings.keep is not None:
            other = "went to others" if len(kept) == settings.keep else "went to others where more pieces passed"
            notes.append(f"Too few good pieces for the mix: {', '.join(short)}; these places {other}.")
    if settings.keep is None and mix is not None:
        notes.append(f"All {len(kept)} pieces stay: the mix chooses among them where --keep N says how many to keep.")
    if settings.keep is not None and len(kept) < settings.keep:
        notes.append(f"{len(kept)} pieces are kept of the {settings.keep} asked for: no more passed.")
    if likeness and "ask" in likeness:
        notes.append(f"No gold or approved pieces say which voice is meant, and the archive holds {len(likeness['ask'])}: mark six or more "
                     "pieces of the right one as gold.")
    lost = tuple(uncovered(briefs, kept, read)) if briefs else None
    if lost:
        notes.append(f"{len(lost)} of {len(briefs)} briefs resemble no kept piece.")
    return Selection(frozenset(piece.order for piece in kept), dropped, shares, lost, likeness, tuple(notes))
