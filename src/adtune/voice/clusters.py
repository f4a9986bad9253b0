"""The voices that an archive holds where nobody has said which is meant: groups of pieces by their habits.

k-means over the standardised habits and form of the pieces, k from 1 to MOST_VOICES by the mean silhouette (Rousseeuw 1987); under
CLEAR the pieces count as one voice. A group is shown by the pieces nearest to its middle and the habits that set it off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from .habits import HABITS, habits
from .traits import FORM, form

MOST_VOICES = 6
CLEAR = 0.25           # mean silhouette under which groups are no voices: one voice parted by layout alone came to 0.18, six voices to 0.43
FEWEST_A_VOICE = 6
JUDGED = 1000          # pieces, evenly spread, whose silhouette is reckoned
SHOWN = 5
CENTRAL = 30           # typical pieces of a group at most, and at most half of it where it is not the smallest that counts
_WORDS = 600           # first words of a piece that its habits are counted over


@dataclass(frozen=True)
class VoiceGroup:
    """Pieces of one voice by their places; `typical` the nearest to the middle first, `habits` what sets the group off, in words."""

    places: tuple[int, ...]
    typical: tuple[int, ...]
    habits: tuple[str, ...]


def voices(texts: Sequence[str]) -> list[VoiceGroup]:
    """The groups, the largest first; one group where the pieces do not part."""
    table = np.asarray([[*habits(_beginning(text)).values(), *form(text).values()] for text in texts])
    scaled = np.clip((table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-3), -3.0, 3.0)
    groups = [_group(scaled, numbers) for numbers in _parted(scaled)]
    return sorted(groups, key=lambda group: (-len(group.places), group.places))


def _beginning(text: str) -> str:
    return text if len(text) < 6 * _WORDS else text[:6 * _WORDS].rsplit(maxsplit=1)[0]


def _parted(scaled: np.ndarray) -> list[np.ndarray]:
    judged = np.unique(np.linspace(0, len(scaled) - 1, min(len(scaled), JUDGED)).astype(int))
    best, parts = CLEAR, [np.arange(len(scaled))]
    distinct = len(np.unique(np.round(scaled, 6), axis=0))
    for k in range(2, min(MOST_VOICES, distinct // FEWEST_A_VOICE) + 1):
        labels = KMeans(k, n_init=4, random_state=0).fit(scaled).labels_
        found = [np.flatnonzero(labels == number) for number in range(k)]
        if min(map(len, found)) < FEWEST_A_VOICE or len(np.unique(labels[judged])) < 2:
            continue
        clear = round(float(silhouette_score(scaled[judged], labels[judged])), 4)
        if clear > best:
            best, parts = clear, found
    return parts


def _group(scaled: np.ndarray, places: np.ndarray) -> VoiceGroup:
    middle = scaled[places].mean(axis=0)
    near = places[np.argsort(np.round(((scaled[places] - middle) ** 2).sum(axis=1), 6), kind="stable")]
    names = (*HABITS, *FORM)
    order = sorted(range(len(names)), key=lambda one: (-abs(round(float(middle[one]), 4)), names[one]))
    told = tuple(f"{'more' if middle[one] > 0 else 'less'} {names[one].replace('_', ' ')}" for one in order[:SHOWN])
    return VoiceGroup(tuple(places.tolist()), tuple(near[:max(FEWEST_A_VOICE, min(CENTRAL, len(near) // 2))].tolist()), told)
