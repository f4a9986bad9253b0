"""Drafts of a base that nobody tuned: do they end, do they go round in circles, do they copy what the base was trained on?

Beside each figure of the drafts stands the same figure of texts that people wrote to the same briefs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..engine.bases import Base
from ..engine.generate import Sampling, generate
from ..records import Brief
from ..stats import mean_interval, rate_interval
from ..voice.habits import repeated_share, words
from ..voice.overlap import Overlap
from ..voice.prompt import brief_text

LOOP_WORDS, LOOP_TIMES = 8, 3  # the same 8-gram so often is a loop


def has_loop(told: Sequence[str]) -> bool:
    """Whether one run of LOOP_WORDS words stands in a text LOOP_TIMES times or more."""
    grams = Counter(tuple(told[place:place + LOOP_WORDS]) for place in range(len(told) - LOOP_WORDS + 1))
    return max(grams.values(), default=0) >= LOOP_TIMES


def repetition(texts: Sequence[str], seed: int) -> dict[str, Any]:
    """Mean share of repeated 4-grams (texts under four words left out and counted), share of texts with a loop, mean words."""
    told = [words(text) for text in texts]
    shares = [share for share in map(repeated_share, texts) if share is not None]
    repeated, length = mean_interval(shares, seed), mean_interval([len(one) for one in told], seed)
    loops = rate_interval(sum(map(has_loop, told)), len(told))
    return {"repeated_4grams": repeated.value, "repeated_4grams_interval": repeated.as_list(),
            "loops": loops.value, "loops_interval": loops.as_list(), "too_short": len(texts) - len(shares),
            "words": length.value, "words_interval": length.as_list()}


def judge_drafts(base: Base, answered: Sequence[tuple[Brief, str]], training: Sequence[str], sampling: Sampling, seed: int
                 ) -> dict[str, Any]:
    """Endings, repetition, memorised runs and speed of one draft for each brief, and the same of the text that answers it.

    Every draft has a seed of its own. `ended` is the share whose last token is
    the end of a draft. Memorised: Overlap over the `training` texts, the brief's own words left out; None without such texts.
    `tokens_per_second` is of all drafts together, prompts read included.
    """
    briefs = [brief for brief, _ in answered]
    began = time.monotonic()
    written = generate(base, None, [base.renderer.brief(brief) for brief in briefs], [seed + n for n in range(len(briefs))],
                       sampling)
    seconds = time.monotonic() - began
    ended = rate_interval(sum(bool(ids) and ids[-1] == base.renderer.end[-1] for ids in written), len(written))
    texts, tokens = [base.renderer.text(ids) for ids in written], sum(map(len, written))
    people = [text[:_as_long(texts)] for _, text in answered]
    figures = {"drafts": len(texts), "temperature": sampling.temperature, "ended": ended.value, "ended_interval": ended.as_list(),
               **repetition(texts, seed), "tokens": tokens, "seconds": seconds,
               "tokens_per_second": tokens / max(seconds, 1e-9) if tokens else None, "people": repetition(people, seed), "memorised": None}
    if training:
        index, shown = Overlap(training), [brief_text(brief) for brief in briefs]
        figures["memorised"] = {"searched_texts": len(training), "searched_words": sum(len(words(text)) for text in training),
                                "drafts": index.summary(texts, shown), "people": index.summary(people, shown)}
    return figures


def _as_long(texts: Sequence[str]) -> int:
    """Characters of a draft on average: what people wrote is cut there, because longer texts repeat more."""
    return round(sum(map(len, texts)) / len(texts)) if texts else 0
