"""Folders that bring their own split: `train`, `valid` and `test` files beside each other, as mlx, Hugging Face and others keep them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from ..records import Split
from .files import ClientFile

NAMES = {Split.TRAIN: "train training", Split.VALIDATION: "valid validation val dev", Split.TEST: "test testing"}
ROWS = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".xlsx"}   # files of many pieces
CARD = "readme.md"
_SPLITS = {name: split for split, names in NAMES.items() for name in names.split()}
_NAME = re.compile(rf"({'|'.join(_SPLITS)})(?:[-_.]?\d+(?:-of-\d+)?)?")   # train, train-00000-of-00002


def splits_of(files: Sequence[ClientFile]) -> dict[str, str]:
    """The split of each file by its name, where the files lie in such a layout: a train part and at least one other, in one folder."""
    sets: dict[str, dict[str, str]] = defaultdict(dict)
    for file in files:
        found = None if file.alone or file.suffix not in ROWS else _named(file.name)
        if found:
            sets[found[0]][file.name] = str(found[1])
    whole = [names for names in sets.values() if Split.TRAIN in names.values() and len(set(names.values())) > 1]
    return {name: split for names in whole for name, split in names.items()}


def cards_of(files: Sequence[ClientFile], splits: dict[str, str]) -> set[str]:
    """The names of the dataset cards that stand beside split files, or above them: they are no pieces."""
    homes = {parent for name in splits for parent in PurePosixPath(name).parents}
    return {file.name for file in files if PurePosixPath(file.name).name.casefold() == CARD and PurePosixPath(file.name).parent in homes}


def _named(name: str) -> tuple[str, Split] | None:
    """(the folder of the layout, the split) of `data/train-00000.jsonl` or `train/part.jsonl`; None for other names."""
    path = PurePosixPath(name)
    places = [(path.parent, path.name.partition(".")[0]), *((folder.parent, folder.name) for folder in path.parents)]
    for folder, word in places:
        match = _NAME.fullmatch(word.casefold())
        if match:
            return folder.as_posix(), _SPLITS[match[1]]
    return None
