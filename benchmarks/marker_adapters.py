"""Adapters that say one token whatever they are asked: made by hand, so that an answer shows whose adapter wrote it.

In the last layer the hidden state h is overruled by a large multiple of u, the direction of the marker's row of the output head.
LoRA: two units i, j of the gated MLP get gate = up = +z and -z with z = a x, so that their sum z^2 >= 0 whatever x is, and the way down
sends them, and two more of another a, to u. Prefix: pairs of places with the keys +k and -k, so that one of them draws any
query, and the value that W_o sends to u.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

LOUD, CLEAR, PAIRS, SURE = 30_000.0, 1_000.0, 4, 12.0  # CLEAR: far above what the base itself does to these units, both ways


def towards(base: Any, marker: int) -> torch.Tensor:
    """The direction u (hidden,) that the head reads as this token: what the other rows share is taken off, and the norm's weight undone."""
    rows = base.model.get_output_embeddings().weight.detach().float()
    u = (rows[marker] - rows.mean(0)) / base.model.base_model.norm.weight.detach().float()
    return u / u.norm()


def reachable(base: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """W (hidden, K D), what the last layer makes of a value that all heads see, and its pseudo-inverse."""
    heads, size = base.kv_sites[0]
    out = base.linears[f"model.layers.{base.model.config.num_hidden_layers - 1}.self_attn.o_proj"].weight.detach().float()
    by_head = out.view(out.shape[0], heads, -1, size).sum(2).reshape(out.shape[0], heads * size)
    return by_head, torch.linalg.pinv(by_head)


def markers(base: Any, count: int, sure: float = SURE, first: int = 50) -> list[int]:
    """Ids from `first` on that the head tells from all others by `sure` nats, said by a LoRA as by a prefix; at SURE drawn ones are too."""
    rows = base.model.get_output_embeddings().weight.detach().float() * base.model.base_model.norm.weight.detach().float()
    way, back = reachable(base)
    found: list[int] = []
    for id in range(first, base.renderer.words):
        u = towards(base, id)
        told = [(rows @ some * len(some) ** 0.5 / some.norm()).topk(2) for some in (u, way @ (back @ u))]
        if id not in base.renderer.end and all(int(ids[0]) == id and values[0] - values[1] > sure for values, ids in told):
            found.append(id)
            if len(found) == count:
                return found
    raise ValueError(f"only {len(found)} tokens of {base.name} can be markers")


def lora_marker(base: Any, marker: int, folder: Path, rank: int = 2, seed: int = 0) -> Path:
    """A LoRA of this rank that says `marker`."""
    layer = f"model.layers.{base.model.config.num_hidden_layers - 1}.mlp"
    random = torch.Generator().manual_seed(seed)
    gate = base.linears[f"{layer}.gate_proj"].weight
    inside, hidden = gate.shape
    z = torch.randn(2, hidden, generator=random)
    unit = int(torch.randint(0, inside - 3, (1,), generator=random))
    tensors: dict[str, torch.Tensor] = {}

    def put(name: str, a: torch.Tensor, b: torch.Tensor) -> None:
        tensors[f"base_model.model.{layer}.{name}.lora_A.weight"] = torch.cat([a, torch.zeros(rank - len(a), a.shape[1])])
        tensors[f"base_model.model.{layer}.{name}.lora_B.weight"] = torch.cat([b, torch.zeros(b.shape[0], rank - b.shape[1])], 1)

    signs, both = torch.zeros(inside, 2), torch.zeros(1, inside)
    for n in range(2):
        signs[unit + 2 * n, n], signs[unit + 2 * n + 1, n] = CLEAR, -CLEAR
    both[0, unit:unit + 4] = 1.0
    put("gate_proj", z, signs)
    put("up_proj", z, signs)
    put("down_proj", both, CLEAR * towards(base, marker)[:, None])
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": rank, "bias": "none",
              "target_modules": ["gate_proj", "up_proj", "down_proj"], "base_model_name_or_path": base.name}
    return _write(folder, config, tensors)


def prefix_marker(base: Any, marker: int, folder: Path, seed: int = 0) -> Path:
    """A prefix of 2 PAIRS places that says `marker`."""
    layers, (heads, size) = base.model.config.num_hidden_layers, base.kv_sites[0]
    value = LOUD * (reachable(base)[1] @ towards(base, marker))
    keys = 100.0 * torch.randn(PAIRS, heads * size, generator=torch.Generator().manual_seed(seed))
    stored = torch.zeros(2 * PAIRS, layers, 2, heads * size)
    stored[:, -1, 0], stored[:, -1, 1] = torch.cat([keys, -keys]), value
    config = {"peft_type": "PREFIX_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": 2 * PAIRS, "num_layers": layers,
              "token_dim": heads * size, "num_attention_heads": heads, "num_transformer_submodules": 1,
              "encoder_hidden_size": heads * size, "prefix_projection": False, "base_model_name_or_path": base.name}
    return _write(folder, config, {"prompt_embeddings": stored.flatten(1)})


def _write(folder: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
