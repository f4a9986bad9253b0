"""The one training loop: any method on any task's rows, stopped where validation peaks, resumable to the bit.

The loss of an optimiser step is the sum of nats over its target tokens divided by their number, whatever the split into
micro-batches. Step 0 is evaluated too; the state with the lowest validation loss is what the run gives back.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError, Interrupted, TrainingError
from ..progress import Progress, silent
from ..records import Evaluation, Stopped
from .bases import Base
from .checkpoint import load_latest, pack_optimizer, save_checkpoint, unpack_optimizer
from .compiled import compiled_layers, eagerly
from .devices import peak_memory_bytes, random_states, restore_random
from .methods.base import AbstractMethod
from .packing import pack
from .peak import Peak, mean_loss
from .tasks import task_of
from .tasks.drafting import Row
from .tasks.echo import TIMES, Echo

FEWEST_STEPS = 80      # a small archive gets smaller batches rather than fewer steps
SMALLEST_BATCH = 1024  # padded tokens, but for archives so small that a run would have fewer steps than evaluations
FEWEST_EVALUATIONS = 8
EXPLODED = 3.0         # times the loss of guessing uniformly: no run comes back from there
FREE = {"checkpoint_seconds"}  # fields of the plan that decide nothing of the result


@dataclass(frozen=True)
class FitPlan:
    """What decides a run beside its data; every field has the meaning of the TuneSettings field of its name.

    `compile` runs training steps, not evaluations, through compiled layers; `packed` lays the rows of a micro-batch end to end.
    """

    rate: float
    epochs: int = 4
    seed: int = 0
    batch_tokens: int = 4096
    micro_tokens: int = 2048
    warmup_share: float = 0.05
    clip: float = 1.0
    evaluations: int = 10
    patience: int = 3
    replay: float = 0.1
    bf16: bool = False
    compile: bool = False
    packed: bool = False
    checkpoint_seconds: float = 30.0


@dataclass(frozen=True)
class FitData:
    """Rows to train on, rows to validate on (one a piece), general rows to replay, general rows that watch forgetting, and what the base
    foretells at the rows to replay, for those that are replayed often."""

    train: Sequence[Row]
    validation: Sequence[Row]
    replay: Sequence[Row] = ()
    general: Sequence[Row] = ()
    echo: Echo | None = None


@dataclass(frozen=True)
class FitOutcome:
    """What a run did. `trained_tokens` counts target tokens of the client's pieces over all epochs."""

    evaluations: list[Evaluation]
    best: Evaluation
    stopped: Stopped
    steps: int
    trained_tokens: int
    tokens_per_second: float | None
    seconds: float
    peak_memory_bytes: int
    losses: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # checkpoints that were passed over on resume


