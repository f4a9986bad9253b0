"""Prefix tuning (Li & Liang 2021, arXiv 2101.00190) with keys and values started from a real prompt, no projection.

The prefix holds, for every layer, the keys and values of P prompt tokens; the base is frozen. At step 0 it is exactly the
base prompted with those tokens. P = prefix tokens, L = layers, H = key/value heads, D = head size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import DynamicCache

from ...errors import BaseModelError
from ..bases import Base
from .base import AbstractMethod


def _sites(base: Base) -> tuple[int, int, int]:
    """(L, H, D); every layer must be covered with the same shape, or the method refuses."""
    sites = base.kv_sites
    if not sites or len(sites) != base.model.config.get_text_config().num_hidden_layers or len(set(sites)) != 1:
        raise BaseModelError(base.name, f"key/value sites {sites[:4] or 'none'}", "one key/value cache of the same shape in every layer",
                             "Prefix tuning can't cover this base. Use --method lora.")
    return len(sites), *sites[0]


class Prefix(AbstractMethod):
    """P trainable keys and values in front of every layer's cache."""

    name = "prefix"
    mergeable = False

    def __init__(self, base: Base, start: torch.Tensor):
        """`start` is (P, L * 2 * H * D) in PEFT's order: for each layer the key, then the value."""
        self.layers, self.heads, self.size = _sites(base)
        self.context_tokens = start.shape[0]
        super().__init__(base, {"prompt_embeddings": start.detach().clone().float().to(base.device).requires_grad_(True)})

    @classmethod
    def fresh(cls, base: Base, options: Mapping[str, Any], prompt: Sequence[int]) -> Prefix:
        return cls.from_prompt(base, prompt[:options["prefix_tokens"]])

    @classmethod
    def from_prompt(cls, base: Base, ids: Sequence[int]) -> Prefix:
        """Start from the keys and values that the base computes for the prompt `ids` (P,)."""
        layers, heads, size = _sites(base)
        if not ids:
            raise BaseModelError("prefix", "no prompt tokens to start from", "at least one token", "Set prefix_tokens above 0.")
        with torch.no_grad():
            cache = base.model(input_ids=torch.tensor([list(ids)], device=base.device), use_cache=True,
                               past_key_values=DynamicCache()).past_key_values
        # each (1, H, P, D) -> (P, L * 2, H, D) -> (P, all)
        parts = [part[0].transpose(0, 1) for layer in cache.layers for part in (layer.keys, layer.values)]
        return cls(base, torch.stack(parts, 1).reshape(len(ids), layers * 2 * heads * size))

    def expected_count(self) -> int:
        """P * 2 * L * H * D."""
        return self.context_tokens * 2 * self.layers * self.heads * self.size

    def cache(self, rows: int) -> DynamicCache:
        stored = self.tensors["prompt_embeddings"].view(self.context_tokens, self.layers * 2, self.heads, self.size)
        stored = stored.permute(1, 2, 0, 3).unsqueeze(1).expand(-1, rows, -1, -1, -1).to(self.base.dtype)  # (L * 2, rows, H, P, D)
        cache = DynamicCache()
        for layer in range(self.layers):
            cache.update(stored[2 * layer], stored[2 * layer + 1], layer)
        return cache

    def detach(self) -> None:
        """Nothing to take off: the base was never touched."""

    def config(self) -> dict[str, Any]:
        return {"peft_type": "PREFIX_TUNING", "task_type": "CAUSAL_LM", "base_model_name_or_path": self.base.name,
                "revision": self.base.revision, "num_virtual_tokens": self.context_tokens, "num_layers": self.layers,
                "token_dim": self.heads * self.size, "num_attention_heads": self.heads, "num_transformer_submodules": 1,
                "encoder_hidden_size": self.heads * self.size, "prefix_projection": False, "inference_mode": True}

    @classmethod
    def from_saved(cls, base: Base, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Prefix:
        """Attach a PEFT prefix folder's content, which `check_adapter` found to be stored keys and values of this base's shape."""
        method = cls(base, torch.zeros_like(weights["prompt_embeddings"], dtype=torch.float32))
        method.load_state(weights)
        return method
