"""A tiny random base with a tokenizer trained on the sample's own words, as a model folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from adtune.pretrain.model import build_model
from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer
from adtune.starter import sample_pieces

QUICK = {"epochs": 2, "rate": 0.01, "precision": "fp32", "prefix_tokens": 16, "patience": 20}

def make_base(folder: Path, context: int = 1024) -> Path:
    texts = [json.loads(line)["text"] for line in sample_pieces().read_text(encoding="utf-8").splitlines()[:120]]
    torch.manual_seed(0)
    build_model("tiny", 1024, context).save_pretrained(folder)
    save_tokenizer(train_tokenizer(texts, 1024), folder, context)
    return folder


def sample_file(path: Path, count: int) -> Path:
    """The first pieces of every category of the sample, `count` in all."""
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[::max(1, len(rows) // count)][:count]), encoding="utf-8")
    return path
