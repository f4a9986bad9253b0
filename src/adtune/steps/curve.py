"""The learning curve of a dataset: tuned on 50, 100, 200, ... of its training pieces with the same number of steps, measured on the same
validation pieces, and what that says of how many pieces are enough.

Every run is a cell with a folder of its own under root/measured/, with its checkpoints while it runs and its losses when it is done: what
was measured once is not measured again, by `curate --curve` or by `advise --curve`, and a stopped curve goes on where it was. The test
split is not read. Each run keeps its best evaluation on the pieces that it is measured on, which flatters all sizes alike.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..durable import replace_file
from ..errors import Interrupted, SettingError
from ..progress import Progress, silent
from ..records import Dataset, Split, hash_of
from ..settings import CurveSettings, TuneSettings, resolve
from .arms import plain_rows
from .base_loss import MEASURED

if TYPE_CHECKING:
    from ..advise.curve import Cell, Learned
    from ..engine.bases import Base
    from ..engine.fit import Fit
    from ..tune.prepared import Prepared
    from ..tune.session import Decided
    from ..voice.general import General
    from ..workspace import Workspace

DONE = "done.json"
FEWEST_HELD_OUT = 4       # validation pieces under which a curve is noise
LEAST_STEPS = 80          # of a run; as many as four passes through all pieces where these are more
PASSES = 4
EVALUATIONS = 8
LOOKS = 2                 # counted up where runs are looked at after other steps, so that kept runs of both are never in one curve
TRIAL_SECONDS = 5.0


def learning_curve(ws: Workspace, dataset: Dataset, asked: Mapping[str, Any] | None = None, progress: Progress = silent,
                   stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Measure the curve; `asked` are fields of CurveSettings, None meaning "not said". Tells what it will take before its first run.

    Gives {points[{pieces loss interval}] examples_needed examples_needed_interval gain_of_100 gain_of_100_interval gain_of_100_share
    rule_of_thumb power{a b c} distance{archive general difference fertility general_fertility} base method steps draws worth reason}.
    Where the dataset is too small for a curve, `reason` says so and the figures are null. Raises SettingError, BaseModelError,
    TrainingError, and Interrupted, after which the runs that are done are kept and an unfinished one has its checkpoint.
    """
    settings, _ = resolve(CurveSettings, ("option", dict(asked or {})))
    _check(settings)
    bench = _Curve(dataset, settings)
    if not bench.sizes or len(bench.held_out) < FEWEST_HELD_OUT:
        return bench.told(None, f"{len(bench.train)} training and {len(bench.held_out)} validation pieces are too few for a curve.")
    bench.open(ws.root / MEASURED, progress)
    return bench.told(bench.measure(progress, stop), None)


