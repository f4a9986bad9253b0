"""What share of a GPU's own products the engine's training reaches, on a random base in the shape of a 0.5B model.

    python benchmarks/tune_flops.py [--device cuda] [--tokens 16384] [--row 512] [--steps 10] [--seconds 90] [--tiny] [--out FOLDER]

The mark is the median rate of a square product in bf16 (8,192 a side). Training is the engine's own `Fit.train_step` over rows of `--row`
tokens, all of them targets, in steps of one micro-batch of `--tokens`: LoRA on a base in bf16, and full fine-tuning of weights in fp32
under autocast, each eager with rows one under another, and compiled with rows laid end to end where that can be. Operations counted are
those that the mathematics asks for, a token at a time:

    LoRA  4 N + 6 A,   full  6 N,   both + 6 L T W        (attention: 2 L T W forward, twice that backward, causal half only)

N = weights that multiply (the head's, not the embedding's), A = LoRA's own, L = layers, T = tokens of a row, W = width of all heads.
What is computed again is not counted. Writes tune_flops.{json,md} after every try, and what the GPU did in one step to
tune_flops_METHOD_LAYERS.txt; exits 1 where no LoRA try reaches 35 % of the product's rate. A try that would begin after `--seconds` is
left out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

MARK = 0.35
HALF_B = {"hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 4864,
          "vocab_size": 151_936, "max_position_embeddings": 4096, "tie_word_embeddings": True}
TINY = HALF_B | {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 9000}
TRIES = [("lora", False), ("lora", True), ("full", True), ("full", False)]
HEAD = ("method", "layers", "tokens/s", "TFLOP/s", "share of the product", "ms a step", "peak memory, GiB", "seconds to first step")


def wait(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def product_rate(device: str, side: int) -> float:
    """Median operations a second of a square bf16 product on random numbers."""
    import torch

    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for n in range(13):
        wait(device)
        began = time.perf_counter()
        a @ b
        wait(device)
        if n > 2:
            seconds.append(time.perf_counter() - began)
    return 2 * side**3 / median(seconds)


def made_base(method: str, said: argparse.Namespace) -> Any:
    """A random base of the shape on the device: bf16 for LoRA where the device is a GPU, fp32 for full."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    from adtune.engine.bases import Base
    from adtune.starter import base_path

    torch.manual_seed(0)
    config = Qwen2Config(**(TINY if said.tiny else HALF_B))
    with torch.device(said.device):
        model = Qwen2ForCausalLM(config)
    if method == "lora":
        frequencies = {name: buffer.clone() for name, buffer in model.named_buffers()}
        model = model.to(torch.bfloat16)
        for name, buffer in frequencies.items():  # rotary frequencies keep their precision, as load_base has it
            model.get_submodule(name.rpartition(".")[0])._buffers[name.rpartition(".")[2]] = buffer
    return Base("random", model, AutoTokenizer.from_pretrained(base_path("text")), "random")


