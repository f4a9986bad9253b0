"""What a run needs before its first step, each made once and kept in the work folder: a tokenizer, the corpus as tokens, and the
sequences of the last stage. Another corpus, vocabulary or rendering makes them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

from .. import durable
from ..errors import InputError, Interrupted
from ..progress import Progress, silent
from ..settings import PretrainSettings
from ..voice.prompt import Renderer
from .briefs import Briefs, kept_shares, stage_weights, write_briefs
from .documents import Document, Survey, fraction, read_documents, weight_of
from .mixture import Mixture
from .store import TokenStore
from .tokenizer import SPLIT, as_transformers, train_tokenizer
from .tokens import fingerprint_of, survey_told, tokenize
from .whole_rows import WholeRows

TOKENIZER_CHARACTERS = 40_000_000  # that a tokenizer is trained on at most: more changes few of its merges


@dataclass(frozen=True)
class Prepared:
    """`briefs` is None where the run has no last stage. `bound` names what a checkpoint is bound to."""

    tokenizer: Tokenizer
    plain: TokenStore
    briefs: TokenStore | None

    @property
    def bound(self) -> dict[str, str]:
        return {"the corpus": self.plain.fingerprint} | ({"the briefs": self.briefs.fingerprint} if self.briefs else {})

    def rows(self, settings: PretrainSettings) -> tuple[Mixture, WholeRows | None]:
        """Where the rows of a run come from: the corpus, and the last stage in the same shares of sources."""
        most, seed = settings.most_weight, settings.seed
        plain = Mixture(self.plain, {source: weight_of(source, most) for source in self.plain.sources}, seed)
        return plain, None if self.briefs is None else WholeRows(self.briefs, stage_weights(self.plain.counts, self.briefs, most), seed)


def prepare(paths: Sequence[Path], settings: PretrainSettings, work: Path, progress: Progress = silent,
            stop: Callable[[], bool] = lambda: False) -> Prepared:
    """Tokenizer, tokens and sequences for a run in `work`.

    Raises InputError for a corpus that cannot be read or used and for a disk without room, Interrupted when `stop()` says so.
    """
    work.mkdir(parents=True, exist_ok=True)
    surveyed = cache(lambda: survey_told(paths, progress))  # a pass over the corpus: once, and only where something is made anew
    tokenizer = _tokenizer(paths, settings, work, progress, stop, surveyed)
    plain = tokenize(paths, tokenizer, work / "tokens", progress, stop, surveyed)
    if not settings.brief_share:
        return Prepared(tokenizer, plain, None)
    briefs = Briefs(Renderer(as_transformers(tokenizer, settings.context)), settings.context, settings.seed,
                    kept_shares(plain.counts, settings.brief_tokens), settings.opening_share)
    documents = _told(_documents(paths, surveyed), "briefs", sum(plain.documents.values()), lambda _: 1, progress)
    return Prepared(tokenizer, plain, write_briefs(documents, briefs, work / "briefs", plain.fingerprint, stop))


def _documents(paths: Sequence[Path], surveyed: Callable[[], Survey]) -> Iterator[Document]:
    """The corpus, surveyed when the first document is asked for and not before."""
    yield from read_documents(paths, surveyed().hold_out)


def _tokenizer(paths: Sequence[Path], settings: PretrainSettings, work: Path, progress: Progress, stop: Callable[[], bool],
               surveyed: Callable[[], Survey]) -> Tokenizer:
    """The tokenizer of the base that the run starts from, the one that was trained here before on this corpus, or a new one."""
    if settings.start_from:
        path = Path(settings.start_from) / "tokenizer.json"
        if not path.is_file():
            raise InputError("--set start_from", f"no {path.name} in {settings.start_from}", "the folder of a base", "Name that folder.")
        return Tokenizer.from_file(str(path))
    saved, key = work / "tokenizer.json", work / "tokenizer.key"
    wanted = fingerprint_of(paths, f"{settings.vocabulary}/{TOKENIZER_CHARACTERS}/{SPLIT}")
    if saved.exists() and key.exists() and key.read_text(encoding="utf-8") == wanted:
        return Tokenizer.from_file(str(saved))
    found = surveyed()
    total = min(TOKENIZER_CHARACTERS, sum(extent.bytes for extent in found.sources.values()))
    documents = _told(_sample(paths, found), "tokenizer", total, lambda document: len(document.text), progress)

    def texts() -> Iterator[str]:
        for document in documents:
            if stop():
                raise Interrupted("stopped while training the tokenizer", "adtune pretrain text --resume")
            yield document.prompt() + document.text

    tokenizer = train_tokenizer(texts(), settings.vocabulary)
    size = tokenizer.get_vocab_size()
    if size != settings.vocabulary:
        raise InputError("--corpus", f"text for a vocabulary of {size:,}", f"text for {settings.vocabulary:,} entries",
                         f"Give more text, or --set vocabulary={max(320, size // 64 * 64)}.")
    durable.replace_file(saved, tokenizer.to_str().encode())
    durable.replace_file(key, wanted.encode())
    return tokenizer


def _sample(paths: Sequence[Path], found: Survey) -> Iterator[Document]:
    """Documents to train a tokenizer on, each source by its weight; chosen by hash, so that they are the same every time."""
    rates = _rates({source: extent.bytes for source, extent in found.sources.items()}, TOKENIZER_CHARACTERS)
    for document in read_documents(paths, found.hold_out):
        if not document.held_out and fraction(f"tokenizer/{document.title}/{document.text[:200]}") < rates[document.source]:
            yield document


def _rates(sizes: dict[str, int], wanted: int) -> dict[str, float]:
    """The share of each source to take, at most 1, in proportion to its weight and such that about `wanted` bytes come together."""
    rates = dict.fromkeys(sizes, 0.0)
    for _ in sizes:  # what a source cannot give, the others give in its place
        free = {source: weight_of(source) * size for source, size in sizes.items() if rates[source] < 1.0 and size}
        left = wanted - sum(size for source, size in sizes.items() if rates[source] >= 1.0)
        if not free or left <= 0:
            break
        scale = left / sum(free.values())
        rates |= {source: min(1.0, scale * weight_of(source)) for source in free}
    return rates


def _told(documents: Iterator[Document], label: str, total: int, size: Callable[[Document], int], progress: Progress) -> Iterator[Document]:
    done = 0
    for document in documents:
        done += size(document)
        progress(label, min(done, total), total)
        yield document
