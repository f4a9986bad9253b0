"""A tiny random base with a tokenizer trained on the sample's own words, as a model folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from adtune.pretrain.model import build_model
from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer
from adtune.starter import sample_pieces
from adtune.voice.habits import sentences

QUICK = {"epochs": 2, "rate": 0.01, "precision": "fp32", "prefix_tokens": 16, "patience": 20}

def make_base(folder: Path, context: int = 1024) -> Path:
    texts = [json.loads(line)["text"] for line in sample_pieces().read_text(encoding="utf-8").splitlines()[:120]]
    torch.manual_seed(0)
    build_model("tiny", 1024, context).save_pretrained(folder)
    save_tokenizer(train_tokenizer(texts, 1024), folder, context)
    return folder


def sample_file(path: Path, count: int, words: int = 60) -> Path:
    """The beginnings of the first pieces of every category of the sample, `count` in all: what a run proves needs no long pieces."""
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    taken = rows[::max(1, len(rows) // count)][:count]
    path.write_text("".join(json.dumps({**row, "text": beginning(row["text"], words)}) + "\n" for row in taken), encoding="utf-8")
    return path


def beginning(text: str, least: int) -> str:
    """The first sentences that make `least` words together."""
    found: list[str] = []
    for sentence in sentences(text):
        found.append(sentence)
        if len(" ".join(found).split()) >= least:
            break
    return " ".join(found)
