"""A corpus is tokenised once, to uint16 on the disk.

Every document is stored as end of text, ids of its prompt, ids of its text, the two encoded apart and with special tokens split, as
`voice/prompt.py` renders a brief and its draft for a base without a beginning of text. It has no closing end of text: the next
document's opening one is its last target. Documents come as a stream and leave in batches, so that memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ..durable import sha256_file
from ..errors import InputError, Interrupted
from ..progress import Progress, silent
from ..records import hash_of
from .documents import GROUPS_A_HELD_ONE, HOLD_OUT_SHARE, KINDS, LEAST_HELD, Document, Survey, group_of, read_documents, readable, survey
from .store import FORMAT, VOCABULARY, HeldOut, StoreWriter, TokenStore, write_sequences
from .tokenizer import EOS

__all__ = ["Encoder", "HeldOut", "StoreWriter", "TokenStore", "bytes_needed", "fingerprint_of", "tokenize", "write_sequences"]

HELD_DOCUMENTS = 400            # held-out documents of a source that are kept for measuring; others are neither kept nor trained on
BATCH_CHARACTERS = 2_000_000    # text that is encoded in one call: about 60 MB of the tokenizer's own records
PIECE_CHARACTERS = 100_000      # a longer text is encoded in pieces


class Encoder:
    """A tokenizer for bulk work: special tokens are split, so that what looks like one in a document stays text.

    Raises InputError for a tokenizer without the end of text, or with more ids than uint16 holds.
    """

    def __init__(self, tokenizer: Tokenizer):
        largest = max(tokenizer.get_vocab(with_added_tokens=True).values())
        if largest >= VOCABULARY:
            raise InputError("tokenizer", f"{largest + 1:,} entries", f"at most {VOCABULARY:,}, which two bytes hold",
                             "Give a smaller vocabulary.")
        eos = tokenizer.token_to_id(EOS)
        if eos is None:
            raise InputError("tokenizer", f"no {EOS}", "a tokenizer with an end of text", "Train one with `adtune pretrain text`.")
        self.words = tokenizer.to_str()
        self.tokenizer = Tokenizer.from_str(self.words)  # its own, for the switch below would stay on in the caller's
        self.tokenizer.encode_special_tokens = True
        self.eos = np.array([eos], np.uint16)

    def texts(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, uint16."""
        pieces = [list(_cut(text)) for text in texts]
        encoded = iter(self.tokenizer.encode_batch_fast([piece for parts in pieces for piece in parts], add_special_tokens=False))
        return [np.concatenate([np.array(next(encoded).ids, np.uint16) for _ in parts]) if parts else np.zeros(0, np.uint16)
                for parts in pieces]

    def documents(self, documents: Sequence[Document]) -> Iterator[tuple[np.ndarray, int]]:
        """(ids, how many of them are end of text and prompt) of each document."""
        ids = self.texts([part for document in documents for part in (document.prompt(), document.text)])
        for prompt, text in zip(ids[::2], ids[1::2], strict=True):
            yield np.concatenate([self.eos, prompt, text]), 1 + len(prompt)


def _cut(text: str) -> Iterator[str]:
    """A text in pieces of about PIECE_CHARACTERS, cut where words are apart whatever follows, so that the ids are those of the whole."""
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        end = start + PIECE_CHARACTERS
        while end > start and not (text[end] == " " and text[end - 1].isalpha()):  # a space belongs to the word after it
            end -= 1
        end = end if end > start else start + PIECE_CHARACTERS  # no word has an end here: any place is as good
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def fingerprint_of(paths: Iterable[Path], words: str) -> str:
    """What a store was made from: names and contents of the files, the tokenizer's JSON `words`, the rendering and the hold-out.

    The sha256 is of whole files: reading them takes a hundredth of tokenising them, and samples would miss a changed line.
    """
    files = []
    for path in paths:
        with readable(path):
            files.append([path.name, sha256_file(path)])
    probes = [(source, f"Salt — Part {n}") for source in (*KINDS, "other") for n in range(4)]
    rendering = [[Document("", title, source, "", False).prompt(), group_of(source, title, "")] for source, title in probes]
    rule = [FORMAT, HELD_DOCUMENTS, HOLD_OUT_SHARE, GROUPS_A_HELD_ONE, LEAST_HELD]
    return hash_of([rule, files, hashlib.sha256(words.encode()).hexdigest(), rendering])


