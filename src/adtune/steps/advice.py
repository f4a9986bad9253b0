"""`adtune advise`: findings about the archive, a measured bake-off, a verdict with its reasons, and a plan that `tune` takes.

The archive is looked at first; where it alone decides, nothing is trained. The bake-off measures each arm over the same targets of the
same validation pieces, in rounds that end when the verdict can no longer change. The test split is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ..errors import InputError, SettingError
from ..progress import Progress, silent
from ..records import Dataset, Example, Split, TunePlan, canonical_json
from ..settings import AdviseSettings, TuneSettings, resolve
from .bakeoff import BakeOff, Track
from .curation import check_task, load_dataset
from .curve import learning_curve
from .estimating import KEYS
from .finals import Finals
from .payback import OPTIONS, Spend, economics

if TYPE_CHECKING:
    from ..advise import ArchiveFacts, BaseFacts, Judged, Reason
    from ..workspace import Workspace
    from .opponent import Opponent
    from .payback import Economics

OTHERS = ("base", "task", "curve", "opponent", "model", *OPTIONS)   # options that are no AdviseSettings
KEPT = ("verdict", "reason", "reasons", "findings", "candidates", "examples_needed", "servable", "licence", "curve", "bake_off", "payback")
TOO_FEW = re.compile(r"(\d+) good pieces of (\d+) read")  # how curation says that no dataset can be made
STARTER_NOTE = "Measured on a starter base: what pays there says little about a larger base."


def advise(ws: Workspace, client: str, options: Mapping[str, Any], progress: Progress = silent,
           stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Measure and advise; gives the contract's object and publishes the plan. Under 10 good pieces the verdict is collect.

    `options` are `base`, `task`, `curve` (whether to measure the learning curve too), `opponent` and `model` (an endpoint and its model)
    and the fields of AdviseSettings and PaybackSettings, None meaning "not said". Raises InputError, BaseModelError, TrainingError where
    no method can be trained, and Interrupted, which keeps nothing.
    """
    ws.require_client(client)
    check_task(options.get("task"))
    settings, _ = resolve(AdviseSettings, ("option", {k: v for k, v in options.items() if k not in OTHERS}))
    _check(settings)
    chosen = {"base": options["base"]} if options.get("base") else {}
    tuning = TuneSettings(seed=settings.seed, **chosen)
    opponent = _opponent(options, settings)
    try:
        dataset_id, dataset = load_dataset(ws, client, progress)
    except InputError as error:
        return _too_few(ws, client, error, settings, tuning)
    from ..engine.bases import load_base
    from ..engine.devices import Form
    from ..engine.servable import servable
    from ..voice.general import load_general

    progress("load the base", 0, 1)
    base = load_base(tuning.base, form=Form(tuning.device, tuning.quantise))
    bench = BakeOff(base, dataset, load_general(), settings, tuning)
    archive = _archive(ws, client, dataset_id, dataset)
    bench.untuned(track := Track(progress, stop, client), search=_worth_drafting(archive, settings))
    bench.foretell(ws.root, track)
    money = economics(ws, client, {name: options.get(name) for name in OPTIONS}, settings.volume, _spend(bench))
    finals, judged = _measure(bench, archive, opponent, money, track)
    answer = _answer(bench, finals, judged, archive, ws)
    answer |= {"servable": [asdict(one) for one in servable(answer["estimate"]["method"], tuning, base)], "licence": base.licence}
    answer["curve"] = learning_curve(ws, dataset, {**chosen, "seed": settings.seed}, progress, stop) if options.get("curve") else None
    if answer["curve"] and answer["curve"]["examples_needed"] is not None:
        answer["examples_needed"] = max(0, answer["curve"]["examples_needed"] - len(dataset.split(Split.TRAIN)))
        money = economics(ws, client, {name: options.get(name) for name in OPTIONS}, settings.volume, _spend(bench, answer["curve"]))
    answer |= {"payback": money.payback, "candidates": [money.filled(row) for row in answer["candidates"]],
               "findings": [*answer["findings"], asdict(money.finding)]}
    plan = TunePlan(dataset.hash, base.name, base.hash, str(judged.verdict), judged.reason, chosen)
    kept = {"plan": asdict(plan), **{name: answer[name] for name in KEPT}}
    answer["plan"] = ws.publish("plan", client, {"plan.json": canonical_json(kept).encode()}, asdict(plan), [dataset_id])
    return {**answer, "dataset": dataset_id, "base": base.name, **({"note": STARTER_NOTE} if base.starter else {})}