def curate_with_curve(ws: Workspace, client: str, given: Mapping[str, Any], asked: Mapping[str, Any], progress: Progress = silent,
                      stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """`curate` with the learning curve of the dataset in its answer and in its report. `given` holds `task`, `brand_guide` and
    `overrides` as `curate` takes them, `asked` fields of CurveSettings.

    Raises as both do; a stopped curve publishes nothing, and the same call goes on with it.
    """
    from .curation import make, published

    curated, _, notes = make(ws, client, given.get("task"), given.get("brand_guide"), given.get("overrides"), progress)
    curve = learning_curve(ws, curated.dataset, asked, progress, stop)
    return published(ws, client, curated, [*notes, *([f"Learning curve: {curve['reason']}"] if curve["reason"] else [])], curve)


def _check(settings: CurveSettings) -> None:
    limits = {"draws": (settings.draws >= 1, "1 or more"), "worth": (0 < settings.worth < 1, "a share above 0 and under 1"),
              "steps": (settings.steps is None or settings.steps >= EVALUATIONS, f"{EVALUATIONS} or more"),
              "method": (settings.method in ("lora", "prefix", "full"), "lora, prefix or full")}
    for name, (holds, expected) in limits.items():
        if not holds:
            raise SettingError(f"curve {name}", str(getattr(settings, name)), expected, "Leave it out for the default.")


def early(total: int, warmup_share: float, a_pass: float) -> set[int]:
    """Steps of a run that are looked at beside the even ones: one pass through its own pieces, no sooner than the rate has risen, and
    twice that again and again. Few pieces peak long before an eighth of a run that all pieces need."""
    at, found = max(1, math.ceil(a_pass), math.ceil(warmup_share * total)), set()
    while at < total / EVALUATIONS:
        found.add(at)
        at *= 2
    return found


class _Curve:
    """The runs of one curve. `cells` are (pieces, draw), the largest size first, whose probe decides the rate of all."""

    base: Base
    general: General
    whole: Prepared
    decided: Decided
    folder: Path

    def __init__(self, dataset: Dataset, settings: CurveSettings):
        from ..advise.curve import sizes_of

        self.dataset, self.settings = dataset, settings
        self.train, self.held_out = dataset.split(Split.TRAIN), dataset.split(Split.VALIDATION)
        self.sizes = sizes_of(len(self.train))
        self.cells = [(size, draw) for size in reversed(self.sizes) for draw in range(settings.draws if size < len(self.train) else 1)]
        self.tuning = TuneSettings(base=settings.base, method=settings.method, seed=settings.seed, rate=settings.rate,
                                   loss_tokens=settings.loss_tokens, evaluations=EVALUATIONS, dial=1.0)

    def open(self, root: Path, progress: Progress) -> None:
        """Load the base, and find the folder of this dataset, base and settings."""
        from ..engine.bases import load_base
        from ..engine.devices import Form
        from ..tune.prepared import prepare
        from ..voice.general import load_general

        progress("load the base", 0, 1)
        self.base = load_base(self.settings.base, form=Form(self.tuning.device, self.tuning.quantise, self.settings.method == "full"))
        progress("load the base", 1, 1)
        self.general = load_general()
        settings = asdict(replace(self.settings, base="", worth=0.5))
        key = hash_of([LOOKS, self.dataset.hash, self.base.hash, self.base.renderer.golden(), settings])
        self.folder = root / f"curve-{key[:20]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.whole = prepare(self.base, self.dataset, self.general, self.tuning)
        passes = math.ceil(PASSES * sum(len(row.ids) for row in self.whole.data.train) / self.tuning.batch_tokens)
        self.steps = self.settings.steps or max(LEAST_STEPS, passes)

    def measure(self, progress: Progress, stop: Callable[[], bool]) -> Learned:
        from ..advise.curve import learn
        from ..tune.session import decide

        left = [cell for cell in self.cells if not (self._place(*cell) / DONE).is_file()]
        if left:
            self.decided = decide(self.base, self.whole, self._tuning(len(self.train)), self.folder, self._asking(progress, stop), stop)
            progress("estimate", 0, 0, f"learning curve: {len(left)} runs of {self.steps} steps, {self._estimate(len(left))}")
        done = [self._cell(size, draw, progress, stop) for size, draw in self.cells]
        return learn(done, self.settings.worth, self.settings.seed)

    def _tuning(self, size: int) -> TuneSettings:
        """The settings of a run on `size` pieces: as many epochs as its steps need."""
        tokens = sum(len(row.ids) for row in self.whole.data.train) * size / len(self.train)
        return replace(self.tuning, epochs=math.ceil(self.steps * self.tuning.batch_tokens / tokens))

    def _asking(self, progress: Progress, stop: Callable[[], bool]) -> Progress:
        """A Progress that raises Interrupted when asked to stop: a probe has nothing to save."""
        def tell(label: str, done: float, total: float, note: str = "") -> None:
            if stop():
                raise self._interrupted()
            progress(label, done, total, note)

        return tell

    def _interrupted(self) -> Interrupted:
        return Interrupted("stopped while measuring the learning curve; the runs that are done are kept",
                           f"curate {self.dataset.client} --curve")

    def _place(self, size: int, draw: int) -> Path:
        return self.folder / f"{size}-{draw}"

    def _fit(self, size: int, draw: int, folder: Path | None) -> Fit:
        """A run on the first `size` pieces of a draw; draws are nested, so that a larger size holds the smaller one."""
        from ..engine.fit import Fit
        from ..tune.prepared import attach_for, plan_of, prepare

        order = sorted(self.train, key=lambda item: item.asset)
        random.Random(f"curve/{self.settings.seed}/{draw}").shuffle(order)
        chosen = sorted(order[:size], key=lambda item: item.asset)
        tuning = self.decided.settle(self._tuning(size))
        prepared = prepare(self.base, replace(self.dataset, items=(*chosen, *self.held_out)), self.general, tuning)
        fit = Fit(self.base, attach_for(self.base, prepared, tuning), prepared.data, plan_of(tuning, self.decided.bf16), folder)
        fit.shorten(self.steps, EVALUATIONS)
        fit.evaluate_at |= early(fit.total, self.tuning.warmup_share, self.steps / tuning.epochs)
        return fit

    def _estimate(self, runs: int) -> str:
        from ..engine.forecast import forecast
        from ..errors import TrainingError

        fit = self._fit(len(self.train), 0, None)
        try:
            found = forecast(fit, TRIAL_SECONDS)
        except TrainingError:
            return "time not measured"
        finally:
            fit.method.detach()
        looks = 1 + EVALUATIONS + len(early(self.steps, self.tuning.warmup_share, 1.0))
        minutes = runs * (found.training_seconds + looks * found.evaluation_seconds) / 60
        return f"about {minutes:,.0f} minutes at most" if minutes >= 2 else f"about {60 * minutes:,.0f} seconds at most"

    def _cell(self, size: int, draw: int, progress: Progress, stop: Callable[[], bool]) -> Cell:
        """A run's losses, measured or kept; an unfinished run goes on from its checkpoint."""
        from ..advise.curve import Cell
        from ..engine.tasks.drafting import measure

        kept = self._place(size, draw) / DONE
        if kept.is_file():
            row = json.loads(kept.read_text(encoding="utf-8"))
            return Cell(size, draw, tuple(row["nats"]), tuple(row["tokens"]))
        checkpoints = self._place(size, draw) / "checkpoints"
        self._place(size, draw).mkdir(exist_ok=True)
        at = self.cells.index((size, draw))
        fit = self._fit(size, draw, checkpoints)
        try:
            fit.restore()
            fit.run(lambda label, done, total, note="": progress("learning curve", at + done / max(total, 1), len(self.cells),
                                                                 f"{size} pieces  {note}"), stop)
            measured = measure(self.base, fit.method, fit.data.validation)
        except Interrupted as error:
            raise self._interrupted() from error
        finally:
            fit.method.detach()
        row = {"nats": [round(nats, 6) for nats, _ in measured], "tokens": [tokens for _, tokens in measured]}
        replace_file(kept, json.dumps(row).encode())
        shutil.rmtree(checkpoints, ignore_errors=True)
        return Cell(size, draw, tuple(row["nats"]), tuple(row["tokens"]))

    def _distance(self) -> dict[str, float | None]:
        """How far the archive lies from the base: its loss on both, untuned, and the tokens that a word takes."""
        from ..engine.peak import mean_loss
        from ..engine.tasks.drafting import measure

        kept = self.folder / "distance.json"
        if kept.is_file():
            return json.loads(kept.read_text(encoding="utf-8"))
        losses = [mean_loss(measure(self.base, None, rows)) for rows in (
            self.whole.data.validation, plain_rows(self.base, self.general.watch, self.settings.loss_tokens))]
        fertility = [self.base.renderer.fertility(texts) for texts in (
            [item.example.text for item in self.train], [one.text for one in self.general.watch])]
        found = {"archive": losses[0], "general": losses[1], "difference": losses[0] - losses[1], "fertility": fertility[0],
                 "general_fertility": fertility[1]}
        replace_file(kept, json.dumps(found).encode())
        return found

    def told(self, learned: Learned | None, reason: str | None) -> dict[str, Any]:
        """The answer, for machines and for the report."""
        from ..advise.curve import RULE_OF_THUMB

        settings = self.settings
        row: dict[str, Any] = {"points": [], "examples_needed": None, "examples_needed_interval": None, "gain_of_100": None,
                               "gain_of_100_interval": None, "gain_of_100_share": None, "power": None, "distance": None, "steps": None}
        if learned is not None:
            needed, gain = learned.needed, learned.gain
            row = {"points": [{"pieces": size, "loss": loss.value, "interval": loss.as_list()} for size, loss in learned.points],
                   "examples_needed": None if needed.value is None else round(needed.value), "examples_needed_interval": needed.as_list(),
                   "gain_of_100": gain.value, "gain_of_100_interval": gain.as_list(), "gain_of_100_share": learned.share.value,
                   "power": asdict(learned.power), "distance": self._distance(), "steps": self.steps}
            if needed.value is None:
                reason = "More pieces than the curve can tell of: 100 more are still worth it at ten times the largest size measured."
        return {**row, "rule_of_thumb": list(RULE_OF_THUMB), "base": settings.base, "method": settings.method, "draws": settings.draws,
                "worth": settings.worth, "reason": reason}
