"""Frozen records that cross borders between stages.

Every record is plain data: `dataclasses.asdict` gives its JSON form, `from_dict` reads it back. Nothing here imports
anything but the standard library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Approval(StrEnum):
    """How far a piece has come; no approval field counts as approved."""

    GOLD = "gold"
    APPROVED = "approved"
    DRAFT = "draft"
    REJECTED = "rejected"


class ContentType(StrEnum):
    """The content types that adtune knows; an archive may hold others, kept as they stand."""

    ARTICLE = "article"
    EMAIL = "e-mail"
    SOCIAL = "social post"
    SEARCH_AD = "search ad"
    PRODUCT = "product copy"


class Split(StrEnum):
    """The three parts of a dataset; only `evaluate` reads test."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Verdict(StrEnum):
    """What `advise` may say."""

    RULES = "rules"
    PROMPT = "prompt"
    PREFIX = "prefix"
    LORA = "lora"
    FULL = "full"
    COLLECT = "collect"


class Stopped(StrEnum):
    """Why a training run ended."""

    PEAK = "peak"                      # validation rose beyond the noise floor after its minimum
    NO_IMPROVEMENT = "no_improvement"  # validation stayed within the noise floor for the patience
    EPOCHS = "epochs"                  # all epochs done
    INTERRUPTED = "interrupted"


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal bytes on every machine."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_of(value: Any) -> str:
    """Hex sha256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Source:
    """Where a piece came from. `line` is 1-based with a header counted; `id` is the file's own id or None."""

    file: str
    line: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class Asset:
    """One piece of a client's archive.

    `id` is the sha256 of the content (title, text, category, content type, ...) and of how many equal pieces stood before
    it in the same import, so that importing a file again adds nothing and true duplicates stay visible to curation.
    Dates are ISO 8601 strings (`2024-05-31`), `language` an ISO 639-1 code, unknown fields are None. `split` is the one that
    the client's own files gave the piece (`train.jsonl` beside `test.jsonl`); `replaced_by` names the next version of a
    corrected piece; `withdrawn` says since when the piece may not be used.
    """

    id: str
    client: str
    text: str
    title: str | None = None
    summary: str | None = None
    facts: tuple[str, ...] = ()
    category: str | None = None
    content_type: str | None = None
    author: str | None = None
    date: str | None = None
    approval: str | None = None
    rights: str | None = None
    rights_until: str | None = None
    language: str | None = None
    source: Source = field(default_factory=lambda: Source(""))
    split: str | None = None
    replaced_by: str | None = None
    withdrawn: str | None = None

    CONTENT = ("text", "title", "summary", "facts", "category", "content_type", "author", "date", "approval", "rights",
               "rights_until")

    @staticmethod
    def identity(content: Mapping[str, Any], occurrence: int) -> str:
        """The id of a piece with this content, `occurrence` equal pieces before it in the same import."""
        return hash_of([[content.get(name) if name != "facts" else list(content.get(name) or ()) for name in Asset.CONTENT], occurrence])

    @staticmethod
    def from_dict(row: Mapping[str, Any]) -> Asset:
        return Asset(**{**row, "facts": tuple(row.get("facts") or ()), "source": Source(**row["source"])})


@dataclass(frozen=True)
class CampaignRow:
    """What an advertiser's campaigns did in one cell: a day (None where the file has none), a channel, a campaign, an ad, an audience.

    Numbers are None where the file lacks them; a censored cell (`<5`) is None with its bounds under `censored`. `inputs` are all other
    columns that may explain a response. `open` says that late conversions may still come, `grain` which columns name the cell and its time
    step, `attribution` the window as the platform states it.
    """

    date: str | None
    account: str | None
    channel: str | None
    campaign: str | None
    ad_group: str | None
    ad: str | None
    audience: str | None
    currency: str | None
    spend: float | None
    impressions: float | None
    clicks: float | None
    conversions: float | None
    value: float | None
    inputs: Mapping[str, str | float]
    censored: Mapping[str, tuple[float, float]]
    open: bool
    grain: str
    attribution: str | None
    source: Source
    time_zone: str | None = None


@dataclass(frozen=True)
class Rejected:
    """A row or file that could not become an Asset; `where` is `line N` (1-based, a header counted) where one file
    was imported, `FILE, line N` where a folder was, and `FILE` where no line is to blame."""

    where: str
    reason: str


@dataclass(frozen=True)
class Change:
    """What happened to a piece after its import. `what` is corrected, withdrawn or restored; `asset` is the version that was in
    force, `becomes` the one that is now; `before` and `after` hold the fields that changed; `source` is the place that said so."""

    asset: str
    what: str
    becomes: str
    before: dict[str, Any]
    after: dict[str, Any]
    who: str
    source: Source
    reason: str | None = None
    when: str = ""


@dataclass(frozen=True)
class Decision:
    """What a person said of a piece. `says` is keep, drop, voice (it shows the voice), other (it is another voice), relabel (its category
    is `kind`) or open (taken back).

    `asset` is the piece's id and `content` the hash of its plain words: it holds for whatever piece has either. `about` is the reason or
    check that was asked about, `kind` what exactly was found; both None where nobody asked.
    """

    asset: str
    content: str
    says: str
    who: str
    about: str | None = None
    kind: str | None = None
    note: str | None = None
    source: Source = field(default_factory=lambda: Source("review"))
    when: str = ""

    SAYS = ("keep", "drop", "voice", "other", "relabel", "open")


