"""The verb that sets two adapters of a client side by side: `compare`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..report.words import percent
from ..settings import EvaluateSettings
from .desk import Answer, Desk, Job
from .page import NOT_MEASURED, Page, plain, with_interval
from .words import CLIENT, Verb, argument, option, read_sets, sets


def _compare(said: SimpleNamespace) -> Job:
    options = read_sets(said.set, {"by": said.by, "general_text": said.general_text})

    def run(desk: Desk) -> Answer:
        from ..steps.comparison import compare

        return compare(desk.workspace, said.client, (said.a, said.b), options, desk.progress)

    return Job("compare", run, compared, lambda answer: f"show {answer[answer['choice'] or 'a']}",
               resume=f"compare {said.client} {said.a} {said.b}")


def compared(answer: Answer, page: Page) -> None:
    names = {name: answer[name] for name in ("a", "b")}
    choice = answer["choice"]
    who = f"{names[choice]} is" if choice else "Neither is shown to be"
    page.line(f"{who} better by {answer['by']}.", style="bold")
    page.line(answer["reason"])
    held, brand, edit, forgot = (answer[part] for part in ("held_out", "on_brand", "editing", "forgetting"))
    form, claims = answer["measures"]["format"]["kept"], answer["measures"]["claims"]["drafts"]
    rows = [("held-out loss, nats per token", held["loss_a"], held["loss_b"], _less(held)),
            ("on-brand rate", percent(brand["a"]), percent(brand["b"]), _less(brand)),
            ("editing effort", edit["effort_a"], edit["effort_b"], _less(edit)),
            ("general text lost, nats per token", forgot["delta_a"], forgot["delta_b"], _less(forgot)),
            ("format rules kept", percent(form["a"]), percent(form["b"]), _less(form)),
            ("drafts with unsupported claims", percent(claims["a"]), percent(claims["b"]), _less(claims)),
            ("longest verbatim run, words", *(answer["memorised"][name]["longest_run_words"] for name in names), "")]
    page.table((f"{answer['pieces']} pieces, {answer['briefs']} briefs", f"a: {names['a']}", f"b: {names['b']}", "a less b [95 %]"),
               [tuple(plain(cell) for cell in row) for row in rows])
    page.pairs({"better": {measure: one or "no difference shown" for measure, one in answer["better"].items()}, "report": answer["report"]})


def _less(row: Mapping[str, Any]) -> str:
    return NOT_MEASURED if row["a_less_b"] is None else with_interval(row["a_less_b"], row["a_less_b_interval"])


COMPARE = Verb(
    "compare", "Set two adapters side by side on pieces that neither has seen.", _compare,
    (CLIENT, argument("a", "A", "An adapter of the client."), argument("b", "B", "Another one."),
     option("--by", str, "MEASURE", "What the choice is made by: loss (the default), on_brand, effort or forgetting."),
     option("--general-text", str, "FILE", "General text to measure forgetting on, instead of our own."), sets(EvaluateSettings)),
    ("adtune compare acme adapter-1a2b adapter-3c4d", "adtune compare acme adapter-1a2b adapter-3c4d --by on_brand"),
    ("Differences are paired over pieces and briefs; one is only named better where the whole interval says so.",))
