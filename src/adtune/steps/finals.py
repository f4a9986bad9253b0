"""The end of a bake-off: drafts of the arms that came through, their measures, and the three reasons to fine-tune."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from ..progress import Progress, labelled
from .layouts import layout_prompts
from .target_loss import spelled_terms, target_classes, target_loss

if TYPE_CHECKING:
    from ..advise import DraftedArm, Reason
    from ..advise.drafts import Judges
    from ..advise.reasons import TargetLoss
    from ..engine.methods.base import AbstractMethod
    from .bakeoff import BakeOff
    from .opponent import Opponent


class Finals:
    """`drafted` holds the measures by arm, `reasons` the three reasons with their evidence."""

    def __init__(self, bench: BakeOff, opponent: Opponent | None = None):
        self.bench, self.opponent = bench, opponent
        settings = bench.settings
        titled = [piece for piece in bench.pieces if piece.brief.title]
        self.pieces = random.Random(f"finals/{settings.seed}").sample(titled, min(settings.briefs, len(titled)))
        self.judges: Judges | None = None
        self.drafted: dict[str, DraftedArm] = {}
        self.reasons: tuple[Reason, ...] = ()

    def run(self, best: str | None, progress: Progress) -> None:
        """Draft with every arm that is there; `best` is the tuned arm that is drafted, and the reasons are asked of. The finalists, the
        prompted base and the best tuned arm, write `drafts` a brief, the others one."""
        from ..advise import learn_rules
        from ..advise.drafts import judges_of, measure_drafts
        from ..advise.reasons import Shown, reasons
        from ..voice.general import contrast

        bench, seed = self.bench, self.bench.settings.seed
        other, _ = contrast(bench.general)
        if self.pieces:
            self.judges = judges_of(self.pieces, bench.train, bench.held_out, other)
            many = bench.settings.drafts if best else 1
            rules = learn_rules(bench.train)
            if rules.count:
                self.drafted["rules"] = measure_drafts([[rules.draft(piece.brief) or ""] for piece in self.pieces], self.judges, seed)
            self._write("base", None, 1, progress)
            self._write("prompt", None, many, progress)
            if best:
                method = bench.attach(best)
                try:
                    self._write(best, method, many, progress)
                finally:
                    method.detach()
            if self.opponent is not None:
                self._outside(many, progress)
        self.reasons = reasons(Shown(bench.train, bench.held_out, other), self._loss(best, other), self.drafted, best or "")

    def _write(self, arm: str, method: AbstractMethod | None, count: int, progress: Progress) -> None:
        from ..advise.drafts import measure_drafts
        from ..engine.generate import Sampling, write_texts

        bench, briefs = self.bench, [piece.brief for piece in self.pieces]
        base, tokens = bench.base, min(bench.settings.draft_tokens, bench.base.context // 4)
        if arm == "prompt":
            assert bench.shown is not None
            heads = layout_prompts(base, briefs, bench.shown, [base.context - tokens - 1] * len(briefs))
        else:
            heads = [base.renderer.brief(brief) for brief in briefs]
        rows = [head for head in heads for _ in range(count)]
        told = labelled(progress, f"drafts of {arm}")
        texts = write_texts(base, method, rows, Sampling(max_tokens=tokens), bench.settings.seed, told)
        assert self.judges is not None
        self.drafted[arm] = measure_drafts([texts[n:n + count] for n in range(0, len(texts), count)], self.judges, bench.settings.seed)

    def _outside(self, count: int, progress: Progress) -> None:
        """The opponent's drafts; where it gives none the arm is noted as not measured."""
        from ..advise.drafts import measure_drafts

        bench, opponent = self.bench, self.opponent
        assert opponent is not None and self.judges is not None
        progress("drafts of the opponent", 0, 1)
        try:
            drafts = opponent.ask([piece.brief for piece in self.pieces], (bench.dataset.guide, bench.train), count,
                                  bench.settings.draft_tokens)
        except InputError as error:
            bench.problems["opponent"] = error.found
            return
        if any(any(group) for group in drafts):
            self.drafted["opponent"] = measure_drafts(drafts, self.judges, bench.settings.seed)
        else:
            spent = opponent.spent
            bench.problems["opponent"] = f"{spent.empty} empty answers and {spent.refused} refusals of {spent.drafts}"

    def _loss(self, best: str | None, general: Sequence[str]) -> TargetLoss | None:
        """The loss by what a target is, before and after; None without a tuned arm, or where the tokenizer cannot place its tokens."""
        from ..advise.arms import rival
        from ..engine.tasks.targets import measure_targets

        bench = self.bench
        if best is None:
            return None
        terms = spelled_terms(bench.base, [piece.text for piece in bench.train], general)
        classes = target_classes(bench.base, bench.pieces, bench.rows, terms)
        if classes is None:
            return None
        method = bench.attach(best)
        try:
            after = measure_targets(bench.base, method, bench.rows, dtype=bench.dtype)
        finally:
            method.detach()
        return target_loss(classes, bench.each[rival(bench.arms)], after, terms)
