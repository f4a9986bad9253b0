"""The last chapters of a report: how it was measured, where the adapter comes from, and what the words mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.page import Page
from .context import ReportContext

METHOD = (
    "Held-out loss is nats per target token over the first target tokens of each test piece, over the same targets in every arm. "
    "The prompted base is given the brand guide and the nearest training pieces, as much as its context holds.",
    "The gain compares the tuned model with the better of the base and the prompted base. Its interval is a paired bootstrap over pieces.",
    "The on-brand scorer learned from validation pieces and from other voices; its AUC was measured on test pieces and on voices it had "
    "not seen. A draft counts as on-brand from a score of 0.5. Below an AUC of 0.75 its scores are not shown.",
    "Editing effort is a compression distance from the draft to the published text: the new phrases that an editor would have to write. "
    "It becomes minutes only after calibration with logged edits.",
    "On each axis a scorer learned from the same pieces over the habits of that axis alone. What a sentence costs is what its dearest "
    "habit would give back if the sentence were left out.",
    "Format and terms are learned from training pieces: ranges that hold nearly all pieces of a content type, lines that nearly all of "
    "them have, and words that stand out from general text.",
    "Claims are found by rules, not by a model: what they cannot recognise is not marked, and a marked one may be true.",
    "Forgetting is the change of the loss on general text that neither training nor replay used.",
    "Memorisation counts runs of equal words between drafts and training pieces, without runs that stand in the brief.",
    "All intervals are 95 %: in 200 simulated repetitions with 24 pieces, each kind held the true value in 90 to 98 of 100. With few test "
    "pieces they are wide. A figure without an interval is an estimate, not a finding.",
)

GLOSSARY = (
    ("Base model", "the pre-trained model that fine-tuning starts from"),
    ("Prompted base", "the same base, shown the brand guide and some of the client's pieces before each brief"),
    ("Adapter", "the small set of weights that fine-tuning adds; the base's own weights do not change"),
    ("Held-out", "kept away from training, so that a good figure cannot come from remembering"),
    ("Loss", "how surprised a model is by the client's real text, in nats per token; lower is better"),
    ("Epoch", "one pass over all training pieces"),
    ("On-brand", "taken for the client's own text by a scorer that looks at style, not at topic"),
    ("Axis", "one side of the voice: cadence, vocabulary, structure or tone"),
    ("Term", "a word or phrase that the client's pieces use far more than general text, or that the guide asks for"),
    ("Claim without support", "a figure, name, date, price or quotation that neither brief, guide nor house tells"),
    ("Probe", "a prompt whose answer the model must not forget"),
    ("Catastrophic forgetting", "losing general skill while learning something narrow"),
    ("AUC", "how often a scorer ranks a piece of the client's above another voice's; 0.5 is chance, 1 is always"),
    ("95 % interval", "a range found in such a way that, over many repetitions with other pieces, 95 of 100 ranges hold the true value"),
)


def method(page: Page) -> None:
    page.section("How it was measured", page.items(METHOD))


def lineage(page: Page, context: ReportContext) -> None:
    """Hashes, counts and every setting with its source."""
    facts: list[tuple[str, Any]] = [
        ("Client", context.client), ("Adapter", context.adapter), ("Base", context.base + (" (a starter base)" if context.starter else "")),
        ("Base hash", context.base_hash), ("Dataset hash", context.dataset_hash),
        *((f"Pieces, {split}", count) for split, count in context.pieces.items()),
        ("Method", context.method), ("Training time, seconds", context.seconds)]
    page.section("Lineage", page.table(["What", "Value"], [[name, _text(value)] for name, value in facts]),
                 page.heading("Settings"), _settings(page, context.settings))


def glossary(page: Page) -> None:
    page.section("Glossary", page.terms(GLOSSARY))


def _settings(page: Page, settings: Mapping[str, tuple[Any, str]]) -> str:
    return page.table(["Setting", "Value", "Came from"], [[name, _setting(value), origin] for name, (value, origin) in settings.items()])


def _text(value: Any) -> Any:
    return f"{value:,}" if isinstance(value, int) else value if isinstance(value, str | None) else f"{value:,.1f}"


def _setting(value: Any) -> str:
    """Settings are shown exactly, not rounded; None is a choice here, not a missing measurement."""
    return "none" if value is None else str(value)
