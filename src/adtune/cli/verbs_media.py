"""The verbs of campaign rows: `predict`, and what `tune`, `evaluate`, `advise` and `pretrain` do for the task response."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from ..errors import InputError
from ..settings import ResponseSettings
from . import show_media
from .border import OK, REFUSED
from .desk import Answer, Desk, Job
from .words import CLIENT, Verb, argument, option, read_map, read_sets


def is_response(desk: Desk, said: SimpleNamespace) -> bool:
    """Whether a verb means campaign rows."""
    from ..steps.response import means_response

    return means_response(desk.workspace, said.client, getattr(said, "task", None), getattr(said, "adapter", None))


def tuned(desk: Desk, said: SimpleNamespace) -> Answer:
    """`tune` for the task response."""
    from ..steps.response import tune_response

    options = read_sets(said.set, {"base": said.base, "method": said.method, "epochs": said.epochs, "seed": said.seed})
    return tune_response(desk.workspace, said.client, options, said.resume, desk.progress, desk.stop)


def curated(desk: Desk, said: SimpleNamespace) -> Answer:
    """`curate` for campaign rows."""
    from ..steps.response_curation import curate_response

    given = [name for name in ("keep", "mix", "briefs", "brand_guide", "draft_guide", "review", "decisions", "decisions_out", "curve")
             if getattr(said, name)]
    if given:
        raise InputError(f"--{given[0].replace('_', '-')}", "campaign rows, of which there is nothing to choose", "an archive of pieces",
                         "Leave it out, or say --task drafting.")
    return curate_response(desk.workspace, said.client, read_sets(said.set, {}))


def evaluated(desk: Desk, said: SimpleNamespace) -> Answer:
    """`evaluate` for a response adapter."""
    from ..steps.response_evaluation import evaluate_response

    return evaluate_response(desk.workspace, said.client, said.adapter, desk.progress)


def pretrain_job(said: SimpleNamespace) -> Job:
    """`pretrain response`."""
    options = read_sets(said.set, {"minutes": said.minutes, "seed": said.seed, "out": said.out})

    def run(desk: Desk) -> Answer:
        from ..steps.response_pretraining import pretrain_response

        return pretrain_response(options, desk.progress, desk.stop)

    return Job("pretrain", run, show_media.pretrained, lambda answer: f"tune CLIENT --task response --base {answer['base']}", patient=True)


def _predict(said: SimpleNamespace) -> Job:
    options = {"outcome": said.outcome, "map": read_map(said.map), "out": said.out, "adapter": said.adapter, "level": said.level}

    def run(desk: Desk) -> Answer:
        from ..steps.predicting import predict

        return predict(desk.workspace, said.client, Path(said.file), options, desk.progress)

    def follow(answer: Answer) -> str | None:
        return None if answer["adapter"] else f"tune {said.client} --task response"

    return Job("predict", run, show_media.predicted, follow)


def advised(desk: Desk, said: SimpleNamespace) -> Answer:
    """`advise` for the task response."""
    from ..steps.response_advice import advise_response

    return advise_response(desk.workspace, said.client, read_sets(said.set, {"base": said.base}), desk.progress)


def advice_code(answer: Answer) -> int:
    return REFUSED if answer["verdict"] in ("rules", "prompt", "collect") else OK


SETTINGS = tuple(ResponseSettings.__dataclass_fields__)

PREDICT = Verb(
    "predict", "Predict rates of response for rows to come, with intervals.", _predict,
    (CLIENT, argument("file", "FILE", "Rows to predict: a table with the columns of the campaigns, without the outcome."),
     option("--outcome", str, "OUTCOME", "clicks, conversions or value; by default what the newest response adapter was tuned for."),
     option("--map", list[str], "FIELD=COLUMN", "Which column holds a field; may be repeated."),
     option("--out", str, "CSV", "Write the rates to this file too."),
     option("--adapter", str, "ADAPTER", "The response adapter; by default the client's newest for the outcome."),
     option("--level", float, "SHARE", "Share of outcomes that an interval should cover (0.8).")),
    ("adtune predict acme next-month.csv --outcome conversions",
     "adtune predict acme plan.csv --outcome clicks --out rates.csv --map date=Day"),
    ("The rate is per unit of the exposure that the answer names. A row outside of the client's history keeps a rate, with a wide "
     "interval and supported false.",))
