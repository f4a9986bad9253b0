"""Which engines can serve a method's result on a base: known before training, so that nobody trains what nobody can serve.

What vLLM takes: ranks from its own list, 16 unless told; LoRA on linear layers but the head; no prefix, no DoRA (its issues 660 and
9280). What adtune writes is plain LoRA, so dropout, learning rate and targets never decide.
"""

from __future__ import annotations

from ..records import Servable
from ..settings import TuneSettings
from .bases import Base
from .gguf_file import INSTALL, gguf_is_here, unfit

VLLM_RANK = 16
VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
VLLM_LORA = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3")  # model types that we know it adapts
NO_LORA = ("gpt2",)


def servable(method: str, settings: TuneSettings, base: Base) -> list[Servable]:
    """One record an engine: peft, vllm, transformers and gguf."""
    return [_peft(method), _vllm(method, settings.rank, base), Servable("transformers", True, _form(method)), _gguf(method, base)]


def _form(method: str) -> str:
    """The export that transformers loads."""
    return "export --to merged" if method == "full" else "export --to peft, with peft installed" if method == "prefix" else (
        "export --to merged, or --to peft with peft installed")


def _peft(method: str) -> Servable:
    if method == "full":
        return Servable("peft", False, reason="a whole model is no adapter: export --to merged")
    return Servable("peft", True, "export --to peft" + (", one prefix in a batch" if method == "prefix" else ""))


def _vllm(method: str, rank: int, base: Base) -> Servable:
    kind = base.model.config.model_type
    if method == "prefix":
        return Servable("vllm", False, reason="vLLM serves no prefixes; use lora, or serve it with adtune")
    if kind not in (*VLLM_LORA, *NO_LORA):
        return Servable("vllm", None, reason=f"not known for the model type {kind}")
    if method == "full":
        return Servable("vllm", True, "export --to merged")
    if kind in NO_LORA:
        return Servable("vllm", False, "export --to merged", f"vLLM takes no LoRA on {kind}, but the merged model")
    if rank > VLLM_RANKS[-1]:
        return Servable("vllm", False, "export --to merged", f"rank {rank} is over vLLM's highest, {VLLM_RANKS[-1]}")
    flag = f" --max-lora-rank {next(one for one in VLLM_RANKS if one >= rank)}" if rank > VLLM_RANK else ""
    return Servable("vllm", True, "export --to peft; --enable-lora" + flag)


def _gguf(method: str, base: Base) -> Servable:
    if method == "prefix":
        return Servable("gguf", False, reason="a prefix lives in the cache, not in the weights")
    reason = unfit(base)
    if reason:
        return Servable("gguf", False, reason=reason)
    return Servable("gguf", True, "export --to gguf" + ("" if gguf_is_here() else f" (first {INSTALL})"))
