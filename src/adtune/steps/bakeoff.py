"""The bake-off on one base: untuned arms first, then methods in rounds of growing length, then drafts of what came through.

Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): in each round the methods that are left are trained for a share of a
full run, and the better half goes on to a longer share. LoRA goes first, as the method that gains most from little training: where it
is so far from the gain that is needed that more training could not bring it there, no other method is trained. The rounds end as soon
as more training could no longer change the verdict (`advise.open_question`), or where the next round would take the bake-off over LIMIT
times a full LoRA run. The first round takes each method's usual learning rate; later ones probe it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BaseModelError, InputError, Interrupted, SettingError, TrainingError
from ..progress import Progress
from ..records import Dataset, Split
from ..settings import AdviseSettings, TuneSettings
from .arms import plain_rows
from .estimating import TRIAL_SECONDS, check_room, estimate_run
from .layouts import LAYOUTS, Shown, best_layout, layout_rows

if TYPE_CHECKING:
    from ..advise import ArmResult
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..engine.tasks.drafting import Row
    from ..tune.prepared import Prepared
    from ..tune.session import Decided
    from ..voice.general import General

METHODS = ("lora", "prefix", "full")   # in the order in which they are trained
GROWTH = (1.0, 2.7, 7.0)  # times the first share: at 0.15 that is 0.15, 0.4 and a full run
LIMIT = 3.0           # times a full LoRA run, for the whole bake-off
PROBE_PART = 0.3      # of the time of an arm that is probed
FEWEST_STEPS = 8
EVALUATIONS = 2       # of an arm, step 0 not counted: an arm is shorter than a run
WATCHED = 12          # passages of general text that an arm is watched on: the whole watch would take longer than its training
ENDS = {"base": 4, "prompt": 18, "estimate": 22, "round 1": 50, "round 2": 68, "round 3": 86, "drafts": 100}  # of one bar over everything


class Track:
    """One bar over all arms. A stop is seen at every step of the bar: an unfinished bake-off has nothing to save."""

    def __init__(self, progress: Progress, stop: Callable[[], bool], client: str):
        self.progress, self.stop, self.client = progress, stop, client
        self.done = 0.0

    def part(self, phase: str, arm: str, first: float = 0.0, last: float = 1.0) -> Progress:
        """A Progress for the part of a phase from `first` to `last`, shares of its time. Raises Interrupted when asked to stop."""
        ends = list(ENDS.values())
        begin = max(self.done, ([0, *ends])[list(ENDS).index(phase)])

        def tell(label: str, done: float, total: float, note: str = "") -> None:
            if self.stop():
                raise Interrupted(f"stopped while measuring {arm}; an unfinished bake-off keeps nothing", f"advise {self.client}")
            share = first + (last - first) * min(1.0, done / total if total else 1.0)
            self.done = max(self.done, begin + (ENDS[phase] - begin) * share)
            self.progress("measure the arms", self.done, 100, f"{arm}: {label}  {note}".rstrip())

        return tell

    def finish(self) -> None:
        self.done = 100.0
        self.progress("measure the arms", 100, 100, "done")


@dataclass(frozen=True)
class Trained:
    """A tuned arm as its last round left it, to be attached again for its drafts."""

    settings: TuneSettings
    prepared: Prepared
    decided: Decided
    state: dict[str, Any]


class BakeOff:
    """`arms` holds the results, `problems` why an arm could not be measured, `trained` the methods at their best states."""

    def __init__(self, base: Base, dataset: Dataset, general: General, settings: AdviseSettings, tuning: TuneSettings):
        import torch

        from ..tune.session import takes_bf16

        self.base, self.dataset, self.general, self.settings, self.tuning = base, dataset, general, settings, tuning
        self.bf16 = takes_bf16(tuning)
        self.dtype = torch.bfloat16 if self.bf16 else torch.float32  # of all measures: bf16 halves a long prompt's time for .0005 nats
        self.train = [item.example for item in dataset.split(Split.TRAIN)]
        validation = dataset.split(Split.VALIDATION)
        drawn = random.Random(f"advise/{settings.seed}").sample(range(len(validation)), min(settings.pieces, len(validation)))
        self.held_out = [item.example for item in validation]
        self.pieces = [self.held_out[n] for n in sorted(drawn)]
        # every arm leaves room for the prefix, so that all count the same targets
        self.taken = tuning.prefix_tokens if tuning.prefix_tokens < base.context // 2 else 0
        self.rows = plain_rows(base, self.pieces, tuning.loss_tokens, self.taken)
        self.watch = plain_rows(base, general.watch[:WATCHED], tuning.loss_tokens, self.taken)
        self.arms: dict[str, ArmResult] = {}
        self.problems: dict[str, str] = {}
        self.prepared: dict[str, Prepared] = {}
        self.trained: dict[str, Trained] = {}
        self.rounds: list[dict[str, Any]] = []
        self.shown: Shown | None = None
        self.each: dict[str, list[tuple[float, ...]]] = {}  # nats of each target of each piece, of the untuned arms
        self.estimate: dict[str, Any] = {}
        self.ended: str | None = None
        self.general_loss = self.prompt_tokens = 0.0
        self.began = time.monotonic()

    def untuned(self, track: Track, search: bool = True) -> None:
        """The base alone and with its best prompt, both without training; without `search` the prompt has the usual layout."""
        from ..engine.peak import mean_loss
        from ..engine.tasks.drafting import measure

        track.part("base", "base")("begin", 0, 1)
        self.general_loss = mean_loss(measure(self.base, None, self.watch, dtype=self.dtype))
        self.arms["base"] = self._untuned("base", self.rows)
        tell = track.part("prompt", "prompt")
        tell("layouts", 0, 1)
        layout, losses = LAYOUTS[0], {}
        if search:
            layout, losses = best_layout(self.base, self.train, self.dataset.guide, self.tuning.loss_tokens, self.settings.seed, self.dtype)
        self.shown = Shown(layout, self.dataset.guide, self.train)
        tell(layout.name, 1, 2)
        prompted = layout_rows(self.base, self.pieces, self.shown, self.tuning.loss_tokens, self.taken)
        self.prompt_tokens = sum(long.first - short.first for long, short in zip(prompted, self.rows, strict=True)) / len(self.rows)
        told = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
        told = f", the best on training pieces of: {told}" if told else ""
        self.arms["prompt"] = replace(self._untuned("prompt", prompted), detail=layout.name + told)

    def foretell(self, folder: Path, track: Track) -> None:
        """What a full LoRA run takes (a prefix where the base refuses LoRA), and what the bake-off takes at most; told before it trains."""
        track.part("estimate", "estimate")("begin", 0, 1)
        failed: Exception | None = None
        for name in ("lora", "prefix", "full"):
            try:
                self.estimate = self.estimate_of(name, folder)
                break
            except (BaseModelError, InputError, TrainingError) as error:
                failed = error
        else:
            assert failed is not None
            raise failed
        minutes = LIMIT * self.estimate["seconds"] / 60
        track.progress("estimate", 0, 0, f"bake-off: at most {minutes:,.0f} minutes, {LIMIT:g} times a full run; usually far less")

    def tuned(self, track: Track) -> None:
        """Rounds over the methods. A method that this base or archive refuses is noted; raises where none is left."""
        from ..advise import survivors

        names, failed = list(METHODS), None
        for number, growth in enumerate(GROWTH, 1):
            share, before = min(1.0, growth * self.settings.share), dict(self.arms)
            if number > 1 and (share <= self.rounds[-1]["share"] or not self._affords(share, len(names))):
                break
            begun = time.monotonic()
            for place, name in enumerate(list(names)):
                ends = place / len(names), (place + 1) / len(names)
                try:
                    self._keep(name, self._trained(name, share, number > 1, lambda a, b, ends=ends, name=name: track.part(
                        f"round {number}", name, ends[0] + (ends[1] - ends[0]) * a, ends[0] + (ends[1] - ends[0]) * b)))  # noqa: B023
                except (BaseModelError, InputError, SettingError, TrainingError) as error:
                    failed, self.problems[name] = error, error.found
                if place == 0 and number == 1 and self._hopeless(before):
                    names = names[:1]
                    break
            names = [name for name in names if name in self.arms]
            if not names:
                assert failed is not None
                raise failed
            question = self._open(names, before)
            self.rounds.append({"share": share, "arms": names, "seconds": time.monotonic() - begun, "open": question})
            if question is None and not self.settings.every_arm:
                self.ended = "the verdict could no longer change"
                break
            names = names if self.settings.every_arm else survivors(self._alive(names), names, self.settings)

    def _alive(self, names: list[str]) -> dict[str, ArmResult]:
        return {name: arm for name, arm in self.arms.items() if name in (*names, "base", "prompt")}

    def _open(self, names: list[str], before: dict[str, ArmResult]) -> str | None:
        from ..advise import open_question

        return open_question(self._alive(names), before, self.settings)

    def _hopeless(self, before: dict[str, ArmResult]) -> bool:
        """Whether the first method, alone, settles that none is worth it: it beats nothing, and could not by more training."""
        from ..advise import is_winner

        first = METHODS[0]
        if self.settings.every_arm or first not in self.arms or is_winner(self.arms, first, self.settings):
            return False
        return self._open([first], before) is None

    def _affords(self, share: float, methods: int) -> bool:
        """Whether another round keeps the bake-off under its limit; a probe takes about the time of half a run's share more."""
        spent, full = self.seconds(), self.estimate["seconds"]
        wanted = methods * (share + 0.3) * full
        if spent + wanted <= LIMIT * full or self.settings.every_arm:
            return True
        self.ended = f"the next round would have taken the bake-off over {LIMIT:g} times a full run"
        return False

    def _keep(self, name: str, arm: ArmResult) -> None:
        if name not in self.arms or arm.loss <= self.arms[name].loss:
            self.arms[name] = arm

    def _untuned(self, name: str, rows: list[Row]) -> ArmResult:
        """The base on rows of its own or behind a prompt."""
        from ..engine.tasks.targets import measure_targets

        begun = time.monotonic()
        self.each[name] = measure_targets(self.base, None, rows, dtype=self.dtype)
        return self._result([(sum(nats), len(nats)) for nats in self.each[name]], None, begun)

    def _result(self, measured: Sequence[tuple[float, int]], forgot: float | None, begun: float) -> ArmResult:
        """An arm that was measured since `begun`."""
        from ..advise import ArmResult
        from ..engine.devices import peak_memory_bytes

        return ArmResult(tuple(nats for nats, _ in measured), tuple(tokens for _, tokens in measured), forgot,
                         seconds=time.monotonic() - begun, peak_memory_bytes=peak_memory_bytes(self.base.device.type))

    def _trained(self, name: str, share: float, probed: bool, part: Callable[[float, float], Progress]) -> ArmResult:
        """A run shortened to a share of the full one, at its best state; the rate is the method's usual one, or probed."""
        from ..engine.fit import Fit
        from ..engine.peak import mean_loss
        from ..engine.tasks.drafting import measure
        from ..tune.prepared import attach_for, plan_of, with_echo
        from ..tune.session import decide

        begun, settings = time.monotonic(), replace(self.tuning, method=name)
        part(0, 0.01)("begin", 0, 1)
        if name == "full":
            check_room(self.base, settings, Path("."))
        whole = self._prepared(name)
        prepared = replace(whole, data=replace(whole.data, validation=self.rows, general=self.watch))
        decided = self._usual(name)
        if probed:
            shorter = replace(settings, epochs=max(1, round(settings.epochs * share)))
            decided = decide(self.base, prepared, shorter, None, part(0, PROBE_PART))
        settings = decided.settle(settings)
        data = with_echo(self.base, prepared, settings) if share >= 1 else prepared.data
        method = attach_for(self.base, prepared, settings)
        try:
            fit = Fit(self.base, method, data, plan_of(settings, decided.bf16))
            fit.shorten(max(FEWEST_STEPS, round(share * fit.total)), EVALUATIONS)
            fit.run(part(PROBE_PART if probed else 0.01, 1))
            forgot = mean_loss(measure(self.base, method, self.watch, dtype=self.dtype)) - self.general_loss
            found = replace(self._result(measure(self.base, method, self.rows, dtype=self.dtype), forgot, begun), share=share,
                            detail=f"rate {decided.rate:.2g}{', probed' if probed else ''}")
            if name not in self.arms or found.loss <= self.arms[name].loss:
                self.trained[name] = Trained(settings, prepared, decided, method.state())
            return found
        finally:
            method.detach()

    def _prepared(self, name: str) -> Prepared:
        from ..tune.prepared import prepare

        if name not in self.prepared:
            self.prepared[name] = prepare(self.base, self.dataset, self.general, replace(self.tuning, method=name))
        return self.prepared[name]

    def _usual(self, name: str) -> Decided:
        """The middle one of the rates that a probe begins with."""
        from ..tune.probe import REPLAYS
        from ..tune.rates import rates
        from ..tune.session import Decided

        width = self.base.model.config.get_text_config().hidden_size
        return Decided(self.bf16, rates(name, width)[1], REPLAYS[0])

    def estimate_of(self, name: str, folder: Path) -> dict[str, Any]:
        """What a full run of a method takes."""
        decided = self.trained[name].decided if name in self.trained else self._usual(name)
        found = estimate_run(self.base, self._prepared(name), replace(self.tuning, method=name), decided, folder, TRIAL_SECONDS)
        return {**found, "method": name}

    def seconds(self) -> float:
        """Since the bake-off began."""
        return time.monotonic() - self.began

    def attach(self, name: str) -> AbstractMethod:
        """The trained method at its best state; the caller detaches it."""
        from ..tune.prepared import attach_for

        kept = self.trained[name]
        method = attach_for(self.base, kept.prepared, kept.settings)
        method.load_state(kept.state)
        return method
