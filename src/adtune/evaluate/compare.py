"""Two adapters of a client over the same held-out pieces and briefs: figures with intervals, and paired differences of a less b.

Neither adapter has trained on any of these pieces. A measure is better for one of the two only where the whole interval of the paired
difference says so; where it holds zero nothing is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..records import Interval
from ..report.brand import Brand
from ..report.page import UNBRANDED, Page
from ..report.words import percents, shown
from ..settings import EvaluateSettings
from ..stats import paired_ratio_difference, ratio_interval
from .arms import Material
from .axes import axes
from .chapters import interval
from .claims import claims
from .copying import shared
from .formats import formats, terms
from .likeness import editing, on_brand

A, B = PAIR = ("a", "b")
# measure: where its difference stands, and whether less is better
MEASURES: Mapping[str, tuple[str, bool]] = {
    "loss": ("held_out", True), "on_brand": ("on_brand", False), "effort": ("editing", True), "forgetting": ("forgetting", True),
}
General = Sequence[tuple[float, int]]


def compare_arms(material: Material, general: Mapping[str, tuple[General, General]], settings: EvaluateSettings, by: str) -> dict[str, Any]:
    """The JSON object of `compare`, but for the ids; `general` holds each adapter's general text before and after, `by` is the measure
    that the choice is made by, one of MEASURES."""
    seed = settings.seed
    brand = on_brand(material, seed, settings.memorised_limit, PAIR, PAIR) | axes(material, seed, PAIR, PAIR)
    effort = editing(material, seed, PAIR, PAIR)
    result: dict[str, Any] = {
        "pieces": len(material.arm(A).tokens), "briefs": len(material.briefs), "held_out": _held_out(material, seed), "on_brand": brand,
        "editing": {name: value for name, value in effort.items() if not name.startswith("minutes") and name != "calibrated"},
        "forgetting": _forgetting(general, seed),
        "memorised": {name: shared(material, material.arm(name).drafts, seed) for name in PAIR},
        "measures": {"format": formats(material, seed, PAIR, PAIR), "terms": terms(material, seed, PAIR, PAIR),
                     "claims": claims(material, seed, PAIR, PAIR)}}
    better = {name: _better(result[part]["a_less_b_interval"], less) for name, (part, less) in MEASURES.items()}
    return result | {"better": better, "by": by, "choice": better[by], "reason": _reason(result[MEASURES[by][0]], by, better[by])}


def _held_out(material: Material, seed: int) -> dict[str, Any]:
    """Losses of both, and their difference where they count the same targets."""
    row: dict[str, Any] = {}
    for name in PAIR:
        arm = material.arm(name)
        loss = ratio_interval(arm.nats, arm.tokens, seed=seed) if sum(arm.tokens) else Interval(None)
        row |= {f"loss_{name}": loss.value, f"loss_{name}_interval": loss.as_list()}
    first, second = (material.arm(name) for name in PAIR)
    both = sum(first.tokens) and first.tokens == second.tokens
    less = paired_ratio_difference(first.nats, second.nats, first.tokens, seed=seed) if both else Interval(None)
    return row | {"a_less_b": less.value, "a_less_b_interval": less.as_list(), "tokens": sum(first.tokens)}


def _forgetting(general: Mapping[str, tuple[General, General]], seed: int) -> dict[str, Any]:
    """What each forgot of its own base; the difference where both count the same targets."""
    row: dict[str, Any] = {}
    lost: dict[str, list[float]] = {}
    for name in PAIR:
        before, after = general[name]
        tokens = [count for _, count in before]
        lost[name] = [a - b for (a, _), (b, _) in zip(after, before, strict=True)]
        delta = ratio_interval(lost[name], tokens, seed=seed) if sum(tokens) else Interval(None)
        row |= {f"delta_{name}": delta.value, f"delta_{name}_interval": delta.as_list()}
    tokens, others = ([count for _, count in general[name][0]] for name in PAIR)
    same = bool(sum(tokens)) and tokens == others
    less = paired_ratio_difference(lost[A], lost[B], tokens, seed=seed) if same else Interval(None)
    return row | {"a_less_b": less.value, "a_less_b_interval": less.as_list()}


def _better(ends: Sequence[float] | None, less: bool) -> str | None:
    if ends is None or ends[0] <= 0 <= ends[1]:
        return None
    return A if (ends[1] < 0) == less else B


def _reason(row: Mapping[str, Any], by: str, choice: str | None) -> str:
    value, ends = row["a_less_b"], row["a_less_b_interval"]
    if value is None or ends is None:
        return f"{by} of the two could not be compared"
    told = f"{by}, a less b: {shown(Interval(value, *ends))}"
    return f"{told}; the interval holds zero, so no difference is shown" if choice is None else told


def compare_report(result: Mapping[str, Any], names: Mapping[str, str], client: str, brand: Brand = UNBRANDED) -> str:
    """The HTML of a comparison: what was asked, found and to do, then every measure side by side. `names` are the ids of a and b."""
    page = Page(f"{names[A]} or {names[B]}", client, brand)
    choice, better = result["choice"], result["better"]
    won = {name: [measure.replace("_", "-") for measure, one in better.items() if one == name] for name in PAIR}
    found = f"{names[choice]} is better by {result['by']}" if choice else f"Neither is shown to be better by {result['by']}"
    told = "; ".join(f"{names[name]} is better in {', '.join(some)}" for name, some in won.items() if some)
    page.section(
        "In short", page.heading("What was asked"),
        page.paragraph(f"Which of two models writes more like {client}? Both answered the same {result['briefs']} briefs and read the same "
                       f"{result['pieces']} pieces, which neither was trained on."),
        page.heading("What was found"), page.note(f"{found} ({result['reason']}).", "good" if choice else "warn"),
        page.paragraph(f"Over all measures: {told or 'no interval of a difference leaves zero out'}."),
        page.heading("What to do next"),
        page.items([f"Go on with {names[choice]}." if choice else "Keep the cheaper one, or hold out more pieces and compare again."]))
    held, on, edit, forgot = (result[part] for part in ("held_out", "on_brand", "editing", "forgetting"))
    rows = [["Held-out loss", *(interval(held[f"loss_{n}"], held[f"loss_{n}_interval"]) for n in PAIR), _less(held)],
            ["Drafts on-brand", *(percents(on[n], on[f"{n}_interval"]) for n in PAIR), percents(on["a_less_b"], on["a_less_b_interval"])],
            ["Editing effort", *(interval(edit[f"effort_{n}"], edit[f"effort_{n}_interval"]) for n in PAIR), _less(edit)],
            ["Nats per token lost on general text", *(interval(forgot[f"delta_{n}"], forgot[f"delta_{n}_interval"]) for n in PAIR),
             _less(forgot)],
            *([f"On-brand, {axis}", *(percents(row[n], row[f"{n}_interval"]) for n in PAIR),
               percents(row["a_less_b"], row["a_less_b_interval"])] for axis, row in on["axes"].items()),
            *([name, *(percents(row[n], row[f"{n}_interval"]) for n in PAIR), percents(row.get("a_less_b"), row.get("a_less_b_interval"))]
              for name, row in (("Format rules kept", result["measures"]["format"]["kept"]),
                                ("Terms used rightly", result["measures"]["terms"]["right"]),
                                ("Drafts with claims without support", result["measures"]["claims"]["drafts"]))),
            ["Longest run copied, words", *(result["memorised"][n]["longest_run_words"] for n in PAIR), ""]]
    page.section("Side by side", page.table(["Measure", names[A], names[B], "a less b"], rows),
                 page.paragraph(f"The scorer's AUC on unseen pieces: {shown(interval(on['scorer_auc'], on['scorer_auc_interval']))}. "
                                "Differences are paired over pieces or briefs; an interval without zero shows a difference."))
    return page.render()


def _less(row: Mapping[str, Any]) -> Interval:
    return interval(row["a_less_b"], row["a_less_b_interval"])