def _check(settings: AdviseSettings) -> None:
    limits = {"share": (0 < settings.share <= 1, "a share above 0 and up to 1"), "pieces": (settings.pieces >= 2, "at least 2 pieces"),
              "margin": (0 <= settings.margin < 1, "a share from 0 to under 1"),
              "volume": (settings.volume is None or settings.volume >= 0, "pieces a month, 0 or more"),
              "full_margin": (0 <= settings.full_margin < 1, "a share from 0 to under 1"),
              "piece_minutes": (settings.piece_minutes > 0, "minutes above 0"),
              "setup_hours": (settings.setup_hours >= 0, "hours, 0 or more"),
              "payback_months": (settings.payback_months > 0, "months above 0"), "briefs": (settings.briefs >= 0, "0 or more"),
              "drafts": (settings.drafts >= 1, "1 or more"), "draft_tokens": (settings.draft_tokens >= 8, "8 or more")}
    for name, (holds, expected) in limits.items():
        if not holds:
            raise SettingError(f"--set {name}", str(getattr(settings, name)), expected, "Leave it out for the default.")


def _too_few(ws: Workspace, client: str, error: InputError, settings: AdviseSettings, tuning: TuneSettings) -> dict[str, Any]:
    """The answer where curation found too few pieces; raises the error again where it is about anything else.

    Where they are few because they are near-duplicates of each other, rules may write them: those are learned from the archive itself.
    """
    from ..advise import ArchiveFacts, Facts, findings, judge_archive, measure_rules

    counted = TOO_FEW.match(error.found)
    if counted is None:
        raise error
    pieces = _usable(ws, client)
    rules, templates = measure_rules(pieces[::2], pieces[1::2]) if len(pieces) >= 10 else (None, None)
    archive = ArchiveFacts(int(counted[1]), int(counted[2]), rules=rules, templates=templates)
    judged = judge_archive(archive, settings)
    assert judged is not None
    said = [asdict(one) for one in findings(Facts(archive, volume=settings.volume))]
    return {"verdict": str(judged.verdict), "reason": judged.reason, "reasons": [], "findings": said, "candidates": [],
            "examples_needed": judged.examples_needed, "estimate": dict.fromkeys((*KEYS, "method")),
            "method": None, "distance": None, "measured_pieces": None, "plan": None, "dataset": None, "base": tuning.base,
            "servable": [], "licence": None, "curve": None, "bake_off": None, "payback": None,
            "note": f"{error.found}. {error.do}"}


def _usable(ws: Workspace, client: str) -> list[Example]:
    """The archive's approved pieces as examples, equal texts once, in the order of their ids."""
    from ..records import Approval, Brief

    found: dict[str, Example] = {}
    for asset in sorted(ws.assets(client), key=lambda one: one.id):
        if asset.approval not in (Approval.DRAFT, Approval.REJECTED) and not asset.withdrawn:
            brief = Brief(asset.title, asset.category, asset.content_type, asset.summary, asset.facts)
            found.setdefault(asset.text, Example(brief, asset.text))
    return list(found.values())


def _opponent(options: Mapping[str, Any], settings: AdviseSettings) -> Opponent | None:
    """The opponent that was named, asked once. Raises InputError where it is down or refuses."""
    from .opponent import Opponent

    if not options.get("opponent"):
        if options.get("model"):
            raise InputError("--model", "a model without an endpoint", "--opponent URL beside it", "Say where the model answers.")
        return None
    found = Opponent(options["opponent"], options.get("model") or "", settings.opponent_timeout)
    found.check()
    return found


def _worth_drafting(archive: ArchiveFacts, settings: AdviseSettings) -> bool:
    """Whether layouts and drafts are worth their time: not for an archive that is not the client's voice yet."""
    from ..advise import judge_archive

    judged = judge_archive(archive, settings)
    return judged is None or str(judged.verdict) != "collect" or settings.every_arm


def _spend(bench: BakeOff, curve: dict[str, Any] | None = None) -> Spend:
    """What a run and a draft take, for the payback."""
    from statistics import mean

    prepared, renderer = bench.prepared[bench.estimate["method"]], bench.base.renderer
    read = mean(len(renderer.brief(piece.brief)) for piece in bench.pieces)
    written = mean(len(renderer.encode(piece.text)) for piece in bench.pieces)
    tokens = bench.tuning.epochs * prepared.ledger.read_tokens
    return Spend(len(bench.dataset.items), bench.estimate["seconds"], tokens, read, written, curve, bench.settings.payback_months)


