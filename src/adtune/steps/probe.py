"""What a base's own weights say next at places of a known text, and how its briefs become ids without the weights: enough to ask another
engine that claims to serve it.

Measured once, on the CPU in fp32, and kept under root/measured by the hash of the weights; it may be deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..durable import replace_file
from ..errors import BaseModelError

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..voice.prompt import Renderer
    from ..workspace import Workspace

TEXT = ("The first thing that a reader wants to know is what the product does, and the second is what it costs. Say both in plain words, "
        "then tell how it is made, who made it and where it can be bought.")
PLACES = 12  # of the text, spread evenly behind its first tokens
FIRST = 8


@dataclass(frozen=True)
class Words:
    """What of a base is needed to write its prompts: its renderer and context, the ids that end an answer, and the hash of its weights."""

    renderer: Renderer
    context: int
    ends: tuple[int, ...]
    hash: str


def golden(ws: Workspace, record: Mapping[str, Any]) -> dict[str, Any]:
    """`{ids places words logprobs context ends rendering}` of the base that a version was made on. Raises BaseModelError."""
    from ..engine.devices import Form
    from .adapters import base_of

    path = ws.root / "measured" / f"probe-{record['base_hash']}.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    told = probe(base_of(dict(record), Form("cpu", "none", True)))
    path.parent.mkdir(exist_ok=True)
    replace_file(path, json.dumps(told).encode())
    return told


def probe(base: Base) -> dict[str, Any]:
    """Ask a base for the likeliest next token at each place of the text."""
    import torch

    ids = [*base.renderer.start, *base.renderer.encode(TEXT)][:base.context - 1]
    places = sorted({FIRST + n * (len(ids) - FIRST) // PLACES for n in range(PLACES)})
    with torch.inference_mode():
        logits = base.model(input_ids=torch.tensor([ids], device=base.device), use_cache=False).logits[0].float()
    best = logits[:, :base.renderer.words].log_softmax(-1).max(-1)
    return {"ids": ids, "places": places, "words": [base.tokenizer.decode([int(best.indices[place - 1])]) for place in places],
            "logprobs": [round(float(best.values[place - 1]), 5) for place in places], "context": base.context,
            "ends": sorted(base.end_ids), "rendering": base.renderer.describe()}


def words_of(record: Mapping[str, Any], told: Mapping[str, Any]) -> Words:
    """The renderer of a version's base, read without its weights. Raises BaseModelError where it is not what it was."""
    from transformers import AutoTokenizer

    from ..engine.base_files import stdout_kept
    from ..voice.prompt import Renderer

    with stdout_kept():
        renderer = Renderer(AutoTokenizer.from_pretrained(_folder(record), trust_remote_code=False))
    found = renderer.describe()
    for held in (told["rendering"], record.get("rendering") or told["rendering"]):
        if (found["golden"], found["chat_template"]) != (held["golden"], held["chat_template"]):
            raise BaseModelError(f"base {record['base']}", "another tokenizer or chat template than the version was made with",
                                 "those that it was made with", "Put the base's files back, or tune again.")
    return Words(renderer, told["context"], tuple(told["ends"]), record["base_hash"])


def _folder(record: Mapping[str, Any]) -> Path:
    """Where a base's tokenizer lies. Raises BaseModelError."""
    from ..engine.bases import STARTER
    from ..engine.hub import fetch
    from ..starter import base_path

    if record["base"] == STARTER:
        return base_path("text")
    for place in (Path(record["base"]).expanduser(), Path(record.get("base_place") or record["base"])):
        if place.is_dir():
            return place
    return fetch(record["base"], record.get("revision"))[0]
