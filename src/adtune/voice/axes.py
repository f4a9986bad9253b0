"""How near a text comes to the client's voice on each axis (cadence, vocabulary, structure, tone), and what sets it apart.

One logistic regression an axis over that axis's columns of `traits.AXES` (habits and form of the whole text; the vocabulary also has the
rates of the common words), standardised over the pieces that it learned from. Terms are left out, so that the topic is held apart, and
so are the length and the number of paragraphs, which are a matter of format. Probabilities are calibrated on cross-fitted margins
(Platt 1999), sides balanced, as in `on_brand.py`.

What a sentence costs is measured by leaving it out. Of the habits that are out of what is usual for the client, and less so without the
sentence, the one that gives back most is told, with

    cost = weight of the habit * (its scaled rate without the sentence - its scaled rate)            log-odds
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from ..records import Interval
from .habits import HABITS, habits, sentences, words
from .on_brand import auc_interval, platt, side
from .traits import AXES, FORM, form
from .views import WORDS_LENGTH, common_words

C = 3.0                # of the logistic regressions, as likeness has it for an axis
LENGTHS = ("words", "paragraphs")   # of the form; a draft may be short for reasons of its own
USUAL = (0.1, 0.9)     # quantiles of the client's own pieces that are told as what is usual
LEAST_COST = 0.05      # log-odds; less is not told
# what more and less of a habit is called; a share is told in percent
TOLD: dict[str, tuple[str, str]] = {
    "mean_sentence_words": ("longer sentences", "shorter sentences"), "long_sentence_words": ("longer long sentences", "no long sentences"),
    "short_sentences_share": ("more short sentences", "fewer short sentences"),
    "paragraph_words": ("longer paragraphs", "shorter paragraphs"),
    "commas_per_100": ("more commas", "fewer commas"), "dashes_per_100": ("more dashes", "fewer dashes"),
    "colons_per_100": ("more colons", "fewer colons"), "semicolons_per_100": ("more semicolons", "fewer semicolons"),
    "brackets_per_100": ("more brackets", "fewer brackets"), "quotes_per_100": ("more quotation marks", "fewer quotation marks"),
    "conjunction_first_share": ("more sentences that open with and, but or so", "fewer sentences that open with and, but or so"),
    "mean_word_letters": ("longer words", "shorter words"), "long_words_share": ("more long words", "fewer long words"),
    "numbers_per_100": ("more numbers", "fewer numbers"), "capitals_per_100": ("more words in capitals", "fewer words in capitals"),
    "list_lines_share": ("more list lines", "fewer list lines"), "heading_lines_share": ("more headings", "fewer headings"),
    "lines_per_paragraph": ("more lines a paragraph", "fewer lines a paragraph"),
    "opening_words": ("a longer opening", "a shorter opening"),
    "opens_with_heading_or_list": ("opens with a heading or list", "opens without a heading or list"),
    "opens_with_question": ("opens with a question", "opens without a question"),
    "ends_with_full_stop": ("ends with a full stop", "ends without a full stop"),
    "ends_with_mark": ("ends with a mark such as ! or ?", "ends without a mark such as ! or ?"),
    "ends_with_list": ("ends with a list", "ends without a list"), "links_per_100": ("more links", "fewer links"),
    "bold_per_100": ("more bold", "less bold"), "second_person_per_100": ("more you", "less you"),
    "first_singular_per_100": ("more I", "less I"), "first_plural_per_100": ("more we", "less we"),
    "contractions_per_100": ("more contractions", "fewer contractions"), "passives_per_100": ("more passives", "fewer passives"),
    "hedges_per_100": ("more careful words", "fewer careful words"), "intensifiers_per_100": ("more strong words", "fewer strong words"),
    "exclamations_per_100_sentences": ("more exclamation marks", "fewer exclamation marks"),
    "questions_per_100_sentences": ("more questions", "fewer questions"),
}


@dataclass(frozen=True)
class Cost:
    """A sentence that pulls a text away from the voice on an axis: by how much (log-odds), and the habit that it breaks.

    `value` is the habit's figure in the text, `usual` the client's own range (the middle 80 % of its pieces); `told` says the break.
    """

    axis: str
    sentence: str
    cost: float
    habit: str
    told: str
    value: float
    usual: tuple[float, float]


@dataclass(frozen=True)
class _Scale:
    """The columns of an axis and how they are scaled: (value - mean) * scale, clipped at `most` [columns each]."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    most: np.ndarray

    def rows(self, table: np.ndarray) -> np.ndarray:
        return np.clip((table[:, self.columns] - self.mean) * self.scale, -self.most, self.most)


@dataclass(frozen=True)
class _Axis:
    """One axis: its scale, its classifier with calibration, and what is usual among the client's own pieces [2, columns]."""

    scale: _Scale
    model: LogisticRegression
    slope: float
    offset: float
    usual: np.ndarray

    def margins(self, table: np.ndarray) -> np.ndarray:
        """Calibrated log-odds [texts]."""
        return self.slope * self.model.decision_function(self.scale.rows(table)) + self.offset if len(table) else np.empty(0)


