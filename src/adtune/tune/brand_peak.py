"""The peak by on-brand: of all evaluations of a run, the one whose drafts are most in the client's voice.

A run stops where validation loss peaks, and the state with the lowest loss is usually kept; the voice may peak elsewhere. With
`--set peak=on-brand` each evaluation's state is kept, drafts the same validation briefs with the same seeds, and is judged by a scorer
that is cross-fitted on validation pieces and contrast text. Where drafts of several states are alike within the noise of the briefs (one
standard error of the paired difference, as for the loss), the one with the lowest loss among them is taken.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from ..durable import make_folder, replace_file
from ..engine.fit import Fit, FitOutcome
from ..engine.generate import sampling_for, write_texts
from ..engine.tasks.drafting import measure
from ..errors import Interrupted, SettingError, TrainingError
from ..progress import Progress, silent
from ..records import Brief, Dataset
from ..settings import TuneSettings
from ..stats import mean_interval
from ..voice.general import General, contrast
from ..voice.on_brand import OnBrandScorer

LOSS, ON_BRAND = PEAKS = ("loss", "on-brand")
FOLDER = "evaluations"   # in the run's folder
BRIEFS, DRAFTS = 12, 2   # validation briefs at most, and drafts of each
DRAFT_TOKENS = 192
FEWEST_BRIEFS = 4


@dataclass(frozen=True)
class BrandBriefs:
    """What the states of a run draft and are judged by: briefs, the client's validation texts, contrast text."""

    briefs: tuple[Brief, ...]
    own: tuple[str, ...]
    contrast: tuple[str, ...]


@dataclass(frozen=True)
class Peaks:
    """Which evaluation was kept, `loss` or `on-brand`, and both peaks' steps; `curve` has step, on_brand (mean probability) and its
    interval, and `reason` says why the voice did not decide where it should have."""

    kept: str
    loss: int
    on_brand: int | None = None
    scorer_auc: float | None = None
    curve: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None


def check_peak(settings: TuneSettings) -> None:
    """Raises SettingError for a peak that is none, and for full fine-tuning by the voice, which would keep ten copies of the base."""
    if settings.peak not in PEAKS:
        raise SettingError("--set peak", f"'{settings.peak}'", " or ".join(PEAKS), "Leave it out to keep the lowest validation loss.")
    if settings.peak == ON_BRAND and settings.method == "full":
        raise SettingError("--set peak", "on-brand with method full, whose every evaluation is a whole model", "lora or prefix",
                           "Choose an adapter method, or leave peak at loss.")


def brand_briefs(dataset: Dataset, general: General, seed: int) -> BrandBriefs:
    """The validation briefs that have a title, drawn by the run's seed, and what judges their drafts."""
    pieces = [item.example for item in dataset.split("validation")]
    titled = [piece.brief for piece in pieces if piece.brief.title]
    drawn = random.Random(f"peak/{seed}").sample(titled, min(BRIEFS, len(titled)))
    return BrandBriefs(tuple(drawn), tuple(piece.text for piece in pieces), tuple(contrast(general)[0]))


class States:
    """The states of a run's evaluations by their step: on disk, so that a run goes on after a kill, or in memory without a folder."""

    def __init__(self, folder: Path | None):
        self._folder = folder / FOLDER if folder else None
        self._kept: dict[int, Mapping[str, torch.Tensor]] = {}
        if self._folder and not self._folder.is_dir():
            make_folder(self._folder)

    def keep(self, fit: Fit) -> None:
        """The state of the evaluation that was just measured."""
        state = fit.method.state()
        if self._folder is None:
            self._kept[fit.step] = state
        else:
            replace_file(self._place(fit.step), save({name: tensor.contiguous().cpu() for name, tensor in state.items()}))

    def of(self, step: int) -> Mapping[str, torch.Tensor]:
        return self._kept[step] if self._folder is None else load_file(self._place(step))

    def _place(self, step: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{step:08d}.safetensors"


def most_on_brand(scores: Sequence[Sequence[float]], losses: Sequence[float]) -> int:
    """The index of the evaluation to keep: of those whose scores by brief are within one standard error of the paired difference from the
    best mean, the one with the lowest loss."""
    means = [sum(row) / len(row) for row in scores]
    best = max(range(len(means)), key=lambda n: (means[n], -losses[n]))

    def alike(n: int) -> bool:
        apart = [a - b for a, b in zip(scores[best], scores[n], strict=True)]
        mean = sum(apart) / len(apart)
        spread = math.sqrt(sum((one - mean) ** 2 for one in apart) / max(len(apart) - 1, 1) / len(apart))
        return mean <= spread

    return min((n for n in range(len(means)) if alike(n)), key=lambda n: losses[n])


def keep_brand_peak(fit: Fit, outcome: FitOutcome, states: States, judged: BrandBriefs, progress: Progress = silent,
                    stop: Callable[[], bool] = lambda: False) -> tuple[FitOutcome, Peaks]:
    """Leave the method of a finished run at the evaluation whose drafts are most on-brand; the outcome then names it as the best.

    Where the voice can't be judged the lowest loss stays. Raises Interrupted between two evaluations: nothing is lost, a resumed run
    drafts again.
    """
    lowest = outcome.best.step
    scorer, why = _scorer(judged)
    auc = scorer.auc.value if scorer is not None and scorer.auc else None
    if why:
        return outcome, Peaks(LOSS, lowest, scorer_auc=auc, reason=why)
    assert scorer is not None
    base, method = fit.base, fit.method
    heads = [base.renderer.brief(brief) for brief in judged.briefs for _ in range(DRAFTS)]
    sampling = sampling_for(None, None, None, min(DRAFT_TOKENS, base.context // 4))
    scores: list[list[float]] = []
    for n, one in enumerate(outcome.evaluations):
        if stop():
            method.load_state(fit.best)
            raise Interrupted(f"stopped while drafting with evaluation {n + 1} of {len(outcome.evaluations)}", "--resume last")
        method.load_state(states.of(one.step))

        def tell(label: str, done: float, total: float, note: str = "", n: int = n) -> None:
            progress("draft with each evaluation", n + done / total, len(outcome.evaluations), note)

        each = scorer.score(write_texts(base, method, heads, sampling, 0, tell))
        scores.append([sum(each[k:k + DRAFTS]) / DRAFTS for k in range(0, len(each), DRAFTS)])
    chosen = most_on_brand(scores, [one.validation_loss for one in outcome.evaluations])
    best = outcome.evaluations[chosen]
    method.load_state(states.of(best.step))
    if best.step != lowest:  # what is decided after this, such as the dial, starts from here
        fit.peak.best_measured = measure(base, method, fit.data.validation, dtype=fit.dtype)
    curve = [{"step": one.step, "on_brand": sum(row) / len(row), "interval": mean_interval(row).as_list()}
             for one, row in zip(outcome.evaluations, scores, strict=True)]
    return replace(outcome, best=best), Peaks(ON_BRAND, lowest, best.step, auc, curve)


def _scorer(judged: BrandBriefs) -> tuple[OnBrandScorer | None, str | None]:
    """The scorer, and why its word can't be taken."""
    if len(judged.briefs) < FEWEST_BRIEFS:
        return None, f"{len(judged.briefs)} validation briefs with a title, where {FEWEST_BRIEFS} are needed"
    try:
        scorer = OnBrandScorer.fit(judged.own, judged.contrast)
    except TrainingError as error:
        return None, f"the voice was not learned: {error.found}"
    auc = (scorer.auc.value if scorer.auc else None) or 0.0
    return scorer, None if scorer.trusted else f"the scorer tells voices apart with an AUC of {auc:.2f} only"