class Fit:
    """One run. `run()` trains to the end, or raises Interrupted after a checkpoint."""

    def __init__(self, base: Base, method: AbstractMethod, data: FitData, plan: FitPlan, folder: Path | None = None):
        _check(base, method, data, plan)
        self.base, self.method, self.data, self.plan, self.folder = base, method, data, plan, folder
        self.task = task_of(base)
        self.dtype = torch.bfloat16 if plan.bf16 else torch.float32
        torch.manual_seed(plan.seed)
        self.optimizer = torch.optim.AdamW(list(method.tensors.values()), lr=plan.rate, betas=(0.9, 0.999), weight_decay=0.0, fused=True)
        self.budget = self._budget()
        self.schedule = [(epoch, group) for epoch in range(plan.epochs) for group in self._epoch(epoch)]
        self.shorten(len(self.schedule), max(plan.evaluations, FEWEST_EVALUATIONS))
        self.peak, self.best = Peak(plan.patience), method.state()
        self.step, self.seconds, self.tokens, self.trained = 0, 0.0, 0, 0
        self.evaluations: list[Evaluation] = []
        self.losses: list[float] = []
        self.problems: list[str] = []
        self.listen: Callable[[Fit], None] = lambda _: None  # told of each evaluation
        self._rows: tuple[int, list[Row]] | None = None
        self._next: tuple[int, list[tuple[list[Row], dict[str, Any]]]] | None = None

    def shorten(self, steps: int, evaluations: int) -> None:
        """Make this a run of at most `steps` steps with `evaluations` after step 0: a probe, or an arm of a bake-off."""
        self.total = min(steps, len(self.schedule))
        count = min(evaluations, self.total)
        self.evaluate_at = {round(k * self.total / count) for k in range(1, count + 1)}

    def _epoch_rows(self, epoch: int) -> list[Row]:
        """The client's rows and this epoch's draw of general text, a `replay` share of their targets."""
        if self.plan.replay <= 0 or not self.data.replay:
            return list(self.data.train)
        goal = self.plan.replay * sum(row.targets for row in self.data.train)
        pool, new = list(range(len(self.data.replay))), TIMES * sum(row.targets for row in self.data.replay) - epoch * goal
        random.Random(f"replay/{self.plan.seed}/{epoch}").shuffle(pool)
        drawn: list[Row] = []
        while goal > 0:
            number = pool[len(drawn) % len(pool)]
            row = self.data.replay[number]
            if new <= 0 and self.data.echo is not None:  # all of it was learned so often
                row = self.data.echo.of(row, number, f"echo/{self.plan.seed}/{epoch}/{len(drawn)}")
            drawn.append(row)
            goal, new = goal - row.targets, new - row.targets
        return [*self.data.train, *drawn]

    def _budget(self) -> int:
        budget = self.plan.batch_tokens
        rows = self._epoch_rows(0)
        while budget > 1:
            steps = self.plan.epochs * len(self.task.plan_epoch(rows, budget, self.plan.seed, 0))
            if steps >= FEWEST_STEPS or (budget <= SMALLEST_BATCH and steps >= FEWEST_EVALUATIONS):
                break
            budget //= 2
        return budget

    def _epoch(self, epoch: int) -> list[list[int]]:
        return self.task.plan_epoch(self._epoch_rows(epoch), self.budget, self.plan.seed, epoch)

    def _rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine down to a tenth."""
        warm = max(1, round(self.plan.warmup_share * self.total))
        if step < warm:
            return self.plan.rate * (step + 1) / warm
        share = (step - warm) / max(1, self.total - warm)
        return self.plan.rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * share)))

    def _group(self, step: int) -> list[Row]:
        epoch, group = self.schedule[step]
        if self._rows is None or self._rows[0] != epoch:
            self._rows = (epoch, self._epoch_rows(epoch))
        return [self._rows[1][i] for i in group]

    def _parts(self, step: int) -> list[tuple[list[Row], dict[str, Any]]]:
        """The micro-batches of a step, each with what its rows were laid into where they are packed."""
        if self._next is not None and self._next[0] == step:
            return self._next[1]
        rows, budget = self._group(step), self.plan.micro_tokens
        parts = [[rows[i] for i in part] for part in self.task.split_by_budget(rows, range(len(rows)), budget)]
        return [(part, {"packed": pack(part, budget, self.base.device)} if self.plan.packed else {}) for part in parts]

    def train_step(self) -> float:
        """One optimiser step; returns nats per target token."""
        rows = self._group(self.step)
        targets = sum(row.targets for row in rows)
        for settings in self.optimizer.param_groups:
            settings["lr"] = self._rate(self.step)
        self.method.train_mode(True)
        parts = []
        for part, laid in self._parts(self.step):
            loss = self.task.row_nats(self.base, self.method, part, self.dtype, **laid).sum() / targets
            loss.backward()
            parts.append(loss.detach())
        if self.plan.packed and self.step + 1 < len(self.schedule):
            self._next = (self.step + 1, self._parts(self.step + 1))  # while the card is at work on this one
        total = sum(torch.stack(parts).tolist())  # read once a step: a GPU's processor would wait for the card at every part
        self.method.train_mode(False)
        norm = torch.nn.utils.clip_grad_norm_(list(self.method.tensors.values()), self.plan.clip)
        most = EXPLODED * max(self.task.ceiling(self.base), self.losses[0] if self.losses else total)
        if not (total <= most and math.isfinite(norm.item())):
            self.optimizer.zero_grad(set_to_none=True)  # full training shares its tensors with the next run on this base
            raise TrainingError(f"step {self.step + 1}", f"a loss of {total:.6g} with a gradient norm of {norm.item():.6g}",
                                f"finite numbers, and a loss of at most {most:.1f}",
                                "Lower the learning rate with --set rate=…, or check the pieces for rubbish.")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += sum(len(row.ids) for row in rows)
        self.trained += sum(row.targets for row in rows if not row.general)
        return total

    def evaluate(self) -> None:
        """Measure validation and general text at the current step, and keep the best state."""
        with eagerly() if self.plan.compile else nullcontext():
            measured = self.task.measure(self.base, self.method, self.data.validation, dtype=self.dtype)
            general = (mean_loss(self.task.measure(self.base, self.method, self.data.general, dtype=self.dtype))
                       if self.data.general else None)
        if not math.isfinite(mean_loss(measured)):
            raise TrainingError(f"the evaluation at step {self.step}", f"a validation loss of {mean_loss(measured)}", "a finite number",
                                "Lower the learning rate with --set rate=…; at step 0 the base itself gives no probabilities."
                                " Nothing was published.")
        if self.peak.add(measured):
            self.best = self.method.state()
        recent = self.losses[-max(1, self.total // max(len(self.evaluate_at), 1)):]
        self.evaluations.append(Evaluation(
            step=self.step, epoch=round(self.plan.epochs * self.step / max(len(self.schedule), 1), 4), validation_loss=self.peak.losses[-1],
            train_loss=sum(recent) / len(recent) if recent else None, general_loss=general,
            noise_floor=self.peak.noise if self.step else None, tokens=self.trained, seconds=round(self.seconds, 3)))
        self.listen(self)

    def run(self, progress: Progress = silent, stop: Callable[[], bool] = lambda: False) -> FitOutcome:
        """Train until the peak, the patience or the epochs end it. Raises Interrupted, TrainingError."""
        with compiled_layers(self.base.model, dynamic=not self.plan.packed) if self.plan.compile else nullcontext():
            return self._run(progress, stop)

    def _run(self, progress: Progress, stop: Callable[[], bool]) -> FitOutcome:
        began, saved = time.monotonic(), time.monotonic()
        stopped = self.peak.stop()
        if not self.evaluations:
            self.evaluate()
        while stopped is None and self.step < self.total:
            began = time.monotonic()
            self.losses.append(self.train_step())
            self.seconds += time.monotonic() - began
            if self.step in self.evaluate_at:
                self.evaluate()
                stopped = self.peak.stop()
            progress("tune", self.step, self.total, self._note())
            asked = stop()
            if self.folder and (asked or self.step in self.evaluate_at or time.monotonic() - saved > self.plan.checkpoint_seconds):
                self.save()
                saved = time.monotonic()
            if asked:
                raise Interrupted(f"stopped at step {self.step} of {self.total}, checkpoint saved", "--resume last")
        self.method.load_state(self.best)
        return FitOutcome(self.evaluations, self.evaluations[self.peak.best_index], stopped or Stopped.EPOCHS, self.step, self.trained,
                          self.tokens / self.seconds if self.seconds else None, self.seconds,
                          peak_memory_bytes(self.base.device.type), self.losses,
                          self.problems)

    def _note(self) -> str:
        best = self.evaluations[self.peak.best_index]
        speed = self.tokens / self.seconds if self.seconds else 0
        return (f"loss {self.losses[-1]:.3f}  best {best.validation_loss:.3f} at step {best.step}  {speed:,.0f} tok/s  "
                f"{peak_memory_bytes(self.base.device.type) / 2**30:.1f} GiB")

    def save(self) -> None:
        """Write a checkpoint of everything that decides the rest of the run."""
        tensors = {f"method.{k}": v for k, v in self.method.state().items()} | {f"best.{k}": v for k, v in self.best.items()}
        packed_tensors, packed = pack_optimizer(self.optimizer)
        tensors |= packed_tensors | random_states(self.base.device.type)
        peak = {"losses": self.peak.losses, "best_index": self.peak.best_index, "best_measured": self.peak.best_measured,
                "reference": self.peak.reference, "waited": self.peak.waited, "noise": self.peak.noise}
        meta: dict[str, Any] = {"plan": asdict(self.plan), "bound": self.bound(), "optimizer": packed, "peak": peak, "step": self.step,
                                "seconds": self.seconds, "tokens": self.tokens, "trained": self.trained, "losses": self.losses,
                                "evaluations": [asdict(e) for e in self.evaluations]}
        assert self.folder is not None
        save_checkpoint(self.folder, self.step, tensors, meta)

    def bound(self) -> dict[str, str]:
        """What a checkpoint is bound to beside the plan, under the names that a refusal tells: hashes of rows, base and method."""
        named = {"the training pieces": self.data.train, "the validation pieces": self.data.validation,
                 "the general text for replay": self.data.replay, "the general text that watches forgetting": self.data.general}
        config = {k: v for k, v in self.method.config().items() if k not in ("base_model_name_or_path", "revision")}  # where, not what
        return {**{name: _rows_hash(rows) for name, rows in named.items()}, "the base": self.base.hash,
                "the method": json.dumps({"name": self.method.name, **config}, sort_keys=True, default=str)}

    def restore(self) -> bool:
        """Go on from the newest checkpoint that verifies; False where there is none. `problems` then holds a line for each one that
        was passed over.

        Raises InputError, naming the field, where the plan, the data, the base or the method is not the checkpoint's.
        """
        found = load_latest(self.folder, self.problems) if self.folder and self.folder.is_dir() else None
        if found is None:
            return False
        step, tensors, meta = found
        self._refuse_changes(meta)
        self.step = step
        self.method.load_state({k[7:]: v for k, v in tensors.items() if k.startswith("method.")})
        self.best = {k[5:]: v for k, v in tensors.items() if k.startswith("best.")}
        unpack_optimizer(self.optimizer, tensors, meta["optimizer"])
        restore_random(self.base.device.type, tensors)
        self.peak = Peak(self.plan.patience, **{k: v for k, v in meta["peak"].items()})
        self.seconds, self.tokens, self.trained, self.losses = meta["seconds"], meta["tokens"], meta["trained"], meta["losses"]
        self.evaluations = [Evaluation(**e) for e in meta["evaluations"]]
        return True

    def _refuse_changes(self, meta: dict[str, Any]) -> None:
        do = "Put it back as it was, or start a new run without --resume."
        for name, value in asdict(self.plan).items():
            if name not in FREE and meta["plan"].get(name, value) != value:
                raise InputError(f"setting {name} on resume", str(value), f"{meta['plan'][name]}, as the checkpoint was written", do)
        for name, value in self.bound().items():
            kept = meta.get("bound", {}).get(name, value)
            if kept != value:
                raise InputError(f"{name} on resume", f"something else ({value[:12]}…)", f"that of the checkpoint ({kept[:12]}…)", do)


def _rows_hash(rows: Sequence[Row]) -> str:
    """sha256 of rows: their ids, targets and kind, in order."""
    digest = hashlib.sha256()
    for row in rows:
        labels = getattr(row, "labels", None) or ()  # rows of texts alone have some, and few of those
        digest.update(array("q", (len(row.ids), row.first, row.piece, row.general, *row.ids, *labels)).tobytes())
    return digest.hexdigest()


def _check(base: Base, method: AbstractMethod, data: FitData, plan: FitPlan) -> None:
    """Raise TrainingError where nothing can be learned or measured, before any time is spent."""
    if not data.train or not data.validation:
        raise TrainingError("training", f"{len(data.train)} training rows, {len(data.validation)} validation rows",
                            "at least one of each", "Curate more pieces.")
    for name, rows in (("training", data.train), ("validation", data.validation)):
        bare = sum(row.targets < 1 for row in rows)
        if bare:
            raise TrainingError(f"{name} rows", f"{bare} of {len(rows)} rows without a target", "a target token in each row",
                                "Leave out the pieces without a text, or raise --set window_tokens.")
    longest = max(len(row.ids) for rows in (data.train, data.validation, data.replay, data.general) for row in rows)
    if longest > base.context - method.context_tokens:
        raise TrainingError("training", f"a row of {longest} tokens", f"at most {base.context - method.context_tokens}, the base's context",
                            "Lower --set window_tokens.")
    if not (math.isfinite(plan.rate) and plan.rate > 0):
        raise TrainingError("--set rate", str(plan.rate), "a finite number above 0", "Leave it out to have it probed.")
    if plan.epochs < 1:
        raise TrainingError("--epochs", str(plan.epochs), "at least 1", "Leave it out for the default.")
