"""The last stage of pre-training: documents as answered briefs, and as short contexts of guide, examples and brief.

A document becomes an example: a brief with its title, for some with a category, a summary and facts that stand in the text. Most
examples stand alone, as a tuned base is asked; the others stand behind a guide and the pieces next to them, as a prompted base is
asked, so that prompting is a fair opponent. `voice/prompt.py` renders both. What becomes of a document follows from its hash and a
seed. Documents are read as a stream; those that wait for neighbours are bounded.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..engine.tasks.drafting import OVERLAP_TOKENS, rows_of
from ..errors import InputError
from ..records import Brief, ContentType, Example, hash_of
from ..voice.habits import HEADING_LINE, LIST_LINE, NUMBER, sentences, words
from ..voice.prompt import Context, Renderer
from .documents import Document, fraction, kind_of, weight_of
from .guides import guide_for
from .store import TokenStore, write_sequences

FORM = 3                     # raised when the same documents become other sequences
# Shares of documents, by hash; each leaves enough of them without the thing that briefs and prompts of every shape are known.
CONTEXTS = 0.75              # ask for a context; where one finds no room the brief stands alone: two fifths of the tokens are in contexts
GUIDES = 0.5                 # of contexts with a guide: a client may have examples and no guide
NEIGHBOURS = 1 / 3           # of contexts that open with an example of another source, so that the nearest one is followed
FACTS = 0.3                  # with facts in the brief, where the text has two or more
DECKS = 0.7                  # with the summary that stands before their text, where one does: it was written as one
LEADS = 0.15                 # with their first sentence as the summary: few, for a draft should not open by copying its brief
ARTICLES = 0.5               # of those with a category that is published as articles: the second label of a brief

EXAMPLES, FACT_LINES = (1, 4), (2, 5)               # of a context, of a brief: from the first number to the second
FACT_WORDS, SUMMARY_WORDS = (5, 25), (6, 40)        # of a sentence that is a fact, of a summary
ARTICLE_KINDS = ("technology", "health", "guide")
TOLD_KINDS = ("book",)       # begin with a part of what they tell, never with a summary
OPENING_LETTERS = (300, 1_700)  # of an opening: from the first number to the second
FACT_LETTERS = 20_000        # of a text, where facts are looked for
LOOK = 16                    # neighbours among which the examples of a context are looked for
GUIDE_TOKENS = 200           # kept free for a guide while examples are chosen
KEPT_LETTERS = 300           # a shorter text is encoded again in as little time
WAITING_LETTERS = 48_000_000  # of documents that wait for their neighbours, in memory
OTHER_LETTERS, OTHERS, OTHER_TRIES = 1_500, 16, 3  # an example of another source: its length, how many wait of each, how many are tried
NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w’'-]+")     # a capital within a sentence
# first words that lean on what stood before them
LEANING = re.compile(r"(?:it|its|he|she|they|his|her|their|this|that|these|those|such|here|both|but|and|however)\b", re.I)


@dataclass(frozen=True)
class Ask:
    """One sequence in words: a brief with its text, behind a context or alone."""

    source: str
    example: Example
    context: Context = Context()


@dataclass(frozen=True)
class _Piece:
    """A document as an example; `size` is its tokens in a context, `key` its hash."""

    example: Example
    key: str
    size: int


class _Remembering(Renderer):
    """A renderer that encodes a long text once, for its size and for its sequence; `kept` is emptied by whoever is done with them."""

    def __init__(self, tokenizer: Any):
        super().__init__(tokenizer)
        self.kept: dict[str, array[int]] = {}

    def encode(self, text: str) -> list[int]:
        if len(text) < KEPT_LETTERS:
            return super().encode(text)
        if text not in self.kept:
            self.kept[text] = array("H", super().encode(text))
        return self.kept[text].tolist()


class Briefs:
    """Makes the sequences of the last stage. `keep` gives the share of each source's groups that is taken, all where it names none.

    `openings` is the share of longer texts that end after their opening sections: a draft is a piece of a few hundred words, and ends.

    `renderer` is that of a base without BOS and without a template but the plain form (pretrain.tokenizer.as_transformers).
    `counts` says what became of the documents: read = held_out + left_out + empty + asked + examples.
    Raises InputError for a context that holds no brief.
    """

    def __init__(self, renderer: Renderer, context: int, seed: int = 0, keep: Mapping[str, float] | None = None, openings: float = 0.9):
        if context < OVERLAP_TOKENS:
            raise InputError("--set context", f"{context} tokens", f"at least {OVERLAP_TOKENS}, for briefs", "Give a longer context.")
        self.renderer, self.context, self.seed, self.keep = _Remembering(renderer.tokenizer), context, seed, dict(keep or {})
        self.openings = openings
        self.counts: Counter[str] = Counter()
        self._others: dict[str, deque[Document]] = {}

    def fingerprint(self, corpus: str) -> str:
        """What a store of these sequences was made from; `corpus` is the fingerprint of the corpus's own store."""
        return hash_of(["briefs", FORM, corpus, self.context, self.seed, self.keep, self.openings])

    def sequences(self, documents: Iterable[Document]) -> Iterator[tuple[str, list[int]]]:
        """(source, ids) of every sequence, the end of text first and none at the end: the next opening one is the last target.

        With the target that follows it a sequence has at most `context` + 1 ids. A longer text is cut as drafting cuts it; a window
        that is not its last has `context` + 1 ids itself, whose last is a target only, and no end follows it.
        """
        for ask in self.asks(documents):
            yield from ((ask.source, ids) for ids in self.render(ask))

    def render(self, ask: Ask) -> Iterator[list[int]]:
        """The ids of one sequence, or of the windows of one long text."""
        if ask.context != Context():
            yield self.renderer.brief(ask.example.brief, ask.context) + self.renderer.encode(ask.example.text)
            return
        rows = rows_of(self.renderer, ask.example, 0, self.context + 1)
        self.counts["windows"] += len(rows)
        for row in rows[:-1]:
            yield list(row.ids)
        yield list(rows[-1].ids[:-len(self.renderer.end)])

    def asks(self, documents: Iterable[Document]) -> Iterator[Ask]:
        """What is to be rendered, of the documents that are not held out; sources one after another, in stretches of the stream."""
        waiting: dict[str, list[Document]] = {}
        letters: Counter[str] = Counter()
        for document in documents:
            self.counts["read"] += 1
            if reason := self._unused(document):
                self.counts[reason] += 1
                continue
            waiting.setdefault(document.source, []).append(document)
            letters[document.source] += len(document.text) + 1
            if len(document.text) <= OTHER_LETTERS:
                self._others.setdefault(document.source, deque(maxlen=OTHERS)).append(document)
            if letters.total() > WAITING_LETTERS:
                source = letters.most_common(1)[0][0]
                del letters[source]
                yield from self._together(source, waiting.pop(source))
        for source in list(waiting):
            yield from self._together(source, waiting.pop(source))

    def _unused(self, document: Document) -> str:
        """Why a document is not asked for; empty where it is. Groups are kept or left out whole, so that neighbours stay together."""
        if document.held_out:
            return "held_out"
        if not document.text.strip():
            return "empty"
        return "left_out" if fraction(f"{self.seed}/keep/{document.group}") >= self.keep.get(document.source, 1.0) else ""

    def _roll(self, key: str, name: str) -> float:
        return fraction(f"{self.seed}/{name}/{key}")

    def _together(self, source: str, documents: list[Document]) -> Iterator[Ask]:
        """Documents of a source: groups of several first, each of them together, then the others as one, the site's own."""
        groups: dict[str, list[Document]] = {}
        for document in documents:
            groups.setdefault(document.group, []).append(document)
        alone = [group[0] for group in groups.values() if len(group) == 1]
        runs = [group for _, group in sorted(groups.items(), key=lambda item: self._roll(item[0], "group")) if len(group) > 1]
        for run in [*runs, alone]:
            pieces = deque(sorted(map(self._piece, run), key=lambda piece: self._roll(piece.key, "order")))
            while pieces:
                piece = pieces.popleft()
                context = self._context(source, piece, pieces) if self._roll(piece.key, "context") < CONTEXTS else Context()
                self.counts["asked"] += 1
                yield Ask(source, piece.example, context)
        self.renderer.kept.clear()

    def _context(self, source: str, piece: _Piece, pieces: deque[_Piece]) -> Context:
        """Guide and examples before a piece, within the window; the examples leave `pieces`. Empty where no neighbour fits."""
        room = self.context + 1 - len(self.renderer.start) - piece.size
        first = self._other(source, piece, room // 4) if self._roll(piece.key, "neighbour") < NEIGHBOURS else None
        room -= first.size if first else 0
        guided = self._roll(piece.key, "guide") < GUIDES
        free = min(GUIDE_TOKENS, room // 4) if guided else 0
        wanted = EXAMPLES[0] + int((1 + EXAMPLES[1] - EXAMPLES[0]) * self._roll(piece.key, "examples"))
        near, passed = [], []
        for other in [pieces.popleft() for _ in range(min(LOOK, len(pieces)))]:
            fits = len(near) < wanted and other.size <= room - free
            (near if fits else passed).append(other)
            room -= other.size if fits else 0
        pieces.extendleft(reversed(passed))
        if not near:
            return Context()
        guide = guide_for([one.example.text for one in (*near, piece)], f"{self.seed}/{piece.key}") if guided else ""
        if guide and len(self.renderer.brief(Brief(None), Context(guide))) - len(self.renderer.start) > room:
            guide = ""
        self.counts.update({"contexts": 1, "examples": len(near), "guides": bool(guide), "neighbours": first is not None})
        return Context(guide, tuple(one.example for one in ([first] if first else []) + near))

    def _other(self, source: str, piece: _Piece, most: int) -> _Piece | None:
        """A short example of another source, of at most `most` tokens where one of a few has so few; a second use of its document."""
        short = [other for name, kept in sorted(self._others.items()) if name != source for other in kept]
        for attempt in range(OTHER_TRIES if short else 0):
            other = self._piece(short[int(self._roll(piece.key, f"other{attempt}") * len(short))])
            if other.size <= most:
                return other
        return None

    def _piece(self, document: Document) -> _Piece:
        """A document as an example. Where the brief would take half of the window, it is the title alone, or none."""
        key = _key(document)
        brief, text = self._brief(document, key)
        most = min(self.context // 2, self.context + 1 - OVERLAP_TOKENS)
        for shorter in (brief, Brief(brief.title), Brief(None)):
            example = Example(shorter, text)
            prompt, targets = self.renderer.example(example)
            if len(prompt) <= most:
                break
        return _Piece(example, key, len(prompt) - len(self.renderer.start) + len(targets))

    def _brief(self, document: Document, key: str) -> tuple[Brief, str]:
        """The brief of a document and the text that answers it: often its opening alone, and without a summary that stood before it."""
        text, brief, summary = document.text.strip(), document.brief(), None
        if self._roll(key, "opening") < self.openings:
            text = opening(text)
        if not brief.title:
            return brief, text
        if kind_of(document.source) not in TOLD_KINDS:
            found = deck(text)
            if found and self._roll(key, "deck") < DECKS:
                summary, text = found
            elif self._roll(key, "lead") < LEADS:
                summary = lead(text)
        label = ContentType.ARTICLE.value if brief.category in ARTICLE_KINDS and self._roll(key, "article") < ARTICLES else None
        facts = facts_of(text, f"{self.seed}/{key}", summary or "") if self._roll(key, "facts") < FACTS else ()
        return replace(brief, content_type=label, summary=summary, facts=facts), text


def _key(document: Document) -> str:
    return hashlib.sha256(f"{document.source}\n{document.title}\n{document.text}".encode()).hexdigest()


def opening(text: str) -> str:
    """The sections or paragraphs that a longer text begins with, where they can stand as a piece; else the text as it is.

    It ends before a heading where that leaves half of what fits, and never with a heading or with a line that announces what follows.
    """
    least, most = OPENING_LETTERS
    if len(text) <= most:
        return text
    for apart in ("\n\n", "\n"):  # some books have a line for a paragraph
        parts = text.split(apart)
        fits = [count for count in range(1, len(parts)) if len(apart.join(parts[:count])) <= most]
        whole = [count for count in fits if not _announces(parts[count - 1])]
        sections = [count for count in whole if HEADING_LINE.match(parts[count]) and 2 * count > len(fits)]
        found = apart.join(parts[:(sections or whole or [0])[-1]]).strip()
        if len(found) >= least:
            return found
    return text


def _announces(paragraph: str) -> bool:
    """Whether a paragraph needs the next one: a heading, or the line before a list or a quotation."""
    last = paragraph.strip().rpartition("\n")[2]
    return bool(HEADING_LINE.match(last)) or last.endswith(":")


def deck(text: str) -> tuple[str, str] | None:
    """(summary, the rest) where a text opens with a summary that stands apart: a paragraph of one line and one or two sentences.

    The rest is then a text of its own: of several times its words, and opening with words that lean on nothing.
    """
    first, _, rest = text.partition("\n\n")
    rest = rest.strip()
    opening = rest.partition("\n")[0]
    if not _is_summary(first) or len(sentences(first)) > 2 or LIST_LINE.match(opening) or HEADING_LINE.match(opening):
        return None
    if LEANING.match(opening) or len(words(opening)) < 12 or len(words(rest)) < 4 * len(words(first)):
        return None
    return first.strip(), rest


def lead(text: str) -> str | None:
    """The first sentence of a text where it can serve as a summary; the text stays whole, for what follows leans on it."""
    first = text.partition("\n")[0]
    found = next(iter(sentences(first)), "")
    return found if text.startswith(found) and _is_summary(found) and len(words(text)) >= 4 * len(words(found)) else None


def _is_summary(text: str) -> bool:
    """A line of prose of a few words that ends as a sentence does."""
    fits = SUMMARY_WORDS[0] <= len(words(text)) <= SUMMARY_WORDS[1] and "\n" not in text.strip()
    return fits and text.rstrip()[-1:] in (".", "!", "?", "…") and not LIST_LINE.match(text) and not HEADING_LINE.match(text)


def facts_of(text: str, key: str, summary: str = "") -> tuple[str, ...]:
    """Two to five short sentences of a text that hold a number or a name, word for word and in no order; none where it has fewer.

    A sentence that leans on the one before it says nothing in a brief.
    """
    text = text[:FACT_LETTERS]
    fit = [found for found in dict.fromkeys(sentences(text))
           if FACT_WORDS[0] <= len(words(found)) <= FACT_WORDS[1] and found[-1] in ".!?" and found in text and found not in summary
           and (NUMBER.search(found) or NAME.search(found)) and not LEANING.match(found)]
    if len(fit) < FACT_LINES[0]:
        return ()
    rng = random.Random(f"facts/{key}")
    return tuple(rng.sample(fit, min(len(fit), rng.randint(*FACT_LINES))))


def kept_shares(counts: Mapping[str, int], tokens: int) -> dict[str, float]:
    """The share of each source that a stage of `tokens` needs, at most all of it: 1.1 tokens w_s / sum of w_t n_t.

    `counts` are the tokens n of the corpus's own store, w the weights of documents.WEIGHTS: modern sources come first.
    """
    total = sum(weight_of(source) * count for source, count in counts.items())
    return {source: min(1.0, 1.1 * tokens * weight_of(source) / total) for source in counts if total}


def stage_weights(counts: Mapping[str, int], store: TokenStore, most: float = math.inf) -> dict[str, float]:
    """Weights that draw the sources of a store in the shares of the corpus that it was made from, however much of each was kept.

    `counts` are the corpus's own tokens by source, `most` is the largest weight of a source.
    """
    return {source: weight_of(source, most) * counts[source] / store.counts[source] for source in store.sources}


def write_briefs(documents: Iterable[Document], briefs: Briefs, folder: Path, corpus: str,
                 stop: Callable[[], bool] = lambda: False) -> TokenStore:
    """The store of the last stage in `folder`; where it is there already, nothing is read. Raises what `write_sequences` raises."""
    return write_sequences(briefs.sequences(documents), folder, briefs.fingerprint(corpus), stop)
