"""`adtune advise`: findings about the archive, a short measured bake-off of four arms, a verdict and a plan that `tune` takes.

The arms are the base alone, the base with its best prompt, a prefix and LoRA. Each is measured over the same targets of the same
validation pieces; the tuned ones get a share of a full run. The test split is not read.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BaseModelError, InputError, Interrupted, SettingError, TrainingError
from ..progress import Progress, silent
from ..records import Dataset, Split, TunePlan, canonical_json
from ..settings import AdviseSettings, TuneSettings, resolve
from .arms import plain_rows, prompted_rows
from .curation import check_task, load_dataset
from .curve import learning_curve
from .estimating import KEYS, estimate_run

if TYPE_CHECKING:
    from ..advise import ArmResult, BaseFacts, Facts, Judged
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..tune.prepared import Prepared
    from ..tune.session import Decided
    from ..voice.general import General
    from ..workspace import Workspace

WEIGHTS = {"base": 1, "prompt": 2, "prefix": 12, "lora": 12}  # rough shares of the time, for one bar over all arms
PROBE_PART = 0.3      # of a tuned arm's time
FEWEST_STEPS = 8
EVALUATIONS = 3       # of an arm, step 0 not counted: an arm is shorter than a run
TOO_FEW = re.compile(r"(\d+) good pieces of (\d+) read")  # how curation says that no dataset can be made
STARTER_NOTE = "Measured on a starter base: what pays there says little about a larger base."


def advise(ws: Workspace, client: str, options: Mapping[str, Any], progress: Progress = silent,
           stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Measure and advise; gives the contract's object and publishes the plan. Under 10 good pieces the verdict is collect.

    `options` are `base`, `task`, `curve` (whether to measure the learning curve too) and the fields of AdviseSettings, None meaning "not
    said". Raises InputError, BaseModelError,
    TrainingError where neither a prefix nor LoRA can be trained, and Interrupted, which keeps nothing.
    """
    ws.require_client(client)
    check_task(options.get("task"))
    settings, _ = resolve(AdviseSettings, ("option", {k: v for k, v in options.items() if k not in ("base", "task", "curve")}))
    _check(settings)
    chosen = {"base": options["base"]} if options.get("base") else {}
    tuning = TuneSettings(seed=settings.seed, **chosen)
    try:
        dataset_id, dataset = load_dataset(ws, client, progress)
    except InputError as error:
        return _too_few(error, settings, tuning)
    from ..engine.bases import load_base
    from ..engine.devices import Form
    from ..engine.servable import servable
    from ..voice.general import load_general

    progress("load the base", 0, 1)
    base = load_base(tuning.base, form=Form(tuning.device, tuning.quantise))
    bench = _Bench(base, dataset, load_general(), settings, tuning)
    bench.run(_Track(progress, stop, client))
    answer, judged = _answer(bench, _facts(ws, client, dataset_id, dataset, bench), ws.root)
    answer |= {"servable": [asdict(one) for one in servable(answer["estimate"]["method"], tuning, base)], "licence": base.licence}
    answer["curve"] = learning_curve(ws, dataset, {**chosen, "seed": settings.seed}, progress, stop) if options.get("curve") else None
    if answer["curve"] and answer["curve"]["examples_needed"] is not None:
        answer["examples_needed"] = max(0, answer["curve"]["examples_needed"] - len(dataset.split(Split.TRAIN)))
    plan = TunePlan(dataset.hash, base.name, base.hash, str(judged.verdict), judged.reason, chosen)
    kept = {"plan": asdict(plan), **{name: answer[name] for name in (
        "verdict", "reason", "findings", "candidates", "examples_needed", "servable", "licence", "curve")}}
    answer["plan"] = ws.publish("plan", client, {"plan.json": canonical_json(kept).encode()}, asdict(plan), [dataset_id])
    return {**answer, "dataset": dataset_id, "base": base.name, **({"note": STARTER_NOTE} if base.starter else {})}


def _check(settings: AdviseSettings) -> None:
    limits = {"share": (0 < settings.share <= 1, "a share above 0 and up to 1"), "pieces": (settings.pieces >= 2, "at least 2 pieces"),
              "margin": (0 <= settings.margin < 1, "a share from 0 to under 1"),
              "volume": (settings.volume is None or settings.volume >= 0, "pieces a month, 0 or more")}
    for name, (holds, expected) in limits.items():
        if not holds:
            raise SettingError(f"--set {name}", str(getattr(settings, name)), expected, "Leave it out for the default.")


