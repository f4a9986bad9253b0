"""Pre-train a text starter: the run itself, from token rows to weights, resumable to the bit.

Matrices are trained with Muon (Jordan et al. 2024; torch.optim.Muon), embeddings and norms with AdamW. Rows hold several documents
one after another, and attention stays within each. The last stage runs at the full context on briefs and short contexts. The parts that
make the engine fast on a CPU (attention in blocks, fused norms, cross-entropy in chunks) are the engine's own.

B = rows of a batch, T = tokens of a row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file

from ..engine.attention import Documents, seen, use_blocks
from ..engine.checkpoint import load_latest, pack_optimizer, save_checkpoint, unpack_optimizer
from ..engine.devices import choose
from ..engine.flat_attention import USABLE, starts_of
from ..engine.head import head_nats
from ..engine.norms import use_fused_norms
from ..errors import InputError, Interrupted, SettingError, TrainingError, did_you_mean
from ..settings import PretrainSettings
from .ahead import Ahead
from .model import SIZES, build_model
from .schedule import Trapezoid

FREE = {"minutes", "steps", "evaluate_minutes", "checkpoint_minutes", "micro_tokens", "device", "compile"}  # may differ when a run goes on
SMOOTH = 0.98  # of the loss that is shown
MOST_COOLING = 0.9  # share of a run by the clock


class Rows(Protocol):
    """Where rows come from (pretrain.mixture.Mixture)."""

    def rows(self, count: int, width: int) -> tuple[torch.Tensor, torch.Tensor]: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: Mapping[str, Any]) -> None: ...


def check_settings(settings: PretrainSettings) -> None:
    """Raise SettingError for values that no run can have."""
    for name, known in (("size", SIZES), ("optimizer", ("muon", "adamw")), ("precision", ("auto", "fp32", "bf16"))):
        if getattr(settings, name) not in known:
            raise SettingError(f"--set {name}" if name != "size" else "--size", getattr(settings, name), "one of " + ", ".join(known),
                               did_you_mean(getattr(settings, name), known))
    bounds = {"cool_down_share": (0, 1), "brief_share": (0, 1), "opening_share": (0, 1), "minutes": (0, math.inf), "steps": (1, math.inf),
              "vocabulary": (320, 65536), "context": (16, 2**20), "row_tokens": (16, settings.context),
              "batch_tokens": (settings.context, 2**24), "micro_tokens": (1, 2**24), "muon_rate": (0, 1), "adamw_rate": (0, 1),
              "most_weight": (0.01, math.inf), "brief_tokens": (1, 2**40)}
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high or name == "minutes" and value <= 0:
            raise SettingError(f"--set {name}", str(value), f"{name} from {low} to {high}", "Give another value.")
    if settings.steps is None and settings.cool_down_share > MOST_COOLING:
        raise SettingError("--set cool_down_share", str(settings.cool_down_share), f"at most {MOST_COOLING} of a run by the clock",
                           "Give --set steps=N as well: the clock tells the length of a cool-down by what went before it.")
    if settings.brief_share > settings.cool_down_share:
        raise SettingError("--set brief_share", str(settings.brief_share), f"at most cool_down_share, {settings.cool_down_share}",
                           "The last stage is a part of the cool-down.")


class PretrainRun:
    """One run that can be stopped at any step and continued. `plain` and `briefs` give its rows, `bound` names what they come from.

    Raises SettingError for impossible settings, InputError where `start_from` holds another model.
    """

    def __init__(self, settings: PretrainSettings, plain: Rows, briefs: Rows | None, work: Path, bound: Mapping[str, str] | None = None):
        check_settings(settings)
        self.settings, self.work, self.bound = settings, work, dict(bound or {})
        device = choose(settings.device)
        self.device = device.kind
        self.sources = {"plain": plain} | ({"briefs": briefs} if briefs is not None and settings.brief_share > 0 else {})
        if self.device != "cpu":  # a CPU has no core to spare for it
            self.sources = {name: Ahead(source) for name, source in self.sources.items()}
        self.dtype = torch.bfloat16 if settings.precision == "bf16" or settings.precision == "auto" and device.bf16 else torch.float32
        torch.manual_seed(settings.seed)
        self.model = build_model(settings.size, settings.vocabulary, settings.context)
        if settings.start_from:
            _start_from(self.model, Path(settings.start_from))
        self.model.to(self.device)
        use_blocks(self.model)
        if self.device == "cpu":
            use_fused_norms(self.model)
        elif settings.compile:
            for layer in self.model.model.layers:  # one compilation serves them all
                layer.compile()
        self.optimizers = _optimizers(self.model, settings)
        self.rates = {"muon": settings.muon_rate, "adamw": settings.adamw_rate}
        self.schedule = Trapezoid(settings)
        self.step, self.seconds, self.tokens = 0, 0.0, 0
        self.log: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.smooth: float | None = None

    @property
    def batch_tokens(self) -> int:
        """Tokens of the next step: all of the batch, or less while it grows."""
        ramp = self.settings.ramp_tokens
        share = 1.0 if not ramp else min(1.0, 0.25 + 0.75 * self.tokens / ramp)
        return max(self.settings.row_tokens, round(self.settings.batch_tokens * share))

    def _micro_batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
        """(ids (B, T + 1), document numbers (B, T + 1) on the CPU, target positions of the whole step)."""
        long = "briefs" in self.sources and self.schedule.on_briefs(self.step)
        width = self.settings.context if long else self.settings.row_tokens
        count = max(1, (self.settings.batch_tokens if long else self.batch_tokens) // width)
        ids, numbers = self.sources["briefs" if long else "plain"].rows(count, width)
        part = max(1, self.settings.micro_tokens // width)
        for start in range(0, count, part):
            yield ids[start:start + part].to(self.device), numbers[start:start + part], count * width

    def advance(self) -> float:
        """One optimiser step; returns the loss in nats per token. Raises TrainingError for a loss that is no number."""
        began, summed = time.monotonic(), torch.zeros((), device=self.device)
        self.schedule.look(self.step, self.seconds)
        factor = self.schedule.factor(self.step)
        for key, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[key] * factor
        for ids, numbers, positions in self._micro_batches():
            loss = row_nats(self.model, ids, numbers, self.dtype).sum() / positions
            loss.backward()
            summed += loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        total = summed.item()
        if not (math.isfinite(total) and math.isfinite(norm.item())):
            raise TrainingError(f"step {self.step + 1}", f"a loss of {total:.6g} with a gradient norm of {norm.item():.6g}",
                                "finite numbers", "Lower the rates with --set muon_rate=… --set adamw_rate=…; the last checkpoint is safe.")
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += positions
        self.smooth = total if self.smooth is None else SMOOTH * self.smooth + (1 - SMOOTH) * total
        self.seconds += time.monotonic() - began
        return total

    def save(self, name: str = "checkpoints") -> None:
        """Write a checkpoint of everything that decides the rest of the run. Raises DiskFullError, WorkspaceError."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items() if k != "lm_head.weight"}
        packed = {}
        for key, optimizer in self.optimizers.items():
            part, packed[key] = pack_optimizer(optimizer, key)
            tensors |= part
        meta = {"settings": asdict(self.settings), "bound": self.bound, "optimizers": packed, "step": self.step, "seconds": self.seconds,
                "tokens": self.tokens, "schedule": self.schedule.state(), "sources": {k: v.state() for k, v in self.sources.items()},
                "log": self.log, "smooth": self.smooth}
        save_checkpoint(self.work / name, self.step, tensors, meta, keep=1 if name == "constant" else 2)

    def restore(self) -> bool:
        """Go on from the newest checkpoint that verifies; from the constant part where more time is given than the run was cooled down
        for. False where there is nothing to go on from; `problems` then holds a line for each checkpoint that was passed over.

        Raises InputError, naming the field, where settings or corpus are not those of the checkpoint.
        """
        found = load_latest(self.work / "checkpoints", self.problems)
        if found is None:
            return False
        cooling = found[2]["schedule"]["cool_from"]
        if cooling is not None and found[0] > cooling and self._longer(found[2]["settings"]):
            found = load_latest(self.work / "constant", self.problems)
            if found is None:
                raise InputError("--resume", "a run that was cooled down, without its constant part", "a constant part to go on from",
                                 "Start a new run in another folder.")
        _, tensors, meta = found
        self._refuse_changes(meta)
        self.model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, strict=False)
        self.model.tie_weights()
        for key, optimizer in self.optimizers.items():
            unpack_optimizer(optimizer, tensors, meta["optimizers"][key], key)
        self.step, self.seconds, self.tokens, self.log = meta["step"], meta["seconds"], meta["tokens"], meta["log"]
        self.smooth = meta["smooth"]
        for key, source in self.sources.items():
            source.restore(meta["sources"][key])
        if not self._longer(meta["settings"]):
            self.schedule = Trapezoid(self.settings, **meta["schedule"])
        return True

    def _longer(self, before: Mapping[str, Any]) -> bool:
        """Whether this run is to last longer than the one that wrote `before`."""
        return any((getattr(self.settings, name) or 0) > (before[name] or 0) for name in ("minutes", "steps"))

    def _refuse_changes(self, meta: Mapping[str, Any]) -> None:
        here = {k: v for k, v in asdict(self.settings).items() if k not in FREE} | self.bound
        for name, value in here.items():
            started = {**meta["settings"], **meta["bound"]}.get(name)
            if started != value:
                raise InputError("--resume", f"{name} = {value}", f"{name} = {started}, as the run was started",
                                 "Give the same options again, or start a new run in another folder.")


