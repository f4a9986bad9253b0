"""The plain loop that one would write by hand: transformers, LoRA in six lines, length buckets, bf16 autocast; no adtune in it.

    python plain_tune.py WORK.json OUT_FOLDER --seed N       prints one JSON object, as trl_tune.py does
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import random
import resource
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM


class Lora(torch.nn.Module):
    def __init__(self, inner, rank, alpha):
        super().__init__()
        self.inner, self.scale = inner, alpha / rank
        self.a = torch.nn.Parameter(torch.nn.init.kaiming_uniform_(torch.empty(rank, inner.in_features), a=math.sqrt(5)))
        self.b = torch.nn.Parameter(torch.zeros(inner.out_features, rank))

    def forward(self, x):
        return self.inner(x) + self.scale * F.linear(F.linear(x, self.a), self.b)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    work = json.loads(said.work.read_text())
    torch.set_num_threads(work["threads"])
    device = work["device"]
    gpu = device != "cpu"
    model = AutoModelForCausalLM.from_pretrained(work["base"], dtype=torch.bfloat16 if gpu else torch.float32)
    model = model.to(device).requires_grad_(False)
    loaded = torch.cuda.memory_allocated() if gpu else int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    if work.get("turn"):  # held to the end of the process: arms that loaded together train one by one
        fcntl.flock(os.open(work["turn"], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    torch.manual_seed(said.seed)
    for name in work["targets"]:
        model.set_submodule(name, Lora(model.get_submodule(name), work["rank"], work["alpha"]).to(device))
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=work["rate"], weight_decay=0.0, fused=True)
    rows, size, steps = work["rows"], work["batch"], []
    for epoch in range(work["epochs"]):
        chance, order = random.Random(f"{said.seed}/{epoch}"), list(range(len(rows)))
        chance.shuffle(order)
        order = [i for at in range(0, len(order), 128) for i in sorted(order[at:at + 128], key=lambda i: len(rows[i][0]))]
        groups = [order[at:at + size] for at in range(0, len(order), size)]
        chance.shuffle(groups)
        steps += groups
    warm, began, tokens = work["warmup_steps"], 0.0, 0
    for step, group in enumerate(steps):
        share = (step - warm) / max(1, len(steps) - warm)
        factor = (step + 1) / warm if step < warm else 0.1 + 0.45 * (1 + math.cos(math.pi * share))
        optimizer.param_groups[0]["lr"] = work["rate"] * factor
        width = max(len(rows[i][0]) for i in group)
        ids, labels = torch.zeros(len(group), width, dtype=torch.long), torch.full((len(group), width), -100)
        for n, i in enumerate(group):
            row, first = rows[i]
            ids[n, :len(row)], labels[n, first:len(row)] = torch.tensor(row), torch.tensor(row[first:])
        with torch.autocast(device, dtype=torch.bfloat16, enabled=work["bf16"]):
            logits = model(input_ids=ids.to(device), use_cache=False).logits[:, :-1]
        loss = F.cross_entropy(logits.float().flatten(0, 1), labels[:, 1:].flatten().to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += sum(len(rows[i][0]) for i in group) if step else 0
        if not began:
            if gpu:
                torch.cuda.synchronize()
            began = time.perf_counter()
    if gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    peak = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    folder = said.out / "adapter"
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"base_model.model.{name}.lora_{part.upper()}.weight": getattr(model.get_submodule(name), part).detach().cpu().contiguous()
               for name in work["targets"] for part in "ab"}
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "r": work["rank"], "lora_alpha": work["alpha"], "target_modules": work["targets"], "task_type": "CAUSAL_LM"}))
    print(json.dumps({"tokens_per_second": tokens / seconds, "steps": len(steps), "growth_bytes": max(0, peak - loaded)}))


if __name__ == "__main__":
    main()