class AxisScorers:
    """Calibrated scores on each axis; made by `fit`, the same for the same pieces and seed."""

    def __init__(self, vocabulary: Sequence[str], axes: dict[str, _Axis]):
        self._names = _names(vocabulary)
        self._words = {word: number for number, word in enumerate(vocabulary)}
        self._axes = axes

    @classmethod
    def fit(cls, own: Sequence[str], contrast: Sequence[str], seed: int = 0) -> AxisScorers:
        """Learn from the client's own pieces and contrast pieces. Raises TrainingError under 6 of either: then nothing is measured."""
        order = np.random.default_rng(seed)
        sides = [side("own", own, order), side("contrast", contrast, order)]
        labels = np.repeat([1, 0], [len(one) for one in sides])
        folds = np.concatenate([np.arange(len(one)) % min(5, min(map(len, sides)) // 2) for one in sides])
        pieces = sides[0] + sides[1]
        vocabulary = sorted(common_words(pieces, labels))
        made = cls(vocabulary, {})
        table = made._table(pieces)
        made._axes = {axis: _fitted(table, _columns(made._names, axis), labels, folds) for axis in AXES}
        return made

    def scores(self, texts: Sequence[str]) -> dict[str, list[float]]:
        """The probability of each text on each axis, in [0, 1]; a text without words is in nobody's voice: 0."""
        table, spoken = self._table(texts), [bool(words(text)) for text in texts]
        return {axis: [float(chance) if said else 0.0 for chance, said in zip(expit(one.margins(table)), spoken, strict=True)]
                for axis, one in self._axes.items()}

    def auc_on(self, own_unseen: Sequence[str], contrast_unseen: Sequence[str]) -> dict[str, Interval]:
        """The AUC of each axis on pieces that `fit` did not see; Interval(None) where a side is empty."""
        own, other = self._table(own_unseen), self._table(contrast_unseen)
        return {axis: auc_interval(one.margins(own), one.margins(other)) for axis, one in self._axes.items()}

    def costly(self, text: str, axes: Sequence[str], most: int = 3) -> list[Cost]:
        """The sentences that cost most on those of these axes where the text is not on-brand, dearest first."""
        parts, whole = _parts(text), self._table([text])
        low = [axis for axis in axes if self._axes[axis].margins(whole)[0] < 0]
        if not low or len(parts) < 2:  # without its only sentence a text says nothing
            return []
        table = np.concatenate([whole, self._table([text[:start] + text[end:] for start, end in parts])])
        found: dict[int, Cost] = {}
        for axis in low:
            for number, (start, end) in enumerate(parts):
                told = self._cost(axis, " ".join(text[start:end].split()), table[[0, number + 1]])
                if told.cost >= LEAST_COST and (number not in found or told.cost > found[number].cost):
                    found[number] = told
        return sorted(found.values(), key=lambda one: -one.cost)[:most]

    def _cost(self, axis: str, sentence: str, table: np.ndarray) -> Cost:
        """The habit that gives back most without the sentence; `table` holds the text with and without it [2, columns]."""
        one = self._axes[axis]
        rows, values = one.scale.rows(table), table[:, one.scale.columns]
        more, less = (values[0] > one.usual[1]) & (values[1] < values[0]), (values[0] < one.usual[0]) & (values[1] > values[0])
        parts = np.where(more | less, one.slope * one.model.coef_[0] * (rows[1] - rows[0]), 0.0)
        column = int(parts.argmax())
        name, (low, high) = self._names[one.scale.columns[column]], one.usual[:, column].tolist()
        return Cost(axis, sentence, float(parts[column]), name, _told(name, bool(more[column])), float(values[0, column]), (low, high))

    def _table(self, texts: Sequence[str]) -> np.ndarray:
        """Habits, form and rates of the common words of each text [texts, columns]."""
        table = np.zeros((len(texts), len(self._names)))
        first = len(HABITS) + len(FORM)
        for row, text in enumerate(texts):
            table[row, :first] = [*habits(text).values(), *form(text).values()]
            said = words(text)
            for word in said:
                if word in self._words:
                    table[row, first + self._words[word]] += 100.0 / len(said)
        return table


def shown(habit: str, value: float) -> str:
    """A habit's figure as people read it: shares in percent, logarithms of lengths undone."""
    if habit.endswith("_share") or habit.startswith(("opens_", "ends_")):
        return f"{value:.0%}"
    if habit == "opening_words":
        return f"{2 ** value - 1:.0f}"
    return f"{2 ** value - 1:.1f}" if habit == "lines_per_paragraph" else f"{value:.3g}"


def _names(vocabulary: Sequence[str]) -> list[str]:
    return [*HABITS, *FORM, *(f"word: {word}" for word in vocabulary)]


def _columns(names: Sequence[str], axis: str) -> np.ndarray:
    members = set(AXES[axis]) - set(LENGTHS)
    return np.asarray([place for place, name in enumerate(names) if name in members or (axis == "vocabulary" and name[:6] == "word: ")])


def _told(name: str, more: bool) -> str:
    if name.startswith("word: "):
        return f"{'more' if more else 'less'} »{name[6:]}«"
    return TOLD[name][0 if more else 1]


def _fitted(table: np.ndarray, columns: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> _Axis:
    part = table[:, columns]
    spread = np.maximum(part.std(axis=0), 1e-3)
    counted = columns < len(HABITS) + len(FORM)
    length = np.where(counted, np.sqrt(counted.sum()), WORDS_LENGTH)
    scale = _Scale(columns, np.where(counted, part.mean(axis=0), 0.0), 1.0 / (spread * length), np.where(counted, 3.0, 4.0) / length)
    rows, margins = scale.rows(table), np.zeros(len(table))
    for fold in range(folds.max() + 1):
        left = folds == fold
        margins[left] = _classifier(rows[~left], labels[~left]).decision_function(rows[left])
    slope, offset = platt(margins, labels)
    return _Axis(scale, _classifier(rows, labels), slope, offset, np.quantile(part[labels == 1], USUAL, axis=0))


def _classifier(rows: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=C, class_weight="balanced", solver="liblinear", max_iter=1000, random_state=0).fit(rows, labels)


def _parts(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in the text, without list and heading marks."""
    found, place = [], 0
    for sentence in sentences(text):
        match = re.compile(r"\s+".join(map(re.escape, sentence.split()))).search(text, place)
        if match:
            found.append(match.span())
            place = match.end()
    return found
