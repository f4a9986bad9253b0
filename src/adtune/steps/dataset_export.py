"""`adtune export DATASET`: a dataset as other tools read it, one file a split, read back and compared before it is shown."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, IntegrityError, did_you_mean
from ..progress import Progress, silent
from ..records import Dataset, Item, Split
from ..voice.prompt import brief_text
from .curation import read_dataset, withdrawn_items

if TYPE_CHECKING:
    from ..workspace import Workspace

Row = dict[str, Any]
OPENAI_LEAST = 10   # examples that OpenAI's fine-tuning asks for
JSONL_NAMES = {Split.TRAIN: "train.jsonl", Split.VALIDATION: "valid.jsonl", Split.TEST: "test.jsonl"}   # as mlx and Hugging Face find them
PARQUET_NAMES = {split: f"{split}.parquet" for split in Split}
CARD = "README.md"


def messages(item: Item) -> list[Row]:
    """The brief as the user's turn and the text as the assistant's; a piece without a title has no user's turn."""
    asked = brief_text(item.example.brief)
    return [*([{"role": "user", "content": asked}] if asked else []), {"role": "assistant", "content": item.example.text}]


def openai_row(item: Item) -> Row:
    """Nothing but messages: the upload refuses other keys."""
    return {"messages": messages(item)}


def chat_row(item: Item) -> Row:
    """Messages, and the fields of the piece that it has."""
    return {"messages": messages(item), **{name: value for name, value in fields_of(item).items() if value not in (None, [])}}


def pair_row(item: Item) -> Row:
    """The prompt ends with the blank line that adtune puts between brief and text, so that both may be joined as they are."""
    asked = brief_text(item.example.brief)
    return {"prompt": f"{asked}\n\n" if asked else "", "completion": item.example.text}


def parquet_row(item: Item) -> Row:
    return {**fields_of(item), "text": item.example.text}


def fields_of(item: Item) -> Row:
    brief = item.example.brief
    return {"id": item.source.id, "title": brief.title, "category": item.category, "content_type": brief.content_type,
            "summary": brief.summary, "facts": list(brief.facts), "approval": item.approval}


def write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8", newline="\n")


def read_jsonl(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        return [json.loads(line) for line in stream]


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    import pyarrow
    import pyarrow.parquet

    names = ("id", "title", "category", "content_type", "summary", "facts", "approval", "text")
    kinds = [(name, pyarrow.list_(pyarrow.string()) if name == "facts" else pyarrow.string()) for name in names]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows), pyarrow.schema(kinds)), path, compression="zstd")


def read_parquet(path: Path) -> list[Row]:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(path).read().to_pylist()


@dataclass(frozen=True)
class Format:
    """How a dataset is written: a row of an item, the file of each split, and its writer with the reader that checks it."""

    row: Callable[[Item], Row]
    names: Mapping[Split, str]
    write: Callable[[Path, Sequence[Row]], None]
    read: Callable[[Path], list[Row]]
    about: str


FORMATS = {
    "openai": Format(openai_row, JSONL_NAMES, write_jsonl, read_jsonl, "OpenAI fine-tuning, chat messages"),
    "chat": Format(chat_row, JSONL_NAMES, write_jsonl, read_jsonl, "chat messages with the fields of each piece"),
    "prompt-completion": Format(pair_row, JSONL_NAMES, write_jsonl, read_jsonl, "prompt and completion"),
    "parquet": Format(parquet_row, PARQUET_NAMES, write_parquet, read_parquet, "one row a piece, its fields as columns"),
}


def export_dataset(ws: Workspace, id: str, to: str, out: Path, progress: Progress = silent) -> dict[str, Any]:
    """Write a dataset to the new folder `out` with a dataset card; gives `{path files rows{split} notes}`.

    Raises InputError for another format or a folder that is not empty, IntegrityError where what was written reads back differently.
    """
    if to not in FORMATS:
        raise InputError(f"--to {to}", "a format of adapters, or none", f"one of {', '.join(FORMATS)}", did_you_mean(to, FORMATS))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"--out {out}", "something that is already there", "a new folder", "Choose another name with --out.")
    dataset, form = read_dataset(ws, id), FORMATS[to]
    _refuse_withdrawn(ws, id, dataset)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    try:
        rows = {}
        for done, split in enumerate(Split):
            items = dataset.split(split)
            progress("export", done, len(Split), str(split))
            if items:
                rows[str(split)] = _write(form, aside / form.names[split], items)
        (aside / CARD).write_text(_card(ws, id, dataset, to), encoding="utf-8")
        if out.exists():
            out.rmdir()
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {"path": str(out), "files": sorted(path.name for path in out.iterdir()), "rows": rows,
            "notes": _notes(dataset, to)}