def bytes_needed(found: Survey, encoder: Encoder) -> int:
    """About how many bytes the store of a corpus takes, by the tokens a byte of each source's samples, with a tenth to spare."""
    total = 1 << 20
    for extent in found.sources.values():
        sample = sum(len(text.encode()) for text in extent.samples)
        tokens = extent.bytes * sum(len(ids) for ids in encoder.texts(extent.samples)) / sample
        held = min(HELD_DOCUMENTS, max(1, extent.documents // GROUPS_A_HELD_ONE)) * extent.bytes / extent.documents
        total += int(1.1 * (2 * tokens + 8 * extent.documents + 3 * held))  # ids as JSON and the text: about 3 bytes for each of the text
    return total


def tokenize(paths: Sequence[Path], tokenizer: Tokenizer, folder: Path, progress: Progress = silent,
             stop: Callable[[], bool] = lambda: False, surveyed: Callable[[], Survey] | None = None) -> TokenStore:
    """The store of a corpus in `folder`: the one that is there if its fingerprint is the same, else written anew. Progress is in bytes.

    `surveyed` gives the survey of these paths where somebody else needs it too.
    Raises InputError for a corpus that cannot be read or holds nothing to train on, for a vocabulary above 65,536 and for a disk
    without room; Interrupted when `stop()` says so.
    """
    encoder = Encoder(tokenizer)
    fingerprint = fingerprint_of(paths, encoder.words)
    ready = TokenStore.find(folder, fingerprint)
    if ready is not None:
        return ready
    found = surveyed() if surveyed else survey_told(paths, progress)
    total, done = sum(extent.bytes for extent in found.sources.values()), 0
    with StoreWriter(folder, fingerprint, bytes_needed(found, encoder) if total else 0) as writer:
        held: dict[str, _Kept] = {}
        for batch in _batches(read_documents(paths, found.hold_out)):
            train = [document for document in batch if not document.held_out]
            for document, (ids, _) in zip(train, encoder.documents(train), strict=True):
                writer.add(document.source, ids)
            for document in batch:
                done += len(document.text.encode()) + len(document.title.encode())
                if document.held_out:
                    held.setdefault(document.source, _Kept()).add(document)
            progress("tokenise", done, total)
            if stop():
                raise Interrupted("stopped while tokenising; no half of it is kept", "adtune pretrain text --resume")
        if not writer.tokens:
            raise InputError(", ".join(map(str, paths)) or "--corpus", "no documents to train on", "text to train on",
                             "Give files with text.")
        for source, kept in held.items():
            documents = kept.documents()
            rows = [HeldOut(tuple(ids.tolist()), prompt, len(document.text.encode()), document.title, document.text)
                    for document, (ids, prompt) in zip(documents, encoder.documents(documents), strict=True)]
            writer.hold_out(source, rows, kept.read - len(documents))
    return TokenStore.open(folder)


def survey_told(paths: Sequence[Path], progress: Progress) -> Survey:
    """The survey of a corpus, with a bar over its bytes. Raises what `read_documents` raises."""
    size = sum(path.stat().st_size for path in paths)
    progress("read the corpus", 0, size)
    found = survey(paths)
    progress("read the corpus", size, size)
    return found


class _Kept:
    """The held-out documents of a source with the smallest hashes, HELD_DOCUMENTS at most: a sample of all, whatever their order."""

    def __init__(self) -> None:
        self.read = 0
        self._heap: list[tuple[int, int, Document]] = []

    def add(self, document: Document) -> None:
        self.read += 1
        key = -int.from_bytes(hashlib.sha256(f"{document.title}\n{document.text}".encode()).digest()[:8], "big")
        push = heapq.heappush if len(self._heap) < HELD_DOCUMENTS else heapq.heappushpop
        push(self._heap, (key, self.read, document))

    def documents(self) -> list[Document]:
        return [document for _, _, document in sorted(self._heap, key=lambda one: (-one[0], one[1]))]


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch, size = [], 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
