"""What advice knows before it says anything: counts of the archive, how the base reads it, and what the bake-off measured.

Texts are taken from training and validation pieces only; the test split is for `evaluate`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from ..records import Dataset, Interval, Split
from ..voice.overlap import Overlap
from .house import label_auc, parted_voices
from .rules import measure_rules

LEAST_PIECES = 10     # under this no dataset is made
FEW_PIECES = 30       # under this a bake-off that shows no gain says little about tuning
NO_FAULT = {"left_out", "replaced", "withdrawn", "exact_duplicate", "near_duplicate", "over_keep", "boilerplate"}
ENOUGH_PIECES = 50    # from here on an archive of one voice usually shows whether tuning pays


@dataclass(frozen=True)
class ArchiveFacts:
    """Counts over a dataset; None where there is no dataset to count.

    `pieces` counts all splits, everything else about pieces counts training and validation. `regularity` is the share of the 8-word
    runs of the median validation piece that stand word for word in training pieces. `current` is false where the archive has
    changed since the dataset was made. `guide_words` 0 means that there is no guide. `briefs` counts the titles of coming briefs that no
    kept piece resembles, and all of them. `rules` is the editing effort that rules leave on held-out pieces, with `templates` of them.
    `voices` are the sizes of the groups that pieces part into by their habits, the largest first, where neither category nor content type
    explains them. `labels` is the AUC with which a scorer tells gold from approved pieces.
    """

    pieces: int
    read: int
    dropped: Mapping[str, int] | None = None
    splits: Mapping[str, int] | None = None
    categories: Mapping[str, int] | None = None
    approvals: Mapping[str, int] | None = None
    languages: Mapping[str, int] | None = None
    untitled: int | None = None
    guide_words: int | None = None
    regularity: float | None = None
    current: bool | None = None
    briefs: tuple[int, int] | None = None
    rules: Interval | None = None
    templates: int | None = None
    voices: tuple[int, ...] | None = None
    labels: Interval | None = None

    @property
    def spoilt(self) -> int:
        """Pieces that were left out because they are no good as they stand; versions, copies and a chosen number are no fault."""
        return sum(count for name, count in (self.dropped or {}).items() if name not in NO_FAULT)

    @property
    def spoilt_for(self) -> str:
        """The commonest reasons of `spoilt`, in words."""
        found = sorted(((count, name) for name, count in (self.dropped or {}).items() if count and name not in NO_FAULT), reverse=True)
        return ", ".join(f"{count} {name.replace('_', ' ')}" for count, name in found[:3])

    @property
    def seen(self) -> int:
        """Training and validation pieces."""
        return sum(count for name, count in (self.splits or {}).items() if name != Split.TEST)


@dataclass(frozen=True)
class BaseFacts:
    """How one base reads the archive, in tokens, and the losses of the bake-off, nats per target token.

    `window` is the longest training row, `brief_tokens` the longest brief, `piece_tokens` the median piece, `prompt_tokens` the mean
    length of guide and examples before a brief in the prompted arm. `problems` says for each arm that was not measured why, `measured`
    which arms were.
    """

    context: int
    window: int
    loss_tokens: int
    training_tokens: int
    lost_tokens: int
    training_rows: int
    brief_tokens: int
    piece_tokens: int
    guide_tokens: int
    prompt_tokens: float
    fertility: float | None
    archive_loss: float
    general_loss: float
    measured_pieces: int
    forgetting_limit: float
    forgetting: Mapping[str, float] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    measured: Collection[str] = ()


@dataclass(frozen=True)
class Reason:
    """One of the three reasons to fine-tune, whether it holds (None where that was not measured), and its evidence in words and figures."""

    name: str
    holds: bool | None
    told: str
    evidence: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """Everything that the findings look at; `base` is None where nothing was measured with a model."""

    archive: ArchiveFacts
    base: BaseFacts | None = None
    volume: float | None = None
    reasons: tuple[Reason, ...] = ()


def archive_facts(dataset: Dataset, languages: Mapping[str, str | None], current: bool,
                  uncovered: Collection[str] | None = None) -> ArchiveFacts:
    """Facts of a dataset; `languages` gives the language of a piece by its asset's id, None where it is not known; `uncovered` are the
    briefs that no kept piece resembles, None where no briefs were given."""
    briefs = {title for line in str(dataset.settings.get("briefs") or "").splitlines() if (title := line.strip())}
    seen = [item for item in dataset.items if item.split != Split.TEST]
    rules, templates = measure_rules(*([item.example for item in dataset.split(name)] for name in (Split.TRAIN, Split.VALIDATION)))
    return ArchiveFacts(
        pieces=len(dataset.items), read=dataset.read, dropped=dataset.dropped,
        splits={str(split): len(dataset.split(split)) for split in Split},
        categories=_counted(item.category for item in seen), approvals=_counted(item.approval for item in seen),
        languages=_counted(languages.get(item.asset) for item in seen),
        untitled=sum(not item.example.brief.title for item in seen), guide_words=len(dataset.guide.split()),
        regularity=regularity(dataset), current=current, briefs=None if uncovered is None or not briefs else (len(uncovered), len(briefs)),
        rules=rules, templates=templates, voices=parted_voices(seen), labels=label_auc(seen))


def regularity(dataset: Dataset) -> float | None:
    """The median over validation pieces of the share of their 8-word runs that stand in training pieces; None where none has a run."""
    overlap = Overlap([item.example.text for item in dataset.split(Split.TRAIN)])
    shares = [overlap.share_8gram(item.example.text) for item in dataset.split(Split.VALIDATION)]
    known = [share for share in shares if share is not None]
    return median(known) if known else None


def _counted(values: Iterable[str | None]) -> dict[str, int]:
    """Counts by value, an unknown value under the empty string; the most frequent first."""
    return dict(sorted(Counter(value or "" for value in values).items(), key=lambda pair: (-pair[1], pair[0])))
