"""What a text base is worth before anybody tunes it: every figure of `benchmarks/starter.py` and of a starter's card.

Held-out pages and the pieces of brand archives are plain records (`Page`), so that any corpus and any base can be judged. A page is
shown as a brief with its answer (`voice/prompt.py`), and its loss counts the tokens of its text alone. Intervals are over pages.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, log
from typing import Any

from ..engine.bases import Base
from ..engine.generate import Sampling, sampling_for
from ..engine.tasks.drafting import OVERLAP_TOKENS, Row, measure, rows_of
from ..progress import Progress, silent
from ..records import Brief, Example, Interval
from ..stats import paired_ratio_difference, rate_interval, ratio_interval
from ..voice.prompt import Context
from .judge_drafts import judge_drafts

OLD = ("wiki", "gutenberg")  # every other source is modern prose
TITLE_CHARACTERS = 200       # of a title at most, so that a brief leaves room for its text in the smallest context
CHARACTER_BYTES = 4          # of UTF-8 at most: so many tokens may end within one character
FEWEST_SHOWN = 32            # tokens of a shown piece at least; with less room in-context gain is not measured


@dataclass(frozen=True)
class Page:
    """A held-out document or a piece of an archive; `group` names what it is a part of (a book), where that is known."""

    title: str
    text: str
    source: str
    group: str = ""

    @property
    def brief(self) -> Brief:
        return Brief(self.title[:TITLE_CHARACTERS] or None)

COOL = Sampling.temperature


@dataclass(frozen=True)
class JudgeSettings:
    """How much is measured."""

    documents: int = 400      # held-out documents whose bits are counted, as even over the sources as they allow
    pieces: int = 40          # pieces of each archive, for bits per byte and for in-context gain
    titles: int = 200         # documents read under their own title and under another's
    drafts: int = 200         # drafts written to titles of held-out documents
    draft_tokens: int = 600   # the longest draft
    text_tokens: int = 1024   # longest prompt and text for bits per byte
    loss_tokens: int = 384    # tokens of a text whose loss is compared
    context: int = 2048       # longest sequence for in-context gain; a base's own context where that is shorter
    seed: int = 0


def modern(source: str) -> bool:
    """Whether a source is modern prose: neither encyclopedia nor old books."""
    return not source.startswith(OLD)


def told(interval: Interval, **more: Any) -> dict[str, Any]:
    """An interval as reports hold it."""
    return {"value": interval.value, "interval": interval.as_list(), **more}


def spread(pages: Sequence[Page], count: int, seed: int) -> list[Page]:
    """`count` pages (all where there are fewer), each source in turn, within a source in an order drawn from `seed`."""
    by_source = _by_source(pages)
    for source, some in by_source.items():
        random.Random(f"{seed}/{source}").shuffle(some)
    longest = max(map(len, by_source.values()), default=0)
    turns = [some[place] for place in range(longest) for some in by_source.values() if place < len(some)]
    return turns[:count]


def _by_source(pages: Sequence[Page]) -> dict[str, list[Page]]:
    found: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        found[page.source].append(page)
    return dict(sorted(found.items()))


def text_bytes(decode: Callable[[Sequence[int]], str], text: str, ids: Sequence[int], taken: int) -> tuple[int, int]:
    """(tokens, bytes) of the first `taken` tokens of a text, both exact: a character that the last of them cut is given up.

    `ids` are all tokens of `text`. Where a tokenizer rewrites text (spaces, case), the bytes are those of what it gives back.
    """
    if taken >= len(ids):
        return len(ids), len(text.encode("utf-8"))
    for fewer in range(taken, max(taken - CHARACTER_BYTES, 0), -1):
        part = decode(ids[:fewer])
        if text.startswith(part):
            return fewer, len(part.encode("utf-8"))
    return taken, len(decode(ids[:taken]).rstrip("\ufffd").encode("utf-8"))


def _decoder(base: Base) -> Callable[[Sequence[int]], str]:
    return lambda ids: base.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)


def bits_per_byte(base: Base, pages: Sequence[Page], settings: JudgeSettings) -> dict[str, Any]:
    """Bits per byte of text by source: sum of -log2 p(token) / UTF-8 bytes of exactly these tokens, given the brief.

    Prompt and text are within `text_tokens`. `modern` is the mean over the modern sources, each counting the same. `left_out`
    counts pages without a token of text, or whose brief fills the context.
    """
    limit, decode = min(settings.text_tokens, base.context), _decoder(base)
    rows, sizes, sources = [], [], []
    for n, page in enumerate(pages):
        prompt, text = base.renderer.brief(page.brief), base.renderer.encode(page.text)
        taken, size = text_bytes(decode, page.text, text, limit - len(prompt)) if len(prompt) < limit else (0, 0)
        if taken and size:
            rows.append(Row((*prompt, *text[:taken]), len(prompt), n))
            sizes.append(size)
            sources.append(page.source)
    nats = [found[0] for found in measure(base, None, rows)]
    return _by_source_figures(sources, nats, sizes, settings.seed) | {"left_out": len(pages) - len(rows)}


def _by_source_figures(sources: Sequence[str], nats: Sequence[float], sizes: Sequence[int], seed: int) -> dict[str, Any]:
    """`by_source` with intervals, and `modern`."""
    scores: dict[str, Interval] = {}
    figures = {}
    for source in sorted(set(sources)):
        mine = [n for n, one in enumerate(sources) if one == source]
        scores[source] = ratio_interval([nats[n] / log(2) for n in mine], [sizes[n] for n in mine], seed)
        figures[source] = told(scores[source], documents=len(mine), bytes=sum(sizes[n] for n in mine))
    return {"by_source": figures, "modern": told(mean_of([score for source, score in scores.items() if modern(source)])),
            "all": told(mean_of(list(scores.values())))}


def mean_of(scores: Sequence[Interval]) -> Interval:
    """The plain mean of independent figures; its limits from theirs by the method of variance estimates recovery.

        lower = m - sqrt(sum (x_i - l_i)^2) / k,  upper alike  (Zou and Donner, Statistics in Medicine 27, 2008)

    None where there is no figure, no limits where one of them has none.
    """
    known = [score for score in scores if score.value is not None]
    if not known:
        return Interval(None)
    mean = sum(score.value for score in known) / len(known)  # type: ignore[misc]
    if any(score.low is None or score.high is None for score in known):
        return Interval(mean)
    below = hypot(*(score.value - score.low for score in known)) / len(known)  # type: ignore[operator]
    return Interval(mean, mean - below, mean + hypot(*(score.high - score.value for score in known)) / len(known))  # type: ignore[operator]


def equal_bytes(base: Base, pages: Sequence[Page], settings: JudgeSettings) -> dict[str, Any]:
    """Bits per byte over every byte of the pages, whatever the base's tokens or context: long texts in consecutive windows.

    Windows show the end of the one before, as in training. A brief that leaves no room for a window is left out, never its text.
    """
    rows: list[Row] = []
    limit, end = min(settings.text_tokens, base.context), len(base.renderer.end)
    for n, page in enumerate(pages):
        brief = page.brief if len(base.renderer.brief(page.brief)) <= limit - OVERLAP_TOKENS else Brief()
        rows += _without_end(rows_of(base.renderer, Example(brief, page.text), n, limit), end)
    nats = [0.0] * len(pages)
    for row, (some, _) in zip(rows, measure(base, None, rows), strict=True):
        nats[row.piece] += some
    sizes = [len(page.text.encode("utf-8")) for page in pages]
    return _by_source_figures([page.source for page in pages], nats, sizes, settings.seed)


def _without_end(rows: list[Row], end: int) -> list[Row]:
    """Windows of one page without the end of the draft, which is no byte of its text."""
    while end and rows:
        last = rows.pop()
        left = max(last.targets - end, 0)
        end -= last.targets - left
        if left:
            rows.append(Row(last.ids[:last.first + left], last.first, last.piece))
    return rows


def title_steers(base: Base, pages: Sequence[Page], settings: JudgeSettings) -> dict[str, Any]:
    """Does the title steer the text? The loss of a text under another page's title less that under its own, nats per token.

    The other title is of the same source and of another group. `own_better` is the share of pages whose own title gives the
    lower loss. `left_out` counts pages that had no other title, or no room for text.
    """
    titled = [page for page in pages if page.title and page.text]
    by_source, rng = _by_source(titled), random.Random(settings.seed)
    chosen = spread(titled, settings.titles, settings.seed)
    rows: list[Row] = []
    for n, page in enumerate(chosen):
        others = [one for one in by_source[page.source]
                  if one.title != page.title and not (one.group and one.group == page.group)]
        if not others:
            continue
        prompts = [base.renderer.brief(one.brief) for one in (page, rng.choice(others))]
        text = base.renderer.encode(page.text)[:max(0, min(settings.loss_tokens, base.context - max(map(len, prompts))))]
        if text:
            rows += [Row((*prompt, *text), len(prompt), n) for prompt in prompts]
    found = measure(base, None, rows)
    own, other, tokens = [n for n, _ in found[::2]], [n for n, _ in found[1::2]], [count for _, count in found[::2]]
    better = sum(a < b for a, b in zip(own, other, strict=True))
    return {"own_better": told(rate_interval(better, len(own))), "pages": len(own), "left_out": len(chosen) - len(own),
            "difference": told(paired_ratio_difference(other, own, tokens, settings.seed))}


def in_context_gain(base: Base, archives: Mapping[str, Sequence[Page]], settings: JudgeSettings) -> dict[str, Any]:
    """For each archive: the loss of a piece after three pieces of another archive less that after three of its own, nats per token.

    Both arms show as many tokens: each pair of shown pieces is cut to the shorter of the two, or to a third of the room. The other
    archive is drawn anew for each piece. `positive` counts archives with a gain above 0, `beyond_noise` those whose interval is.
    """
    figures: dict[str, dict[str, Any]] = {}
    for name, pieces in archives.items():
        rng = random.Random(f"{settings.seed}/{name}")
        rows: list[Row] = []
        chosen = rng.sample(list(pieces), min(settings.pieces, len(pieces)))
        for n, piece in enumerate(chosen):
            rows += _two_arms(base, piece, _shown(archives, name, piece, rng), n, settings)
        found = measure(base, None, rows)
        gain = paired_ratio_difference([n for n, _ in found[1::2]], [n for n, _ in found[::2]], [count for _, count in found[::2]],
                                       settings.seed)
        shown = [row.first for row in rows]
        figures[name] = told(gain, pieces=len(rows) // 2, left_out=len(chosen) - len(rows) // 2,
                             context_tokens=sum(shown) / len(shown) if shown else None)
    measured = [figure for figure in figures.values() if figure["value"] is not None]
    return {"archives": figures, "measured": len(measured), "positive": sum(figure["value"] > 0 for figure in measured),
            "beyond_noise": sum(figure["interval"] is not None and figure["interval"][0] > 0 for figure in measured)}


def _shown(archives: Mapping[str, Sequence[Page]], name: str, piece: Page, rng: random.Random) -> list[list[Page]]:
    """Three other pieces of the piece's own archive, and three of another archive; empty where there are not as many."""
    own = [one for one in archives[name] if one.text and one.text != piece.text]
    others = [key for key, some in archives.items() if key != name and sum(bool(one.text) for one in some) >= 3]
    if len(own) < 3 or not others:
        return []
    other = [one for one in archives[rng.choice(others)] if one.text]
    return [rng.sample(own, 3), rng.sample(other, 3)]


