"""`adtune draft`: drafts in the client's voice from the live version or the newest adapter, each with its on-brand score, each logged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError, TrainingError
from ..progress import Progress, silent
from ..records import Brief, Dataset, Split
from ..settings import DraftSettings, resolve
from .adapters import attached, base_of
from .curation import read_dataset
from .tuning import STARTER_NOTE
from .versions import find_version, profile_context, ruled_text

if TYPE_CHECKING:
    from ..workspace import Workspace


def draft(ws: Workspace, client: str, brief: str, options: Mapping[str, Any] | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Write drafts for a brief; gives `{drafts: [{text adapter on_brand effort}]}`.

    Options: adapter, format (content type), category, beside DraftSettings. `effort` is null: there is no published text yet.
    """
    options = dict(options or {})
    adapter, form, category = (options.pop(name, None) for name in ("adapter", "format", "category"))
    settings, _ = resolve(DraftSettings, ("option", options))
    if not brief.strip():
        raise InputError("BRIEF", "an empty brief", "what to write about", 'Give a title, such as "How to read a pay slip".')
    id, record = find_version(ws, client, adapter)
    asked = Brief(brief.strip(), category, form)
    if id.startswith("rules-"):
        return _ruled(ws, client, id, record, asked, settings)
    from ..engine.generate import generate, sampling_for  # bring torch, which no refusal above has to wait for
    from ..voice.prompt import Context

    base = base_of(record)
    with attached(ws, id, base) if id.startswith("adapter-") else nullcontext() as method:
        context = Context() if method is not None else profile_context(ws, id, base, asked, settings.max_tokens)
        head = base.renderer.brief(asked, context)
        seeds = [settings.seed + n for n in range(settings.n)]
        sampling = sampling_for(base if method is None else None, settings.temperature, settings.top_p, settings.max_tokens)
        texts = [base.renderer.text(ids).strip() for ids in generate(base, method, [head] * settings.n, seeds, sampling, progress)]
    scores = _scores(read_dataset(ws, record["dataset"]), texts)
    drafts = [{"text": text, "adapter": id, "on_brand": score, "effort": None} for text, score in zip(texts, scores, strict=True)]
    for one, seed in zip(drafts, seeds, strict=True):
        log = {"on_brand": one["on_brand"], "effort": None, "seed": seed, "temperature": sampling.temperature}
        one["id"] = ws.log_draft(client, id, asdict(asked), one["text"], log)
    answer: dict[str, Any] = {"drafts": drafts}
    if base.starter:
        answer["note"] = STARTER_NOTE
    return answer


def _ruled(ws: Workspace, client: str, id: str, record: Mapping[str, Any], asked: Brief, settings: DraftSettings) -> dict[str, Any]:
    """Drafts by a rule set: the same each time, without a model."""
    texts = [ruled_text(ws, id, asked)] * settings.n
    drafts = [{"text": text, "adapter": id, "on_brand": score, "effort": None}
              for text, score in zip(texts, on_brand_of(ws, record, texts), strict=True)]
    for one in drafts:
        one["id"] = ws.log_draft(client, id, asdict(asked), one["text"], {"on_brand": one["on_brand"], "effort": None})
    return {"drafts": drafts, "note": "Written by rules: what is in […] is for a person to fill."}


def on_brand_of(ws: Workspace, record: Mapping[str, Any], texts: list[str]) -> list[float | None]:
    """On-brand probabilities of any texts, by the dataset that a version was made from."""
    return _scores(read_dataset(ws, record["dataset"]), texts)


def _scores(dataset: Dataset, texts: list[str]) -> list[float | None]:
    """On-brand probabilities by a scorer of the validation pieces; None where there are too few to fit one."""
    from ..voice.general import contrast, load_general
    from ..voice.on_brand import OnBrandScorer

    own = [item.example.text for item in dataset.split(Split.VALIDATION)]
    try:
        scorer = OnBrandScorer.fit(own, contrast(load_general())[0])
        return list(scorer.score(texts))
    except TrainingError:
        return [None] * len(texts)
