"""How a run is computed on a CUDA GPU: rows laid end to end where that changes nothing, compiled layers where they pay back.

Both are decided once a run, by trying: a micro-batch is measured separate and packed, and what an eager run would take follows from its
seconds. Elsewhere than on CUDA neither is done.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from ..engine.bases import Base
from ..engine.packing import agrees, can_pack, pack
from ..engine.tasks.drafting import Row, plan_epoch, row_nats, split_by_budget
from ..settings import TuneSettings
from .prepared import Prepared

# Measured on an H200 at a shape of 0.5B parameters (benchmarks/tune_flops.py): compiled layers take a fifth off the eager seconds with
# LoRA, a third with full; each of three shapes takes 13 seconds at first.
SAVED = 0.2
COMPILING_SECONDS = 40.0
BACKWARD = 2.0   # seconds of the way back in those of the way forward, with a frozen base


@dataclass(frozen=True)
class Layout:
    """Of every step of a run, for `FitPlan`."""

    packed: bool = False
    compile: bool = False


def choose_layout(base: Base, prepared: Prepared, settings: TuneSettings, bf16: bool) -> Layout:
    """Decide for a run whose method is not attached yet."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    if base.device.type != "cuda":
        return Layout()
    rows = _micro_batch(prepared, settings)
    with torch.no_grad():
        row_nats(base, None, rows, dtype).tolist()  # the first time makes kernels
        began = time.monotonic()
        separate = row_nats(base, None, rows, dtype).tolist()
        seconds = time.monotonic() - began
        packed = can_pack(base, settings.prefix_tokens if settings.method == "prefix" else 0, dtype)
        if packed:
            laid = row_nats(base, None, rows, dtype, pack(rows, settings.micro_tokens, base.device)).tolist()
            packed = agrees(separate, laid, [row.targets for row in rows])
    tokens = settings.epochs * sum(len(row.ids) for row in prepared.data.train)
    eager = (1 + BACKWARD) * seconds * tokens / sum(len(row.ids) for row in rows)
    return Layout(packed, pays_back(eager) if settings.compile == "auto" else settings.compile == "on")


def pays_back(eager_seconds: float) -> bool:
    """Whether compiling saves more than it takes in a run of so many seconds."""
    return SAVED * eager_seconds > COMPILING_SECONDS


def _micro_batch(prepared: Prepared, settings: TuneSettings) -> list[Row]:
    """A micro-batch of the middle size of the first epoch."""
    rows = prepared.data.train
    steps = plan_epoch(rows, settings.batch_tokens, settings.seed, 0)
    parts = [part for step in steps for part in split_by_budget(rows, step, settings.micro_tokens)]
    parts.sort(key=lambda part: sum(len(rows[i].ids) for i in part))
    return [rows[i] for i in parts[len(parts) // 2]]