def _too_few(error: InputError, settings: AdviseSettings, tuning: TuneSettings) -> dict[str, Any]:
    """The answer where curation found too few pieces; raises the error again where it is about anything else."""
    from ..advise import ArchiveFacts, Facts, findings, judge

    counted = TOO_FEW.match(error.found)
    if counted is None:
        raise error
    archive = ArchiveFacts(int(counted[1]), int(counted[2]))
    judged = judge({}, archive, settings)
    said = [asdict(one) for one in findings(Facts(archive, volume=settings.volume))]
    return {"verdict": str(judged.verdict), "reason": judged.reason, "findings": said, "candidates": [],
            "examples_needed": judged.examples_needed, "estimate": dict.fromkeys((*KEYS, "method")),
            "method": None, "distance": None, "measured_pieces": None, "plan": None, "dataset": None, "base": tuning.base,
            "servable": [], "licence": None, "curve": None,
            "note": f"{error.found}. {error.do}"}


class _Track:
    """One bar over all arms. A stop is seen at every step of the bar: an unfinished bake-off has nothing to save."""

    def __init__(self, progress: Progress, stop: Callable[[], bool], client: str):
        self.progress, self.stop, self.client = progress, stop, client
        self.done = 0.0

    def part(self, arm: str, first: float, last: float) -> Progress:
        """A Progress for the part of an arm from `first` to `last`, shares of its time. Raises Interrupted when asked to stop."""

        def tell(label: str, done: float, total: float, note: str = "") -> None:
            if self.stop():
                raise Interrupted(f"stopped while measuring {arm}; an unfinished bake-off keeps nothing", f"advise {self.client}")
            share = first + (last - first) * (done / total if total else 1.0)
            self.progress("measure the arms", self.done + WEIGHTS[arm] * share, sum(WEIGHTS.values()), f"{arm}: {label}  {note}".rstrip())

        return tell

    def finish(self, arm: str) -> None:
        self.done += WEIGHTS[arm]


class _Bench:
    """The bake-off on one base. `arms` holds the results, `problems` why an arm could not be measured."""

    def __init__(self, base: Base, dataset: Dataset, general: General, settings: AdviseSettings, tuning: TuneSettings):
        self.base, self.dataset, self.general, self.settings, self.tuning = base, dataset, general, settings, tuning
        self.train = [item.example for item in dataset.split(Split.TRAIN)]
        validation = dataset.split(Split.VALIDATION)
        drawn = random.Random(f"advise/{settings.seed}").sample(range(len(validation)), min(settings.pieces, len(validation)))
        self.pieces = [validation[n].example for n in sorted(drawn)]
        # every arm leaves room for the prefix, so that all count the same targets
        self.taken = tuning.prefix_tokens if tuning.prefix_tokens < base.context // 2 else 0
        self.rows = plain_rows(base, self.pieces, tuning.loss_tokens, self.taken)
        self.watch = plain_rows(base, general.watch, tuning.loss_tokens, self.taken)
        self.arms: dict[str, ArmResult] = {}
        self.problems: dict[str, str] = {}
        self.prepared: dict[str, Prepared] = {}
        self.decided: dict[str, Decided] = {}
        self.general_loss = 0.0
        self.prompt_tokens = 0.0

    def run(self, track: _Track) -> None:
        """Measure all arms. An arm that this base or archive refuses is noted, unless no tuned arm is left."""
        failed: Exception | None = None
        for name in WEIGHTS:
            track.part(name, 0, 1)("begin", 0, 1)
            try:
                self.arms[name] = self._untuned(name) if name in ("base", "prompt") else self._tuned(name, track)
            except (BaseModelError, InputError, TrainingError) as error:
                failed, self.problems[name] = error, error.found
            track.finish(name)
        if failed is not None and not self.arms.keys() & {"prefix", "lora"}:
            raise failed

    def _untuned(self, name: str) -> ArmResult:
        from ..engine.peak import mean_loss
        from ..engine.tasks.drafting import measure

        rows = self.rows
        if name == "base":
            self.general_loss = mean_loss(measure(self.base, None, self.watch))
        else:
            rows = prompted_rows(self.base, self.pieces, self.train, self.dataset.guide, self.tuning.loss_tokens, self.taken)
            self.prompt_tokens = sum(long.first - short.first for long, short in zip(rows, self.rows, strict=True)) / max(len(rows), 1)
        return self._result(None, rows)

    def _result(self, method: AbstractMethod | None, rows: list[Any]) -> ArmResult:
        from ..advise import ArmResult
        from ..engine.peak import mean_loss
        from ..engine.tasks.drafting import measure

        measured = measure(self.base, method, rows)
        forgot = None if method is None else mean_loss(measure(self.base, method, self.watch)) - self.general_loss
        return ArmResult(tuple(nats for nats, _ in measured), tuple(tokens for _, tokens in measured), forgot)

    def _tuned(self, name: str, track: _Track) -> ArmResult:
        """A probe and a run shortened to the share, at its best state."""
        from ..engine.fit import Fit
        from ..tune.prepared import attach_for, plan_of, prepare
        from ..tune.session import decide

        settings = replace(self.tuning, method=name)
        self.prepared[name] = prepare(self.base, self.dataset, self.general, settings)
        data = replace(self.prepared[name].data, validation=self.rows)
        prepared = replace(self.prepared[name], data=data)
        probed = replace(settings, epochs=max(1, round(settings.epochs * self.settings.share)))
        decided = decide(self.base, prepared, probed, None, track.part(name, 0, PROBE_PART))
        settings, self.decided[name] = decided.settle(settings), decided
        method = attach_for(self.base, prepared, settings)
        try:
            fit = Fit(self.base, method, data, plan_of(settings, decided.bf16))
            fit.shorten(max(FEWEST_STEPS, round(self.settings.share * fit.total)), EVALUATIONS)
            fit.run(track.part(name, PROBE_PART, 1))
            return self._result(method, self.rows)
        finally:
            method.detach()

    def estimate(self, name: str, folder: Path) -> dict[str, Any]:
        """What a full run of a tuned method takes."""
        settings = replace(self.tuning, method=name)
        return {**estimate_run(self.base, self.prepared[name], settings, self.decided[name], folder), "method": name}