def _two_arms(base: Base, piece: Page, arms: list[list[Page]], number: int, settings: JudgeSettings) -> list[Row]:
    """Rows of one piece after its own archive and after another, the same targets in both; none where the context is too short."""
    renderer, limit = base.renderer, min(settings.context, base.context)
    loss_tokens = min(settings.loss_tokens, limit // 4)
    heads = [len(renderer.brief(piece.brief, Context("", tuple(Example(one.brief, "") for one in arm)))) for arm in arms]
    room = (limit - loss_tokens - max(heads, default=limit)) // 3 - 2  # two more tokens may arise where a cut text is encoded again
    text = renderer.encode(piece.text)[:loss_tokens]
    if not text or room < FEWEST_SHOWN:
        return []
    encoded = [sorted(((renderer.encode(one.text), one.brief) for one in arm), key=lambda pair: len(pair[0])) for arm in arms]
    sizes = [min(room, len(own), len(other)) for (own, _), (other, _) in zip(*encoded, strict=True)]  # short ones beside short ones
    decode, rows = _decoder(base), []
    for arm in encoded:
        examples = tuple(Example(brief, decode(ids[:size]).strip("\ufffd")) for (ids, brief), size in zip(arm, sizes, strict=True))
        prompt = renderer.brief(piece.brief, Context("", examples))
        if len(prompt) + len(text) > limit:
            return []
        rows.append(Row((*prompt, *text), len(prompt), number))
    return rows


def judge_base(base: Base, pages: Sequence[Page], archives: Mapping[str, Sequence[Page]], training: Sequence[str] = (),
               settings: JudgeSettings = JudgeSettings(), progress: Progress = silent) -> dict[str, Any]:  # noqa: B008 - frozen
    """Every figure of one base: bits per byte of held-out pages and archives, titles, context, drafts, memory and speed.

    `training` are pre-training texts that memorised runs are looked for in; without any they are not measured.
    """
    progress("judge", 0, 4, "bits per byte")
    scored = [page for name, pieces in sorted(archives.items())
              for page in spread([Page(one.title, one.text, name, one.group) for one in pieces], settings.pieces, settings.seed)]
    figures: dict[str, Any] = {
        "base": base.name, "hash": base.hash, "parameters": base.parameters, "bf16_bytes": 2 * base.parameters, "context": base.context,
        "bits_per_byte": bits_per_byte(base, spread(pages, settings.documents, settings.seed), settings)}
    figures["archives"] = bits_per_byte(base, scored, settings)
    progress("judge", 1, 4, "titles")
    figures["title"] = title_steers(base, pages, settings)
    progress("judge", 2, 4, "pieces in the context")
    figures["in_context"] = in_context_gain(base, archives, settings)
    progress("judge", 3, 4, "drafts")
    figures |= judged_drafts(base, pages, training, settings)
    progress("judge", 4, 4)
    return figures


def judged_drafts(base: Base, pages: Sequence[Page], training: Sequence[str], settings: JudgeSettings) -> dict[str, Any]:
    """Figures of `drafts`, sampled as the base drafts, and of `cool_drafts`, as larger bases do, to the same titles."""
    titled = spread([page for page in pages if page.title], settings.drafts, settings.seed)
    return {name: judge_drafts(base, [(page.brief, page.text) for page in titled], texts,
                               sampling_for(base, temperature, None, settings.draft_tokens), settings.seed)
            for name, temperature, texts in (("drafts", None, training), ("cool_drafts", COOL, ()))}
