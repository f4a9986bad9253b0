"""Tiny random bases of several architectures on disk, a byte-level tokenizer, and made pieces. Nothing here is a real text."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import torch
import transformers

from adtune.engine.bases import load_base
from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer
from adtune.records import Brief, Example

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
CONTEXT = 256
WORDS = ("garden roses water morning shade soil winter spring green leaf slow careful reader kettle window paper bread market "
         "the a of and with under before after we you they keep find grow carry notice").split()
PLAIN = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48,
         "head_dim": 8, "max_position_embeddings": CONTEXT, "initializer_range": 0.15}
# Gemma 2 and 3 see only 16 tokens back in every other layer, and Gemma 2 bends its logits.
SHAPES = {
    "llama": ("Llama", PLAIN),
    "qwen3": ("Qwen3", PLAIN | {"tie_word_embeddings": True}),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT, "initializer_range": 0.15, "bos_token_id": None}),
    "gemma": ("Gemma", PLAIN),
    "gemma2": ("Gemma2", PLAIN | {"sliding_window": 16, "query_pre_attn_scalar": 8}),
    "gemma3": ("Gemma3", PLAIN | {"sliding_window": 16, "query_pre_attn_scalar": 8,
                                  "layer_types": ["sliding_attention", "full_attention"]}),
}
CLASSES = {"Gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM"), "GPT2": ("GPT2Config", "GPT2LMHeadModel")}


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words)).capitalize() + "."


def pieces(count: int, words: int = 12, seed: int = 0) -> list[Example]:
    """Examples with a title, every third one with a category and every fifth one with a summary and a fact."""
    rng = random.Random(seed)
    return [Example(Brief(sentence(rng, 3)[:-1], "advice" if n % 3 == 0 else None, None, sentence(rng, 4) if n % 5 == 0 else None,
                          (sentence(rng, 3),) if n % 5 == 0 else ()), sentence(rng, rng.randint(words // 2, words))) for n in range(count)]


@cache
def tokenizer_object(vocabulary: int = 400):
    rng = random.Random(7)
    return train_tokenizer([f"# {sentence(rng, 3)}\n[advice]\n\n{sentence(rng, 30)}" for _ in range(200)], vocabulary)


def write_model(kind: str, folder: Path, seed: int = 0, **changes) -> Path:
    """A random model of this kind with its tokenizer, as save_pretrained writes it."""
    family, shape = SHAPES[kind]
    config_class, model_class = CLASSES.get(family, (f"{family}Config", f"{family}ForCausalLM"))
    tokenizer = tokenizer_object()
    config = getattr(transformers, config_class)(**(
        {"vocab_size": tokenizer.get_vocab_size(), "eos_token_id": 0, "pad_token_id": 1, "bos_token_id": None} | shape | changes))
    torch.manual_seed(seed)
    getattr(transformers, model_class)(config).save_pretrained(folder)
    save_tokenizer(tokenizer, folder, CONTEXT)
    return folder


def make_base(kind: str, folder: Path, **changes):
    return load_base(str(write_model(kind, folder, **changes)))
