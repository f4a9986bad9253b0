"""The model card of a starter base: data with shares, tokens, machine, figures, limits. Every figure is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

# Where the shipped starter's sources come from, with the licence that each states.
SOURCES = {
    "wiki2014": ("Wikipedia, 2014", "CC BY-SA 3.0"),
    "wiki2021": ("Wikipedia, 2021", "CC BY-SA 3.0"),
    "gutenberg": ("Project Gutenberg books", "public domain in the USA"),
    "openstax": ("OpenStax textbooks", "CC BY 4.0"),
    "opensource_com": ("opensource.com articles", "CC BY-SA 4.0"),
    "medquad_nih": ("MedQuAD, texts of the NIH", "CC BY 4.0"),
    "freecodecamp_guide": ("freeCodeCamp guide", "BSD-3-Clause"),
    "ms_business_central": ("Microsoft Dynamics 365 documentation", "CC BY 4.0"),
    "m365_community": ("Microsoft 365 community documentation", "MIT"),
    "fedora_magazine": ("Fedora Magazine", "CC BY-SA 4.0"),
    "ropensci_blog": ("rOpenSci blog", "CC BY"),
}


def _told(figure: dict[str, Any] | None, form: str = ".3f") -> str:
    """A figure with its interval, in words."""
    if figure is None or figure.get("value") is None:
        return "not measured"
    ends = figure.get("interval")
    return f"{figure['value']:{form}}" + (f" [{ends[0]:{form}}, {ends[1]:{form}}]" if ends else "")


def model_card(figures: dict[str, Any]) -> str:
    """Markdown with a Hugging Face header."""
    runs = [*figures.get("went_on_from", ()), figures]
    return "\n".join([
        "---", "library_name: transformers", "pipeline_tag: text-generation", "language: en", "tags: [adtune, starter]", "---",
        "# adtune text starter", "",
        "A small general language model, pre-trained from scratch by `adtune pretrain text`. It is a starter: for learning, tests and "
        "offline use, not for publishable copy. It writes fluent-looking sentences that are often wrong.", "",
        f"- Parameters: {figures['parameters']:,} (Qwen3 architecture, tied embeddings, context {figures['settings']['context']:,})",
        *(_run(run, number) for number, run in enumerate(runs)),
        *(f"- The weights are the mean of that run's and those of another from the same start,{_run(run, 1)[len('- Then'):]}"
          for run in figures.get("averaged_with", ())),
        f"- Held-out bits per byte, mean over sources: {_told(figures['bits_per_byte'])}; over modern sources: {_told(figures['modern'])}",
        f"- Own title gives the lower loss: {_told(figures['title']['own_better'], '.0%')} of {figures['title']['pages']} pages",
        *(_drafts(figures[name]) for name in ("drafts", "cool_drafts")), "",
        "| source | licence as stated | share of the tokens drawn | times read | held-out bits per byte |", "|---|---|---|---|---|",
        *_sources(figures, runs), "",
        "Shares and times are those of running text; the briefs are made of the same documents. Held out by document group (about 1 %), so "
        "that chapters of one book stand together. No text of the sample client or of a user's archive was trained on.", "",
        "Limits: English only; no knowledge that can be relied on; no instruction tuning; no safety tuning.", "",
        *_spoken(figures["log"]),
    ])


def _drafts(drafts: Mapping[str, Any]) -> str:
    ended = {"value": drafts["ended"], "interval": drafts["ended_interval"]}
    return (f"- Of {drafts['drafts']} drafts at temperature {drafts['temperature']:g}, {_told(ended, '.0%')} end and {drafts['loops']:.0%} "
            "go round in circles")


def _run(run: Mapping[str, Any], number: int) -> str:
    """One run in words; the first of several says that it was the first."""
    settings = run["settings"]
    how = (f"matrices by Muon at {settings['muon_rate']}, embeddings and norms by AdamW at {settings['adamw_rate']}"
           if settings["optimizer"] == "muon" else f"AdamW at {settings['adamw_rate']}")
    ends = f"{settings['cool_down_share']:.0%} of cool-down, the last {settings['brief_share']:.0%} on briefs and short contexts"
    return (f"- {'Then trained' if number else 'Trained'} on {run['tokens']:,} tokens in {run['seconds'] / 60:.0f} minutes "
            f"({run['machine']}, torch {run['torch']}): {run['steps']:,} steps of {settings['batch_tokens']:,} tokens, {how}, a trapezoid "
            f"with {ends}; seed {settings['seed']}")


def _spoken(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the base went on with at its last evaluation, the likeliest tokens: known failures among them."""
    texts = next((entry["spoken"] for entry in reversed(log) if entry.get("spoken")), [])
    if not texts:
        return []
    quoted = ("> " + text.strip().replace("\n", "\n> ") for text in texts)
    return ["What it goes on with when it takes the likeliest token each time, unedited: fluent, repetitive, and often wrong.", "",
            "\n\n".join(quoted), ""]


def _sources(figures: dict[str, Any], runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """A row of the table for each source, the most drawn first, all runs together."""
    drawn, times = Counter(), Counter()
    for run in [*runs, *figures.get("averaged_with", ())]:
        drawn.update(run["drawn_tokens"])
        times.update(run["epochs"])
    total, rows = drawn.total() or 1, []
    for source, count in drawn.most_common():
        name, licence = SOURCES.get(source, (source, "as the corpus states"))
        rows.append(f"| {name} | {licence} | {count / total:.1%} | {times[source]:.2f} | "
                    f"{_told(figures['by_source'].get(source))} |")
    return rows
