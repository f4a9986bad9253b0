"""What the voice models see of a text: three views, none of which shows what the text is about.

Character 2-5-grams of a distorted text in which every word outside a common vocabulary is masked letter by letter (Stamatatos
2017, "Authorship attribution using text distortion"), the rates of the common words, and the countable habits. Texts are
cut into stretches of about 120 words, so that length decides nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from .habits import HABITS, WORD, habits, words

STRETCH_WORDS = 120
MOST_GRAMS = 20_000
ENGLISH = 0.2         # share of running words in COMMON under which the pieces are in another language
SHARED = 0.25         # there, a word in this share of the pieces of both sides belongs to the common vocabulary
WORDS_LENGTH = 10.0   # brings a row of scaled common-word rates to about unit length, as the other views have
COMMON = frozenset("""
a about above across actually after afterwards again against ago ahead all almost alone along already also although always am among an
and another any anybody anyone anything anyway anywhere apart are aren't around as aside ask asked at away back be became because become
becomes been before began begin behind being below beside besides best better between beyond big bit both brief briefly but by call called
came can can't cannot certain certainly come comes coming could couldn't did didn't different do does doesn't doing don't done down during
each early either else enough especially even ever every everybody everyone everything everywhere exactly except far few fewer finally find
first five for four from full further gave get gets getting give given gives giving go goes going gone good got great had hadn't half hard
hardly has hasn't have haven't having he he'd he'll he's hence her here here's hers herself him himself his how however i i'd i'll i'm i've
if in indeed instead into is isn't it it'd it'll it's its itself just keep keeps kept kind knew know known knows large last late later least
less let let's like likely little long look looked looking looks lot made mainly make makes making many may maybe me mean means might mine
more moreover most mostly much must mustn't my myself near nearly need needed needs neither never nevertheless new next no nobody none nor
not nothing now nowhere of off often oh ok okay old on once one ones only onto or other others otherwise ought our ours ourselves out over
own part perhaps please plenty possible possibly probably put puts quite rather read really right said same saw say says second see seem
seemed seems seen several shall she she'd she'll she's short should shouldn't simply since six small so some somebody somehow someone
something sometimes somewhat somewhere soon sort still such sure take taken takes taking tell ten than thank thanks that that'll that's the
their theirs them themselves then there there's thereby therefore these they they'd they'll they're they've thing things think third this
those though three through throughout thus to together too took toward towards tried true truly try turn twice two under unless unlike until
up upon us use used using usually various very via want wanted wants was wasn't way ways we we'd we'll we're we've well went were weren't
what what's whatever when whenever where whereas wherever whether which while who who's whoever whole whom whose why will with within
without won't would wouldn't yes yet you you'd you'll you're you've your yours yourself yourselves
""".split())


class Views:
    """The three views of a stretch as one sparse row: n-grams of the distorted text, common words, habits.

    n-grams count from 3 stretches on, the commonest MOST_GRAMS of them; where `rarest` is given, from that share of the stretches on,
    all of them: no order among equals then decides which are seen.
    """

    def __init__(self, pieces: Sequence[str], labels: np.ndarray, rarest: float | None = None):
        self._kept = common_words(pieces, labels)
        self._numbers = {word: number for number, word in enumerate(sorted(self._kept))}
        least = rarest or (3 if len(pieces) >= 30 else 1)
        self._grams = CountVectorizer(analyzer="char", ngram_range=(2, 5), lowercase=False, min_df=least,
                                      max_features=None if rarest else MOST_GRAMS, dtype=np.float32)
        self._weights = TfidfTransformer(sublinear_tf=True)

    @property
    def vocabulary(self) -> list[str]:
        """The common words in the order of their columns."""
        return list(self._numbers)

    def learn(self, stretches: Sequence[str]) -> csr_matrix:
        """Rows of the stretches to learn from; fixes the n-grams and the scales."""
        counts = self._grams.fit_transform([self._distort(text) for text in stretches])
        self._weights.fit(counts)
        rates, counted = self._word_rates(stretches), habit_table(stretches)
        self._word_scale = 1.0 / np.maximum(rates.std(axis=0), 1e-3)
        self._habit_mean, self._habit_scale = counted.mean(axis=0), 1.0 / np.maximum(counted.std(axis=0), 1e-3)
        return self._joined(counts, rates, counted)

    def rows(self, stretches: Sequence[str]) -> csr_matrix:
        """Rows of any stretches, (stretches, n-grams + common words + habits)."""
        counts = self._grams.transform([self._distort(text) for text in stretches])
        return self._joined(counts, self._word_rates(stretches), habit_table(stretches))

    def habit_rows(self, counted: np.ndarray) -> np.ndarray:
        """Standardised habits (stretches, habits), clipped, scaled to about unit length a row."""
        return np.clip((counted - self._habit_mean) * self._habit_scale, -3.0, 3.0) / np.sqrt(len(HABITS))

    def _joined(self, counts: csr_matrix, rates: np.ndarray, counted: np.ndarray) -> csr_matrix:
        common = np.minimum(rates * self._word_scale, 4.0) / WORDS_LENGTH
        return hstack([self._weights.transform(counts), csr_matrix(common), csr_matrix(self.habit_rows(counted))], format="csr")

    def _word_rates(self, stretches: Sequence[str]) -> np.ndarray:
        rates = np.zeros((len(stretches), len(self._numbers)))
        for row, text in enumerate(stretches):
            found = words(text)
            for word in found:
                if word in self._numbers:
                    rates[row, self._numbers[word]] += 1.0 / len(found)
        return rates

    def _distort(self, text: str) -> str:
        """The text with topic words masked: letters as x or X, digits as 0; line breaks kept as a visible mark."""
        plain = text.strip().replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').replace("\r", "")
        masked = WORD.sub(lambda match: match.group() if match.group().lower() in self._kept else _mask(match.group()), plain)
        marked = re.sub(r"\n+", lambda match: " ¶¶ " if len(match.group()) > 1 else " ¶ ", masked)
        return re.sub(r"[ \t]+", " ", f" {marked} ")


def _mask(word: str) -> str:
    return "".join("0" if letter.isdigit() else "X" if letter.isupper() else "x" if letter.isalpha() else letter for letter in word)


def common_words(pieces: Sequence[str], labels: np.ndarray) -> frozenset[str]:
    """The words that are not masked: COMMON, and where the pieces are not in English also the words that both sides share.

    In English shared words would only add topic: two sides about health share "blood", and then its rate tells them apart.
    """
    counts: list[Counter[str]] = [Counter(), Counter()]
    english = total = 0
    for text, label in zip(pieces, labels, strict=True):
        found = words(text)
        counts[label].update(set(found))
        english, total = english + sum(word in COMMON for word in found), total + len(found)
    if english >= ENGLISH * total:
        return COMMON
    contrast_size, own_size = np.bincount(labels) * SHARED
    return COMMON | {word for word, count in counts[1].items()
                     if count >= own_size and counts[0][word] >= contrast_size and not word[0].isdigit()}


def stretches_of(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Each text in equal stretches of about STRETCH_WORDS, cut at line and sentence ends, and each stretch's text number."""
    cut, piece_of = [], []
    for number, text in enumerate(texts):
        parts = _cut(text)
        cut.extend(parts)
        piece_of.extend([number] * len(parts))
    return cut, np.asarray(piece_of)


def _cut(text: str) -> list[str]:
    starts = np.asarray([match.start() for match in WORD.finditer(text)])
    pieces = round(len(starts) / STRETCH_WORDS)
    if pieces < 2:
        return [text]
    ends = np.asarray([match.end() for match in re.finditer(r"\n+|(?<=[.!?])\s+", text)] or [0])
    passed = np.searchsorted(starts, ends)
    cuts = sorted({int(ends[np.abs(passed - part * len(starts) / pieces).argmin()]) for part in range(1, pieces)})
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return [part for part in parts if WORD.search(part)] or [text]


def habit_table(stretches: Sequence[str]) -> np.ndarray:
    return np.asarray([list(habits(text).values()) for text in stretches])
