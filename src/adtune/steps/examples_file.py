"""A training file of OpenAI's fine-tuning API (JSONL of chats) as a dataset of its own: not curated, and nothing of it left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..records import Brief, Dataset, Example, Item, Source, Split, canonical_json, hash_of

if TYPE_CHECKING:
    from ..workspace import Workspace

FEWEST = 10          # examples, as OpenAI asks for
MOST_FAULTS = 20     # that one message names
LONGEST_LINE = 4 << 20
KIND = "examples"    # of artifact: not `dataset`, so that the client's curated dataset stays its newest


@dataclass(frozen=True)
class Read:
    """One line of a file: its example and its system message."""

    line: int
    example: Example
    system: str | None


def read_examples(path: Path, name: str) -> list[Read]:
    """The examples of a file. Raises InputError that names the lines which are none, and what is wrong with each."""
    found, faults = [], []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found.append(_read(number, line))
            except ValueError as error:
                faults.append(f"line {number}: {error}")
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise InputError(f"file {name}", "; ".join(faults[:MOST_FAULTS]) + more, 'lines of {"messages": [...]} that end in an answer',
                         "Correct these lines and hand the file in again.")
    return found


def _read(number: int, line: bytes) -> Read:
    from ..archive.turns import piece_of

    if len(line) > LONGEST_LINE:
        raise ValueError(f"{len(line)} bytes, more than {LONGEST_LINE}")
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("lists within lists without end") from None
    except ValueError as error:
        raise ValueError(f"no JSON ({error})") from None
    if not isinstance(row, dict) or not isinstance(row.get("messages"), list):
        raise ValueError("no object with a list of messages")
    if row.get("tools") or row.get("functions"):
        raise ValueError("tools, which are not learned here")
    fields, system = piece_of(row["messages"])
    text = fields.pop("text")
    if not fields.get("title"):
        raise ValueError("no words of a user before the answer")
    return Read(number, Example(Brief(**{**fields, "facts": tuple(fields.get("facts") or ())}), text), system)


def publish_examples(ws: Workspace, client: str, training: tuple[Path, str], validation: tuple[Path, str] | None) -> tuple[str, list[str]]:
    """Publish the dataset of one or two files; gives its id and what should be told. Raises InputError.

    Without a file for validation, every tenth example or so is held out to find the peak and as many for `evaluate`; equal examples
    stand together.
    """
    train = read_examples(*training)
    if len(train) < FEWEST:
        raise InputError(f"file {training[1]}", f"{len(train)} examples", f"at least {FEWEST}", "Add examples.")
    if validation is None:
        items = list(_drawn(client, training[1], train))
    else:
        held = read_examples(*validation)
        if not held:
            raise InputError(f"file {validation[1]}", "no example", "at least one", "Add examples, or leave the validation file out.")
        items = [*_items(training[1], train, lambda _: Split.TRAIN), *_items(validation[1], held, lambda _: Split.VALIDATION)]
    systems = sorted({one.system for one in train if one.system})
    dataset = Dataset.make(client, "", tuple(items), len(items), {}, {"file": "as it is"})
    counts = {str(split): len(dataset.split(split)) for split in Split}
    record = {"hash": dataset.hash, "read": dataset.read, "kept": len(items), "splits": counts, "task": dataset.task,
              "systems": [hash_of(one) for one in systems]}
    id = ws.publish(KIND, client, {"dataset.json": canonical_json(asdict(dataset)).encode()}, record, identity=dataset.hash)
    notes = [f"{counts['train']} examples are trained on, {counts['validation']} find the best point, {counts['test']} are kept for an "
             "evaluation."]
    if systems:
        notes.append("The system message of the file is learned with the voice: it need not be sent, and changes nothing where it is.")
    return id, notes


def _drawn(client: str, name: str, read: Iterable[Read]) -> Iterator[Item]:
    from ..curate.split import position, splits_of

    read = list(read)
    places = {_content(one): position(client, _content(one)) for one in read}
    splits = splits_of(places, 300)  # the bands of a large archive: a small file has no example to spare
    return _items(name, read, lambda one: splits[_content(one)])


def _items(name: str, read: Iterable[Read], split: Any) -> Iterator[Item]:
    return (Item(hash_of([name, one.line, asdict(one.example)]), str(split(one)), _content(one), one.example.brief.category, one.example,
                 Source(name, one.line)) for one in read)


def _content(one: Read) -> str:
    return hash_of(one.example.text)