def hidden_states(model: Any, ids: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """(B, T, width) of rows `ids` (B, T) whose documents `numbers` tells, of the same shape and on the CPU."""
    if ids.device.type == "cpu":
        told: dict[str, Any] = {"documents": Documents(numbers)}
    elif ids.device.type == "cuda" and USABLE and torch.is_autocast_enabled("cuda"):  # its kernels take 16 bits alone
        told = {"starts": starts_of(numbers).to(ids.device)}
        torch._dynamo.maybe_mark_dynamic(told["starts"], 0)  # else the second step, of other documents, compiles anew
    else:
        told = {"attention_mask": seen(numbers.to(ids.device))}
    return model.model(input_ids=ids, use_cache=False, **told).last_hidden_state


def row_nats(model: Any, ids: torch.Tensor, numbers: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Nats of every next token, (B T,), of rows `ids` (B, T + 1) whose documents `numbers` tells, of the same shape and on the CPU."""
    with torch.autocast(ids.device.type, dtype=dtype, enabled=dtype != torch.float32):
        return head_nats(hidden_states(model, ids[:, :-1], numbers[:, :-1]).flatten(0, 1), model.lm_head, ids[:, 1:].flatten())


def _optimizers(model: Any, settings: PretrainSettings) -> dict[str, torch.optim.Optimizer]:
    matrices = [p for n, p in model.model.named_parameters() if p.ndim == 2 and "embed" not in n]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 0.0}]
    if settings.optimizer == "adamw":
        groups.append({"params": matrices, "weight_decay": settings.weight_decay})
    found: dict[str, torch.optim.Optimizer] = {"adamw": torch.optim.AdamW(groups, lr=settings.adamw_rate, betas=(0.9, 0.95), fused=True)}
    if settings.optimizer == "muon":
        found["muon"] = torch.optim.Muon(matrices, lr=settings.muon_rate, weight_decay=settings.weight_decay, momentum=0.95,
                                         adjust_lr_fn="match_rms_adamw")
    return found


def _start_from(model: Any, folder: Path) -> None:
    """Take the weights of the base in `folder`. Raises InputError where there are none or they are of another model."""
    path = folder / "model.safetensors"
    if not path.is_file():
        raise InputError("--set start_from", f"no {path.name} in {folder}", "the folder of a base that this command wrote",
                         "Name that folder.")
    given = {k: v for k, v in load_file(path).items() if k != "lm_head.weight"}
    own = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}
    wrong = sorted(k for k in {*own, *given} if k not in own or k not in given or own[k].shape != given[k].shape)
    if wrong:
        raise InputError("--set start_from", f"{folder}: {wrong[0]} is missing or has another shape",
                         "weights of the same --size and vocabulary", "Give the size and the tokenizer of that base.")
    model.load_state_dict(given, strict=False)
    model.tie_weights()


def run(run_: PretrainRun, evaluate: Callable[[PretrainRun], Mapping[str, Any]], progress: Callable[[PretrainRun], None],
        stop: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
    """Train to the end, evaluating and saving as it goes. Raises Interrupted after a checkpoint when `stop()` says so."""
    settings = run_.settings
    evaluated = run_.log[-1]["seconds"] if run_.log else 0.0
    saved = run_.seconds
    while not run_.schedule.done(run_.step):
        cooling = run_.schedule.cool_from
        run_.schedule.look(run_.step, run_.seconds)
        if run_.step == run_.schedule.cool_from and not (run_.work / "constant" / f"step-{run_.step:08d}").exists():
            run_.save("constant")
        run_.advance()
        progress(run_)
        asked = stop()
        if run_.seconds - evaluated >= 60 * settings.evaluate_minutes:
            evaluated = run_.seconds
            run_.log.append({"step": run_.step, "tokens": run_.tokens, "seconds": run_.seconds, "loss": run_.smooth, **evaluate(run_)})
            progress(run_)
        if asked or run_.seconds - saved >= 60 * settings.checkpoint_minutes or cooling != run_.schedule.cool_from:
            run_.save()
            saved = run_.seconds
        if asked:
            raise Interrupted(f"stopped at step {run_.step}, checkpoint saved", "adtune pretrain text --resume")
    run_.save()
    return run_.log
