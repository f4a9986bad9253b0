"""Which split a piece belongs to, by a hash that a growing archive does not move.

A cluster holds the pieces of similarity 0.5 or more (campaign siblings, duplicates, dropped ones included) and is named by the content
hash of the member that came first, so that a sibling imported later joins its elders' split. Its position u in [0, 1) is a hash of
client and name:

    under 300 kept pieces   test u < 0.2    validation 0.2 <= u < 0.4    train the rest     (60/20/20)
    from 300 on             test u < 0.1    validation 0.2 <= u < 0.3    train the rest     (80/10/10)

The larger bands lie within the smaller, so reaching 300 only moves pieces from test or validation to train.

Two rules keep small and templated archives usable. Where no cluster falls into the band of test or validation, it takes the cluster of
the lowest u from train, which gets it back when a piece falls into the band; where train would be left empty, the fullest of the
others gives instead. So three clusters fill three splits, and growth still moves pieces into train only. And a cluster that holds over
half of the kept pieces, or leaves fewer than three clusters, is broken up by stricter similarity (0.65, then piece by piece), because
one cluster can only ever fill one split.

Files that bring their own split (`train.jsonl` beside `test.jsonl`) keep it: a cluster with a piece that a file holds out for test is
test, whatever else is in it, one with a piece for validation validation. A split that no file brings is drawn from the train pieces
by the bands above.

What growth can still move: a piece that joins two clusters into one takes the younger into the split of the elder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ..records import Split
from .pieces import Piece
from .similar import Alike

SIBLINGS = 0.5           # Jaccard similarity from which two pieces never stand in different splits
_STRICTER = 0.65
_STRICTNESS = (Split.TRAIN, Split.VALIDATION, Split.TEST)
_LARGE = 300
_SMALL_BANDS = {Split.TEST: (0.0, 0.2), Split.VALIDATION: (0.2, 0.4)}
_LARGE_BANDS = {Split.TEST: (0.0, 0.1), Split.VALIDATION: (0.2, 0.3)}


def position(client: str, cluster: str) -> float:
    """A number in [0, 1) that depends on the two names only."""
    digest = hashlib.sha256(f"{client}\0{cluster}".encode()).hexdigest()
    return int(digest[:13], 16) / 16**13


def clusters_of(alike: Alike, read: Sequence[Piece], kept: Sequence[Piece], threshold: float) -> dict[str, str]:
    """The cluster of every content read: its name is the content of its first member in the order of reading."""
    counted = {piece.content for piece in kept}
    groups = alike.groups([piece.content for piece in read], min(SIBLINGS, threshold))
    while True:
        inhabited = [group for group in groups if counted.intersection(group)]
        largest = max(inhabited, key=lambda group: len(counted.intersection(group)))
        size = len(counted.intersection(largest))
        if size == 1 or (2 * size <= len(kept) and len(inhabited) >= 3):
            break
        groups.remove(largest)
        groups += _broken_up(alike, largest)
    return {content: group[0] for group in groups for content in group}


def _broken_up(alike: Alike, group: Sequence[str]) -> list[list[str]]:
    parts = alike.groups(group, _STRICTER)
    return parts if len(parts) > 1 else [[content] for content in group]


def splits_of(positions: Mapping[str, float], kept: int, stated: Mapping[str, str] | None = None) -> dict[str, Split]:
    """The split of every cluster from its position, for a dataset of `kept` pieces in all, or as the client's files state it."""
    bands = _LARGE_BANDS if kept >= _LARGE else _SMALL_BANDS
    ranked = sorted(positions, key=lambda cluster: (positions[cluster], cluster))
    splits = dict.fromkeys(ranked, Split.TRAIN)
    for name, (low, high) in bands.items():
        splits.update({cluster: name for cluster in ranked if low <= positions[cluster] < high})
    brought = set((stated or {}).values())
    for cluster, split in (stated or {}).items():
        if split != Split.TRAIN or splits.get(cluster) in brought:
            splits[cluster] = Split(split)
    if len(ranked) >= 3:
        _fill_empty(splits, [cluster for cluster in ranked if (stated or {}).get(cluster, Split.TRAIN) == Split.TRAIN])
    return splits


def stated_splits(read: Sequence[Piece], clusters: Mapping[str, str]) -> dict[str, str]:
    """The split that files state for the pieces of each cluster; where they differ, the one furthest from training."""
    found: dict[str, str] = {}
    for piece in read:
        split, cluster = piece.asset.split, clusters[piece.content]
        if split and (cluster not in found or _STRICTNESS.index(split) > _STRICTNESS.index(found[cluster])):
            found[cluster] = split
    return found


def _fill_empty(splits: dict[str, Split], movable: Sequence[str]) -> None:
    """Gives each empty split a cluster from another, of those that no file holds out."""
    for name in (Split.TEST, Split.VALIDATION, Split.TRAIN):
        held = {split: [cluster for cluster in movable if splits[cluster] == split] for split in Split}
        if name not in splits.values():
            giver = held[Split.TRAIN] if len(held[Split.TRAIN]) > 1 else max(held.values(), key=len)
            if giver:
                splits[giver[-1 if name == Split.TRAIN else 0]] = name
