"""The first screen of a report in words: what was asked, what was found, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.words import number, percent, percents, shown
from .context import ReportContext

STARTER = ("Starter base: this model was tuned from one of adtune's small starter bases. It is for learning, tests and offline use, not "
           "for publishable copy. The figures compare its arms with each other; they say nothing about what a larger base would reach.")

# what to do when a gate says no
AFTER_NO = {
    "gain": "Keep writing with the better of the base and the prompted base. Collect more approved pieces, or try another method, then "
            "evaluate again.",
    "forgetting": "Tune again with more replay of general text, fewer epochs or a lower rank, so that the model keeps its general skill.",
    "memorised": "Read the repeated passage below. If it is not boilerplate, remove duplicates from the archive or tune for fewer epochs.",
    "on_brand": "Read the drafts below side by side. Keep the prompted base until the tuned drafts are at least as often "
                "in the client's voice.",
    "claims": "Give facts in the briefs, have every marked claim checked before anything is published, and curate with "
              "--set unbriefed_facts=strip, so that training teaches no invention.",
}
OF_A_LIMIT = "Read the chapter of {}: it does not keep the limit that was set."
# what to do when a gate was not measured
AFTER_NULL = {
    "gain": "Import more pieces, so that enough of them are held out to compare the arms.",
    "forgetting": "Give general text (--general-text), so that forgetting can be measured.",
    "memorised": "Evaluate with drafts, so that copying from training pieces can be checked.",
    "on_brand": "Have writers rate drafts without knowing the arm: no scorer could tell this client's voice reliably enough.",
    "claims": "Evaluate with drafts, so that claims can be checked against their briefs.",
}


def asked(context: ReportContext) -> str:
    """The question of the evaluation in one paragraph."""
    count = context.pieces.get("train")
    learned = f"{count:,} of the client's pieces" if count is not None else "the client's pieces"
    return (f"Does the model tuned on {learned} write more like {context.client} than the same base does alone, and than the base does "
            "with the best prompt we can give it? Everything here was measured on pieces that training never saw.")


def found(result: Mapping[str, Any]) -> str:
    """The verdict in one or two sentences."""
    no = [name for name, gate in result["gates"].items() if gate["passed"] is False]
    unknown = [name for name, gate in result["gates"].items() if gate["passed"] is None]
    if no:
        told = f"It is not ready: {_listed(no)} said no."
    elif len(unknown) == len(result["gates"]):
        told = "No gate could be measured, so nothing can be said for or against it."
    elif unknown:
        told = "Nothing that was measured speaks against it."
    else:
        told = "It passed every gate."
    counts = [gate["passed"] for gate in result["gates"].values()]
    told += f" {counts.count(True)} of {len(counts)} gates passed, {counts.count(False)} failed."
    return f"{told} {_gain(result['held_out'])}" + (f" Not measured: {_listed(unknown)}." if unknown else "")


def next_steps(result: Mapping[str, Any], adapter: str) -> list[str]:
    """What to do next, most pressing first."""
    gates = result["gates"]
    steps = [AFTER_NO.get(name, OF_A_LIMIT.format(name)) for name, gate in gates.items() if gate["passed"] is False]
    if steps:
        steps.insert(0, f"Do not put {adapter} live yet.")
    elif gates["gain"]["passed"] is None:
        steps.append(f"Do not put {adapter} live yet: whether tuning gained anything is not known.")
    else:
        steps.append("Let a writer read the drafts below, then write with it: adtune draft.")
    steps += [AFTER_NULL[name] for name, gate in gates.items() if gate["passed"] is None and name in AFTER_NULL]
    if not result["editing"]["calibrated"]:
        steps.append("Log how long editors need for some drafts (adtune rate --edits): until then effort is an index, and minutes saved "
                     "are not known.")
    return steps


def verdict(result: Mapping[str, Any]) -> str | None:
    """failed, passed, or None where no gate was measured."""
    said = {gate["passed"] for gate in result["gates"].values()}
    return "failed" if False in said else "passed" if True in said else None


def cards(result: Mapping[str, Any]) -> list[tuple[str, object, str]]:
    """The five headline figures: (label, value, note)."""
    held, brand, edit = result["held_out"], result["on_brand"], result["editing"]
    forgot, copied = result["forgetting"], result["memorised"]
    return [
        ("Gain in held-out loss", percent(held["gain"]) if held["gain"] is not None else None,
         f"over the {held['gain_over']} model; {_between(held['gain_interval'], percent)}" if held["gain_over"] else "no rival measured"),
        ("Drafts on-brand, tuned", percent(brand["tuned"]) if brand["tuned"] is not None else None,
         f"prompted base: {percent(brand['prompted'])}; {_between(brand['tuned_interval'], percent)}"),
        ("Editing effort, tuned", edit["effort_tuned"],
         f"prompted base: {shown(edit['effort_prompted'])}; 0 is nothing to edit; {_between(edit['effort_tuned_interval'], number)}"),
        ("General skill lost", forgot["delta"], f"nats per token; {_between(forgot['interval'], number)}"),
        ("Longest copied run", None if copied["longest_run_words"] is None else f"{copied['longest_run_words']:,} words",
         f"the client's own new pieces: {shown(copied['pieces']['longest_run_words'])}"),
    ]


def _gain(held: Mapping[str, Any]) -> str:
    if held["gain"] is None:
        return "How much tuning gained could not be measured."
    size = percents(abs(held["gain"]), None)
    told = f"Its loss on held-out pieces is {size} {'lower' if held['gain'] > 0 else 'higher'} than that of the {held['gain_over']} model"
    if held["gain"] == 0:
        told = f"Its loss on held-out pieces equals that of the {held['gain_over']} model"
    return f"{told} ({_between(held['gain_interval'], percent)})."


def _between(ends: list[float] | None, form: Any) -> str:
    return f"95\u00a0% interval {form(ends[0])} to {form(ends[1])}" if ends else "interval not measured"


def _listed(names: list[str]) -> str:
    words = [name.replace("_", "-") for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
