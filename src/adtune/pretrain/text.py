"""Pre-train a text starter base: tokenizer, token files, a time-budgeted run, a Hugging Face folder with a model card.

Schedule: warm-up, constant, then a linear cool-down over the last share of the time (trapezoidal), so that a run can be
continued from its constant part. Matrices are trained with Muon (Jordan et al. 2024; torch.optim.Muon), embeddings and
norms with AdamW. The last stretch of the cool-down runs at the full context over documents grouped by source.

B = rows of a batch, T = tokens of a row.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from ..engine.checkpoint import load_latest, pack_optimizer, save_checkpoint, unpack_optimizer
from ..errors import InputError, Interrupted
from .corpus import TokenFiles, read_documents, tokenize
from .model import build_model
from .tokenizer import save_tokenizer, train_tokenizer


@dataclass(frozen=True)
class PretrainSettings:
    """Everything that decides a pre-training run."""

    size: str = "8m"                   # one of pretrain.model.SIZES
    minutes: float = 60.0              # wall clock of training, cool-down included
    vocabulary: int = 8192             # entries of the tokenizer
    context: int = 2048                # longest sequence of the finished model, tokens
    row_tokens: int = 256              # T of the constant phase
    batch_tokens: int = 8192           # B x T of one step
    muon_rate: float = 0.01            # learning rate of the matrices
    adamw_rate: float = 0.004          # learning rate of embeddings and norms
    cool_down_share: float = 0.35      # share of the time with a falling learning rate
    long_share: float = 0.10           # share of the time at the full context
    warmup_steps: int = 60
    seed: int = 0
    token_limit: int = 60_000_000      # tokens drawn from the corpus, at most
    evaluate_minutes: float = 6.0      # time between evaluations and checkpoints


class Schedule:
    """Trapezoidal learning-rate factor as a function of the share of the time that has gone."""

    def __init__(self, settings: PretrainSettings):
        self.settings = settings

    def factor(self, share: float, steps_since_start: int) -> float:
        warm = min(1.0, (steps_since_start + 1) / self.settings.warmup_steps)
        down = self.settings.cool_down_share
        return warm * min(1.0, max(0.0, (1.0 - share) / down)) if down else warm

    def is_long(self, share: float) -> bool:
        return share >= 1.0 - self.settings.long_share


def token_loss(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Mean nats per token of `ids` (B, T) under bf16 autocast; log-sum-exp in fp32."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1].flatten(0, 1)
        logits = model.lm_head(hidden)
        target = ids[:, 1:].flatten()
        return (torch.logsumexp(logits.float(), -1) - logits.gather(1, target[:, None])[:, 0].float()).mean()


def bits_per_byte(model: torch.nn.Module, held_out: dict[str, list[tuple[list[int], int]]], limit: int = 24,
                  context: int = 512) -> dict[str, float]:
    """Bits per byte of text on held-out documents, by source, over the first `context` tokens of each."""
    scores = {}
    for source, rows in held_out.items():
        nats, size = 0.0, 0.0
        for ids, length in rows[:limit]:
            part = torch.tensor([[0, *ids[:context]]])
            with torch.no_grad():
                loss = F.cross_entropy(model(input_ids=part, use_cache=False).logits[0, :-1].float(), part[0, 1:], reduction="sum")
            nats += loss.item()
            size += length * min(1.0, context / max(len(ids), 1))
        scores[source] = float(nats / size / np.log(2))
    return scores


def overall(scores: dict[str, float], counts: dict[str, int]) -> float | None:
    """Mean bits per byte, weighted by each source's share of the trained mix; None where nothing of the mix was held out."""
    total = sum(counts.get(s, 0) for s in scores)
    return sum(b * counts.get(s, 0) for s, b in scores.items()) / total if total else None


def prepare(paths: list[Path], settings: PretrainSettings, work: Path,
            progress: Callable[[str, int, int], None]) -> tuple[Tokenizer, TokenFiles]:
    """Train the tokenizer (or take the one in `work`) and tokenise the corpus once."""
    work.mkdir(parents=True, exist_ok=True)
    saved = work / "tokenizer.json"
    if saved.exists():
        tokenizer = Tokenizer.from_file(str(saved))
    else:
        def sample(limit: int = 40_000_000):
            size = 0
            for number, document in enumerate(read_documents(paths)):
                if document.held_out or (document.source.startswith(("wiki", "gutenberg")) and number % 8):
                    continue
                size += len(document.text)
                yield document.prompt() + document.text
                if size > limit:
                    return
        progress("tokenizer", 0, 1)
        tokenizer = train_tokenizer(sample(), settings.vocabulary)
        tokenizer.save(str(saved))
    files = tokenize(paths, tokenizer, work / "tokens", settings.token_limit, settings.seed,
                     lambda done, total: progress("tokenise", done, total))
    size = len(files.tokens("train"))
    if size < 20 * settings.batch_tokens:
        saved.unlink()  # so that the next call reads the corpus that it is given
        shutil.rmtree(work / "tokens")
        raise InputError("--corpus", f"{size:,} tokens", f"at least {20 * settings.batch_tokens:,} tokens",
                         "Give more text, or a smaller --size and batch.")
    return tokenizer, files


