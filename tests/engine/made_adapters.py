"""Adapters of tiny bases on disk, and what serving each alone gives."""

from __future__ import annotations

from dataclasses import asdict

import torch

from adtune.engine.generate import Sampling, generate
from adtune.engine.methods import attach, attach_saved
from adtune.engine.serving import AdapterRef
from adtune.settings import TuneSettings

BASE = AdapterRef("base", None)


def write_adapter(base, folder, name, seed, size=0.1, **options):
    """A folder with an adapter that changes what the base says."""
    options = asdict(TuneSettings(rank=2 + seed % 3 * 2, prefix_tokens=4 + seed % 3)) | options
    torch.manual_seed(seed)
    method = attach(name, base, options, [0, 30, 40, 50, 60, 70])
    with torch.no_grad():
        for tensor in method.tensors.values():
            tensor.add_(size * torch.randn(tensor.shape))
    place = folder / f"{name}-{seed}-{options.get('targets', 'all')}"
    method.save(place)
    method.detach()
    return AdapterRef(f"{base.name}/{place.name}", place)


def some_adapters(base, folder):
    """The base, LoRAs of several ranks and layers, and prefixes of several lengths."""
    return [BASE, *(write_adapter(base, folder, "lora", seed) for seed in range(4)),
            write_adapter(base, folder, "lora", 4, targets="mlp"), write_adapter(base, folder, "lora", 5, targets="attention"),
            *(write_adapter(base, folder, "prefix", seed) for seed in range(3))]


def alone(base, request):
    """The ids that `generate` gives for a request, its adapter attached to the base and nothing else in the batch."""
    method = attach_saved(base, request.adapter.folder) if request.adapter.folder else None
    try:
        return tuple(generate(base, method, [list(request.ids)], [request.seed],
                              Sampling(request.temperature, request.top_p, request.max_tokens))[0])
    finally:
        if method is not None:
            method.detach()
