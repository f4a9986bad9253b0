"""From raw documents to token files: read, hold out, mix, tokenise once to uint16.

A document is rendered like a brief with its answer (`# title`, `[category]`, blank line, text), so that a starter base
knows the form in which `voice/prompt.py` will ask. Hold-out goes by document group (all chapters of one book stand
together), so that no held-out page has a sibling in training.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ..errors import InputError

HOLD_OUT_SHARE = 0.01
# What a source is called in the `[category]` line; other sources have no such line.
KINDS = {"wiki": "encyclopedia", "gutenberg": "book", "openstax": "textbook", "medquad": "health", "opensource": "technology",
         "fedora": "technology", "ropensci": "technology", "freecodecamp": "guide", "ms_business": "documentation",
         "m365": "documentation", "general": "general"}
# Drawing weights: modern prose is what drafting needs, so it is weighted up against encyclopedia and old books.
WEIGHTS = {"wiki": 0.8, "gutenberg": 0.4, "openstax": 4.0, "opensource": 4.0, "medquad": 1.5, "freecodecamp": 2.0,
           "fedora": 3.0, "ropensci": 3.0, "ms_business": 1.5, "m365": 4.0}


@dataclass(frozen=True)
class Document:
    """One training document; `source` groups the figures, `held_out` decides the split."""

    text: str
    title: str
    source: str
    held_out: bool

    def prompt(self) -> str:
        kind = next((label for key, label in KINDS.items() if self.source.startswith(key)), "")
        # Half of the documents carry the category line, so that briefs with and without one are known.
        shown = kind if kind and _fraction(self.title + self.source) < 0.5 else ""
        head = f"# {self.title}\n" if self.title else ""
        return head + (f"[{shown}]\n" if shown else "") + ("\n" if head or shown else "")


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _group(source: str, title: str) -> str:
    """Chapters of one book share the part of the title before its first separator."""
    for separator in (" — ", " - ", ": ", " (", ", "):
        title = title.split(separator)[0]
    return f"{source}/{title}"


def _lines(path: Path) -> Iterator[str]:
    if path.suffix == ".zst":
        import pyarrow as pa

        # pyarrow's zstd reads windows up to 128 MB and is a dependency already
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
            yield from io.TextIOWrapper(stream, encoding="utf-8")
    else:
        with open(path, encoding="utf-8") as handle:
            yield from handle


def read_documents(paths: list[Path]) -> Iterator[Document]:
    """Documents of JSONL (`text`, `title`, `source`; optionally .zst) and plain text files.

    Raises InputError, with file and line, for lines that are not such objects, and for files that can't be read.
    """
    for path in paths:
        try:
            yield from _documents(path)
        except (OSError, UnicodeDecodeError) as error:  # what a damaged archive raises, too
            raise InputError(str(path), str(error).splitlines()[0][:200] if str(error) else repr(error), "a readable file of UTF-8 text",
                             "Give JSONL files (.jsonl, .jsonl.zst) or plain .txt files.") from error


def _documents(path: Path) -> Iterator[Document]:
    if path.suffix == ".txt":
        text = path.read_text(encoding="utf-8")
        yield Document(text, "", path.stem, _fraction(path.stem + text[:64]) < HOLD_OUT_SHARE)
        return
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
            text, title, source = row["text"], str(row.get("title") or ""), str(row.get("source") or path.stem)
            if not isinstance(text, str):
                raise TypeError("text")
            text.encode("utf-8")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {number}", line[:60].strip() or "an empty line", "a JSON object with `text`",
                             "Give JSONL files with text, title and source, or plain .txt files.") from error
        yield Document(text, title, source, _fraction(_group(source, str(row.get("path") or title))) < HOLD_OUT_SHARE)


def weight_of(source: str) -> float:
    return next((w for key, w in WEIGHTS.items() if source.startswith(key)), 1.0)


@dataclass(frozen=True)
class TokenFiles:
    """Token files on disk: `train.bin` and `long.bin` (uint16), and held-out documents by source."""

    folder: Path
    counts: dict[str, int]

    def tokens(self, name: str) -> np.ndarray:
        path = self.folder / f"{name}.bin"
        if path.stat().st_size == 0:  # which can't be mapped
            return np.zeros(0, np.uint16)
        return np.memmap(path, dtype=np.uint16, mode="r")

    def held_out(self) -> dict[str, list[tuple[list[int], int]]]:
        """For each source: (ids, bytes of text) of its held-out documents."""
        rows: dict[str, list[tuple[list[int], int]]] = {}
        for line in (self.folder / "held_out.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.setdefault(row["source"], []).append((row["ids"], row["bytes"]))
        return rows


def draw(documents: list[Document], token_limit: int, rng: random.Random) -> list[Document]:
    """A weighted draw without replacement of about `token_limit` tokens, then shuffled."""
    # Efraimidis & Spirakis 2006: the largest u^(1/w) are such a draw
    keyed = sorted(documents, key=lambda d: rng.random() ** (1 / weight_of(d.source)), reverse=True)
    taken, size = [], 0.0
    for document in keyed:
        if size >= token_limit:
            break
        taken.append(document)
        size += len(document.text) / 3.75 + 1  # characters per token, near enough for a limit
    rng.shuffle(taken)
    return taken


def tokenize(paths: list[Path], tokenizer: Tokenizer, folder: Path, token_limit: int, seed: int,
             progress: Callable[[int, int], None] = lambda done, total: None) -> TokenFiles:
    """Tokenise a weighted draw of the corpus to `folder`, about `token_limit` tokens, once.

    `train.bin` holds shuffled documents; `long.bin` (a tenth) runs of documents of one source, for the long contexts.
    Raises InputError when the corpus is empty.
    """
    done = folder / "counts.json"
    if done.exists():
        return TokenFiles(folder, json.loads(done.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    documents = list(read_documents(paths))
    if not documents:
        raise InputError(", ".join(map(str, paths)) or "--corpus", "no documents", "text to train on", "Give files with text.")
    train = draw([d for d in documents if not d.held_out], token_limit, rng)
    eos = tokenizer.token_to_id("<|endoftext|>")
    counts: dict[str, int] = {}
    written, parts = 0, {"train": [], "long": []}
    for start in range(0, len(train), 2000):
        batch = train[start:start + 2000]
        encoded = tokenizer.encode_batch([d.prompt() + d.text for d in batch], add_special_tokens=False)
        rows = [np.array(e.ids + [eos], dtype=np.uint16) for e in encoded]
        to_long = (start // 2000) % 10 == 9
        if to_long:  # neighbours of one source, so that later pieces can learn from earlier ones
            order = sorted(range(len(batch)), key=lambda i: (batch[i].source, i))
            rows, batch = [rows[i] for i in order], [batch[i] for i in order]
            runs = [rows[i:i + 12] for i in range(0, len(rows), 12)]
            rng.shuffle(runs)
            rows = [row for run in runs for row in run]
        for row, document in zip(rows, batch, strict=True):
            counts[document.source] = counts.get(document.source, 0) + len(row)
        parts["long" if to_long else "train"].append(np.concatenate(rows))
        written += sum(len(row) for row in rows)
        progress(written, token_limit)
    for name, arrays in parts.items():
        (np.concatenate(arrays) if arrays else np.zeros(0, np.uint16)).tofile(folder / f"{name}.bin")
    held = [d for d in documents if d.held_out]
    rng.shuffle(held)
    _write_held_out(held, tokenizer, folder / "held_out.jsonl")
    done.write_text(json.dumps(counts))
    return TokenFiles(folder, counts)


def _write_held_out(held: list[Document], tokenizer: Tokenizer, path: Path, each: int = 120) -> None:
    taken: dict[str, int] = {}
    with open(path, "w", encoding="utf-8") as out:
        for document in held:
            if taken.get(document.source, 0) >= each:
                continue
            taken[document.source] = taken.get(document.source, 0) + 1
            rendered = document.prompt() + document.text
            ids = tokenizer.encode(rendered, add_special_tokens=False).ids
            out.write(json.dumps({"source": document.source, "ids": ids, "bytes": len(rendered.encode())}) + "\n")
