"""Pre-training of the response base on generated advertisers, made on the fly: no data is read.

Loss of a step: nats per row that is no context row, with a share for the general pattern alone, so that it stands on its own where
nothing of an advertiser is known. Rate: a short rise, then constant, then down to zero over the last part.
Needs torch and numpy only: `python -m adtune.pretrain.response --minutes 1 --device cuda --out FOLDER` runs wherever those are.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..engine.response.batch import Batch
from ..engine.response.likelihood import nats
from ..engine.response.model import ResponseNet, Shape
from .advertisers import AdvertiserSettings, Draw, Truth, generate

GENERAL_SHARE = 0.3     # of the loss, for the general pattern alone
PLAIN_LOG_R = 1.0       # log of the concentration under which the general pattern is judged: it is far from any one advertiser
ENOUGH = 1.0            # nats of a row above the truth, beyond which it counts by the logarithm
EVAL_SEED = 1_000_003   # of the advertisers that only measure
ROWS = (96, 192, 384)   # rows of an advertiser, in turn


@dataclass(frozen=True)
class ResponsePlan:
    """How the base is pre-trained; the time is that of training, evaluations not counted.

    `start_from` is a base (`starter` or a folder) whose weights are gone on from, at its own shape; take another seed than it had. With
    `mean` the result is the mean of the weights before and after (Wortsman et al. 2022, arXiv 2203.05482).
    """

    minutes: float = 20.0
    steps: int | None = None
    advertisers: int = 16
    rate: float = 2e-3
    warm_up: int = 100
    cool_down: float = 0.4
    weight_decay: float = 0.02
    clip: float = 1.0
    seed: int = 0
    device: str = "cpu"
    shape: Shape = Shape()
    settings: AdvertiserSettings = AdvertiserSettings()
    start_from: str | None = None
    mean: bool = False


@dataclass
class PretrainLog:
    """What a run did: `evaluations` hold excess nats over the truth by number of context rows."""

    steps: int = 0
    advertisers: int = 0
    rows: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)


def kinds(batch: Batch) -> Tensor:
    """(B, 1) likelihood of each advertiser."""
    return torch.where(batch.family <= 2, 0, batch.family - 2)[:, None]


def step_loss(net: ResponseNet, batch: Batch, known: int, truth: Truth) -> Tensor:
    """Nats per row above those of the truth, for the rows after the first `known`, which are the context.

    Beyond ENOUGH a row counts by the logarithm of its nats: else a few rows of very many outcomes would decide every step.
    """
    eta, log_r, plain = net(batch, known)
    best = _truth_nats(batch, known, truth)
    outcome, exposure = batch.outcome[:, known:], batch.exposure[:, known:]
    whole = nats(kinds(batch), outcome, exposure, eta, log_r) - best
    alone = nats(kinds(batch), outcome, exposure, plain, log_r.detach().clamp(max=PLAIN_LOG_R)) - best
    return (_eased(whole) + GENERAL_SHARE * _eased(alone)).mean()


def _eased(nats_above: Tensor) -> Tensor:
    return torch.where(nats_above > ENOUGH, ENOUGH * (1 + torch.log(nats_above.clamp(min=ENOUGH) / ENOUGH)), nats_above)


def _truth_nats(batch: Batch, known: int, truth: Truth) -> Tensor:
    spread = truth.concentration.log().expand_as(truth.eta)[:, known:]
    return nats(kinds(batch), batch.outcome[:, known:], batch.exposure[:, known:], truth.eta[:, known:], spread)


@torch.no_grad()
def excess(net: ResponseNet, sets: Sequence[tuple[int, Batch, Truth]]) -> dict[str, float]:
    """Mean nats a row over those of the truth itself: of the network by number of context rows, and of the general pattern with the own
    level."""
    answer, eased, general = {}, {}, []
    for known, batch, truth in sets:
        outcome, exposure = batch.outcome[:, known:], batch.exposure[:, known:]
        best = _truth_nats(batch, known, truth)
        eta, log_r, plain = net(batch, known)
        whole = nats(kinds(batch), outcome, exposure, eta, log_r) - best
        answer[f"rows {known}"], eased[f"eased {known}"] = float(whole.mean()), float(_eased(whole).mean())
        general.append(float((nats(kinds(batch), outcome, exposure, plain, log_r.clamp(max=PLAIN_LOG_R)) - best).mean()))
    return {"mean": sum(answer.values()) / len(answer), **answer, **eased, "general": sum(general) / len(general)}


def rate_at(plan: ResponsePlan, share: float, step: int) -> float:
    """The learning rate after `share` of the run."""
    down = 1.0 if share < 1 - plan.cool_down else max(0.0, (1 - share) / plan.cool_down)
    return plan.rate * min(1.0, (step + 1) / plan.warm_up) * down


def pretrain(plan: ResponsePlan, tell: Callable[[PretrainLog, float], None] = lambda log, share: None,
             stop: Callable[[], bool] = lambda: False) -> tuple[ResponseNet, PretrainLog]:
    """Train a base; deterministic on one device where `steps` is given. Raises BaseModelError where `start_from` is no base."""
    torch.manual_seed(plan.seed)
    torch.backends.cuda.matmul.allow_tf32 = True  # nothing on a CPU
    net = _first(plan).to(plan.device).train()
    decayed = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": plan.weight_decay}, {"params": rest, "weight_decay": 0.0}],
                                  lr=plan.rate, betas=(0.9, 0.98))
    draw, log = Draw(plan.seed * 1000 + 1, plan.device), PretrainLog()
    began, share = time.monotonic(), 0.0
    while share < 1 and not stop():
        for group in optimizer.param_groups:
            group["lr"] = rate_at(plan, share, log.steps)
        rows = ROWS[log.steps % len(ROWS)]
        known = context_of(plan.seed, log.steps, rows)
        batch, truth = generate(draw, max(1, plan.advertisers * 192 // rows), rows, known, plan.settings)
        loss = step_loss(net, batch, known, truth)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), plan.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        log.steps, log.advertisers, log.rows = log.steps + 1, log.advertisers + len(batch.family), log.rows + batch.age.numel()
        if log.steps % 20 == 0:
            log.losses.append(round(loss.item(), 4))
        log.seconds = time.monotonic() - began
        share = log.steps / plan.steps if plan.steps else log.seconds / (60 * plan.minutes)
        tell(log, min(share, 1.0))
    return mean_of(net, _first(plan)) if plan.mean else net.eval(), log


def _first(plan: ResponsePlan) -> ResponseNet:
    """The network before the first step."""
    if plan.start_from is None:
        return ResponseNet(plan.shape)
    from ..engine.response.base import load_response

    return load_response(plan.start_from).model.requires_grad_(True)


@torch.no_grad()
def mean_of(net: ResponseNet, other: ResponseNet) -> ResponseNet:
    """`net` with the mean of its weights and those of another network of its shape."""
    for own, one in zip(net.parameters(), other.to(next(net.parameters()).device).parameters(), strict=True):
        own.copy_((own + one) / 2)
    return net.eval()


def _before(plan: ResponsePlan) -> dict[str, Any] | None:
    """What the base that a run went on from had seen, None where there is none."""
    if plan.start_from is None:
        return None
    from ..starter import base_path

    path = (base_path("response") if plan.start_from == "starter" else Path(plan.start_from)) / "figures.json"
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: said.get(name) for name in ("advertisers", "rows", "steps", "seconds", "machine", "went_on_from")}


def context_of(seed: int, step: int, rows: int) -> int:
    """How many of `rows` rows a step's advertisers may be read: few as often as many."""
    return round(math.exp(random.Random(f"{seed}/{step}").uniform(math.log(6), math.log(0.85 * rows))))


