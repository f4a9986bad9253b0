"""What people see of `advise`, `tune`, `evaluate` and `pretrain`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..report.words import percent
from .bar import duration
from .desk import Answer
from .page import NOT_MEASURED, Page, plain, size, with_interval
from .show_archive import curve, notes
from .show_evaluate import arms, outstanding
from .show_rate import payback, people

VERDICTS = {"rules": "A rule does it: no model is needed.", "prompt": "Your prompt is enough: fine-tuning would not pay.",
            "prefix": "Tune a prefix.", "lora": "Fine-tune with LoRA.", "full": "Fine-tune the whole model.",
            "collect": "Collect more pieces first."}
STOPS = {"peak": "validation got worse after its best point", "no_improvement": "validation no longer improved",
         "epochs": "all epochs were done",
         "interrupted": "stopped by a signal; adtune tune CLIENT --resume last goes on"}


def advised(answer: Answer, page: Page) -> None:
    page.line(f"{VERDICTS.get(answer['verdict'], answer['verdict'])} {answer['reason']}", style="bold")
    rows = [(one["check"], one["status"], one["message"], one["recommendation"]) for one in answer["findings"]]
    page.table(("Check", "Status", "Found", "Recommended"), rows)
    if answer["candidates"]:
        rows = [(one["name"], one["metric"], with_interval(one["score"], one["interval"]), one["minutes_per_piece"], one["cost_per_month"])
                for one in answer["candidates"]]
        page.table(("Candidate", "Measured", "Score", "Minutes a piece", "Cost a month"), rows)
    _bake_off(answer.get("bake_off"), page)
    estimate = answer["estimate"] or {}
    page.pairs({"examples needed": answer["examples_needed"], "time of a full run": _ranged(estimate, "seconds", duration),
                "peak memory": _ranged(estimate, "peak_memory", size, "_bytes"), "disk": size(estimate.get("disk_bytes"))})
    if estimate.get("fits") is False:
        largest = estimate.get("largest_that_fits") or "none"
        page.line(f"This run does not fit on this machine; the largest that does: {largest}.", style="yellow")
    if answer.get("curve"):
        curve(answer["curve"], page)
    payback(answer, page)
    _leaving(answer, page)
    notes(answer, page)


def _bake_off(found: Mapping[str, Any] | None, page: Page) -> None:
    """How long the bake-off took, how far it went and why it ended, and what an opponent sent back."""
    if not found:
        return
    rounds = "; ".join(f"{one['share']:.0%} of a run for {', '.join(one['arms'])}" for one in found["rounds"]) or "none"
    page.pairs({"rounds of training": rounds, "ended": found["ended"] or "at full length", "took": duration(found["seconds"])})
    if other := found.get("opponent"):
        page.pairs({"opponent": f"{other['model']}: {other['drafts']} drafts, {other['empty']} empty, {other['refused']} refused, "
                                f"{other['retries']} retries"})


def _ranged(estimate: Mapping[str, Any], name: str, shown: Callable[[Any], str], unit: str = "") -> str:
    """A figure with its range behind it, or that it was not measured."""
    value, ends = estimate.get(f"{name}{unit}"), estimate.get(f"{name}_range")
    return (shown(value) or NOT_MEASURED) + (f" ({shown(ends[0])} to {shown(ends[1])})" if value and ends else "")


def _leaving(answer: Answer, page: Page) -> None:
    """Which engines can serve the result, and the licence that it is bound by."""
    word = {True: "yes", False: "no", None: "not known"}
    rows = [(one["engine"], word[one["servable"]], "; ".join(part for part in (one["needs"], one["reason"]) if part))
            for one in answer.get("servable") or ()]
    if rows:
        page.table(("Engine", "Serves it", "How, or why not"), rows)
        page.pairs({"licence of the base": answer.get("licence") or "its card names none"})


def tuned(answer: Answer, page: Page) -> None:
    keys = ("step", "epoch", "validation_loss", "train_loss", "general_loss")
    best = answer["best"] or {}
    rows = [(*(one.get(key) for key in keys), "best" if one["step"] == best.get("step") else "") for one in answer["evaluations"]]
    voice = {one["step"]: one["on_brand"] for one in (answer.get("peaks") or {}).get("curve", ())}
    if voice:
        rows = [(*row[:-1], voice.get(row[0]), row[-1]) for row in rows]
    heads = ("Step", "Epoch", "Validation loss", "Training loss", "General loss", *(("On-brand",) if voice else ()), "")
    page.table(heads, rows)
    trained = NOT_MEASURED
    if answer["trainable_parameters"]:
        share = 100 * answer["trainable_parameters"] / answer["total_parameters"]
        trained = f"{answer['trainable_parameters']:,} of {answer['total_parameters']:,} parameters ({share:.2f} %)"
    masked = f", {answer['masked_tokens']:,} masked" if answer.get("masked_tokens") else ""
    page.pairs({
        "adapter": answer["adapter"] or "none", "run": answer["run"], "base": answer["base"], "method": answer["method"],
        "trained": trained,
        "tokens": f"{plain(answer['trained_tokens'])}, {plain(answer['tokens_per_second'])} a second, {plain(answer['lost_tokens'])} lost"
                  + masked,
        "best": f"validation loss {plain(best.get('validation_loss'))} at step {plain(best.get('step'))}"
                + (f", the most on-brand; the lowest loss is at step {answer['peaks']['loss']:,}" if voice else ""),
        "stopped": STOPS.get(answer["stopped"], answer["stopped"]), **_decided(answer),
        "time": duration(answer["seconds"]) or NOT_MEASURED, "peak memory": size(answer["peak_memory_bytes"]),
        **_foretold(answer)})
    _leaving(answer, page)
    notes(answer, page)


def _foretold(answer: Answer) -> dict[str, str]:
    """What the whole run was expected to take; runs of before have no estimate."""
    estimate = answer.get("estimate")
    return {"estimated, with probe and evaluations": _ranged(estimate, "seconds", duration)} if estimate else {}


def _decided(answer: Answer) -> dict[str, str]:
    """What the run decided by measuring: learning rate, replay, dial. An unfinished run has not decided all."""
    if answer.get("rate") is None:
        return {}
    dial = answer.get("dial") or {}
    return {"learning rate": f"{answer['rate']:.2g}, of {len(answer['probe'] or ()) or 'no'} probed",
            "general text replayed": f"{answer['replay']:.0%} of the targets",
            "dial": f"{plain(dial.get('chosen'))} of what was learned" + (", chosen on validation" if dial.get("curve") else "")}


def evaluated(answer: Answer, page: Page) -> None:
    page.line(f"Adapter {answer['adapter']}", style="bold")
    arms(page, answer)
    forgetting, memorised = answer["forgetting"], answer["memorised"]
    page.pairs({"general text, loss before and after": f"{plain(forgetting['loss_before'])}, {plain(forgetting['loss_after'])}",
                "longest verbatim run": f"{plain(memorised['longest_run_words'])} words",
                "shared 8-word runs": memorised["share_8gram"], "throughput, change": answer["throughput_change"]})
    outstanding(page, answer)
    people(answer, page)
    rows = [(name, verdict(gate["passed"]), gate["value"], gate["limit"]) for name, gate in answer["gates"].items()]
    page.table(("Gate", "", "Value", "Limit"), rows)
    page.pairs({"report": answer["report"]})
    notes(answer, page)


def verdict(passed: Any) -> str:
    """A gate's outcome in words; None was not measured and is neither passed nor failed."""
    return NOT_MEASURED if passed is None else "passed" if passed else "FAILED"


def pretrained(answer: Answer, page: Page) -> None:
    page.pairs({"base": answer["base"], "parameters": answer["parameters"], "tokens": answer["tokens"], "time": duration(answer["seconds"]),
                "bits per byte, mean over sources": answer["bits_per_byte"],
                "own title gives the lower loss": percent(answer["own_title_better"]),
                "drafts that end": percent(answer["drafts_that_end"]),
                "report": answer["report"], "weights before the cool-down": answer["constant"]})
    page.line("A starter: for learning, tests and offline use, not for publishable copy.", style="yellow")
    notes(answer, page)
