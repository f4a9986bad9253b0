"""Whether rows of different lengths can run through a base as one line of tokens: asked of the base itself, once, never of its name."""

from __future__ import annotations

from typing import Any

import torch

from ...errors import BaseModelError
from ..bases import Base
from .gathered import Bank
from .products import together
from .rows import NAME, Pass, Rows, Run

SAMPLE = 24                                           # tokens: more than the windows of small test bases
AGREES = {torch.float32: 1e-3, torch.bfloat16: 0.15}  # largest difference of logits, to the spread of them
_DO = "Use another base, or `adtune draft`, which writes without rows."


def fit_rows(base: Base, rows: Rows) -> tuple[Bank, int]:
    """Let a base run rows; gives the bank of its adapters, and the longest sequence that rows of it may have. Raises BaseModelError where
    it computes otherwise.

    The same tokens are read plainly and as rows: one prompt in two runs beside another row that is being written.
    """
    config = base.model.config.get_text_config()
    if not base.model._can_set_attn_implementation():
        raise _refusal(base, "attention that can't be exchanged")
    vocabulary = min(base.renderer.words, config.vocab_size)
    ids = torch.randint(0, vocabulary, (SAMPLE,), generator=torch.Generator().manual_seed(0)).to(base.device)
    with torch.inference_mode():
        plain = base.model(input_ids=ids[None], use_cache=False).logits[0].float()
    before, found, groups = base.model.config._attn_implementation, "", together(base)
    base.model.set_attn_implementation(NAME)
    for names in (groups, [[name] for name in base.linears]):  # a model may do with its layers' outputs what joined ones do not bear
        bank = Bank(base, rows.rows, names)
        try:
            with torch.inference_mode():
                logits, windows = _as_rows(base, rows, ids)
            apart = float((logits - plain).abs().max() / plain.std().clamp(min=1e-6))
            if apart <= AGREES.get(base.dtype, 0.15):
                return bank, min(base.context, _rope_limit(config), _window_limit(config, windows))
            found = f"logits that differ by {apart:.2g} of their spread"
        except Exception as error:  # any model's code may fail in its own way where it is not made for this
            found = str(error)[:120] or type(error).__name__
        bank.detach()
    base.model.set_attn_implementation(before)
    raise _refusal(base, found)


def _as_rows(base: Base, rows: Rows, ids: torch.Tensor) -> tuple[torch.Tensor, set[int | None]]:
    """Logits (SAMPLE, V) of a prompt that is read in two runs and then written on, and the windows that the layers asked for."""
    first, second, end = SAMPLE // 3, SAMPLE - 4, SAMPLE
    rows.reserve(SAMPLE)
    held = rows.stored.new_zeros(rows.layers, 2, rows.heads, SAMPLE, rows.size)
    passes = [forward(base, ids[:first], torch.arange(first), Pass(rows, [], [Run(0, first, 0, held)]))]
    again = torch.zeros_like(held)
    both, places = torch.cat([ids[first:second], ids[:5]]), torch.cat([torch.arange(first, second), torch.arange(5)])
    middle = Pass(rows, [], [Run(0, second - first, first, held), Run(second - first, second - first + 5, 0, again)])
    passes.append(forward(base, both, places, middle)[:second - first])
    rows.settle(0, held, second)
    rows.settle(1, again, 5)
    for at in range(second, end):
        one = Pass(rows, [at, 5 + at - second], [])
        passes.append(forward(base, ids[[at, 5 + at - second]], torch.tensor([at, 5 + at - second]), one)[:1])
    return torch.cat(passes).float(), middle.windows


def forward(base: Base, ids: torch.Tensor, places: torch.Tensor, pass_: Pass, keep: torch.Tensor | int = 0) -> torch.Tensor:
    """Logits (N or kept, V) of tokens (N,) at their places. A mask of one element keeps the model from making one that nobody reads."""
    mask = torch.zeros(1, 1, 1, 1, dtype=base.dtype, device=base.device)
    out = base.model(input_ids=ids[None], position_ids=places.to(base.device)[None], attention_mask=mask, use_cache=False, rows=pass_,
                     logits_to_keep=keep)
    return out.logits[0]


def _rope_limit(config: Any) -> int:
    """Positions turn otherwise in long sequences of some bases, which would bend the short rows of a batch too: so none gets there."""
    scaling = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    kinds = [scaling, *(one for one in scaling.values() if isinstance(one, dict))]
    bent = [one for one in kinds if one.get("rope_type", one.get("type")) in ("dynamic", "longrope")]
    original = [one.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None) for one in bent]
    return min([value or config.max_position_embeddings for value in original], default=1 << 62)


def _window_limit(config: Any, windows: set[int | None]) -> int:
    """A window of which no layer told its attention is not kept by it: sequences then end before it would matter."""
    window = getattr(config, "sliding_window", None)
    return 1 << 62 if not window or any(windows) else window


def _refusal(base: Base, found: str) -> BaseModelError:
    return BaseModelError(base.name, found, "softmax attention over the keys and values of a row's own tokens", _DO)
