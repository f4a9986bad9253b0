"""`adtune compare`: two adapters of a client over the same held-out pieces and briefs, with paired intervals and a report.

Pieces that either adapter trained on, or chose its peak by, are left out: what is compared stands in the test split of both datasets.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from ..progress import Progress, labelled, silent
from ..records import Brief, Dataset, Item, Split
from ..settings import EvaluateSettings, TuneSettings, resolve
from .adapters import attached, base_of, find_adapter
from .arms import plain_rows
from .curation import read_dataset
from .further import term_targets

if TYPE_CHECKING:
    from ..evaluate import Arm
    from ..evaluate.compare import General as Losses
    from ..voice.general import General
    from ..voice.terms import Terms
    from ..workspace import Workspace

FEWEST = 2               # pieces that both hold out
BY = "loss"              # what the choice is made by, unless said otherwise


@dataclass(frozen=True)
class _Side:
    """One adapter: its id, record and dataset."""

    id: str
    record: Mapping[str, Any]
    dataset: Dataset

    def seen(self) -> set[str]:
        return {item.asset for item in self.dataset.items if item.split != Split.TEST}


def compare(ws: Workspace, client: str, adapters: tuple[str, str], options: Mapping[str, Any] | None = None,
            progress: Progress = silent) -> dict[str, Any]:
    """Measure two adapters on pieces that neither has seen; gives the answer of the verb and publishes the report.

    Options: by (loss, on_brand, effort or forgetting) and general_text (a path) beside EvaluateSettings. Raises InputError, SettingError,
    BaseModelError.
    """
    from ..evaluate.compare import MEASURES, PAIR, compare_arms, compare_report
    from ..report import load_brand, to_markdown
    from ..voice.general import load_general

    options = dict(options or {})
    by, path = options.pop("by", None) or BY, options.pop("general_text", None)
    if by not in MEASURES:
        raise InputError(f"--by {by}", f"'{by}'", f"one of {', '.join(MEASURES)}", did_you_mean(by, MEASURES))
    settings, _ = resolve(EvaluateSettings, ("option", options))
    brand, general = load_brand(settings.agency, settings.logo), load_general(Path(path) if path else None)
    sides = [_Side(id, record, read_dataset(ws, record["dataset"])) for id, record in (find_adapter(ws, client, one) for one in adapters)]
    if sides[0].id == sides[1].id:
        raise InputError("adtune compare", f"{sides[0].id} twice", "two adapters", "See `adtune ls --kind adapter`.")
    bench = _Bench(ws, sides, general, settings)
    measured = [bench.measure(name, side, progress) for name, side in zip(PAIR, sides, strict=True)]
    progress("score", 0, 1)
    material = bench.material({name: arm for name, (arm, _) in zip(PAIR, measured, strict=True)})
    result = compare_arms(material, {name: losses for name, (_, losses) in zip(PAIR, measured, strict=True)}, settings, by)
    names = {name: side.id for name, side in zip(PAIR, sides, strict=True)}
    html = compare_report(result, names, client, brand)
    drafts = {"briefs": material.briefs, "published": material.references, **{name: arm.drafts for name, arm in material.arms.items()}}
    files = {"report.html": html.encode(), "report.md": to_markdown(html).encode(), "drafts.json": json.dumps(drafts).encode(),
             "report.json": json.dumps(names | result, sort_keys=True, allow_nan=False).encode()}
    record = names | {"by": by, "choice": result["choice"], "reason": result["reason"]}
    id = ws.publish("comparison", client, files, record, list(names.values()))
    progress("score", 1, 1)
    return names | result | {"report": str(ws.path(id, verify=False) / "report.html"), "report_id": id}


class _Bench:
    """What both adapters are measured on: the pieces that both hold out, and the same briefs of them with the same seeds."""

    def __init__(self, ws: Workspace, sides: list[_Side], general: General, settings: EvaluateSettings):
        from ..voice.terms import learn_terms

        self.ws, self.sides, self.general, self.settings = ws, sides, general, settings
        seen = sides[0].seen() | sides[1].seen()
        other = {item.asset for item in sides[1].dataset.split(Split.TEST)}
        self.test: list[Item] = [item for item in sides[0].dataset.split(Split.TEST) if item.asset in other and item.asset not in seen]
        if len(self.test) < FEWEST:
            raise InputError(f"{sides[0].id} and {sides[1].id}", f"{len(self.test)} pieces that both hold out", f"at least {FEWEST}",
                             "Tune both on the same dataset, or on datasets of the same archive.")
        self.train = list({item.asset: item for side in sides for item in side.dataset.split(Split.TRAIN)}.values())
        trained = {item.asset for item in self.train}
        self.validation = [item for item in sides[0].dataset.split(Split.VALIDATION) if item.asset not in trained]
        titled = [item for item in self.test if item.example.brief.title]
        self.drafted = random.Random(f"briefs/{settings.seed}").sample(titled, min(settings.briefs, len(titled)))
        others = [example.text for example in (*general.replay, *general.watch)]
        self.terms: Terms = learn_terms([item.example.text for item in self.train], others, sides[0].dataset.guide)

    def measure(self, name: str, side: _Side, progress: Progress) -> tuple[Arm, tuple[Losses, Losses]]:
        """One adapter's losses over the targets within terms and all, its drafts, and its general text before and after."""
        from ..engine.generate import Sampling, write_texts
        from ..engine.tasks.drafting import measure as nats_of
        from ..engine.tasks.targets import measure_targets
        from .evaluation import arm_of

        progress("load the base", 0, 1)
        base = base_of(dict(side.record))
        loss_tokens, taken = side.record["settings"].get("loss_tokens", TuneSettings.loss_tokens), self._taken()
        pieces = [item.example for item in self.test]
        rows = plain_rows(base, pieces, loss_tokens, taken)
        watched = plain_rows(base, self.general.measure, loss_tokens, taken)
        in_terms = term_targets(base.renderer, [piece.text for piece in pieces], self.terms, rows)
        progress(f"held-out loss: {side.id}", 0, 1)
        before = nats_of(base, None, watched)
        with attached(self.ws, side.id, base) as method:
            losses, after = measure_targets(base, method, rows), nats_of(base, method, watched)
            heads = [base.renderer.brief(item.example.brief) for item in self.drafted]
            sampling = Sampling(self.settings.temperature, max_tokens=min(self.settings.draft_tokens, base.context // 2))
            drafts = write_texts(base, method, heads, sampling, self.settings.seed, labelled(progress, f"drafts: {side.id}"))
        return arm_of(name, losses, drafts, in_terms), (before, after)

    def _taken(self) -> int:
        """The context that either method consumes, so that both count the same targets."""
        return max(side.record.get("context_tokens", 0) for side in self.sides)

    def material(self, arms: Mapping[str, Arm]) -> Any:
        from ..evaluate import Material
        from ..voice.general import contrast

        briefs: list[Brief] = [item.example.brief for item in self.drafted]
        fit, unseen = contrast(self.general)
        if len({arm.tokens for arm in arms.values()}) > 1:   # two tokenizers: losses per token are not the same thing
            arms = {name: _without_losses(arm) for name, arm in arms.items()}
        return Material(
            arms=arms, briefs=tuple(brief.title or "" for brief in briefs), references=tuple(item.example.text for item in self.drafted),
            test_texts=tuple(item.example.text for item in self.test), train_texts=tuple(item.example.text for item in self.train),
            validation_texts=tuple(item.example.text for item in self.validation), contrast_texts=tuple(fit), contrast_unseen=tuple(unseen),
            asked=tuple(briefs), train_types=tuple(item.example.brief.content_type for item in self.train),
            train_families=tuple(item.cluster for item in self.train), guide=self.sides[0].dataset.guide, terms=self.terms)


def _without_losses(arm: Arm) -> Arm:
    from dataclasses import replace

    return replace(arm, nats=(), tokens=(), term_nats=(), term_tokens=())
