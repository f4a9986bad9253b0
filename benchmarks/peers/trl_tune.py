"""The peer: TRL's SFTTrainer with PEFT's LoRA over given rows. Runs in an environment of its own (see requirements.txt beside it).

    python trl_tune.py WORK.json OUT_FOLDER --seed N [--unchecked] [--flat]

WORK.json holds the base's folder, rows of [ids, first target], epochs, rate, batch and LoRA's options. Prints one JSON object. The
defaults are TRL's own but for what makes the work the same (rate, schedule, epochs, LoRA); `--unchecked` switches gradient checkpointing
off, `--flat` padding-free batches on. On a GPU the base lies there in bf16, as adtune has it, and the adapter in fp32.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import resource
import time
from pathlib import Path


def resident_bytes() -> int:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unchecked", action="store_true")
    parser.add_argument("--flat", action="store_true")
    said = parser.parse_args()
    work = json.loads(said.work.read_text())

    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(work["threads"])
    tokenizer = AutoTokenizer.from_pretrained(work["base"])
    gpu = work["device"] != "cpu"
    model = AutoModelForCausalLM.from_pretrained(work["base"], dtype=torch.bfloat16 if gpu else torch.float32).to(work["device"])
    loaded = torch.cuda.memory_allocated() if gpu else resident_bytes()
    rows = Dataset.from_list([{"input_ids": ids, "completion_mask": [0] * first + [1] * (len(ids) - first)} for ids, first in work["rows"]])
    changed = {**({"gradient_checkpointing": False} if said.unchecked else {}), **({"padding_free": True} if said.flat else {})}
    config = SFTConfig(
        output_dir=str(said.out / "run"), num_train_epochs=work["epochs"], learning_rate=work["rate"],
        per_device_train_batch_size=work["batch"], lr_scheduler_type="cosine_with_min_lr", lr_scheduler_kwargs={"min_lr_rate": 0.1},
        warmup_steps=work["warmup_steps"], weight_decay=0.0, bf16=work["bf16"], max_length=None,
        completion_only_loss=True, seed=said.seed, report_to=[], save_strategy="no", logging_steps=1000,
        use_cpu=not gpu, **changed)
    lora = LoraConfig(r=work["rank"], lora_alpha=work["alpha"], target_modules=work["targets"], task_type="CAUSAL_LM")

    class Clock(TrainerCallback):
        """Seconds of the steps after the first, which pays for warm caches everywhere."""

        first = 0.0

        def on_step_end(self, args, state, control, **rest):
            if gpu and state.global_step in (1, state.max_steps):
                torch.cuda.synchronize()
            self.first = self.first or time.perf_counter()
            self.last, self.steps = time.perf_counter(), state.global_step

    clock = Clock()
    torch.manual_seed(said.seed)
    trainer = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer, peft_config=lora, callbacks=[clock])
    if work.get("turn"):  # held to the end of the process: arms that loaded together train one by one
        fcntl.flock(os.open(work["turn"], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    trainer.train()
    trainer.model.save_pretrained(said.out / "adapter")
    tokens = work["epochs"] * sum(len(ids) for ids, _ in work["rows"]) * (clock.steps - 1) / clock.steps
    peak = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tokens_per_second": tokens / (clock.last - clock.first), "steps": clock.steps,
                      "growth_bytes": max(0, peak - loaded)}))


if __name__ == "__main__":
    main()
