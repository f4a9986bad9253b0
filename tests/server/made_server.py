"""A server over a tiny base with two clients, each with an adapter of its own that was made, not trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from adtune.engine.bases import load_base
from adtune.engine.methods import attach
from adtune.pretrain.model import build_model
from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer
from adtune.settings import TuneSettings
from adtune.starter import sample_pieces
from adtune.workspace import Workspace

CONTEXT = 256


def make_base(folder: Path) -> Path:
    """A random model of the smallest shape, with a tokenizer of the sample's words."""
    torch.manual_seed(0)
    build_model("tiny", 512, CONTEXT).save_pretrained(folder)
    texts = sample_pieces().read_text(encoding="utf-8").splitlines()[:60]
    save_tokenizer(train_tokenizer(texts, 512), folder, CONTEXT)
    return folder


def make_adapter(ws: Workspace, client: str, base_folder: Path, seed: int, method: str = "lora") -> str:
    """Publish an adapter whose answers differ from the base's and from those of other seeds."""
    base = load_base(str(base_folder))
    settings = asdict(TuneSettings(method=method, rank=4, prefix_tokens=8, device="auto"))
    made = attach(method, base, settings, base.renderer.start * 8)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in made.tensors.values():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (3.0 if method == "prefix" else 0.3))
    record = {"base": str(base_folder), "base_hash": base.hash, "base_place": str(base_folder), "revision": None, "method": method,
              "settings": settings, "starter": False, "rendering": base.renderer.describe(), "dataset": "none", "seed": seed}
    with TemporaryDirectory() as aside:
        made.save(Path(aside))
        made.detach()
        return ws.publish("adapter", client, {path.name: path for path in Path(aside).iterdir()}, record)


def pass_gates(ws: Workspace, client: str, adapter: str) -> None:
    """An evaluation whose gates passed."""
    gates = {"gain": {"passed": True, "value": 0.1, "limit": 0.0}}
    ws.publish("report", client, {"report.txt": adapter.encode()}, {"adapter": adapter, "gates": gates, "passed": True}, [adapter])
