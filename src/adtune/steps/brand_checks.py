"""Checks of given texts: the client's voice, format, terms and claims, learned from a version's dataset as `evaluate` learns them.

What cannot be told is None, with the reason: too few pieces, a scorer that tells the client from others too badly, no brief for claims.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import TrainingError
from ..records import Brief, Dataset, Interval, Split
from .curation import read_dataset

if TYPE_CHECKING:
    from ..workspace import Workspace

CHECKS = ("on_brand", "format", "terms", "claims")
KEPT = 16  # datasets whose checks are remembered


@dataclass(frozen=True)
class Checked:
    """What a check says of a text: the chance that it is as the client has it, None with a reason where that cannot be told; `found` are
    the places and rules that speak against it."""

    chance: float | None
    found: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""


class BrandChecks:
    """The checks of one dataset, learned from its training pieces; the voice from validation pieces."""

    def __init__(self, dataset: Dataset):
        from ..voice.claims import Claims, house_claims
        from ..voice.general import contrast, load_general
        from ..voice.layout import learn_formats
        from ..voice.on_brand import OnBrandScorer
        from ..voice.terms import learn_terms

        general, train = load_general(), dataset.split(Split.TRAIN)
        texts = [item.example.text for item in train]
        self.auc = Interval(None)
        try:
            self._scorer: OnBrandScorer | None = OnBrandScorer.fit([item.example.text for item in dataset.split(Split.VALIDATION)],
                                                                   contrast(general)[0])
            self.auc = self._scorer.auc or self.auc
        except TrainingError:
            self._scorer = None
        self._formats = learn_formats(texts, [item.example.brief.content_type for item in train])
        self._terms = learn_terms(texts, [one.text for one in (*general.replay, *general.watch)], dataset.guide)
        self._claims = Claims(texts, dataset.guide)
        self._house = house_claims((self._claims.of(text), item.cluster) for text, item in zip(texts, train, strict=True))

    def scores(self, texts: Sequence[str]) -> list[float | None]:
        """The chance that each text is in the client's voice; None where too few pieces taught it."""
        return [None] * len(texts) if self._scorer is None else list(self._scorer.score(texts))

    def of(self, text: str, brief: Brief | None, names: Sequence[str] = CHECKS) -> dict[str, Checked]:
        """What the checks of these names say of a text that answers `brief` (None: nobody said)."""
        made = {"on_brand": self._on_brand, "format": self._format, "terms": self._uses, "claims": self._unsupported}
        return {name: made[name](text, brief) for name in names}

    def _on_brand(self, text: str, brief: Brief | None) -> Checked:
        if self._scorer is None:
            return Checked(None, reason="too few pieces to know the voice by")
        if not self._scorer.trusted:
            return Checked(None, reason=f"the scorer tells the client from others too badly (AUC {self.auc.value:.2f})")
        habits = tuple({"habit": name, "pull": round(pull, 3)} for name, pull in self._scorer.explain(text)[:5])
        return Checked(self._scorer.score([text])[0], habits)

    def _format(self, text: str, brief: Brief | None) -> Checked:
        rules = self._formats.of(brief.content_type if brief else None)
        if not rules:
            return Checked(None, reason="no format that the pieces of this type share")
        broken = tuple({"rule": rule.told} for rule in rules if not rule.holds(text))
        return Checked(float(not broken), broken)

    def _uses(self, text: str, brief: Brief | None) -> Checked:
        if not self._terms.forms and not self._terms.forbidden:
            return Checked(None, reason="no terms that stand out in the pieces or the guide")
        wrong = tuple({"said": use.said, "house": self._terms.forms.get(use.key), "start": use.start, "end": use.end}
                      for use in self._terms.uses(text) if not use.right)
        return Checked(float(not wrong), wrong)

    def _unsupported(self, text: str, brief: Brief | None) -> Checked:
        if brief is None:
            return Checked(None, reason="no brief: a claim is checked against what its brief tells")
        loose = tuple({"kind": one.kind, "said": text[one.start:one.end], "start": one.start, "end": one.end}
                      for one in self._claims.unsupported(text, brief, self._house))
        return Checked(float(not loose), loose)


class _Place:
    """One dataset's place: the lock of who learns, and the checks once they are learned."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.checks: BrandChecks | None = None


class Learned:
    """The checks of the datasets that were asked for last; each is learned once, and only those who ask for the same one wait."""

    def __init__(self, ws: Workspace):
        self.ws = ws
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._lock = Lock()

    def get(self, dataset: str) -> BrandChecks:
        """The checks of a dataset's artifact. Raises IntegrityError."""
        with self._lock:
            place = self._places.setdefault(dataset, _Place())
            self._places.move_to_end(dataset)
            while len(self._places) > KEPT:
                self._places.popitem(last=False)
        with place.lock:
            if place.checks is None:
                place.checks = BrandChecks(read_dataset(self.ws, dataset))
            return place.checks
