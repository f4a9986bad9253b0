"""The chapters of a report on the drafts themselves: the voice on four axes, format and terms, claims, and drafts side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.page import Page
from ..report.words import percents, shown
from .arms import ARMS, TUNED
from .chapters import NAMES, count, interval
from .context import PUBLISHED, ReportContext
from .countable import PIECES
from .differences import differences

SHOWN_BRIEFS, SHOWN_SENTENCES, SHOWN_CLAIMS, SHOWN_USES = 3, 12, 20, 10
COLUMNS = (*ARMS, PIECES)


def axes(page: Page, result: Mapping[str, Any]) -> None:
    """Each axis with its scorer's AUC, and the sentences of tuned drafts that cost most."""
    brand = result["on_brand"]
    rows = [[axis.capitalize(), interval(row["auc"], row["auc_interval"]), *_shares(row),
             percents(row["tuned_less_prompted"], row["tuned_less_prompted_interval"])] for axis, row in brand["axes"].items()]
    dear = sorted(brand["costly"][TUNED], key=lambda one: -one["cost"])[:SHOWN_SENTENCES]
    told = [[one["axis"], one["sentence"], f"{one['told']}: {one['value']}; the client's pieces {one['usual'][0]} to {one['usual'][1]}"]
            for one in dear]
    page.section(
        "The voice on four axes",
        page.table(["Axis", "Scorer's AUC", *(NAMES[name] for name in COLUMNS), "Tuned less prompted"], rows),
        page.paragraph("Cadence is the length of sentences and their punctuation; vocabulary the words; structure how a text opens, ends "
                       "and is laid out; tone how it speaks. Shares are those that the axis's scorer takes for the client's. An axis "
                       "whose scorer cannot tell the client from others is not measured."),
        *([page.heading("Sentences that cost most in the tuned drafts"), page.table(["Axis", "Sentence", "Habit that it breaks"], told)]
          if told else []))


def words(page: Page, result: Mapping[str, Any]) -> None:
    """Format and terms by arm, beside the client's own pieces."""
    form, term = result["measures"]["format"], result["measures"]["terms"]
    heads = [NAMES[column] for column in COLUMNS]
    rows = [["All rules of the format", *_shares(form["all"])], ["Rules that a text keeps, mean", *_shares(form["kept"])],
            *([f"Rule: {rule}", *_shares(row)] for rule, row in form["rules"].items())]
    of_terms = [["Uses of terms that are right", *_shares(term["right"])],
                ["Terms of the published text that are used", *_shares(term["used"])],
                ["Held-out loss within terms", *(interval(term["loss"][name], term["loss"][f"{name}_interval"]) for name in ARMS), ""]]
    wrong = [[one["said"], one["house"] or "not at all (guide)", one["times"]] for one in term["wrong"][TUNED][:SHOWN_USES]]
    page.section(
        "Format and terms",
        page.table(["Format", *heads], rows),
        page.paragraph("The rules are learned from training pieces of the same content type, with the limits of ad formats beside them. "
                       "The client's own new pieces show how often the house keeps them."),
        page.table(["Terms", *heads], of_terms),
        page.paragraph(f"{count(term['terms'], 'term')} stand out in the training pieces or are asked for by the guide; "
                       f"{count(term['forbidden'], 'word')} the guide forbids."),
        *([page.heading("Wrong uses in the tuned drafts"), page.table(["Draft", "House", "Times"], wrong)] if wrong else []))


def claims(page: Page, result: Mapping[str, Any]) -> None:
    """Claims without support: how many by arm, and each of them in the tuned drafts."""
    row = result["measures"]["claims"]
    each = [interval(row["per_draft"][name], row["per_draft"][f"{name}_interval"]) for name in COLUMNS]
    marked = row["marked"][TUNED]
    told = [[one["brief"] + 1, one["kind"], one["text"], one["around"]] for one in marked[:SHOWN_CLAIMS]]
    more = f" {len(marked) - SHOWN_CLAIMS} more stand in report.json." if len(marked) > SHOWN_CLAIMS else ""
    page.section(
        "Claims that nobody vouches for",
        page.table(["Texts", *(NAMES[column] for column in COLUMNS)],
                   [["Claims without support, a text", *each], ["Share of all claims", *_shares(row["share"])],
                    ["Texts with any", *_shares(row["drafts"])]]),
        page.paragraph("Figures, names, dates, prices and quotations that stand neither in the brief nor in the guide, and that the house "
                       "does not tell again and again. Somebody has to check each of them before it is published. The client's own pieces "
                       f"had sources that their briefs do not hold.{more}"),
        *([page.table(["Draft", "Kind", "Claim", "Where"], told)] if told else []))


def drafts(page: Page, context: ReportContext, result: Mapping[str, Any]) -> None:
    """The first briefs with every arm's draft and the published text beside each other, differences marked; nothing was picked."""
    told = [name for name in ARMS if context.drafts.get(name)]
    published = context.drafts.get(PUBLISHED, ())
    blocks: list[str] = []
    for index, brief in enumerate(context.briefs[:SHOWN_BRIEFS] if told or published else ()):
        final = published[index] if index < len(published) else ""
        columns = []
        for name in told:
            marked = [(one["start"], one["end"]) for one in result["measures"]["claims"]["marked"].get(name, ()) if one["brief"] == index]
            draft = context.drafts[name][index] if index < len(context.drafts[name]) else ""
            parts, answer = differences(draft, final, marked)
            columns.append((NAMES[name], parts if draft else [("(empty)", "")]))
        if published:
            columns.append((NAMES[PUBLISHED], answer if told else [(final, "")]))
        blocks += [page.heading(brief or "(a brief without a title)"), page.marked_columns(columns)]
    lead = "No drafts were made."
    if blocks:
        lead = (f"The first {count(len(blocks) // 2, 'held-out brief')}; none was picked by hand. Struck out: what the published text does "
                "not have. Underlined in the published text: what the last draft before it does not have. Dotted: a claim without support.")
    page.section("Drafts side by side", page.paragraph(lead), *blocks)


def _shares(row: Mapping[str, Any]) -> list[str]:
    return [percents(row[name], row[f"{name}_interval"]) if name in row else shown(None) for name in COLUMNS]
