"""One fine-tuning run from a dataset to an adapter: what is decided by measuring, the loop, the best state, the dial.

A session is deterministic in its inputs; what was decided (precision, learning rate, replay, layout) is written to the run's folder and
read back on resume.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ..durable import replace_file
from ..engine.bases import Base, bf16_is_faster
from ..engine.fit import Fit, FitOutcome
from ..engine.methods.base import AbstractMethod
from ..engine.tasks.drafting import Ledger
from ..progress import Progress, silent
from ..settings import TuneSettings
from .brand_peak import Peaks, States, keep_brand_peak
from .dial import Dial, turn
from .layout import choose_layout
from .prepared import Prepared, attach_for, plan_of, with_echo
from .probe import REPLAYS, Curve, probe_rates


@dataclass(frozen=True)
class Decided:
    """What is measured once a run and kept."""

    bf16: bool
    rate: float
    replay: float = REPLAYS[0]
    probe: list[Curve] = field(default_factory=list)
    packed: bool = False
    compile: bool = False

    def settle(self, settings: TuneSettings) -> TuneSettings:
        """The settings with what was decided in them."""
        return replace(settings, rate=self.rate, replay=self.replay)


@dataclass(frozen=True)
class Tuned:
    """A finished run; the method is still attached to the base, at its best state and dial."""

    method: AbstractMethod
    outcome: FitOutcome
    ledger: Ledger
    decided: Decided
    dial: Dial
    peaks: Peaks | None = None


def takes_bf16(settings: TuneSettings) -> bool:
    """Whether products are made in bf16: as the settings say, or where the machine multiplies it faster."""
    return settings.precision == "bf16" or (settings.precision == "auto" and bf16_is_faster())


def decide(base: Base, prepared: Prepared, settings: TuneSettings, folder: Path | None, progress: Progress = silent,
           stop: Callable[[], bool] = lambda: False) -> Decided:
    """Precision, learning rate, replay and layout. A stopped probe is done again on resume."""
    kept = folder / "decided.json" if folder else None
    if kept and kept.is_file():
        return Decided(**json.loads(kept.read_text(encoding="utf-8")))
    bf16 = takes_bf16(settings)
    if settings.rate is not None:
        decided = Decided(bf16, settings.rate, REPLAYS[0] if settings.replay is None else settings.replay)
    else:
        curves = probe_rates(base, prepared, settings, bf16, progress, stop)
        chosen = next(c for c in curves if c["chosen"])
        decided = Decided(bf16, chosen["rate"], chosen["replay"], curves)
    decided = replace(decided, **asdict(choose_layout(base, prepared, settings, bf16)))
    if kept:
        replace_file(kept, json.dumps(asdict(decided)).encode())
    return decided


def run_session(base: Base, prepared: Prepared, settings: TuneSettings, folder: Path | None = None, progress: Progress = silent,
                stop: Callable[[], bool] = lambda: False) -> Tuned:
    """Tune, or go on with the run in `folder`. Raises Interrupted after a checkpoint, TrainingError where learning fails."""
    decided = decide(base, prepared, settings, folder, progress, stop)
    settings = decided.settle(settings)
    data = with_echo(base, prepared, settings)
    method = attach_for(base, prepared, settings)
    try:
        start = method.state()
        plan = replace(plan_of(settings, decided.bf16), packed=decided.packed, compile=decided.compile)
        fit = Fit(base, method, data, plan, folder / "checkpoints" if folder else None)
        states = States(folder) if prepared.judged else None
        if states:
            fit.listen = states.keep
        fit.restore()
        outcome, peaks = fit.run(progress, stop), None
        if states and prepared.judged:
            outcome, peaks = keep_brand_peak(fit, outcome, states, prepared.judged, progress, stop)
        dial = turn(fit, outcome, start, settings.dial, settings.forgetting_limit)
    except BaseException:
        method.detach()
        raise
    return Tuned(method, outcome, prepared.ledger, decided, dial, peaks)
