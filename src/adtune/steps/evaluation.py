"""`adtune evaluate`: three arms on the test split, drafts, forgetting, memorisation, gates, and the report.

The only step that reads the test split.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import Progress, labelled, silent
from ..records import Dataset, Item, Split
from ..settings import EvaluateSettings, TuneSettings, resolve
from .adapters import attached, base_of, find_adapter
from .arms import plain_rows, prompted_rows, prompts
from .curation import read_dataset
from .further import Further, scales_of, term_targets
from .groups import Groups, told
from .people import said_by_people

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..evaluate import Arm, Material, ReportContext
    from ..voice.conventions import Convention
    from ..voice.general import General
    from ..workspace import Workspace


def evaluate(ws: Workspace, client: str, adapter: str | None = None, options: Mapping[str, Any] | None = None,
             progress: Progress = silent) -> dict[str, Any]:
    """Measure an adapter on pieces that training never saw; gives the contract's object and publishes the report.

    Options: general_text, conventions, probes and groups (paths) beside EvaluateSettings. Raises InputError, SettingError, BaseModelError.
    """
    from ..evaluate import Material, evaluate_report, measure
    from ..evaluate.limits import check_limits, read_limits
    from ..report import load_brand, to_markdown
    from ..voice.general import load_general
    from ..voice.groups import load_groups
    from ..voice.probes import load_probes

    options = dict(options or {})
    paths = {name: options.pop(name, None) for name in ("general_text", "conventions", "probes", "groups")}
    settings, origins = resolve(EvaluateSettings, ("option", options))
    general = load_general(Path(paths["general_text"]) if paths["general_text"] else None)
    conventions = _conventions(paths["conventions"])
    further = Further(scales_of(settings.scales), load_probes(Path(paths["probes"])) if paths["probes"] else ())
    named = Groups(load_groups(Path(paths["groups"])) if paths["groups"] else ())
    check_limits(read_limits(settings.limits), measure(Material({}), EvaluateSettings()))
    brand = load_brand(settings.agency, settings.logo)
    id, record = find_adapter(ws, client, adapter)
    dataset = read_dataset(ws, record["dataset"])
    progress("load the base", 0, 1)
    base = base_of(record)
    measured = _Measured(base, dataset, record, general, settings)
    with attached(ws, id, base) as method:
        points, after = further.tuned(measured, method)
        for_tuned = named.written(measured, method, "tuned", progress)
        material = measured.material(method, conventions, progress)
    answers = further.base(measured, after)
    grouped = named.beside(measured, for_tuned, progress)
    progress("score", 0, 1)
    people = said_by_people(ws, client, (id, record), material, settings.other_minutes)
    result = measure(material, settings, answers, points, people, grouped)
    chosen = {f"evaluate.{name}": (getattr(settings, name), origin) for name, origin in origins.items()
              if origin != "default" and name not in ("agency", "logo")}  # the report shows them, and tells no path of this machine
    context = replace(_context(client, id, record, material, chosen), brand=brand)
    html = evaluate_report(result, context)
    files = {"report.html": html.encode(), "report.md": to_markdown(html).encode(),
             "report.json": json.dumps(result, sort_keys=True, allow_nan=False).encode(),
             "drafts.json": json.dumps({"briefs": material.briefs, "published": material.references,
                                        **{name: arm.drafts for name, arm in material.arms.items()}, **told(grouped)}).encode()}
    report = ws.publish("report", client, files, {"adapter": id, "gates": result["gates"], "passed": result["passed"]}, [id])
    progress("score", 1, 1)
    answer = {"adapter": id, **result, "report": str(ws.path(report, verify=False) / "report.html"), "report_id": report}
    if base.starter:
        from .tuning import STARTER_NOTE

        answer["note"] = STARTER_NOTE
    return answer


def _conventions(path: Any) -> tuple[Convention, ...]:
    from ..voice.conventions import load_conventions

    return load_conventions(Path(path)) if path else ()


class _Measured:
    """What one evaluation measures with the engine; everything else is arithmetic in `evaluate/`."""

    def __init__(self, base: Base, dataset: Dataset, record: Mapping[str, Any], general: General, settings: EvaluateSettings):
        from ..voice.terms import learn_terms

        self.base, self.dataset, self.general, self.settings = base, dataset, general, settings
        self.loss_tokens = record["settings"].get("loss_tokens", TuneSettings.loss_tokens)
        self.taken = record.get("context_tokens", 0)
        self.test = dataset.split(Split.TEST)
        self.train = [item.example for item in dataset.split(Split.TRAIN)]
        titled = [item for item in self.test if item.example.brief.title]
        self.drafted: list[Item] = random.Random(f"briefs/{settings.seed}").sample(titled, min(settings.briefs, len(titled)))
        self.draft_tokens = min(settings.draft_tokens, base.context // 2)
        pieces = [item.example for item in self.test]
        self.plain = plain_rows(base, pieces, self.loss_tokens, self.taken)
        self.watched = plain_rows(base, general.measure, self.loss_tokens, self.taken)
        others = [example.text for example in (*general.replay, *general.watch)]
        self.terms = learn_terms([example.text for example in self.train], others, dataset.guide)
        self.in_terms = term_targets(base.renderer, [piece.text for piece in pieces], self.terms, self.plain)

    def material(self, method: AbstractMethod, conventions: tuple[Convention, ...], progress: Progress) -> Material:
        from ..engine.tasks.drafting import measure as nats_of
        from ..engine.tasks.targets import measure_targets
        from ..evaluate import Material
        from ..voice.general import contrast

        pieces = [item.example for item in self.test]
        plain, watched = self.plain, self.watched
        prompted = prompted_rows(self.base, pieces, self.train, self.dataset.guide, self.loss_tokens, self.taken)
        progress("held-out loss", 0, 3)
        losses = {"tuned": measure_targets(self.base, method, plain)}
        after = nats_of(self.base, method, watched)
        drafts = {"tuned": self._drafts(method, self._heads(), "tuned", progress)}
        method.detach()
        progress("held-out loss", 1, 3)
        losses["base"], before = measure_targets(self.base, None, plain), nats_of(self.base, None, watched)
        progress("held-out loss", 2, 3)
        losses["prompted"] = measure_targets(self.base, None, prompted)
        progress("held-out loss", 3, 3)
        drafts["base"] = self._drafts(None, self._heads(), "base", progress)
        briefs = [item.example.brief for item in self.drafted]
        rooms = [self.base.context - self.draft_tokens - 1] * len(briefs)
        drafts["prompted"] = self._drafts(None, prompts(self.base, briefs, self.train, self.dataset.guide, rooms), "prompted", progress)
        fit, unseen = contrast(self.general)
        return Material(
            arms={name: arm_of(name, losses[name], drafts[name], self.in_terms) for name in ("base", "prompted", "tuned")},
            briefs=tuple(brief.title or "" for brief in briefs), references=tuple(i.example.text for i in self.drafted),
            test_texts=tuple(p.text for p in pieces), train_texts=tuple(e.text for e in self.train),
            validation_texts=tuple(i.example.text for i in self.dataset.split(Split.VALIDATION)),
            contrast_texts=tuple(fit), contrast_unseen=tuple(unseen), general_before=tuple(before), general_after=tuple(after),
            conventions=conventions, asked=tuple(briefs), train_types=tuple(e.brief.content_type for e in self.train),
            train_families=tuple(item.cluster for item in self.dataset.split(Split.TRAIN)), general_kinds=self.general.kinds,
            guide=self.dataset.guide, terms=self.terms)

    def _heads(self) -> list[list[int]]:
        return [self.base.renderer.brief(item.example.brief) for item in self.drafted]

    def _drafts(self, method: AbstractMethod | None, heads: Sequence[list[int]], arm: str, progress: Progress) -> list[str]:
        from ..engine.generate import Sampling, write_texts

        sampling = Sampling(self.settings.temperature, max_tokens=self.draft_tokens)
        return write_texts(self.base, method, heads, sampling, self.settings.seed, labelled(progress, f"drafts: {arm}"))


def arm_of(name: str, measured: Sequence[tuple[float, ...]], drafts: Sequence[str], in_terms: Sequence[frozenset[int]] | None) -> Arm:
    """An arm of the nats of each target of each piece; `in_terms` says which of them stand in terms, None where nobody can."""
    from ..evaluate import Arm

    inside = [[nats for n, nats in enumerate(piece) if n in places] for piece, places in zip(measured, in_terms or (), strict=False)]
    return Arm(name, tuple(sum(piece) for piece in measured), tuple(len(piece) for piece in measured), tuple(drafts),
               tuple(sum(piece) for piece in inside), tuple(len(piece) for piece in inside))


def _context(client: str, id: str, record: Mapping[str, Any], material: Material, chosen: Mapping[str, tuple[Any, str]]) -> ReportContext:
    from ..evaluate import PUBLISHED, ReportContext

    settings = {name: (value, record["origins"].get(name, "default")) for name, value in record["settings"].items()}
    for name in ("rate", "replay"):
        if record["settings"].get(name) is None:
            settings[name] = (record.get(name), "probe")
    if record.get("dial"):
        settings["dial"] = (record["dial"]["chosen"], "option" if record["settings"].get("dial") is not None else "validation")
    return ReportContext(
        client=client, adapter=id, base=record["base"], base_hash=record["base_hash"], starter=record["starter"],
        dataset_hash=record["dataset_hash"], pieces=record["pieces"], method=record["method"],
        evaluations=tuple(record["evaluations"]), best=record["best"], peaks=record.get("peaks"), settings=settings | dict(chosen),
        seconds=record["seconds"],
        briefs=material.briefs, drafts={**{name: arm.drafts for name, arm in material.arms.items()}, PUBLISHED: material.references})
