"""A run as people follow it: what is measured while it goes, and the page that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer

from ..engine.compiled import eagerly
from ..progress import Progress
from ..report.page import Page
from ..report.plots import lines
from .judge_quick import quick, quick_rows
from .store import TokenStore
from .text import PretrainRun

# Asked at every evaluation, so that progress can be read: our own words.
PROMPTS = ("# How to keep a small garden alive in a dry summer\n\n", "# Bakery opens on Mill Street\n\n", "# What is asthma?\n\n",
           "# Five questions to ask before you buy a bicycle\n\n")
SPOKEN_TOKENS = 48


class Watch:
    """Calls for `text.run`: `evaluate` measures on held-out documents and lets the model speak, `tell` moves the bar."""

    def __init__(self, tokenizer: Tokenizer, plain: TokenStore, progress: Progress):
        self.tokenizer, self.progress = tokenizer, progress
        self.rows = quick_rows(plain.held_out(), lambda ids: tokenizer.decode(list(ids), skip_special_tokens=False))
        self.last: Mapping[str, Any] = {}

    def evaluate(self, run_: PretrainRun) -> Mapping[str, Any]:
        with eagerly():  # what is measured has other shapes than what is trained
            self.last = quick(run_.model, self.rows, run_.dtype) | {"spoken": self._speak(run_)}
        return self.last

    def _speak(self, run_: PretrainRun) -> list[str]:
        """The likeliest continuation of each prompt, prompt included."""
        prompts = [[0, *self.tokenizer.encode(prompt, add_special_tokens=False).ids] for prompt in PROMPTS]
        found = []
        with torch.no_grad():
            for ids in prompts:
                given = torch.tensor([ids], device=run_.device)
                out = run_.model.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=SPOKEN_TOKENS, do_sample=False,
                                          pad_token_id=1)
                found.append(self.tokenizer.decode(out[0].tolist()[1:]))
        return found

    def tell(self, run_: PretrainRun) -> None:
        """Where the run is: share of its time or steps, loss, speed, the newest bits per byte."""
        score = self.last.get("modern") if self.last else None
        speed = run_.tokens / run_.seconds if run_.seconds else 0.0
        note = f"loss {run_.smooth:.3f}  {speed:,.0f} tok/s" + (f"  {score:.3f} bits/byte" if score is not None else "")
        seconds = 60 * run_.settings.minutes
        share = run_.schedule.share(run_.step, run_.seconds)
        self.progress("pre-train", share * seconds, seconds, note)


def write_page(figures: Mapping[str, Any], title: str) -> str:
    """One HTML file: the curves, bits per byte by source, and what the model said at each evaluation."""
    page = Page(title, "A starter: for learning, tests and offline use, not for publishable copy.")
    log = figures["log"]
    page.cards([("parameters", figures["parameters"], ""), ("tokens", figures["tokens"], ""), ("minutes", figures["seconds"] / 60, "")])
    page.section("The run", _curves(log))
    page.section("Bits per byte of held-out text", page.table(
        ("source", "bits per byte", "95 %", "documents"),
        [(source, one["value"], one["interval"], one["documents"]) for source, one in figures["by_source"].items()]))
    spoken = [(f"After {entry['tokens']:,} tokens", entry["spoken"]) for entry in _few(log) if entry.get("spoken")]
    page.section("The same prompts, as it learned", *(page.heading(name) + page.items(texts) for name, texts in spoken))
    return page.render()


def _curves(log: Sequence[Mapping[str, Any]]) -> str:
    def series(read: Callable[[Mapping[str, Any]], float | None]) -> list[tuple[float, float]]:
        return [(entry["tokens"] / 1e6, value) for entry in log if (value := read(entry)) is not None]

    sources = sorted({source for entry in log for source in entry.get("by_source", {})})
    bits = lines([(source, series(lambda entry, source=source: entry.get("by_source", {}).get(source))) for source in sources],
                 "million tokens", "bits per byte", title="Bits per byte of held-out text")
    loss = lines([("training loss", series(lambda entry: entry["loss"]))], "million tokens", "nats per token", title="Training loss")
    return Page.figure(bits, "Held-out text, by source") + Page.figure(loss, "Training loss, smoothed")


def _few(log: Sequence[Mapping[str, Any]], count: int = 4) -> list[Mapping[str, Any]]:
    """The first, the last and some between them."""
    if len(log) <= count:
        return list(log)
    return [log[round(place * (len(log) - 1) / (count - 1))] for place in range(count)]