def _refuse_withdrawn(ws: Workspace, id: str, dataset: Dataset) -> None:
    """Raises InputError where a piece was withdrawn since the dataset was made: what leaves the house cannot be called back."""
    held = withdrawn_items(ws, dataset)
    if held:
        raise InputError(f"export {id}", f"{len(held)} pieces that are withdrawn since it was made", "pieces that may be used",
                         f"Run `adtune curate {dataset.client}` and export the new dataset.")


def _write(form: Format, path: Path, items: Sequence[Item]) -> int:
    """Writes a split, reads it back and compares it; gives the number of rows."""
    rows = [form.row(item) for item in items]
    form.write(path, rows)
    found = form.read(path)
    if found != rows:
        place = next((number for number, (one, other) in enumerate(zip(rows, found, strict=False)) if one != other), len(found))
        raise IntegrityError(path.name, f"another row {place + 1} than was written", "the rows of the dataset",
                             "Check the disk, then try again.")
    return len(rows)


def _notes(dataset: Dataset, to: str) -> list[str]:
    found = []
    trained = len(dataset.split(Split.TRAIN))
    if to == "openai" and trained < OPENAI_LEAST:
        found.append(f"train.jsonl has {trained} examples, and OpenAI asks for at least {OPENAI_LEAST}")
    untitled = sum(not item.example.brief.title for item in dataset.items)
    if untitled and to in ("openai", "chat", "prompt-completion"):
        found.append(f"{untitled} pieces have no title, so no brief: they have no user's turn (an empty prompt)")
    if dataset.guide:
        found.append(f"the brand guide is in {CARD}; give it as the system message where the other tool has one")
    return found


def _card(ws: Workspace, id: str, dataset: Dataset, to: str) -> str:
    """A dataset card as the Hugging Face hub reads it: a YAML header, then what the dataset is and where it came from."""
    import yaml

    form, kept = FORMATS[to], {item.asset for item in dataset.items}
    languages = sorted({asset.language for asset in ws.assets(dataset.client) if asset.language and asset.id in kept})
    counts = {split: len(dataset.split(split)) for split in Split}
    header = {
        **({"language": languages} if languages else {}), "license": "other", "license_name": "client-owned",
        "pretty_name": f"{dataset.client}, {dataset.task}", "task_categories": ["text-generation"],
        "size_categories": [_size(len(dataset.items))], "tags": ["adtune", "brand-voice", "fine-tuning"],
        "configs": [{"config_name": "default", "data_files": [{"split": str(split), "path": form.names[split]} for split in Split
                                                              if counts[split]]}]}
    lines = ["---", yaml.safe_dump(header, sort_keys=False, allow_unicode=True).rstrip(), "---", "",
             f"# {dataset.client}, {dataset.task}", "",
             f"Exported by adtune as {form.about}. The pieces belong to the client; use them only as the client allows.", "",
             "| split | pieces | file |", "|---|---|---|",
             *(f"| {split} | {counts[split]} | {form.names[split]} |" for split in Split if counts[split]), "",
             f"- dataset: `{id}`", f"- hash: `{dataset.hash}`",
             f"- read {dataset.read}, kept {len(dataset.items)}, left out "
             + (", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in dataset.dropped.items() if count) or "none"),
             "- split by near-duplicate cluster: no piece of test or validation resembles one of train", ""]
    guide = ["## Brand guide", "", dataset.guide.strip(), ""] if dataset.guide else []
    return "\n".join([*lines, *guide])


def _size(count: int) -> str:
    """The hub's word for a number of rows."""
    steps = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))
    return next((word for word, limit in steps if count < limit), "1M<n<10M")
