"""From assets to a dataset: checks, choice, clusters, splits, and a hash over the result.

The pieces kept and the pieces dropped always add up to the pieces read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from ..errors import InputError, SettingError, did_you_mean
from ..progress import Progress, silent
from ..records import Asset, Brief, Dataset, Decision, Example, Item
from ..settings import CurateSettings
from .checks import CHECKS, SHOWN_UNLESS_ASKED, Found, Judge
from .checks.told import KEEP, STRIP, FactsTold, strip
from .choose import Selection, select
from .decisions import LEFT_OUT, OFF_VOICE, OVER_KEEP, answers_of, left_out, overrides_of, overruled, pieces_with, says_other, weighed
from .pieces import Piece
from .similar import Alike
from .split import SIBLINGS, clusters_of, position, splits_of, stated_splits

if TYPE_CHECKING:
    from ..voice.in_context import Loss

LEAST_PIECES = 10
REASONS = (LEFT_OUT, *(check.name for check in CHECKS if not check.shows), OFF_VOICE, OVER_KEEP)
TASKS = ("drafting",)
LIMITS = {"too_short": "min_words", "near_duplicate": "near_duplicate", "markup": "markup_share"}   # the setting behind a reason
FIRST_SETTINGS = ("keep", "min_words", "near_duplicate", "markup_share", "today")


@dataclass(frozen=True)
class Given:
    """What is handed in beside the archive and the settings: the brand guide, what persons decided about pieces, the oldest first, and
    the loss of a base, which the likeness to the voice then looks at."""

    guide: str = ""
    decisions: Sequence[Decision] = ()
    loss: Loss | None = None


@dataclass(frozen=True)
class Dropped:
    """A piece that does not train; `reason` is one of REASONS, `evidence` says in words what was found, `confidence` is 0 to 1."""

    asset: Asset
    reason: str
    evidence: str
    confidence: float = 1.0


@dataclass(frozen=True)
class Shown:
    """Something found in a piece that was kept, for a person to look at; `reason` is the name of any check, `drops` whether the piece
    would go if the finding were surer."""

    asset: Asset
    reason: str
    evidence: str
    confidence: float
    drops: bool = False


@dataclass(frozen=True)
class Curated:
    """A dataset with what was left out of it, and what was found in the pieces kept.

    `clusters` gives the asset ids, dropped ones included, of each split cluster that holds more than one piece; `pieces` are all that
    were read, `judge` what they were judged by, and `facts` how many facts the pieces kept tell that their briefs do not hold.
    """

    dataset: Dataset
    dropped: tuple[Dropped, ...]
    clusters: dict[str, tuple[str, ...]]
    shown: tuple[Shown, ...] = ()
    selection: Selection = Selection(frozenset(), {})
    pieces: Sequence[Piece] = field(default=(), repr=False)
    judge: Judge | None = field(default=None, repr=False)
    facts: FactsTold | None = None


def curate(assets: Sequence[Asset], client: str, settings: CurateSettings, given: Given = Given(), progress: Progress = silent,
           task: str = "drafting") -> Curated:
    """The dataset of a client's assets, which are given in the order of import.

    Every asset is kept or dropped for one reason, the first of REASONS that holds. Items are ordered by asset id. The hash depends on
    the contents, the settings, the guide and the decisions that hold for a piece; the day enters it only where a piece has usage rights
    that end and no day was set. Raises InputError for fewer than 10 kept pieces, another client's piece or a task that is not built,
    SettingError for settings that cannot hold.
    """
    _refuse(assets, client, settings, task)
    pieces = pieces_with(assets, given.decisions)
    progress("comparing pieces", 0, len(CHECKS) + 2)
    alike = Alike({piece.content: piece.plain for piece in pieces}, min(SIBLINGS, settings.near_duplicate))
    judge = Judge(settings, settings.today or date.today().isoformat(), alike, pieces, given.guide)
    kept, reasons, shown, selection = sift(pieces, judge, progress, given.loss)
    if len(kept) < LEAST_PIECES:
        raise _too_few(client, len(pieces), len(kept), reasons)
    clusters = clusters_of(alike, pieces, kept, settings.near_duplicate)
    items = _items(kept, clusters, client, stated_splits(pieces, clusters))
    items, told = _briefed(items, kept, judge)
    if settings.strip_boilerplate:
        by_asset = {piece.asset.id: piece for piece in kept}
        items = tuple(replace(item, example=replace(item.example, text=judge.stripped(by_asset[item.asset], item.example.text)))
                      for item in items)
    recorded = recorded_settings(replace(settings, today=judge.today if any(asset.rights_until for asset in assets) else None))
    counts = Counter(reason for reason, _ in reasons.values())
    dataset = Dataset.make(client, given.guide, items, len(pieces), {name: counts[name] for name in REASONS}, recorded)
    dataset = replace(dataset, overrides=overrides_of(pieces)).for_task(task)
    dropped = tuple(Dropped(piece.asset, reason, found.evidence, found.confidence)
                    for piece in pieces if piece.order in reasons for reason, found in [reasons[piece.order]])
    progress("curated", 1, 1, f"{len(items)} of {len(pieces)} pieces kept")
    return Curated(dataset, dropped, _families(pieces, clusters), shown, selection, pieces, judge, told)


def recorded_settings(settings: CurateSettings) -> dict[str, Any]:
    """The settings that a dataset records and its hash covers: the first five always, later ones where they are not the default.

    So a new setting leaves the hash of every dataset that does not use it as it was.
    """
    defaults = asdict(CurateSettings())
    return {name: value for name, value in asdict(settings).items() if name in FIRST_SETTINGS or value != defaults[name]}


def sift(pieces: Sequence[Piece], judge: Judge, progress: Progress = silent, loss: Loss | None = None,
         ) -> tuple[list[Piece], dict[int, tuple[str, Found]], tuple[Shown, ...], Selection]:
    """The pieces that stay, what each of the others fell for by its order, what was found in those that stay, and how they were chosen."""
    reasons = {order: (LEFT_OUT, found) for order, found in left_out(pieces).items()}
    left, seen = [piece for piece in pieces if piece.order not in reasons], []
    skipped, answers = skipped_checks(judge.settings), answers_of(pieces)
    for step, check in enumerate(CHECKS, start=1):
        progress(f"checking {check.name.replace('_', ' ')}", step, len(CHECKS) + 2)
        found = {} if check.name in skipped else weighed(check, check.find(left, judge), answers)
        falls = {piece.order for piece in left if piece.order in found and check.drops(piece, found[piece.order], judge.settings)
                 and not overruled(piece, check.name)}
        reasons.update({order: (check.name, found[order]) for order in falls})
        seen += [(piece, check, found[piece.order]) for piece in left if piece.order in found and piece.order not in falls]
        left = [piece for piece in left if piece.order not in falls]
    progress("choosing", len(CHECKS) + 1, len(CHECKS) + 2)
    family = judge.family if judge.settings.keep is not None else None
    selection = select(left, judge.settings, [piece for piece in pieces if says_other(piece)], family, loss)
    chosen = selection.chosen
    reasons.update(selection.dropped)
    shown = tuple(Shown(piece.asset, check.name, found.evidence, found.confidence, check.may_drop(piece, found))
                  for piece, check, found in seen if piece.order in chosen)
    return [piece for piece in left if piece.order in chosen], reasons, shown, selection


def skipped_checks(settings: CurateSettings) -> set[str]:
    """The checks that the settings leave out. Raises SettingError for a name that is none."""
    return _named("skip", settings.skip, [check.name for check in CHECKS])


def _named(setting: str, text: str, known: Sequence[str]) -> set[str]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    for name in sorted(names - set(known)):
        raise SettingError(setting, f"the check '{name}'", f"of {', '.join(known)}, with commas between", did_you_mean(name, known))
    return names


def _items(kept: Sequence[Piece], clusters: Mapping[str, str], client: str, stated: Mapping[str, str]) -> tuple[Item, ...]:
    positions = {clusters[piece.content]: position(client, clusters[piece.content]) for piece in kept}
    splits = splits_of(positions, len(kept), {cluster: split for cluster, split in stated.items() if cluster in positions})
    items = [_item(piece, clusters[piece.content], splits[clusters[piece.content]]) for piece in kept]
    return tuple(sorted(items, key=lambda item: item.asset))


def _briefed(items: Sequence[Item], kept: Sequence[Piece], judge: Judge) -> tuple[tuple[Item, ...], FactsTold]:
    """The items, without facts that nothing holds where the settings say so, and how many facts there are."""
    unbriefed = {piece.order: len(judge.facts.unbriefed(piece)) for piece in kept}
    facts = sum(judge.facts.counts.get(piece.order, 0) for piece in kept)
    told = FactsTold(len(kept), facts, sum(unbriefed.values()), sum(map(bool, unbriefed.values())))
    if judge.settings.unbriefed_facts != STRIP:
        return tuple(items), told
    done = strip(kept, judge.facts, judge.settings.min_words)
    texts = {piece.asset.id: done.texts[piece.order] for piece in kept if piece.order in done.texts}
    items = [replace(item, example=replace(item.example, text=texts.get(item.asset, item.example.text))) for item in items]
    return tuple(items), replace(told, stripped_sentences=done.sentences, stripped_pieces=len(texts), left_whole=done.left)


def _item(piece: Piece, cluster: str, split: str) -> Item:
    asset = piece.asset
    brief = Brief(asset.title, asset.category, asset.content_type, asset.summary, asset.facts)
    return Item(asset.id, str(split), cluster, asset.category, Example(brief, piece.body), asset.source, asset.approval)


def _families(pieces: Sequence[Piece], clusters: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    members: dict[str, list[str]] = defaultdict(list)
    for piece in pieces:
        members[clusters[piece.content]].append(piece.asset.id)
    return {name: tuple(ids) for name, ids in members.items() if len(ids) > 1}


def _refuse(assets: Sequence[Asset], client: str, settings: CurateSettings, task: str) -> None:
    where = f"curate {client}"
    if task not in TASKS:
        raise InputError(where, f"the task '{task}'", f"one of: {', '.join(TASKS)}", f"Curation for '{task}' is not built yet.")
    strangers = sorted({asset.client for asset in assets} - {client})
    if strangers:
        raise InputError(where, f"pieces of {', '.join(strangers)}", f"pieces of {client} only", "Curate each client's archive by itself.")
    if settings.keep is not None and settings.keep < LEAST_PIECES:
        raise SettingError(where, f"keep = {settings.keep}", f"at least {LEAST_PIECES}",
                           "Keep more, or leave keep out to keep every good piece.")
    if settings.likeness is not None and not 0 <= settings.likeness <= 1:
        raise SettingError(where, f"likeness = {settings.likeness}", "a score from 0 to 1", "Leave it out: gold pieces then teach it.")
    if not 0 < settings.near_duplicate <= 1:
        raise SettingError(where, f"near_duplicate = {settings.near_duplicate}", "a similarity above 0 and up to 1", "The default is 0.8.")
    if not 0 <= settings.drop_confidence <= 1:
        raise SettingError(where, f"drop_confidence = {settings.drop_confidence}", "a confidence from 0 to 1", "The default is 0.5.")
    if settings.unbriefed_facts not in (KEEP, STRIP):
        raise SettingError(where, f"unbriefed_facts = {settings.unbriefed_facts!r}", f"{KEEP} or {STRIP}", "The default is keep.")
    if settings.expiring_days < 0:
        raise SettingError(where, f"expiring_days = {settings.expiring_days}", "0 days or more", "The default is 30.")
    skipped_checks(settings)
    _named("drop_also", settings.drop_also, SHOWN_UNLESS_ASKED)
    if settings.today is not None and not _is_day(settings.today):
        raise SettingError(where, f"today = {settings.today!r}", "a date such as 2025-05-31", "Give the day as YEAR-MONTH-DAY.")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _too_few(client: str, read: int, kept: int, reasons: Mapping[int, tuple[str, Found]]) -> InputError:
    counts = Counter(reason for reason, _ in reasons.values())
    told = ", ".join(f"{counts[name]} {name}" for name in REASONS if counts[name])
    found = f"{kept} good pieces of {read} read" + (f" (dropped: {told})" if told else "")
    named = next((LIMITS[reason] for reason, _ in counts.most_common() if reason in LIMITS), None)
    do = "Import more approved pieces" + (f", or change a limit: --set {named}=VALUE." if named else ".")
    return InputError(f"curate {client}", found, f"at least {LEAST_PIECES} pieces", do)
