"""The voice of the kept pieces in a report: in figures, in pictures, and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ..report.page import Page
from ..report.plots import bars, intervals
from .dataset import Curated

if TYPE_CHECKING:
    from .choose import Learned

COUNTED = 300         # kept pieces, evenly spread, whose habits are counted
APART = 0.6           # standard deviations of other voices by which a habit sets the house apart
SENTENCES = 8         # habits that are told in a sentence at most
BANDS = 10
# what each habit is called, and how a higher or lower figure than that of other voices is said
TOLD = {
    "mean_sentence_words": ("words in a sentence", "Sentences are long: {own:.0f} words, against {other:.0f} elsewhere.",
                            "Sentences are short: {own:.0f} words, against {other:.0f} elsewhere."),
    "short_sentences_share": ("share of sentences of six words or fewer",
                              "Many sentences are very short: {own:.0%} have six words or fewer.",
                              "Very short sentences are rare: {own:.0%} have six words or fewer."),
    "mean_word_letters": ("letters in a word", "Words are long: {own:.1f} letters.", "Words are short: {own:.1f} letters."),
    "paragraph_words": ("words in a paragraph", "Paragraphs are long: {own:.0f} words.", "Paragraphs are short: {own:.0f} words."),
    "second_person_per_100": ("you, your in 100 words", "The reader is spoken to: you or your {own:.1f} times in 100 words.",
                              "The reader is hardly spoken to: you or your {own:.1f} times in 100 words."),
    "first_plural_per_100": ("we, our in 100 words", "The house speaks as we: {own:.1f} times in 100 words.",
                             "The house seldom says we: {own:.1f} times in 100 words."),
    "first_singular_per_100": ("I, my in 100 words", "The writer says I: {own:.1f} times in 100 words.",
                               "The writer hardly says I: {own:.1f} times in 100 words."),
    "contractions_per_100": ("contractions in 100 words", "It contracts (don't, it's): {own:.1f} times in 100 words.",
                             "It hardly contracts: {own:.1f} times in 100 words."),
    "passives_per_100": ("passives in 100 words", "The passive is common: {own:.1f} in 100 words.",
                         "The passive is rare: {own:.1f} in 100 words."),
    "hedges_per_100": ("hedges in 100 words", "It hedges (may, often, perhaps): {own:.1f} times in 100 words.",
                       "It seldom hedges: {own:.1f} times in 100 words."),
    "intensifiers_per_100": ("intensifiers in 100 words", "It intensifies (very, best, never): {own:.1f} times in 100 words.",
                             "It seldom intensifies: {own:.1f} times in 100 words."),
    "numbers_per_100": ("figures in 100 words", "It gives figures: {own:.1f} in 100 words.", "Figures are rare: {own:.1f} in 100 words."),
    "exclamations_per_100_sentences": ("exclamation marks in 100 sentences", "It exclaims: {own:.0f} times in 100 sentences.",
                                       "It does not exclaim: {own:.1f} times in 100 sentences."),
    "questions_per_100_sentences": ("questions in 100 sentences", "It asks questions: {own:.0f} in 100 sentences.",
                                    "It asks few questions: {own:.1f} in 100 sentences."),
    "list_lines_share": ("share of lines in lists", "Lists carry much of it: {own:.0%} of the lines.",
                         "Lists are rare: {own:.0%} of the lines."),
    "dashes_per_100": ("dashes in 100 words", "It likes dashes: {own:.1f} in 100 words.", "Dashes are rare: {own:.1f} in 100 words."),
}


def voice_blocks(page: Page, curated: Curated) -> list[str]:
    """The voice: how likeness was learned and how it falls, axis by axis, and the habits of the kept pieces beside other voices."""
    parts = _likeness(page, curated)
    if "ask" in (curated.selection.likeness or {}):
        rows = [(group["pieces"], "; ".join(group["typical"]), "; ".join(group["habits"])) for group in curated.selection.likeness["ask"]]
        parts += [page.heading("Which of these is the voice?"), page.table(("Pieces", "Most typical", "Habits"), rows)]
    return [*parts, *_habits(page, curated), *_house(page, curated)]


def _likeness(page: Page, curated: Curated) -> list[str]:
    told, learned = curated.selection.likeness or {}, curated.selection.learned
    if not told.get("voice") or learned is None:
        return [page.paragraph("Likeness to the voice is not measured: it is where a number to keep is given (--keep) and six pieces or "
                               "more are marked as gold or approved.")]
    known = told["auc_interval"]
    shown = page.paragraph(
        f"The voice was learned from {told['pieces']} {told['voice']} pieces; {told['passed']} pieces reach the limit of "
        f"{told['limit']:.2f}. Unseen ones of them score above pieces of other voices with a probability of {told['auc']:.3f}"
        + (f" ({known[0]:.3f} to {known[1]:.3f})." if known else "."))
    kept = {item.asset for item in curated.dataset.items}
    own = {piece.order for piece in curated.pieces if piece.asset.id in kept}
    return [shown, page.table(("Axis", "Mean of the pieces that passed"), list(told["axes"].items())), *_axes(page, learned, own),
            page.figure(bars(_bands(learned), " pieces", title="Pieces by their likeness to the voice"),
                        f"Pieces by their likeness to the voice, in tenths; under {learned.limit:.2f} a piece is dropped.")]


def _axes(page: Page, learned: Learned, own: set[int]) -> list[str]:
    """Each axis: the middle and the middle 80 % of the kept pieces, and of those under the limit."""
    import numpy as np

    places = {"kept": [place for place, order in enumerate(learned.orders) if order in own],
              "under the limit": [place for place in range(len(learned.orders)) if learned.likeness.scores[place] < learned.limit]}
    rows = []
    for axis, scores in learned.likeness.axes.items():
        for side, at in places.items():
            if at:
                low, middle, high = np.quantile(np.asarray(scores)[at], (0.1, 0.5, 0.9)).tolist()
                rows.append((f"{axis}, {side}", middle, low, high))
    told = "Likeness by axis: the middle, and the middle 80 %"
    return [page.figure(intervals(rows, "likeness", lower_is_better=False, title=told, colours=sum(map(bool, places.values()))),
                        "A dot is the middle piece, a line holds the middle 80 % of the pieces.")] if rows else []


def _bands(learned: Learned) -> list[tuple[str, int]]:
    counts = [0] * BANDS
    for place in range(len(learned.orders)):
        counts[min(BANDS - 1, int(learned.likeness.scores[place] * BANDS))] += 1
    return [(f"{band / BANDS:.1f} to {(band + 1) / BANDS:.1f}", count) for band, count in enumerate(counts)]


def _habits(page: Page, curated: Curated) -> list[str]:
    """Sentences about what sets the kept pieces apart from other voices, and the figures behind them."""
    import numpy as np

    own, other = _counted([item.example.text for item in curated.dataset.items]), _of_others()
    apart = {name: (float(np.mean(own[name])) - float(np.mean(other[name]))) / max(float(np.std(other[name])), 1e-6) for name in TOLD}
    order = sorted(TOLD, key=lambda name: (-abs(round(apart[name], 4)), name))
    said = [TOLD[name][1 if apart[name] > 0 else 2].format(own=float(np.mean(own[name])), other=float(np.mean(other[name])))
            for name in order if abs(apart[name]) >= APART][:SENTENCES]
    rows = [(TOLD[name][0], float(np.mean(own[name])), _middle(own[name]), float(np.mean(other[name]))) for name in order]
    told = said or ["No habit that is counted sets the kept pieces far apart from general text and other voices."]
    return [page.heading("What sets it apart"), page.items(told),
            page.details("The figures behind it", page.table(("Habit", "Mean", "Middle 80 %", "Other voices"), rows),
                         page.paragraph(f"Counted over {len(own['mean_sentence_words'])} kept pieces; other voices are general text and "
                                        "pieces in other voices that come with adtune."))]


def _house(page: Page, curated: Curated) -> list[str]:
    """The house's own way where it has the choice (spelling, dashes, numbers), and whether it changed over the days of its pieces."""
    if curated.judge is None:
        return []
    kept, change = curated.judge.manner.kept, curated.judge.change.rebrand
    rows = [(one.habit.name.replace("_", " "), one.choice, one.rate, one.pieces) for one in kept]
    parts = [page.heading("Its own way where there is a choice"), page.table(("Habit", "Its way", "Share of the pieces that show one",
                                                                             "Pieces that show one"), rows)] if rows else []
    if change is not None:
        parts.append(page.note(f"The house changed between {change.last} and {change.date}: {change.told}.", "warn"))
    return parts


@cache
def _of_others() -> dict[str, list[float]]:
    """The habits of general text and of the pieces in other voices that come with adtune."""
    from ..voice.likeness import contrast_voices

    return _counted(contrast_voices())


def _counted(texts: Sequence[str]) -> dict[str, list[float]]:
    import numpy as np

    from ..voice.habits import habits

    places = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), COUNTED)).astype(int))
    table = [habits(texts[place]) for place in places]
    return {name: [row[name] for row in table] for name in TOLD}


def _middle(values: Sequence[float]) -> str:
    import numpy as np

    low, high = np.quantile(values, (0.1, 0.9)).tolist()
    return f"{_short(low)} to {_short(high)}"


def _short(value: Any) -> str:
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