@dataclass(frozen=True)
class Edit:
    """One logged edit: a draft, the text that came out of it, and the minutes it took; None where the log does not say.

    `id` covers all content. `pair` covers what names the edit (draft, final text, editor, day): a later edit of the same pair holds over an
    earlier one. `arm` is who wrote the draft (base, prompted, tuned, ...; None is the team's way of today), `rounds` go between writer and
    editor, `client_rounds` to the client and back.
    """

    id: str
    draft: str
    final: str
    minutes: float | None = None
    editor: str | None = None
    rounds: int | None = None
    client_rounds: int | None = None
    arm: str | None = None
    adapter: str | None = None
    date: str | None = None
    brief: str | None = None
    withdrawn: bool = False
    source: Source = field(default_factory=lambda: Source(""))
    when: str = ""

    CONTENT = ("draft", "final", "minutes", "editor", "rounds", "client_rounds", "arm", "adapter", "date", "brief", "withdrawn")

    @property
    def pair(self) -> str:
        return hash_of([self.draft, self.final, self.editor, self.date])

    @staticmethod
    def make(content: Mapping[str, Any], source: Source) -> Edit:
        return Edit(hash_of([content.get(name) for name in Edit.CONTENT]), source=source, **content)


@dataclass(frozen=True)
class Rating:
    """What a rater said of an item of a blind sheet: on-brand or not, a grade from 1 to 5, or neither (taken back)."""

    sheet: str
    item: str
    rater: str
    on_brand: bool | None
    grade: int | None = None
    note: str | None = None
    source: Source = field(default_factory=lambda: Source("terminal"))
    when: str = ""


@dataclass(frozen=True)
class Brief:
    """What a writer is asked for."""

    title: str | None = None
    category: str | None = None
    content_type: str | None = None
    summary: str | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """A brief with the text that answers it; a brief without a title trains as plain text."""

    brief: Brief
    text: str


@dataclass(frozen=True)
class Item:
    """One kept piece of a dataset with its split and its lineage."""

    asset: str
    split: str
    cluster: str
    category: str | None
    example: Example
    source: Source
    approval: str | None = None

    @staticmethod
    def from_dict(row: Mapping[str, Any]) -> Item:
        example = row["example"]
        brief = Brief(**{**example["brief"], "facts": tuple(example["brief"].get("facts") or ())})
        return Item(**{**row, "example": Example(brief, example["text"]), "source": Source(**row["source"])})


@dataclass(frozen=True)
class Dataset:
    """A curated dataset. `hash` covers ordered items, settings, guide and overrides; no paths, no times.

    `overrides` are the decisions that held for pieces of the archive, as (asset, says, about).
    """

    hash: str
    client: str
    task: str
    guide: str
    items: tuple[Item, ...]
    read: int
    dropped: dict[str, int]
    settings: dict[str, Any]
    overrides: tuple[tuple[str, str, str | None], ...] = ()

    @staticmethod
    def make(client: str, guide: str, items: tuple[Item, ...], read: int, dropped: dict[str, int], settings: dict[str, Any]) -> Dataset:
        """A dataset for drafting, with its hash."""
        return Dataset("", client, "", guide, items, read, dropped, settings).for_task("drafting")

    def for_task(self, task: str) -> Dataset:
        """The same items for a task, which the hash covers."""
        content = [[{"asset": i.asset, "split": i.split, "cluster": i.cluster, "example": asdict(i.example)} for i in self.items],
                   self.settings, self.guide, self.client, task]
        content += [self.overrides] if self.overrides else []
        return replace(self, task=task, hash=hash_of(content))

    def split(self, name: str) -> list[Item]:
        return [item for item in self.items if item.split == name]

    @staticmethod
    def from_dict(row: Mapping[str, Any]) -> Dataset:
        overrides = tuple(tuple(one) for one in row.get("overrides") or ())
        return Dataset(**{**row, "items": tuple(Item.from_dict(item) for item in row["items"]), "overrides": overrides})


@dataclass(frozen=True)
class Finding:
    """One line of advice. `status` is ok | warn | stop | not measured."""

    check: str
    status: str
    message: str
    recommendation: str = ""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; None where it was not measured."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_list(self) -> list[float] | None:
        return None if self.low is None or self.high is None else [self.low, self.high]


@dataclass(frozen=True)
class Servable:
    """Whether an engine can serve what was tuned; None is not known. `needs` is what its start must say, `reason` why not."""

    engine: str
    servable: bool | None
    needs: str = ""
    reason: str = ""


@dataclass(frozen=True)
class TunePlan:
    """What advise recommends for a dataset, and why; `tune --method auto` takes it."""

    dataset: str
    base: str
    base_hash: str
    method: str
    reason: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a training run; losses are nats per target token."""

    step: int
    epoch: float
    validation_loss: float
    train_loss: float | None = None
    general_loss: float | None = None
    noise_floor: float | None = None
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Draft:
    """One generated draft with its scores; `effort` is the editing-effort index where a reference exists."""

    text: str
    adapter: str | None
    on_brand: float | None
    effort: float | None
