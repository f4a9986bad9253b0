"""How answers about campaign rows look to people."""

from __future__ import annotations

from .desk import Answer
from .page import Page
from .show_tune import notes, plain, verdict

SHOWN = 20


def tuned(answer: Answer, page: Page) -> None:
    """A run of the task response."""
    best = answer["best"] or {}
    rows = [(one["step"], one["validation_loss"], one["train_loss"], one["general_loss"], "best" if one["step"] == best.get("step") else "")
            for one in answer["evaluations"]]
    page.table(("Step", "Validation, nats a row", "Training", "Generated advertisers", ""), rows)
    sizes, gate = answer["rows"] or {}, answer["gate"] or {}
    page.pairs({"adapter": answer["adapter"] or "none", "run": answer["run"], "base": answer["base"], "method": answer["method"],
                "learned": f"{answer['outcome']} for {answer['exposure']}",
                "rows": f"{plain(sizes.get('train'))} to train, {plain(sizes.get('validation'))} to validate, "
                         f"{plain(sizes.get('test'))} held out",
                "best": f"step {plain(best.get('step'))}", "gate": f"{plain(gate.get('blend'))} of the tuned model",
                "forgetting": plain(answer["forgetting"])})
    notes(answer, page)


def evaluated(answer: Answer, page: Page) -> None:
    """A response adapter on later rows."""
    arms = answer["measures"]["arms"]
    page.table(("Way", "Deviance a row", "Outcomes over expectation", "Tuned lies below it by"),
               [(name, one["deviance"], one["observed_to_expected"], None if one["tuned_below"] is None else f"{one['tuned_below']:.1%}")
                for name, one in arms.items()])
    covered = answer["measures"]["coverage"]
    page.pairs({f"80 % intervals cover, {name}": _share(covered[name]["covered"]) for name in ("rows", "days", "weeks", "cells")})
    page.table(("Gate", "", "Value", "Limit"), [(name, verdict(one["passed"]), one["value"], one["limit"]) for name,
                                                one in answer["gates"].items()])
    for heading, lines in (("New here", answer["new_here"]), ("Not known", answer["not_known"])):
        for line in lines:
            page.line(f"{heading}: {line}")
    page.pairs({"report": answer["report"]})
    notes(answer, page)


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.0%}"


def predicted(answer: Answer, page: Page) -> None:
    """Rates of the first rows, and what moves them."""
    page.line(f"{answer['outcome']} for one of {answer['exposure']}, with intervals that should cover {answer['level']:.0%}", style="bold")
    rows = [(one["row"], one["rate"], *(one["interval"] or (None, None)), "yes" if one["supported"] else f"no: {one.get('reason', '')}",
             "; ".join(part["words"] for part in one.get("drivers", ())[:2])) for one in answer["rows"][:SHOWN]]
    page.table(("Row", "Rate", "Low", "High", "Supported", "What moves it"), rows)
    if len(answer["rows"]) > SHOWN:
        page.line(f"… and {len(answer['rows']) - SHOWN:,} more rows; --out CSV or --json gives all.")
    if total := answer["total"]:
        low, high = total["interval"]
        page.line(f"In all: {total['expected']:,.0f} {answer['outcome']} expected, {low:,.0f} to {high:,.0f} with {answer['level']:.0%}.")
    page.pairs({"adapter": answer["adapter"] or "none", "written": answer["out"] or "to no file"})
    notes(answer, page)


def advised(answer: Answer, page: Page) -> None:
    """Advice on campaign rows."""
    page.line(f"{answer['verdict']}: {answer['reason']}", style="bold")
    page.table(("Check", "Status", "Found", "Recommended"),
               [(one["check"], one["status"], one["message"], one["recommendation"]) for one in answer["findings"]])
    page.table(("Way", "Measured", "Score"), [(one["name"], one["metric"], one["score"]) for one in answer["candidates"]])
    notes(answer, page)


def pretrained(answer: Answer, page: Page) -> None:
    """A finished response base."""
    page.pairs({"base": answer["base"], "parameters": answer["parameters"], "advertisers": answer["advertisers"], "rows": answer["tokens"],
                "seconds": answer["seconds"], "nats a row above the truth": answer["excess"]["mean"]})
    notes(answer, page)