class PretrainRun:
    """One pre-training run that can be stopped at any step and continued."""

    def __init__(self, settings: PretrainSettings, files: TokenFiles, work: Path):
        self.settings, self.files, self.work = settings, files, work
        torch.manual_seed(settings.seed)
        self.model = build_model(settings.size, settings.vocabulary, settings.context)
        matrices = [p for n, p in self.model.model.named_parameters() if p.ndim == 2 and "embed" not in n]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.model.parameters() if id(p) not in chosen]
        self.optimizers = {
            "muon": torch.optim.Muon(matrices, lr=settings.muon_rate, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            "adamw": torch.optim.AdamW(others, lr=settings.adamw_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
        }
        self.rates = {"muon": settings.muon_rate, "adamw": settings.adamw_rate}
        self.step, self.seconds, self.tokens, self.started_at = 0, 0.0, 0, 0
        self.cursors = {"train": 0, "long": 0}
        self.log: list[dict[str, Any]] = []
        self.schedule = Schedule(settings)
        self.loss = torch.compile(token_loss)

    @property
    def share(self) -> float:
        return self.seconds / (60 * self.settings.minutes)

    def save(self, name: str = "checkpoints") -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items() if k != "lm_head.weight"}
        packed = {}
        for key, optimizer in self.optimizers.items():
            part, packed[key] = pack_optimizer(optimizer, key)
            tensors |= part
        meta = {"settings": asdict(self.settings), "optimizers": packed, "step": self.step, "seconds": self.seconds,
                "tokens": self.tokens, "cursors": self.cursors, "log": self.log}
        save_checkpoint(self.work / name, self.step, tensors, meta)

    def restore(self) -> bool:
        """Go on from the newest checkpoint; False where there is none. Raises InputError where the model is another one."""
        found = load_latest(self.work / "checkpoints")
        if found is None:
            return False
        _, tensors, meta = found
        for name in ("size", "vocabulary", "context"):
            if meta["settings"][name] != getattr(self.settings, name):
                started = meta["settings"][name]
                raise InputError("--resume", f"{name} = {getattr(self.settings, name)}", f"{name} = {started}, as the run was started",
                                 "Give the same options again, or start a new run in another folder.")
        self.model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, strict=False)
        self.model.tie_weights()
        for key, optimizer in self.optimizers.items():
            unpack_optimizer(optimizer, tensors, meta["optimizers"][key], key)
        self.step, self.seconds, self.tokens, self.log = meta["step"], meta["seconds"], meta["tokens"], meta["log"]
        self.cursors, self.started_at = meta["cursors"], meta["step"]
        return True

    def batch(self) -> torch.Tensor:
        """The next rows (B, T); the files are read in order and from the start again when they end."""
        name = "long" if self.schedule.is_long(self.share) and len(self.files.tokens("long")) > self.settings.context * 8 else "train"
        width = self.settings.context if name == "long" else self.settings.row_tokens
        tokens, need = self.files.tokens(name), self.settings.batch_tokens
        if self.cursors[name] + need > len(tokens):
            self.cursors[name] = 0
        rows = np.array(tokens[self.cursors[name]:self.cursors[name] + need]).astype(np.int64)
        self.cursors[name] += need
        return torch.from_numpy(rows).view(need // width, width)

    def advance(self) -> float:
        """One optimiser step; returns the loss in nats per token."""
        began = time.monotonic()
        factor = self.schedule.factor(self.share, self.step - self.started_at)
        for key, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[key] * factor
        ids = self.batch()
        loss = self.loss(self.model, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += ids.numel()
        self.seconds += time.monotonic() - began
        return loss.item()


def run(run_: PretrainRun, progress: Callable[[dict[str, Any]], None], stop: Callable[[], bool]) -> list[dict[str, Any]]:
    """Train until the time is up, evaluating and saving as it goes; Interrupted after a checkpoint when `stop()` says so."""
    held, smooth, next_evaluation, constant_saved = run_.files.held_out(), None, 0.0, False
    while run_.share < 1.0:
        loss = run_.advance()
        smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
        if run_.step % 10 == 0:
            progress({"step": run_.step, "loss": smooth, "tokens": run_.tokens, "seconds": run_.seconds, "share": run_.share})
        if stop():
            run_.save()
            raise Interrupted(f"stopped at step {run_.step}", "adtune pretrain text --resume")
        if not constant_saved and run_.share >= 1.0 - run_.settings.cool_down_share:
            run_.save("constant")
            constant_saved = True
        if run_.seconds >= next_evaluation + 60 * run_.settings.evaluate_minutes:
            next_evaluation = run_.seconds
            scores = bits_per_byte(run_.model, held, limit=6)
            run_.log.append({"step": run_.step, "tokens": run_.tokens, "seconds": run_.seconds, "loss": smooth,
                             "bits_per_byte": overall(scores, run_.files.counts), "by_source": scores})
            progress(run_.log[-1])
            run_.save()
    run_.save()
    return run_.log


def write_base(run_: PretrainRun, tokenizer: Tokenizer, out: Path, card: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """Write the finished base as a Hugging Face folder (bf16 safetensors, tokenizer, figures, card)."""
    scores = bits_per_byte(run_.model, run_.files.held_out(), limit=120)
    figures = {"parameters": sum(p.numel() for p in run_.model.parameters()), "tokens": run_.tokens, "seconds": run_.seconds,
               "bits_per_byte": overall(scores, run_.files.counts), "by_source": scores, "settings": asdict(run_.settings),
               "drawn_tokens": run_.files.counts, "log": run_.log}
    out.mkdir(parents=True, exist_ok=True)
    run_.model.to(torch.bfloat16).save_pretrained(out)
    save_tokenizer(tokenizer, out, run_.settings.context)
    (out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    (out / "README.md").write_text(card(figures), encoding="utf-8")
    return figures
