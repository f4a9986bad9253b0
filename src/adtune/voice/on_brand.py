"""How likely a text is in the client's voice, with its topic held apart.

The scorer learns to tell the client's own pieces from contrast pieces by three views of a text, none of which shows what
the text is about: character 2-5-grams of a distorted text in which every word outside a common vocabulary is masked letter
by letter (Stamatatos 2017, "Authorship attribution using text distortion"), the rates of the common words, and the
countable habits. Texts are cut into stretches of about 120 words, so that length decides nothing, and a text scores the
mean of its stretches. The probability comes from scores that were cross-fitted by piece (Platt 1999), classes balanced:
0.5 means as likely as not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from ..errors import TrainingError
from ..records import Interval
from .habits import HABITS, WORD, habits, words

FEWEST = 6            # own or contrast pieces under which nothing can be measured
MOST = 400            # pieces of a side that are learned from; more only cost time
STRETCH_WORDS = 120
ENGLISH = 0.2         # share of running words in COMMON under which the pieces are in another language
SHARED = 0.25         # there, a word in this share of the pieces of both sides belongs to the common vocabulary
WORDS_LENGTH = 10.0   # brings a row of scaled common-word rates to about unit length, as the other views have
REGULARISATION = 30.0  # C of the logistic regression over unit-length views
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


class OnBrandScorer:
    """Calibrated probability that a text is in the client's voice; made by `fit`, the same for the same pieces and seed."""

    def __init__(self, views: _Views, model: LogisticRegression, platt: tuple[float, float], auc: Interval):
        self._views, self._model, self._platt = views, model, platt
        self.auc: Interval | None = auc

    @classmethod
    def fit(cls, own: Sequence[str], contrast: Sequence[str], seed: int = 0) -> OnBrandScorer:
        """Learn from the client's own pieces and contrast pieces (other voices, best on the same topics).

        Raises TrainingError under 6 pieces with words on either side: the voice is then not measured.
        """
        order = np.random.default_rng(seed)
        sides = [_side("own", own, order), _side("contrast", contrast, order)]
        pieces = sides[0] + sides[1]
        labels = np.repeat([1, 0], [len(side) for side in sides])
        folds = np.concatenate([np.arange(len(side)) % min(5, min(map(len, sides)) // 2) for side in sides])
        stretches, piece_of = _stretches(pieces)
        views = _Views(pieces, labels)
        rows = views.learn(stretches)
        cross_fitted = np.zeros(len(pieces))
        for fold in range(folds.max() + 1):
            learned, left = folds[piece_of] != fold, folds[piece_of] == fold
            model = _classifier(rows[learned], labels[piece_of[learned]], piece_of[learned])
            margins = _by_piece(model.decision_function(rows[left]), piece_of[left], len(pieces))
            cross_fitted[folds == fold] = margins[folds == fold]
        auc = _auc(cross_fitted[labels == 1], cross_fitted[labels == 0])
        return cls(views, _classifier(rows, labels[piece_of], piece_of), _platt(cross_fitted, labels), auc)

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability for each text, in [0, 1]; a text without words is in nobody's voice: 0."""
        slope, offset = self._platt
        chances = expit(slope * self._margins(texts) + offset)
        return [float(chance) if words(text) else 0.0 for chance, text in zip(chances, texts, strict=True)]

    def rate(self, texts: Sequence[str]) -> float | None:
        """The share of texts that are more likely than not in the client's voice; None without texts."""
        return sum(score >= 0.5 for score in self.score(texts)) / len(texts) if texts else None

    def auc_on(self, own_unseen: Sequence[str], contrast_unseen: Sequence[str]) -> Interval:
        """The AUC on pieces that `fit` did not see; Interval(None) where a side is empty."""
        return _auc(self._margins(own_unseen), self._margins(contrast_unseen))

    def explain(self, text: str) -> list[tuple[str, float]]:
        """The habits that pull `text` towards the client's voice (positive) or away from it (negative), strongest first.

        The pull is the habit's part of the log-odds before calibration.
        """
        stretches, _ = _stretches([text])
        pulls = self._views.habit_rows(_habit_table(stretches)).mean(axis=0) * self._model.coef_[0, -len(HABITS):]
        return sorted(((name, float(pull)) for name, pull in zip(HABITS, pulls, strict=True)), key=lambda pair: -abs(pair[1]))

    def _margins(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty(0)
        stretches, piece_of = _stretches(texts)
        return _by_piece(self._model.decision_function(self._views.rows(stretches)), piece_of, len(texts))


class _Views:
    """The three views of a stretch as one sparse row: n-grams of the distorted text, common words, habits."""

    def __init__(self, pieces: Sequence[str], labels: np.ndarray):
        self._kept = _common_words(pieces, labels)
        self._numbers = {word: number for number, word in enumerate(sorted(self._kept))}
        rarest = 3 if len(pieces) >= 30 else 1
        self._grams = CountVectorizer(analyzer="char", ngram_range=(2, 5), lowercase=False, min_df=rarest, max_features=20_000,
                                      dtype=np.float32)
        self._weights = TfidfTransformer(sublinear_tf=True)

    def learn(self, stretches: Sequence[str]) -> csr_matrix:
        """Rows of the stretches to learn from; fixes the n-grams and the scales."""
        counts = self._grams.fit_transform([self._distort(text) for text in stretches])
        self._weights.fit(counts)
        rates, counted = self._word_rates(stretches), _habit_table(stretches)
        self._word_scale = 1.0 / np.maximum(rates.std(axis=0), 1e-3)
        self._habit_mean, self._habit_scale = counted.mean(axis=0), 1.0 / np.maximum(counted.std(axis=0), 1e-3)
        return self._joined(counts, rates, counted)

    def rows(self, stretches: Sequence[str]) -> csr_matrix:
        """Rows of any stretches, (stretches, n-grams + common words + habits)."""
        counts = self._grams.transform([self._distort(text) for text in stretches])
        return self._joined(counts, self._word_rates(stretches), _habit_table(stretches))

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


def _side(name: str, texts: Sequence[str], order: np.random.Generator) -> list[str]:
    """The pieces of one side that have words, shuffled, at most MOST of them."""
    usable = [text for text in texts if words(text)]
    if len(usable) < FEWEST:
        raise TrainingError("on-brand scorer", f"{len(usable)} {name} pieces", f"at least {FEWEST}",
                            "Give more pieces; until then the voice is not measured.")
    return [usable[place] for place in order.permutation(len(usable))[:MOST]]


def _common_words(pieces: Sequence[str], labels: np.ndarray) -> frozenset[str]:
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


def _stretches(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
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


def _habit_table(stretches: Sequence[str]) -> np.ndarray:
    return np.asarray([list(habits(text).values()) for text in stretches])


def _classifier(rows: csr_matrix, labels: np.ndarray, piece_of: np.ndarray) -> LogisticRegression:
    """Logistic regression in which every piece weighs the same within its side, and both sides weigh the same."""
    weights = 1.0 / np.bincount(piece_of)[piece_of]
    for side in (0, 1):
        weights[labels == side] *= 0.5 * len(labels) / weights[labels == side].sum()
    return LogisticRegression(C=REGULARISATION, solver="liblinear", max_iter=1000, random_state=0).fit(rows, labels, sample_weight=weights)


def _by_piece(margins: np.ndarray, piece_of: np.ndarray, pieces: int) -> np.ndarray:
    """The mean margin of each piece's stretches; 0 for pieces without any."""
    return np.bincount(piece_of, margins, pieces) / np.maximum(np.bincount(piece_of, minlength=pieces), 1)


def _platt(margins: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the probability over cross-fitted margins, sides balanced, targets smoothed as Platt (1999) does."""
    sizes = np.bincount(labels)
    targets = np.where(labels == 1, (sizes[1] + 1) / (sizes[1] + 2), 1 / (sizes[0] + 2))
    weights = 0.5 / sizes[labels]

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        odds = np.exp(parameters[0]) * margins + parameters[1]
        error = weights * (expit(odds) - targets)
        return float(weights @ (np.logaddexp(0, odds) - targets * odds)), np.asarray([error @ (odds - parameters[1]), error.sum()])

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-6, 4), (-10, 10)]).x
    return float(np.exp(found[0])), float(found[1])


def _auc(own: np.ndarray, contrast: np.ndarray) -> Interval:
    """P(own > contrast) with a 95 % score interval (Newcombe 2006, method 5), which stays open where the sample is parted."""
    if not len(own) or not len(contrast):
        return Interval(None)
    ranks = np.searchsorted(np.sort(contrast), own, "left") + np.searchsorted(np.sort(contrast), own, "right")
    value = float(ranks.sum() / (2 * len(own) * len(contrast)))
    pairs, half = len(own) * len(contrast), (len(own) + len(contrast)) / 2 - 1

    def beyond(bound: float) -> float:
        spread = bound * (1 - bound) * (1 + half * ((1 - bound) / (2 - bound) + bound / (1 + bound))) / pairs
        return (value - bound) ** 2 - 1.959964 ** 2 * spread

    inside = min(max(value, 1e-9), 1 - 1e-9)
    return Interval(value, float(brentq(beyond, 0.0, inside)), float(brentq(beyond, inside, 1.0)))