def _facts(ws: Workspace, client: str, dataset_id: str, dataset: Dataset, bench: _Bench) -> Facts:
    from ..advise import Facts, archive_facts

    languages = {asset.id: asset.language for asset in ws.assets(client)}
    record = ws.record(dataset_id)["record"]
    current = record["archive"] == ws.archive_hash(client)
    return Facts(archive_facts(dataset, languages, current, record.get("uncovered")), _base_facts(bench), bench.settings.volume)


def _base_facts(bench: _Bench) -> BaseFacts:
    from statistics import median

    from ..advise import BaseFacts

    renderer = bench.base.renderer
    prepared = bench.prepared.get("lora") or bench.prepared["prefix"]
    return BaseFacts(
        context=bench.base.context, window=prepared.window, loss_tokens=bench.tuning.loss_tokens,
        training_tokens=prepared.ledger.read_tokens, lost_tokens=prepared.ledger.lost_tokens, training_rows=prepared.ledger.windows,
        brief_tokens=max(len(renderer.brief(piece.brief)) for piece in (*bench.train, *bench.pieces)),
        piece_tokens=round(median(len(renderer.encode(piece.text)) for piece in bench.train)),
        guide_tokens=len(renderer.encode(bench.dataset.guide)), prompt_tokens=bench.prompt_tokens,
        fertility=renderer.fertility([piece.text for piece in bench.train]), archive_loss=bench.arms["base"].loss,
        general_loss=bench.general_loss, measured_pieces=len(bench.pieces), forgetting_limit=bench.tuning.forgetting_limit,
        forgetting={name: arm.forgetting for name, arm in bench.arms.items() if arm.forgetting is not None},
        problems=bench.problems)


def _answer(bench: _Bench, facts: Facts, folder: Path) -> tuple[dict[str, Any], Judged]:
    """The contract's object without the ids of artifacts, and the judgement behind it."""
    from ..advise import candidates, findings, judge

    judged = judge(bench.arms, facts.archive, bench.settings)
    verdict = str(judged.verdict)
    method = verdict if verdict in bench.decided and verdict in bench.arms else next(
        name for name in ("lora", "prefix") if name in bench.arms)
    loss, general = bench.arms["base"].loss, bench.general_loss
    return {
        "verdict": verdict, "reason": judged.reason, "findings": [asdict(one) for one in findings(facts)],
        "candidates": candidates(bench.arms, bench.settings.seed), "examples_needed": judged.examples_needed,
        "estimate": bench.estimate(method, folder),
        "method": method if method == verdict else None, "distance": {"archive": loss, "general": general, "difference": loss - general},
        "measured_pieces": len(bench.pieces),
    }, judged
