"""The model card of a starter base: data with shares, tokens, machine, figures, limits. Every figure is measured."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch

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


def _score(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def model_card(figures: dict[str, Any]) -> str:
    """Markdown with a Hugging Face header."""
    total = sum(figures["drawn_tokens"].values()) or 1
    rows = []
    for source, count in sorted(figures["drawn_tokens"].items(), key=lambda item: -item[1]):
        name, licence = SOURCES.get(source, (source, "as the corpus states"))
        score = figures["by_source"].get(source)
        rows.append(f"| {name} | {licence} | {count / total:.1%} | {_score(score)} |")
    settings = figures["settings"]
    return "\n".join([
        "---", "library_name: transformers", "pipeline_tag: text-generation", "language: en", "tags: [adtune, starter]", "---",
        "# adtune text starter", "",
        "A small general language model, pre-trained from scratch by `adtune pretrain text`. It is a starter: for learning, tests and "
        "offline use, not for publishable copy. It writes fluent-looking sentences that are often wrong.", "",
        f"- Parameters: {figures['parameters']:,} (Qwen3 architecture, tied embeddings, context {settings['context']:,})",
        f"- Trained on {figures['tokens']:,} tokens in {figures['seconds'] / 60:.0f} minutes on {os.cpu_count()} CPU cores "
        f"({platform.machine()}, torch {torch.__version__.split('+')[0]})",
        f"- Held-out bits per byte, weighted by the trained mix: {_score(figures['bits_per_byte'])}",
        f"- Matrices by Muon at {settings['muon_rate']}, embeddings and norms by AdamW at {settings['adamw_rate']}; "
        f"seed {settings['seed']}", "",
        "| source | licence as stated | share of the tokens drawn | held-out bits per byte |", "|---|---|---|---|", *rows, "",
        "Held out by document group (1 %), so that chapters of one book stand together. No text of the sample client or of a user's "
        "archive was trained on.", "",
        "Limits: English only; no knowledge that can be relied on; no instruction tuning; no safety tuning.", "",
    ])