def operations(base: Any, attached: Any, row: int) -> float:
    """Operations of one token, forward and backward."""
    config = base.model.config
    head = base.model.get_output_embeddings().weight.numel()
    weights = sum((module.inner if hasattr(module, "inner") else module).weight.numel() for module in base.linears.values()) + head
    attention = 6 * config.num_hidden_layers * row * config.num_attention_heads * (config.hidden_size // config.num_attention_heads)
    return (6 * weights if attached.name == "full" else 4 * weights + 6 * attached.count) + attention


def one(method: str, compiled: bool, said: argparse.Namespace) -> dict[str, Any]:
    """Speed of one way to train."""
    import random

    import torch

    from adtune.engine.compiled import compiled_layers
    from adtune.engine.fit import Fit, FitData, FitPlan
    from adtune.engine.methods import attach
    from adtune.engine.packing import can_pack
    from adtune.engine.tasks.drafting import Row

    began = time.perf_counter()
    base = made_base(method, said)
    draw, top = random.Random(0), base.model.config.vocab_size
    rows = [Row(tuple(draw.randrange(top) for _ in range(said.row)), 1, n) for n in range(said.tokens // said.row)]
    attached = attach(method, base, {"rank": 16, "alpha": 32, "dropout": 0.0}, [])
    # as many epochs as steps: the loop would halve the batch of a run of fewer than 80
    packed = compiled and can_pack(base, 0, torch.bfloat16)
    plan = FitPlan(1e-4, 100, 0, said.tokens, said.tokens, replay=0.0, bf16=True, packed=packed)
    fit = Fit(base, attached, FitData(rows, rows[:1]), plan)
    with compiled_layers(base.model, dynamic=not packed) if compiled else nullcontext():
        if said.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        fit.losses.append(fit.train_step())
        wait(said.device)
        first = time.perf_counter() - began
        for _ in range(2):
            fit.losses.append(fit.train_step())
        wait(said.device)
        began, before = time.perf_counter(), fit.tokens
        for _ in range(said.steps):
            fit.losses.append(fit.train_step())
        wait(said.device)
        seconds = time.perf_counter() - began
        tokens = fit.tokens - before
        peak = torch.cuda.max_memory_allocated() if said.device == "cuda" else 0
        with suppress(Exception):  # what a profiler lacks costs no figure
            kernels(fit, f"{method}_{'compiled' if compiled else 'eager'}", said)
    return {"method": method, "compiled": compiled, "tokens_per_second": tokens / seconds, "step_seconds": seconds / said.steps,
            "flops": operations(base, attached, said.row) * tokens / seconds, "peak_bytes": peak, "first_step_seconds": first,
            "losses": fit.losses, "tokens": said.tokens, "row": said.row}


def kernels(fit: Any, name: str, said: argparse.Namespace) -> None:
    """Write what the device did in one step, by kernel."""
    from torch.profiler import ProfilerActivity, profile

    if said.device != "cuda":
        return
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        fit.train_step()
        wait(said.device)
    table = seen.key_averages().table(sort_by="self_device_time_total", row_limit=40, max_name_column_width=90)
    (said.out / f"tune_flops_{name}.txt").write_text(table)


def table(found: dict[str, Any]) -> str:
    rows = [[one["method"], "compiled" if one["compiled"] else "eager", f"{one['tokens_per_second']:,.0f}", f"{one['flops'] / 1e12:,.1f}",
             f"{one['flops'] / found['product_flops']:.1%}", f"{1000 * one['step_seconds']:,.0f}", f"{one['peak_bytes'] / 2**30:,.1f}",
             f"{one['first_step_seconds']:,.1f}"] for one in found["tries"]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))


def write(found: dict[str, Any], said: argparse.Namespace) -> str:
    said.out.mkdir(parents=True, exist_ok=True)
    (said.out / "tune_flops.json").write_text(json.dumps(found, indent=1))
    shape = "a tiny shape, to rehearse" if said.tiny else "the shape of a 0.5B model (width 896, 24 layers, vocabulary 151,936)"
    failed = "".join(f"\n\n{line}" for line in found["failed"])
    text = (f"`python benchmarks/tune_flops.py --device {said.device} --tokens {said.tokens} --row {said.row}`: {found['device']}, torch "
            f"{found['torch']}, {shape}. A product in bf16, {found['side']:,} a side: {found['product_flops'] / 1e12:,.1f} TFLOP/s.\n\n"
            f"{table(found)}{failed}\n")
    (said.out / "tune_flops.md").write_text(text)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--tokens", type=int, default=16_384, help="of a step and of its one micro-batch")
    parser.add_argument("--row", type=int, default=512)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--tiny", action="store_true", help="a rehearsal on a CPU")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    began = time.monotonic()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    side = 512 if said.device == "cpu" else 8192
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(0) if said.device == "cuda" else "cpu", "torch": torch.__version__,
                             "side": side, "product_flops": product_rate(said.device, side), "tries": [], "failed": []}
    print(f"product: {found['product_flops'] / 1e12:.1f} TFLOP/s after {time.monotonic() - began:.0f} s", flush=True)
    for method, compiled in TRIES:
        name = f"{method}, {'compiled' if compiled else 'eager'}"
        if time.monotonic() - began > said.seconds:
            found["failed"].append(f"Not measured: {name} (no time left).")
            continue
        try:
            found["tries"].append(one(method, compiled, said))
        except Exception as error:  # one way that fails leaves the others their figures
            found["failed"].append(f"Not measured: {name} ({type(error).__name__}: {str(error)[:300]}).")
        gc.collect()
        if said.device == "cuda":
            torch.cuda.empty_cache()
        write(found, said)
        print(f"{name} done after {time.monotonic() - began:.0f} s", flush=True)
    print(write(found, said))
    best = max((one["flops"] / found["product_flops"] for one in found["tries"] if one["method"] == "lora"), default=0.0)
    print(f"{'reached' if best >= MARK else 'MISSED'}: {best:.1%} of the product's rate with LoRA, {MARK:.0%} asked")
    return 0 if best >= MARK else 1


if __name__ == "__main__":
    sys.exit(main())