def evaluation_set(device: str, settings: AdvertiserSettings, count: int = 96) -> list[tuple[int, Batch, Truth]]:
    """Advertisers that training never draws, with 12, 50, 100 and 200 rows to read and 60 to predict."""
    return [(known, *generate(Draw(EVAL_SEED + known, device), count, known + 60, known, settings)) for known in (12, 50, 100, 200)]


def save(net: ResponseNet, log: PretrainLog, plan: ResponsePlan, out: Path) -> dict[str, Any]:
    """Write config.json, model.safetensors and figures.json; gives the figures."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    figures = {"parameters": sum(p.numel() for p in net.parameters()), **{k: v for k, v in asdict(log).items() if k != "losses"},
               "losses": log.losses[-200:], "plan": asdict(plan) | {"start_from": plan.start_from and Path(plan.start_from).name},
               "torch": torch.__version__, "went_on_from": _before(plan),
               "excess": excess(net, evaluation_set(plan.device, plan.settings)),
               "machine": torch.cuda.get_device_name(0) if plan.device == "cuda" else f"{torch.get_num_threads()} threads"}
    save_file({k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}, out / "model.safetensors", metadata={"format": "pt"})
    net.config.save_pretrained(out)
    (out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


def finish(net: ResponseNet, log: PretrainLog, plan: ResponsePlan, out: Path) -> dict[str, Any]:
    """Write a finished base with its card beside `out` and put it there at once; gives the figures."""
    aside = out.with_name(out.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    figures = save(net, log, plan, aside)
    (aside / "README.md").write_text(card(figures), encoding="utf-8")
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    aside.rename(out)
    shutil.rmtree(old, ignore_errors=True)
    return figures


def card(figures: Mapping[str, Any]) -> str:
    """The model card: how it was made, what it reaches, what it is not."""
    rows = [f"| {name} | {value:.3f} |" for name, value in figures["excess"].items()]
    runs, one = [], dict(figures)
    while one:
        runs.append(f"{one['advertisers']:,} with {one['rows']:,} rows in {one['steps']:,} steps, {one['seconds']:.0f} seconds on "
                    f"{one['machine']}" if one.get("steps") else "a base that does not tell what it has seen")
        one = one.get("went_on_from")
    mean = " Its weights are the mean of those before and after the last." if figures["plan"].get("mean") else ""
    return "\n".join([
        "---", "library_name: adtune", "license: apache-2.0", "tags: [adtune, starter, response]", "---", "# adtune response starter", "",
        "A small general model of ad response, pre-trained by `adtune pretrain response` on generated advertisers only: no advertiser's "
        "data is in it. What it expects of channels, seasons and words is the round pattern of `pretrain/advertisers_levels.py`, a start "
        "to be corrected by a client's own rows.", "",
        f"- Parameters: {figures['parameters']:,}; generated advertisers: {'; before, '.join(runs)}; torch {figures['torch']}.{mean}",
        "- Not for decisions without a client's own rows: tune it, and look at the evaluation.", "",
        "| on generated advertisers never trained on | nats a row above the truth |", "|---|---|", *rows, ""])


def main() -> None:
    """The bare run, for a machine that has torch and no adtune command."""
    reader = argparse.ArgumentParser()
    for name, kind, default in (("--minutes", float, 1.0), ("--steps", int, None), ("--advertisers", int, 16), ("--device", str, "cpu"),
                                ("--rate", float, 2e-3), ("--width", int, 64), ("--general", int, 96), ("--layers", int, 3),
                                ("--seed", int, 0), ("--start-from", str, None), ("--out", Path, None)):
        reader.add_argument(name, type=kind, default=default)
    reader.add_argument("--mean", action="store_true")
    said = reader.parse_args()
    plan = ResponsePlan(said.minutes, said.steps, said.advertisers, said.rate, seed=said.seed, device=said.device,
                        shape=Shape(said.width, 4, said.layers, said.general), start_from=said.start_from, mean=said.mean)
    shown = [0.0]

    def tell(log: PretrainLog, share: float) -> None:
        if log.seconds - shown[0] > 10:
            shown[0] = log.seconds
            print(f"{share:.0%}  step {log.steps}  loss {sum(log.losses[-20:]) / max(len(log.losses[-20:]), 1):.4f}  {log.seconds:.0f} s",
                  flush=True)

    net, log = pretrain(plan, tell)
    print(json.dumps(finish(net, log, plan, said.out)["excess"]))


if __name__ == "__main__":
    main()
