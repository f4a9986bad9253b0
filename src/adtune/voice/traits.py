"""What likeness to a voice is judged by: one row of columns a piece, each column under the axis that it belongs to.

Columns come from the views of `views.py` (n-grams of the distorted text, rates of common words, habits), averaged over at most
STRETCHES stretches of a piece, from the form of the whole piece (how it opens, ends, is laid out), and from the house's terms: words
outside the common vocabulary, TF-IDF weighted. The terms are the only columns that show what a text is about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.feature_extraction.text import TfidfVectorizer

from .habits import HABITS, HEADING_LINE, LIST_LINE, MARKER, words
from .views import COMMON, Views, stretches_of

STRETCHES = 4          # stretches of a piece that are looked at, evenly spread: some 480 words
LEARNED_STRETCHES = 2000   # stretches, evenly spread, that fix n-grams and scales
RAREST_GRAM = 0.01     # share of those stretches in which an n-gram must stand
TERMS_LENGTH = 3.0     # length of a piece's row of terms; the other views have about 1 each
FORM_LENGTH = 0.5      # scales the standardised form of a piece to about this length
FORM: tuple[str, ...] = (
    "words", "paragraphs", "lines_per_paragraph", "opening_words", "opens_with_heading_or_list", "opens_with_question",
    "ends_with_full_stop", "ends_with_mark", "ends_with_list", "links_per_100", "bold_per_100",
)
AXES: dict[str, tuple[str, ...]] = {
    "cadence": ("mean_sentence_words", "long_sentence_words", "short_sentences_share", "paragraph_words", "commas_per_100",
                "dashes_per_100", "colons_per_100", "semicolons_per_100", "brackets_per_100", "quotes_per_100", "conjunction_first_share"),
    "vocabulary": ("mean_word_letters", "long_words_share", "numbers_per_100", "capitals_per_100"),
    "structure": ("list_lines_share", "heading_lines_share", *FORM),
    "tone": ("second_person_per_100", "first_singular_per_100", "first_plural_per_100", "contractions_per_100", "passives_per_100",
             "hedges_per_100", "intensifiers_per_100", "exclamations_per_100_sentences", "questions_per_100_sentences"),
}
_LINK = re.compile(r"https?://|\]\(")
_BOLD = re.compile(r"\*\*|__")


@dataclass(frozen=True)
class Traits:
    """Rows of pieces [pieces, columns] with the name of every column ("" for n-grams) and the columns of each axis.

    The vocabulary's columns are its habits, the common words (named "word: the") and the terms (named "term: premium").
    """

    rows: csr_matrix
    names: tuple[str, ...]
    axes: dict[str, np.ndarray]

    @property
    def apart(self) -> csr_matrix:
        """The rows without the terms: the topic held apart."""
        return self.rows[:, :sum(not name.startswith("term: ") for name in self.names)]


def traits_of(texts: Sequence[str], labels: np.ndarray) -> Traits:
    """The traits of `texts`; `labels` (1 own, 0 other, -1 unknown) only decide which words are common where the texts are not English."""
    stretches, piece_of = _spread(texts)
    known = [place for place, label in enumerate(labels) if label >= 0]
    views = Views([texts[place] for place in known], np.asarray(labels)[known], rarest=RAREST_GRAM)
    mean = csr_matrix((1.0 / np.bincount(piece_of)[piece_of], (piece_of, np.arange(len(piece_of)))), shape=(len(texts), len(stretches)))
    seen = (mean @ _seen(views, stretches)).tocsr()
    forms, (terms, term_names) = _forms(texts), _terms(texts)
    grams = seen.shape[1] - len(views.vocabulary) - len(HABITS)
    named = (*(f"word: {word}" for word in views.vocabulary), *HABITS, *FORM, *(f"term: {one}" for one in term_names))
    names = ("",) * grams + named
    axes = {axis: np.asarray([place for place, name in enumerate(names) if name in members or (axis == "vocabulary" and ": " in name)])
            for axis, members in AXES.items()}
    return Traits(hstack([seen, csr_matrix(forms), terms], format="csr"), names, axes)


def form(text: str) -> dict[str, float]:
    """How a piece is laid out, under the names in FORM; lengths as logarithms to base 2, a text without words has none of any."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words(text))
    if not count:
        return dict.fromkeys(FORM, 0.0)
    paragraphs = len(re.findall(r"\n\s*\n", text.strip())) + 1
    opening = re.split(r"(?<=[.!?…])\s", MARKER.sub("", lines[0]), maxsplit=1)[0]
    ending = lines[-1].rstrip("\"”’')]*_ ")
    return {
        "words": math.log2(count), "paragraphs": math.log2(paragraphs), "lines_per_paragraph": math.log2(len(lines) / paragraphs + 1),
        "opening_words": math.log2(1 + len(words(opening))),
        "opens_with_heading_or_list": float(bool(HEADING_LINE.match(lines[0]) or LIST_LINE.match(lines[0]))),
        "opens_with_question": float(opening.endswith("?")), "ends_with_full_stop": float(ending.endswith(".")),
        "ends_with_mark": float(ending.endswith(("!", "?", ":", "…"))), "ends_with_list": float(bool(LIST_LINE.match(lines[-1]))),
        "links_per_100": 100.0 * len(_LINK.findall(text)) / count, "bold_per_100": 100.0 * len(_BOLD.findall(text)) / count,
    }


