"""A made log of edits on the sample client, whose truth is known: prompted drafts take 45 minutes on average, tuned ones 18.

A draft is a published piece in which some paragraphs are another voice's: those are what its editor had to write. Minutes follow the share
of the words that were rewritten, the editor's own pace and chance; factors average 1 within each arm: its mean is the truth exactly.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import sample_contrast, sample_pieces
from .rewrites import blocks

TRUTH = {"prompted": 45.0, "tuned": 18.0}
FOREIGN = {"prompted": 0.6, "tuned": 0.25}     # share of a draft's paragraphs in another voice
EDITORS = {"Ann": 0.8, "Bo": 1.0, "Cy": 1.25}  # pace: minutes beside those of the others
NOISE = 0.3                                    # standard deviation of log minutes, beside all that
COLUMNS = ("brief", "arm", "draft", "final", "minutes", "editor", "rounds", "client_rounds", "date")


def made_edits(edits_of_arm: int = 45, seed: int = 0, truth: dict[str, float] | None = None) -> list[dict[str, Any]]:
    """Rows of the log, arms mixed; the same for the same seed."""
    chance = random.Random(f"edits/{seed}")
    pieces = [row for row in _rows(sample_pieces()) if len(blocks(row["text"])) >= 4]
    others = [part for row in _rows(sample_contrast()) for part in blocks(row["text"]) if len(part.split()) >= 15]
    truth = truth or TRUTH
    drawn = iter(chance.sample(pieces, min(len(pieces), edits_of_arm * len(truth))))
    out: list[dict[str, Any]] = []
    for arm, minutes in truth.items():
        names = [list(EDITORS)[number % len(EDITORS)] for number in range(edits_of_arm)]
        chance.shuffle(names)
        rows, factors = [], []
        for name in names:
            piece = next(drawn)
            draft, share = _draft(piece["text"], others, FOREIGN[arm], chance)
            rows.append({"brief": piece["title"], "arm": arm, "draft": draft, "final": piece["text"], "editor": name,
                         "rounds": 1 + (chance.random() < 2 * share), "client_rounds": int(chance.random() < share), "date": "2025-03-03"})
            factors.append(EDITORS[name] * (0.4 + 0.6 * share / FOREIGN[arm]) * chance.lognormvariate(0.0, NOISE))
        mean = sum(factors) / len(factors)
        out += [{**row, "minutes": round(minutes * factor / mean, 2)} for row, factor in zip(rows, factors, strict=True)]
    chance.shuffle(out)
    return out


def write_edits(path: Path, edits_of_arm: int = 45, seed: int = 0) -> Path:
    """The log as CSV."""
    with Path(path).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(made_edits(edits_of_arm, seed))
    return Path(path)


def _draft(text: str, others: Sequence[str], share: float, chance: random.Random) -> tuple[str, float]:
    """(a draft of the text, the share of its words that are another voice's)."""
    parts = blocks(text)
    wrong = set(chance.sample(range(len(parts)), max(1, min(len(parts) - 1, round(len(parts) * chance.uniform(0.6, 1.4) * share)))))
    made = [chance.choice(others) if at in wrong else part for at, part in enumerate(parts)]
    rewritten = sum(len(parts[at].split()) for at in wrong)
    return "\n\n".join(made), rewritten / max(1, sum(len(part.split()) for part in parts))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
