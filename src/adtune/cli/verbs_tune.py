"""The verbs that measure and train: `advise`, `tune`, `evaluate`, `pretrain`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from ..errors import InputError, did_you_mean
from ..settings import AdviseSettings, EvaluateSettings, PretrainSettings, TuneSettings
from ..steps.curation import TASKS
from . import show_media, show_tune, verbs_media
from .border import OK, REFUSED, STOPPED
from .desk import Answer, Desk, Job
from .page import Page
from .verbs_later import PICTURES_THEME, not_built
from .words import CLIENT, SEED, TASK, Verb, argument, option, read_sets, sets, switch

STARTERS = {"text": True, "vision": False, "response": True, "creative": False}
TUNED = {**TASKS, "response": True}


def checked(verb: str, word: str | None, known: dict[str, bool], what: str) -> str | None:
    """`word` where it is built; raises InputError where it is unknown or not built yet."""
    if word is not None and word not in known:
        raise InputError(f"adtune {verb}", f"'{word}'", f"a {what}: {', '.join(known)}", did_you_mean(word, known))
    if word is not None and not known[word]:
        raise not_built(f"{verb} ({word})", PICTURES_THEME)
    return word


def _advise(said: SimpleNamespace) -> Job:
    task = checked("advise", said.task, TUNED, "task")
    options = read_sets(said.set, {"base": said.base, "task": task, "volume": said.volume, "curve": said.curve or None,
                                  "opponent": said.opponent, "model": said.model, "other_minutes": said.other_minutes,
                                  "hourly_rate": said.hourly_rate, "currency": said.currency, "prices": said.prices})

    def run(desk: Desk) -> Answer:
        if verbs_media.is_response(desk, said):
            return verbs_media.advised(desk, said)
        from ..steps.advice import advise

        return advise(desk.workspace, said.client, options, desk.progress, desk.stop)

    def follow(answer: Answer) -> str:
        if answer["verdict"] == "collect":
            return f"import MORE --client {said.client}"
        return f"tune {said.client}" + (" --method lora" if answer["verdict"] in ("rules", "prompt") else "")

    def code(answer: Answer) -> int:
        return REFUSED if answer["verdict"] in ("rules", "prompt", "collect") else OK

    return Job("advise", run, _by_task(show_media.advised, show_tune.advised), follow, code, patient=True, resume=f"advise {said.client}")


def _tune(said: SimpleNamespace) -> Job:
    checked("tune", said.task, TUNED, "task")
    options = read_sets(said.set, {"base": said.base, "method": said.method, "epochs": said.epochs, "seed": said.seed})
    if said.recipe:
        options["recipe"] = said.recipe

    def run(desk: Desk) -> Answer:
        if verbs_media.is_response(desk, said):
            return verbs_media.tuned(desk, said)
        from ..steps.tuning import tune

        return tune(desk.workspace, said.client, options, said.resume, desk.progress, desk.stop)

    again = f"tune {said.client} --resume last"
    return Job("tune", run, _by_task(show_media.tuned, show_tune.tuned),
               lambda answer: again if interrupted(answer) else f"evaluate {said.client}",
               lambda answer: STOPPED if interrupted(answer) else OK, patient=True, resume=again)


def _by_task(media: Callable[[Answer, Page], None], text: Callable[[Answer, Page], None]) -> Callable[[Answer, Page], None]:
    """How an answer is shown: that of campaign rows says `task: response`."""

    def show(answer: Answer, page: Page) -> None:
        said = answer.get("task") or (answer.get("measures") or {}).get("task")
        (media if said == "response" else text)(answer, page)

    return show


def interrupted(answer: Answer) -> bool:
    """Whether a run's answer says that a signal ended it."""
    return answer.get("stopped") == "interrupted"


def failed_gates(answer: Answer) -> list[str]:
    """Gates that were measured and said no."""
    return [name for name, gate in answer["gates"].items() if gate["passed"] is False]


def _evaluate(said: SimpleNamespace) -> Job:
    options = read_sets(said.set, {"general_text": said.general_text, "conventions": said.conventions, "probes": said.probes,
                                   "groups": said.groups, "other_minutes": said.other_minutes})

    def run(desk: Desk) -> Answer:
        if verbs_media.is_response(desk, said):
            return verbs_media.evaluated(desk, said)
        from ..steps.evaluation import evaluate

        return evaluate(desk.workspace, said.client, said.adapter, options, desk.progress)

    def follow(answer: Answer) -> str:
        if not failed_gates(answer) and "channels" in answer:
            return f"predict {said.client} FILE"
        return f"advise {said.client}" if failed_gates(answer) else f'draft {said.client} "BRIEF"'

    return Job("evaluate", run, _by_task(show_media.evaluated, show_tune.evaluated), follow,
               lambda answer: REFUSED if failed_gates(answer) else OK,
               resume=f"evaluate {said.client}")


def _pretrain(said: SimpleNamespace) -> Job:
    checked("pretrain", said.kind, STARTERS, "starter")
    if said.kind == "response":
        return verbs_media.pretrain_job(said)
    options = read_sets(said.set, {"minutes": said.minutes, "size": said.size, "seed": said.seed})
    options |= {"corpus": [Path(path) for path in said.corpus or ()], "out": Path(said.out) if said.out else None, "resume": said.resume}

    def run(desk: Desk) -> Answer:
        from ..steps.pretraining import pretrain_text

        workspace = desk.workspace if desk.root.exists() else None  # no archive, nothing to compare a corpus with
        return pretrain_text(workspace, options, desk.progress, desk.stop)

    return Job("pretrain", run, show_tune.pretrained, lambda answer: f"tune CLIENT --base {answer['base']}", patient=True,
               resume=_again(said))