def _spread(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """At most STRETCHES stretches of every text, evenly spread, with the number of their text."""
    stretches, piece_of = stretches_of(texts)
    totals = np.bincount(piece_of, minlength=len(texts))
    place = np.arange(len(piece_of)) - np.repeat(np.cumsum(totals) - totals, totals)
    many = totals[piece_of]
    # the k-th of `many` stretches is taken where a new one of STRETCHES equal parts begins with it
    taken = np.flatnonzero((many <= STRETCHES) | (place * STRETCHES % many < STRETCHES))
    return [stretches[one] for one in taken], piece_of[taken]


def _seen(views: Views, stretches: Sequence[str]) -> csr_matrix:
    """The rows of all stretches; those that fix n-grams and scales are looked at once."""
    learned = np.unique(np.linspace(0, len(stretches) - 1, min(len(stretches), LEARNED_STRETCHES)).astype(int))
    rest = np.setdiff1d(np.arange(len(stretches)), learned)
    parts = [views.learn([stretches[place] for place in learned])]
    if len(rest):
        parts.append(views.rows([stretches[place] for place in rest]))
    return vstack(parts, format="csr")[np.argsort(np.concatenate([learned, rest]))]


def _forms(texts: Sequence[str]) -> np.ndarray:
    table = np.asarray([list(form(text).values()) for text in texts])
    scaled = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-3)
    return FORM_LENGTH * np.clip(scaled, -3.0, 3.0) / math.sqrt(len(FORM))


def _terms(texts: Sequence[str]) -> tuple[csr_matrix, list[str]]:
    """TF-IDF rows over the words outside the common vocabulary that stand in two pieces or more."""
    bags = [_uncommon(text) for text in texts]
    if not _shared(bags):
        return csr_matrix((len(texts), 0)), []
    counter = TfidfVectorizer(analyzer=list, sublinear_tf=True, min_df=2)
    rows = counter.fit_transform(bags)
    return csr_matrix(rows * TERMS_LENGTH), counter.get_feature_names_out().tolist()


def _uncommon(text: str) -> list[str]:
    return [word for word in words(text) if word not in COMMON and not word[0].isdigit()]


def _shared(bags: Sequence[Sequence[str]]) -> bool:
    """Whether some word stands in two texts: without any there is nothing to count."""
    seen: set[str] = set()
    for bag in map(set, bags):
        if seen & bag:
            return True
        seen |= bag
    return False
