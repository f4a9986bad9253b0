"""What a run needs of its device's memory, planned before its first step.

    weights + gradients 4 T + AdamW 8 T + copies 8 T (full: 12 T) + activations

T = trainable parameters, in `full` those of the base. The copies are the start and the best state; `full` also keeps the base's own
weights, to give them back. The state of the moment, taken at an evaluation or for a checkpoint, stands when no gradients do. What a
forward pass over rows of L tokens keeps for the way back is n (b + c L) bytes for n tokens; b and c are counted on two short rows of
the loaded base itself, and c is 0 but for attention that keeps its probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch

from ..settings import TuneSettings
from .bases import Base
from .head import chunk_rows
from .methods import METHODS
from .quantised import stored_bytes
from .tasks.drafting import Row, row_nats

SAMPLE = 64            # tokens of the shorter row on which activations are counted
MEASURED = 8192        # tokens of a batch that is only measured
GAPS = 1.1             # what an allocator holds for what was asked of it, measured on the starter
COPIES = {"lora": 2, "prefix": 2, "full": 3}  # of what is trained, beside it


@dataclass(frozen=True)
class Planned:
    """Bytes of a run, by what they are for."""

    weights: int
    gradients: int
    moments: int
    copies: int
    activations: int

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    @property
    def more(self) -> int:
        """What comes on top of the loaded base."""
        return self.total - self.weights


def planned_bytes(method: str, base: Base, settings: TuneSettings, bf16: bool = False) -> Planned:
    """What fine-tuning a loaded base with the method needs at its peak; nothing is left attached to the base."""
    weights = sum(stored_bytes(p) for p in base.model.parameters()) + sum(stored_bytes(b) for b in base.model.buffers())
    tokens = max(SAMPLE, min(settings.micro_tokens, settings.batch_tokens))
    with _trainable(method, base, settings) as (attached, trained):
        short, long = (_kept(base, attached, count, bf16) for count in (SAMPLE, 2 * SAMPLE))
    by_length = max(0.0, (long - 2 * short) / (2 * SAMPLE**2))
    kept = tokens * (short / SAMPLE + by_length * (min(settings.window_tokens, base.context) - SAMPLE))
    activations = max(kept + _wave(base, tokens, bf16), _wave(base, MEASURED, bf16)) + _head(base, method, tokens)
    activations = round(GAPS * activations)
    return Planned(weights, 4 * trained, 8 * trained, 4 * trained * COPIES[method], activations)


@contextmanager
def _trainable(method: str, base: Base, settings: TuneSettings) -> Iterator[tuple]:
    """(the method attached, its trainable parameters); `full` without the copies of the weights that it would take."""
    if method == "full":
        base.model.requires_grad_(True)
        try:
            yield None, base.parameters
        finally:
            base.model.requires_grad_(False)
        return
    with torch.random.fork_rng(devices=[]):  # a plan draws nothing from the run's seed
        attached = METHODS[method].fresh(base, asdict(settings), [0] * max(1, settings.prefix_tokens))
    try:
        yield attached, attached.count
    finally:
        attached.detach()


def _kept(base: Base, method: object, tokens: int, bf16: bool) -> int:
    """Bytes that a forward pass over one row of `tokens` keeps for the way back; the base's own weights are left out, and the gradient
    of a trained head, which `_head` counts: it does not grow with the tokens."""
    own = {p.untyped_storage().data_ptr() for p in base.model.parameters() if type(p) is torch.nn.Parameter}
    head = base.model.get_output_embeddings().weight.shape
    found: dict[int, torch.UntypedStorage] = {}  # kept alive until counted: a freed place would be given out again

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if type(tensor) in (torch.Tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own and tensor.shape != head:
                found[storage.data_ptr()] = storage
        return tensor

    ids = tuple(n % base.model.config.get_text_config().vocab_size for n in range(tokens))
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        row_nats(base, method, [Row(ids, tokens - 1, 0)], torch.bfloat16 if bf16 else torch.float32)  # type: ignore[arg-type]
    return sum(storage.nbytes() for storage in found.values())


def _wave(base: Base, tokens: int, bf16: bool) -> int:
    """What one layer at a time needs beside what is kept: the widest products, in and out, and a quantised weight made whole."""
    shapes = [sorted(module.weight.shape) for module in base.linears.values()] or [[base.model.config.get_text_config().hidden_size] * 2]
    widest, narrow = max(shape[1] for shape in shapes), max(shape[0] for shape in shapes)
    made = 0 if base.quantised == "none" else 2 * 4 * max(module.weight.numel() for module in base.linears.values())
    return tokens * (5 * widest + 6 * narrow) * (2 if bf16 else 4) + made


def _head(base: Base, method: str, tokens: int) -> int:
    """Logits of one chunk, their probabilities and slope; a trained head's gradient stands twice while it is added."""
    rows, width = base.model.get_output_embeddings().weight.shape
    chunk = min(chunk_rows(rows, base.device.type), max(tokens, MEASURED)) * rows * 4
    return 3 * chunk + (4 * rows * width if method == "full" else 0)