def _again(said: SimpleNamespace) -> str:
    """The line that goes on with a pre-training run: the same words, and `--resume`."""
    options = [(f"--{name}", getattr(said, name)) for name in ("minutes", "size", "out", "seed")]
    words = [*(("--corpus", path) for path in said.corpus or ()), *((flag, str(value)) for flag, value in options if value is not None),
             *(("--set", pair) for pair in said.set or ())]
    return shlex.join(["pretrain", said.kind, *(part for pair in words for part in pair), "--resume"])


BASE = option("--base", str, "BASE", "The base model: starter (the default), a local folder or a Hugging Face hub id.")

ADVISE = Verb(
    "advise", "Measure whether fine-tuning pays, and which method.", _advise,
    (CLIENT, TASK, BASE,
     option("--volume", float, "N", "Pieces written a month; gives the cost of each way.", min=0),
     option("--other-minutes", float, "N", "Minutes that a piece takes beside editing; gives the change in throughput.", min=0),
     option("--hourly-rate", float, "X", "What an hour of a writer or editor costs; gives money.", min=0),
     option("--currency", str, "CODE", "Currency of the hourly rate, such as EUR; by default that of the price table."),
     option("--prices", str, "FILE", "Your own prices of tuning and serving (CSV, in the columns of ours), instead of our assumptions."),
     option("--opponent", str, "URL", "An OpenAI-compatible endpoint: the prompt of today, with the same guide and pieces."),
     option("--model", str, "M", "The opponent's model."),
     switch("--curve", "Measure the learning curve too: how many pieces are enough, and what 100 more would bring."),
     sets(AdviseSettings)),
    ("adtune advise acme", "adtune advise acme --volume 200 --base Qwen/Qwen3-4B",
     "adtune advise acme --opponent https://api.example.com/v1 --model large"),
    ("Exit code 2 where the advice is rules, prompt or collect.",
     "The opponent's key is read from ADTUNE_OPPONENT_KEY, else OPENAI_API_KEY; guide, nearest pieces and some briefs are sent to it."))

TUNE = Verb(
    "tune", "Fine-tune a base on the dataset, to its validation peak.", _tune,
    (CLIENT, TASK, BASE,
     option("--method", str, "METHOD", "lora, prefix, full, head or auto (the default: this dataset's advice, else lora). "
                                       "Of campaign rows: head, lora, full or auto (which is head)."),
     option("--epochs", int, "N", "Passes over the training pieces at most.", min=1), SEED,
     option("--recipe", str, "FILE", "Settings from a recipe of Axolotl, LLaMA-Factory (YAML) or OpenAI (JSON)."),
     option("--resume", str, "RUN", "Go on with a run: its id, or last for the newest unfinished one."),
     sets(TuneSettings)),
    ("adtune tune acme", "adtune tune acme --method lora --epochs 3 --set rank=8", "adtune tune acme --recipe axolotl.yml",
     "adtune tune acme --resume last"),
    ("Ctrl-C stops at a checkpoint (exit code 3); --resume last goes on exactly from there.",))

EVALUATE = Verb(
    "evaluate", "Test an adapter on pieces that training never saw.", _evaluate,
    (CLIENT, TASK, option("--adapter", str, "ADAPTER", "The adapter; by default the client's newest."),
     option("--general-text", str, "FILE", "General text to measure forgetting on, instead of our own."),
     option("--conventions", str, "FILE", "House conventions that drafts are checked against."),
     option("--probes", str, "FILE", "Prompts with answers that must not be forgotten (JSONL or CSV: prompt, expected)."),
     option("--groups", str, "FILE", "Groups of readers whose drafts are compared, a line such as `gender: women, men` each."),
     option("--other-minutes", float, "MINUTES", "Minutes that a piece takes beside editing, for the change in throughput.", min=0),
     sets(EvaluateSettings)),
    ("adtune evaluate acme", "adtune evaluate acme --set briefs=12", "adtune evaluate acme --probes kept.jsonl --set claims_limit=0",
     "adtune evaluate acme --groups groups.txt"),
    ("Exit code 2 where a gate says no; the report is written all the same.",))

PRETRAIN = Verb(
    "pretrain", "Pre-train a starter base from a corpus.", _pretrain,
    (argument("kind", "KIND", "text, vision, response or creative. Built now: text, response."),
     option("--corpus", list[str], "FILE", "Text to learn from (.jsonl, .jsonl.zst or .txt); may be repeated."),
     option("--minutes", float, "N", "Time that training may take.", min=0),
     option("--size", str, "SIZE", "Size of the model, such as 8m."),
     option("--out", str, "DIR", "Folder of the finished base."),
     switch("--resume", "Go on from the last checkpoint of the same --out; with more --minutes, from before its cool-down."), SEED,
     sets(PretrainSettings)),
    ("adtune pretrain text --corpus mix.jsonl --minutes 60 --out my-base",
     "adtune pretrain text --corpus mix.jsonl --minutes 180 --out my-base --resume"),
    ("Ctrl-C stops at a checkpoint (exit code 3). Documents that share runs of 13 words with a client's archive are refused.",))