def _measure(bench: BakeOff, archive: ArchiveFacts, opponent: Opponent | None, money: Economics, track: Track) -> tuple[Finals, Judged]:
    """The tuned arms where they could change the verdict, drafts, and the judgement. Where logged minutes tell what tuning saves they
    decide whether it pays, in place of the gain that the volume asks for."""
    from ..advise import judge, judge_archive, judge_opponent, judge_payback

    if any(row["net_per_month"] is not None for row in money.payback["providers"]):
        bench.settings = replace(bench.settings, volume=None)
    judged = judge_archive(archive, bench.settings)
    if judged is None or bench.settings.every_arm:
        bench.tuned(track)
    else:
        bench.ended = "the archive alone decides"
    judged = judge_payback(judge(bench.arms, archive, bench.settings), money.finding)
    best = min(bench.trained, key=lambda name: bench.arms[name].loss, default=None)
    finals = Finals(bench, opponent)
    if not _worth_drafting(archive, bench.settings):
        finals.pieces = []
    finals.run(str(judged.verdict) if str(judged.verdict) in bench.trained else best, track.part("drafts", "drafts"))
    track.finish()
    judged = judge_opponent(judged, finals.drafted, bench.settings.seed)
    return finals, replace(judged, reason=judged.reason + _because(str(judged.verdict), finals.reasons))


def _archive(ws: Workspace, client: str, dataset_id: str, dataset: Dataset) -> ArchiveFacts:
    from ..advise import archive_facts

    languages = {asset.id: asset.language for asset in ws.assets(client)}
    record = ws.record(dataset_id)["record"]
    return archive_facts(dataset, languages, record["archive"] == ws.archive_hash(client), record.get("uncovered"))


def _base_facts(bench: BakeOff) -> BaseFacts:
    from statistics import median

    from ..advise import BaseFacts

    renderer = bench.base.renderer
    prepared = next(bench.prepared[name] for name in ("lora", "prefix", "full") if name in bench.prepared)
    return BaseFacts(
        context=bench.base.context, window=prepared.window, loss_tokens=bench.tuning.loss_tokens,
        training_tokens=prepared.ledger.read_tokens, lost_tokens=prepared.ledger.lost_tokens, training_rows=prepared.ledger.windows,
        brief_tokens=max(len(renderer.brief(piece.brief)) for piece in (*bench.train, *bench.pieces)),
        piece_tokens=round(median(len(renderer.encode(piece.text)) for piece in bench.train)),
        guide_tokens=len(renderer.encode(bench.dataset.guide)), prompt_tokens=bench.prompt_tokens,
        fertility=renderer.fertility([piece.text for piece in bench.train]), archive_loss=bench.arms["base"].loss,
        general_loss=bench.general_loss, measured_pieces=len(bench.pieces), forgetting_limit=bench.tuning.forgetting_limit,
        forgetting={name: arm.forgetting for name, arm in bench.arms.items() if arm.forgetting is not None},
        problems=bench.problems, measured=tuple(bench.arms))


def _answer(bench: BakeOff, finals: Finals, judged: Judged, archive: ArchiveFacts, ws: Workspace) -> dict[str, Any]:
    """The contract's object without the ids of artifacts."""
    from ..advise import Facts, candidates, findings, needed_gain

    verdict = str(judged.verdict)
    facts = Facts(archive, _base_facts(bench), bench.settings.volume, finals.reasons)
    estimate = bench.estimate_of(verdict, ws.root) if verdict in bench.trained and verdict != bench.estimate["method"] else bench.estimate
    loss, general, needed = bench.arms["base"].loss, bench.general_loss, needed_gain(bench.settings)
    return {
        "verdict": verdict, "reason": judged.reason, "reasons": [asdict(one) for one in finals.reasons],
        "findings": [asdict(one) for one in findings(facts)],
        "candidates": _priced(candidates(bench.arms, bench.settings.seed, finals.drafted), finals),
        "examples_needed": judged.examples_needed,
        "estimate": estimate, "method": verdict if verdict in bench.trained else None,
        "distance": {"archive": loss, "general": general, "difference": loss - general},
        "measured_pieces": len(bench.pieces),
        "bake_off": {"rounds": bench.rounds, "ended": bench.ended, "seconds": bench.seconds(),
                     "needed_gain": needed if needed < 1e6 else None, "briefs": len(finals.pieces),
                     "scorer_auc": finals.judges.auc.value if finals.judges else None,
                     "opponent": finals.opponent.told() if finals.opponent else None},
    }


def _priced(rows: list[dict[str, Any]], finals: Finals) -> list[dict[str, Any]]:
    """The rows with what the opponent costs a month, where its prices and the pieces a month are known."""
    settings, opponent = finals.bench.settings, finals.opponent
    each = opponent.cost((settings.opponent_input_price, settings.opponent_output_price)) if opponent else None
    month = None if each is None or settings.volume is None else each * settings.volume
    return [{**row, "cost_per_month": month} if row["name"] == "opponent" else row for row in rows]


def _because(verdict: str, reasons: tuple[Reason, ...]) -> str:
    """Which of the three reasons holds, behind a verdict to fine-tune."""
    if verdict not in ("prefix", "lora", "full") or all(one.holds is None for one in reasons):
        return ""
    holding = [one.name for one in reasons if one.holds]
    if holding:
        return f" It pays for {' and '.join(holding)}."
    return " None of the three reasons for it was shown: compare drafts before going on."
