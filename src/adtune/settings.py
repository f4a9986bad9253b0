"""One frozen record of settings per stage; `resolve` says where every value came from.

A knob is declared once, here; its comment is its documentation (`docs/reference/settings.md` is generated from it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf, isfinite
from typing import Any, NamedTuple, TypeVar

from .errors import SettingError, did_you_mean


@dataclass(frozen=True)
class CurateSettings:
    """How a dataset is made from an archive."""

    keep: int | None = None              # pieces to keep at most, over all splits; None keeps every good piece
    min_words: int = 20                  # a shorter piece is dropped as too short
    near_duplicate: float = 0.8          # estimated Jaccard similarity of 5-word shingles from which two pieces are the same
    markup_share: float = 0.15           # a piece with a larger share of mark-up characters is dropped
    today: str | None = None             # ISO date against which usage rights expire; None is the day of the run
    drop_confidence: float = 0.5         # a piece is dropped for a finding at least this sure; less sure ones are shown
    skip: str = ""                       # checks that are not asked, by name with commas between, such as "personal_data,cut_off"
    drop_also: str = ""                  # checks that only show what they find and drop it here: "house_habits,before_rebrand"
    strip_boilerplate: bool = False      # take sentences that many pieces share, and page furniture, out of the pieces kept
    unbriefed_facts: str = "keep"        # keep | strip; strip takes out sentences with facts that no brief holds, if a whole piece is left
    expiring_days: int = 30              # usage rights that end within so many days are shown
    mix: str | None = None               # target mix by category or content type, "article=40,email=30"; None keeps all categories alike
    briefs: str | None = None            # titles of the next months' briefs, a line each; the pieces kept should resemble them
    likeness: float | None = None        # likeness to the voice under which keep drops a piece; None learns it from the gold pieces
    in_context: str = ""                 # a base (`starter`, a directory, a hub id) whose gain from gold pieces in context joins likeness


@dataclass(frozen=True)
class TuneSettings:
    """How a base is fine-tuned."""

    method: str = "auto"                 # lora | prefix | full | head | auto
    base: str = "starter"                # `starter`, a local directory or a hub id
    epochs: int = 4                      # passes over the training pieces at most; validation decides when to stop
    seed: int = 0                        # decides order, initialisation and dropout
    rank: int = 16                       # LoRA rank r
    alpha: int = 32                      # LoRA scale is alpha / rank
    rslora: bool = False                 # LoRA scale is alpha / sqrt(rank) instead, so that high ranks help (arXiv 2312.03732)
    targets: str = "all"                 # linear layers that LoRA adds to: all | mlp | attention; mlp forgets least
    dropout: float = 0.0                 # LoRA dropout on the adapter's input; 0.05 may help under 300 pieces
    prefix_tokens: int = 48              # P, the tokens of the client's prompt that the prefix starts from
    rate: float | None = None            # learning rate; None probes three rates of the method or more
    batch_tokens: int = 4096             # target and context tokens of one optimiser step, padding included
    micro_tokens: int = 2048             # tokens of one forward pass; smaller needs less memory and changes nothing else
    window_tokens: int = 1024            # longest training row; longer pieces become several windows
    warmup_share: float = 0.05           # share of the steps with a rising learning rate
    clip: float = 1.0                    # largest norm of the gradient
    evaluations: int = 10                # evaluations a run, step 0 not counted; at least 8
    patience: int = 3                    # evaluations without improvement beyond the noise floor before stopping
    peak: str = "loss"                   # loss | on-brand: the evaluation that is kept; on-brand drafts with each and takes the likest
    replay: float | None = None          # share of general text in the trained tokens; None starts at 0.1, more where a probe forgets
    dial: float | None = None            # how much of what was learned is used, 0 to 1; None chooses on validation and general text
    forgetting_limit: float = 0.15       # nats per token of general text that a run may lose at most
    mask_single: bool = True             # don't learn numbers and unlisted words that one piece alone holds and its brief does not tell
    allow_lost_tokens: bool = False      # go on although tokens of the archive would not be trained
    loss_tokens: int = 384               # first target tokens of each held-out piece that a held-out loss counts
    precision: str = "auto"              # auto | fp32 | bf16; auto takes bf16 where the machine multiplies it faster
    device: str = "auto"                 # auto | cpu | cuda | mps; auto takes the fastest device that torch finds
    compile: str = "auto"                # auto | on | off: compiled layers on a CUDA GPU; auto where they pay back within the run
    quantise: str = "none"               # none | int8 | int4: the form in which lora and prefix hold the frozen linear layers
    checkpoint_seconds: float = 30.0     # time between two checkpoints at most, beside those at evaluations


class Numbers(NamedTuple):
    """From `least` to `most`, both among them unless `above` or `under` says that it is not."""

    least: float
    most: float = inf
    above: bool = False
    under: bool = False
    note: str = ""

    def holds(self, value: Any) -> bool:
        return (self.least < value if self.above else self.least <= value) and (value < self.most if self.under else value <= self.most)

    def told(self) -> str:
        if self.most == inf:
            return (f"above {self.least}" if self.above else f"{self.least} or more") + self.note
        return f"{'above' if self.above else 'from'} {self.least} {'to under' if self.under else 'to'} {self.most}{self.note}"


class Words(NamedTuple):
    """One of some words."""

    words: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        return value in self.words

    def told(self) -> str:
        return "one of " + ", ".join(sorted(self.words))


class Named(NamedTuple):
    """Any words at all."""

    what: str

    def holds(self, value: Any) -> bool:
        return bool(value.strip())

    def told(self) -> str:
        return self.what


# What each setting can be where it is said; switches need none. A test holds the words equal to those of the engine, which loads torch.
COUNT, SHARE = Numbers(1), Numbers(0, 1)
TUNE_LIMITS: dict[str, Numbers | Words | Named] = {
    "method": Words(("auto", "lora", "prefix", "full", "head")), "base": Named("`starter`, a local directory or a hub id"),
    "epochs": COUNT, "seed": Numbers(0, 2**63 - 1),  # what torch takes
    "rank": COUNT, "alpha": COUNT, "targets": Words(("all", "mlp", "attention")), "dropout": Numbers(0, 1, under=True),
    "prefix_tokens": COUNT, "rate": Numbers(0, above=True), "batch_tokens": COUNT, "micro_tokens": COUNT,
    "window_tokens": Numbers(65, note=", and more by the longest brief: a window shows 64 tokens of the one before"),
    "warmup_share": SHARE, "clip": Numbers(0, above=True),
    "evaluations": COUNT,  # fewer than 8 count as 8
    "patience": COUNT, "peak": Words(("loss", "on-brand")), "replay": SHARE, "dial": SHARE, "forgetting_limit": Numbers(0),
    "loss_tokens": COUNT, "precision": Words(("auto", "fp32", "bf16")), "device": Words(("auto", "cpu", "cuda", "mps")),
    "compile": Words(("auto", "on", "off")), "quantise": Words(("none", "int8", "int4")),
    "checkpoint_seconds": Numbers(0),  # 0 is one after every step
}
OWN_FLAGS = {"method", "base", "epochs", "seed"}  # settings of `tune` with an option of their own; others come by --set


@dataclass(frozen=True)
class AdviseSettings:
    """How advice is measured."""

    share: float = 0.15                  # share of a full run's steps in the first round of the bake-off; later rounds get more
    pieces: int = 24                     # validation pieces that each arm is measured on, at most
    margin: float = 0.02                 # relative gain in loss under which two arms count as equal
    full_margin: float = 0.05            # gain over LoRA from which full fine-tuning is worth weights that serve one client only
    volume: float | None = None          # pieces a month; the gain that is needed then follows from the next three
    piece_minutes: float = 45.0          # minutes of editing a piece takes today
    setup_hours: float = 20.0            # hours that curation, tuning and three rounds of iteration take
    payback_months: float = 12.0         # months within which the set-up must be paid back
    briefs: int = 6                      # validation briefs that are drafted by the arms that came through; 0 drafts none
    drafts: int = 5                      # drafts a brief of the finalists: reliability, not only the mean
    draft_tokens: int = 192              # longest draft, tokens
    opponent_timeout: float = 60.0       # seconds that an answer of the opponent may take
    opponent_input_price: float | None = None   # of a million tokens that the opponent reads, in the currency of your reports
    opponent_output_price: float | None = None  # of a million tokens that it writes
    every_arm: bool = False              # train every method, and to the end, even where the verdict can no longer change
    seed: int = 0


@dataclass(frozen=True)
class PaybackSettings:
    """When tuning pays for itself; minutes come from logged edits, pieces a month from `volume` of advise."""

    other_minutes: float | None = None   # minutes that a piece takes beside editing; with them the change in throughput is told
    hourly_rate: float | None = None     # what an hour of a writer or editor costs
    currency: str | None = None          # of the hourly rate, such as EUR; None is that of the price table
    exchange: float | None = None        # units of `currency` for one of the price table's, where they differ
    prices: str | None = None            # CSV with your own prices, in the columns of starter/prices.csv; None is that table
    provider: str = "this machine"       # provider whose serving is in the costs of the candidates
    curation_minutes: float = 2.0        # of a person for each piece of the dataset: questions answered, report read, guide written
    rounds: int = 3                      # rounds of iteration after the first tuning: drafts read, pieces or guide changed, tuned again
    iteration_hours: float = 4.0         # of a person a round
    revision_minutes: float | None = None  # that a round between writer, editor and client takes beside the logged minutes; None: none
    piece_drafts: int = 3                # drafts made for a piece that is published
    serving_hours: float = 40.0          # hours a month that a server billed by the hour is on


@dataclass(frozen=True)
class CurveSettings:
    """How the learning curve is measured: how many pieces are enough."""

    base: str = "starter"                # `starter`, a local directory or a hub id
    method: str = "lora"                 # lora | prefix | full
    draws: int = 2                       # draws of the pieces at each size but the largest: what chance decides
    steps: int | None = None             # optimiser steps of every run; None is four passes through all pieces, at least 80
    rate: float | None = None            # learning rate of every run; None probes once, on all pieces
    worth: float = 0.01                  # share of the loss that 100 more pieces must take off to be worth collecting
    loss_tokens: int = 384               # first target tokens of each validation piece that count
    seed: int = 0


@dataclass(frozen=True)
class EvaluateSettings:
    """How an adapter is measured, and what its gates ask."""

    briefs: int = 36                     # held-out briefs that are drafted in every arm, at most; 24 leave .9 against .7 in doubt
    draft_tokens: int = 420              # longest draft, tokens
    temperature: float = 0.7             # sampling temperature of the drafts of every arm
    seed: int = 0
    gain_limit: float = 0.0              # gate: relative gain in held-out loss over the better of base and prompted
    forgetting_limit: float = 0.15       # gate: nats per token lost on general text
    memorised_limit: int = 20            # gate: longest verbatim run from training pieces, words
    on_brand_limit: float = 0.0          # gate: on-brand rate of tuned less prompted
    claims_limit: float | None = None    # gate for regulated clients: claims a tuned draft without support in brief, guide or house
    other_minutes: float | None = None   # minutes that a piece takes beside editing; with them the change in throughput is told
    limits: str = ""                     # more gates on figures of the answer, "forgetting.worst_delta <= 0.2; editing.effort_tuned <= 0.5"
    scales: str = "0.5,0.75"             # shares of the adapter's strength at which gain and forgetting are measured as well; "" for none
    agency: str | None = None            # name on the report instead of adtune's
    logo: str | None = None              # PNG, JPEG, GIF, WebP or SVG picture on the report, at most 500 kB, embedded


@dataclass(frozen=True)
class RateSettings:
    """How a blind sheet is made."""

    briefs: int = 24                     # briefs of the evaluation whose drafts are rated, at most; every arm answers all of them
    repeats: float = 0.15                # share of the drafts that come twice, for the raters' agreement with themselves
    published: bool = False              # put the client's published texts among the drafts, to see what raters say of the real thing
    seed: int = 0


@dataclass(frozen=True)
class DraftSettings:
    """How a draft is sampled."""

    n: int = 1                           # drafts
    temperature: float | None = None     # 0 is greedy; None is 0.7 with an adapter, and the base's own with a prompt alone
    top_p: float | None = None           # nucleus of probability that is sampled from; None is 0.95, or the base's own
    max_tokens: int = 512                # longest draft, tokens
    seed: int = 0


@dataclass(frozen=True)
class PretrainSettings:
    """How a text starter is pre-trained."""

    size: str = "8m"                     # shape of the model, one of pretrain.model.SIZES
    minutes: float = 60.0                # time that training may take, cool-down included
    steps: int | None = None             # optimiser steps instead of minutes, for runs that must not depend on the clock
    vocabulary: int = 8192               # entries of the tokenizer
    context: int = 2048                  # longest sequence of the finished model, tokens
    row_tokens: int = 512                # tokens of a training row, several documents after another; the last stage has `context`
    batch_tokens: int = 8192             # tokens of one optimiser step
    micro_tokens: int = 8192             # tokens of one forward pass; smaller needs less memory and changes nothing else
    ramp_tokens: int = 0                 # tokens over which the batch grows from a quarter to all of batch_tokens; 0 is no ramp
    optimizer: str = "muon"              # muon (matrices by Muon, embeddings and norms by AdamW) | adamw (everything)
    muon_rate: float = 0.01              # learning rate of the matrices under muon
    adamw_rate: float = 0.004            # learning rate of everything that AdamW trains
    weight_decay: float = 0.1            # of the matrices, decoupled
    warmup_steps: int = 60               # steps with a rising learning rate
    cool_down_share: float = 0.35        # share of the run with a falling learning rate, at its end
    brief_share: float = 0.15            # share of the run on briefs and on short contexts of guide, examples and brief, at its end
    most_weight: float = 4.0             # of a source at most: a long run reads small sources of modern prose often enough as it is
    brief_tokens: int = 16_000_000       # tokens that the last stage is made of at most; a longer stage reads them again
    opening_share: float = 0.9           # of the longer texts of the last stage that end after their opening sections, as a draft ends
    clip: float = 1.0                    # largest norm of the gradient
    seed: int = 0                        # decides initialisation and order
    precision: str = "auto"              # auto | fp32 | bf16; auto takes bf16 where the machine multiplies it faster
    device: str = "auto"                 # auto | cpu | cuda | mps
    compile: bool = True                 # on a GPU, compile the model; on a CPU the engine's own parts are as fast and start at once
    start_from: str | None = None        # folder of a base whose weights to start from, such as the constant part of an earlier run
    evaluate_minutes: float = 6.0        # time between two evaluations
    checkpoint_minutes: float = 2.0      # time between two checkpoints at most


@dataclass(frozen=True)
class ServeSettings:
    """How `serve` answers."""

    host: str = "127.0.0.1"              # address to listen on; any but this machine's own asks for a key to exist first
    port: int = 8700                     # 0 takes a free one
    engine: str = "local"                # local: tokens are made in this process; else the address of an engine (http://127.0.0.1:8000/v1)
    engine_model: str = ""               # what the engine calls its base; empty is the only base that it lists
    engine_kind: str = "vllm"            # vllm: adapters are loaded by name, caches salted; openai: neither, only what OpenAI's API has
    engine_adapters: str = ""            # the workspace's folder `published` as the engine sees it; empty where both see the same
    engine_check: float = 0.1            # largest mean difference in log-probability from the base's own weights; 0 asks for no proof
    engine_seconds: float = 60.0         # how long the engine may say nothing
    bases: str = "starter"               # bases that may be asked and tuned, with commas between; NAME=BASE gives one another name
    hosts: str = "localhost,127.0.0.1,[::1]"  # names under which the server may be called (Host header), with commas between
    workers: int = 1                     # workers that `serve` starts for jobs; 0 starts none
    rows: int = 16                       # requests that are written at the same time
    adapters: int = 64                   # adapters kept in memory
    loaded: int = 2                      # bases kept in memory
    queue: int = 256                     # requests that wait at most; more are refused with 429
    max_tokens: int = 1024               # longest answer where the request does not say
    per_minute: int = 600                # requests a minute of a key that has no limit of its own
    concurrent: int = 64                 # requests at the same time of a key that has no limit of its own
    body_megabytes: float = 4.0          # largest request
    file_megabytes: float = 512.0        # largest file


@dataclass(frozen=True)
class ResponseSettings:
    """What a model of ad response predicts, and how sure it says to be."""

    outcome: str | None = None           # clicks | conversions | value; None takes conversions where there are 50, else clicks
    exposure: str | None = None          # impressions | clicks | spend; None takes what comes right before the outcome
    country: str = "US"                  # whose holidays count, as a two-letter code
    level: float = 0.8                   # share of outcomes that a prediction's interval should cover


Settings = TypeVar("Settings")


def resolve(kind: type[Settings], *layers: tuple[str, Mapping[str, Any]]) -> tuple[Settings, dict[str, str]]:
    """Settings from named layers, later ones winning, with the name of the layer that gave each value.

    None in a layer means "not said". Raises SettingError for unknown keys, impossible types and, of TuneSettings, impossible values.
    """
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    origin = dict.fromkeys(known, "default")
    for layer, given in layers:
        for key, value in given.items():
            if key not in known:
                raise SettingError(layer, f"the setting '{key}'", f"a setting of {kind.__name__}", did_you_mean(key, known))
            if value is None:
                continue
            values[key], origin[key] = _typed(layer, key, value, str(known[key].type)), layer
            if kind is TuneSettings:
                _refuse(layer, key, values[key])
    return kind(**values), origin


def _typed(layer: str, key: str, value: Any, annotation: str) -> Any:
    wanted = annotation.replace(" | None", "")
    if wanted == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value).__name__ != wanted:
        raise SettingError(layer, f"{key} = {value!r}", f"{key} as {wanted}", f"Give {key} a value of type {wanted}.")
    if isinstance(value, float) and not isfinite(value):
        raise SettingError(layer, f"{key} = {value}", f"{key} as a finite number", "Leave it out for the default.")
    return value


def _refuse(layer: str, key: str, value: Any) -> None:
    """Raises SettingError where a setting of `tune` cannot hold this value, naming the flag or, of a recipe or a plan, the layer."""
    limit = TUNE_LIMITS.get(key)
    if limit is None or limit.holds(value):
        return
    said = layer == "option"
    where = layer if not said else f"--{key}" if key in OWN_FLAGS else f"--set {key}"
    default = getattr(TuneSettings, key)
    if isinstance(limit, Words):
        do = did_you_mean(value, limit.words)
    elif default is None:
        do = f"Leave {key} out to have it found by measuring."
    else:
        do = f"{'The' if said else f'Change {key} there: the'} default is {default}."
    raise SettingError(where, f"{key} = {value!r}", limit.told(), do)
