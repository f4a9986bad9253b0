"""The teaching loop is the engine: on the same base and pieces both give the same losses."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from adtune.records import Brief, Example
from adtune.starter import sample_pieces

STEPS, RATE, SEED, CONTEXT = 10, 2e-3, 3, 256


@pytest.fixture(scope="module")
def lesson() -> ModuleType:
    place = Path(__file__).resolve().parents[1] / "examples" / "teach.py"
    spec = importlib.util.spec_from_file_location("teach", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pieces() -> list[dict]:
    """Pieces of every sort: with and without a brief, some longer than a window of the tiny base."""
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()][::16]
    return [*rows, {"text": rows[0]["text"]}, {"title": "No labels", "text": rows[1]["text"]}]


@pytest.fixture(scope="module")
def tiny(pieces, tmp_path_factory) -> Path:
    """A random two-layer base with a tokenizer of its own."""
    import torch

    from adtune.pretrain.model import build_model
    from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = train_tokenizer([piece["text"] for piece in pieces], 400)
    save_tokenizer(tokenizer, folder, CONTEXT)
    torch.manual_seed(0)
    build_model("tiny", tokenizer.get_vocab_size(), CONTEXT).save_pretrained(folder)
    return folder


def examples(pieces: list[dict]) -> list[Example]:
    return [Example(Brief(*(piece.get(name) for name in ("title", "category", "content_type", "summary"))), piece["text"])
            for piece in pieces]


def test_the_lesson_has_the_engines_rows(lesson, pieces, tiny):
    from adtune.engine.bases import load_base
    from adtune.engine.tasks.drafting import make_rows

    base = load_base(str(tiny))
    rows, ledger = make_rows(base.renderer, examples(pieces), CONTEXT)
    taught = [row for piece in pieces for row in lesson.rows_of(base.tokenizer, piece, CONTEXT)]
    assert [(list(row.ids), row.first) for row in rows] == taught
    assert ledger.windows > ledger.pieces and ledger.lost_tokens == 0


def test_the_lesson_has_the_engines_losses(lesson, pieces, tiny, capsys):
    import torch

    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit, FitData, FitPlan
    from adtune.engine.methods import attach
    from adtune.engine.tasks.drafting import make_rows

    taught = lesson.teach(tiny, pieces, STEPS, RATE, SEED)
    assert f"step  {STEPS} of {STEPS}" in capsys.readouterr().out

    base = load_base(str(tiny))
    rows, _ = make_rows(base.renderer, examples(pieces), CONTEXT)
    torch.manual_seed(SEED)
    method = attach("lora", base, {"rank": 16, "alpha": 32, "dropout": 0.0}, [])
    fit = Fit(base, method, FitData(rows, rows[:1]), FitPlan(rate=RATE, seed=SEED, replay=0.0))
    fit.shorten(STEPS, 8)
    assert taught == pytest.approx([fit.train_step() for _ in range(STEPS)], abs=1e-5, rel=0)
    assert len(taught) == STEPS and taught[-1] < taught[0] - 0.05
