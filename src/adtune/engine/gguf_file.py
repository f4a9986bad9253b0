"""A merged model as one GGUF file, for llama.cpp and what is built on it: written, and read back from the file.

Only shapes whose map of tensors is certain: Llama (and Mistral without a sliding window), Qwen2 and Qwen3. Weights are written in
fp32: nothing is lost, and llama.cpp's own tool makes the smaller kinds from it.

L = layers, N = attention heads, D = head size, I = inputs. Llama's query and key rows are stored in pairs: (N, 2, D / 2, I) becomes
(N, D / 2, 2, I), the order in which llama.cpp turns them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import BaseModelError
from .bases import Base
from .gguf_words import Words, read_words, unfit_words

SHAPES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}  # model type -> architecture in GGUF
PAIRED = ("self_attn.q_proj", "self_attn.k_proj")
INSTALL = "pip install 'adtune[gguf]'"


@dataclass(frozen=True)
class About:
    """What stands beside the weights: names for people."""

    name: str
    licence: str | None
    description: str


def gguf_is_here() -> bool:
    """Whether the libraries that write and read GGUF are installed."""
    return all(importlib.util.find_spec(name) for name in ("gguf", "accelerate"))


def unfit(base: Base) -> str | None:
    """Why a base can't be written as GGUF with certainty, or None."""
    config = base.model.config
    if config.model_type not in SHAPES:
        return f"the map of tensors is certain for {', '.join(SHAPES)} only, not for {config.model_type}"
    rope = rope_of(config)
    if rope.get("rope_type", "default") not in ("default", "linear", "llama3") or (rope.get("partial_rotary_factor") or 1) != 1:
        return f"its rotary settings ({rope.get('rope_type')}) have no certain form in GGUF"
    window = getattr(config, "sliding_window", None)
    if window and window < base.context and getattr(config, "use_sliding_window", True):
        return f"its attention slides over {window} tokens, which GGUF does not say for this architecture"
    if config.hidden_act != "silu":
        return f"its activation is {config.hidden_act}, not silu"
    names = {name for name, _ in base.model.named_parameters()}
    biased = sorted(name for name in names if name.endswith(".bias") and config.model_type != "qwen2")
    if biased:
        return f"its {biased[0]} has no certain place"
    return unfit_words(base.tokenizer)


def rope_of(config: Any) -> dict[str, Any]:
    """The rotary settings, `rope_theta` among them."""
    return dict(getattr(config, "rope_parameters", None) or {})


def require(base: Base) -> None:
    """Raises BaseModelError where the libraries are missing or the base is unfit."""
    if not gguf_is_here():
        raise BaseModelError("--to gguf", "no library that writes GGUF", "the extra `gguf`", f"Run {INSTALL}.")
    reason = unfit(base)
    if reason:
        raise BaseModelError("--to gguf", reason, "a base that GGUF can hold", "Use --to merged, and a converter that knows this base.")


def head_size(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def tensors_of(base: Base) -> dict[str, np.ndarray]:
    """Every tensor under its GGUF name, fp32. Raises BaseModelError for one without a place."""
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    config = base.model.config
    architecture = next(key for key, name in MODEL_ARCH_NAMES.items() if name == SHAPES[config.model_type])
    places = get_tensor_name_map(architecture, config.num_hidden_layers)
    found: dict[str, np.ndarray] = {}
    for name, tensor in base.model.named_parameters():  # a tied head is named once, as the embedding
        stem, _, end = name.rpartition(".")
        place = places.get_name(stem)
        if place is None:
            raise BaseModelError("--to gguf", f"the tensor {name}", "tensors with a place in GGUF", "Use --to merged.")
        found[f"{place}.{end}"] = _paired(stem, tensor.detach().float().numpy(), config)
    if rope_of(config).get("rope_type") == "llama3":
        found["rope_freqs.weight"] = _stretch(base)
    return found


def _paired(stem: str, array: np.ndarray, config: Any) -> np.ndarray:
    """Llama's query and key rows in pairs; everything else as it is."""
    if SHAPES[config.model_type] != "llama" or not stem.endswith(PAIRED):
        return array
    heads = config.num_attention_heads if stem.endswith(PAIRED[0]) else config.num_key_value_heads
    return array.reshape(heads, 2, len(array) // heads // 2, -1).swapaxes(1, 2).reshape(array.shape)


def _stretch(base: Base) -> np.ndarray:
    """By how much each rotary frequency is slowed: plain frequency theta^(-2 i / D) over the model's own, shape (D / 2,)."""
    size, theta = head_size(base.model.config), rope_of(base.model.config)["rope_theta"]
    plain = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    return (plain / base.model.model.rotary_emb.inv_freq.double()).float().numpy()


def fields_of(base: Base) -> dict[str, Any]:
    """The architecture's numbers under their GGUF names, without the architecture."""
    config, rope = base.model.config, rope_of(base.model.config)
    size = head_size(config)
    return {"context_length": base.context, "embedding_length": config.hidden_size, "block_count": config.num_hidden_layers,
            "feed_forward_length": config.intermediate_size, "attention.head_count": config.num_attention_heads,
            "attention.head_count_kv": config.num_key_value_heads, "attention.key_length": size, "attention.value_length": size,
            "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps), "rope.dimension_count": size,
            "rope.freq_base": float(rope.get("rope_theta", 10_000.0)), "vocab_size": config.vocab_size,
            **({"rope.scaling.type": "linear", "rope.scaling.factor": float(rope["factor"])} if rope.get("rope_type") == "linear" else {})}


def write_gguf(base: Base, words: Words, about: About, path: Path) -> None:
    """Write the base's weights as they stand now, with its tokenizer and chat template."""
    from gguf import GGUFWriter

    config, renderer = base.model.config, base.renderer
    architecture = SHAPES[config.model_type]
    writer = GGUFWriter(path, architecture)
    writer.add_name(about.name)
    writer.add_description(about.description)
    if about.licence:
        writer.add_license(about.licence)
    writer.add_file_type(0)  # all in fp32
    for name, value in fields_of(base).items():
        {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)](f"{architecture}.{name}", value)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(words.rule)
    writer.add_token_list(list(words.tokens))
    writer.add_token_types(list(words.kinds))
    writer.add_token_merges(list(words.merges))
    tokenizer = renderer.tokenizer
    for add, number in ((writer.add_bos_token_id, tokenizer.bos_token_id), (writer.add_eos_token_id, renderer.end[-1]),
                        (writer.add_pad_token_id, tokenizer.pad_token_id)):
        if number is not None:
            add(number)
    writer.add_add_bos_token(tokenizer.bos_token_id is not None)
    if renderer.template:
        writer.add_chat_template(renderer.template.source)
    for name, array in tensors_of(base).items():
        writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_gguf(base: Base, path: Path) -> Any:
    """The model that transformers' loader makes of the file. Raises BaseModelError where numbers or words are not the base's."""
    from transformers import AutoConfig, AutoModelForCausalLM

    fields = _fields(path)
    architecture = SHAPES[base.model.config.model_type]
    for name, value in fields_of(base).items():
        read = fields.get(f"{architecture}.{name}")
        same = read is not None and (abs(read - value) <= 1e-6 * abs(value) if isinstance(value, float) else read == value)
        if not same:
            raise BaseModelError(str(path), f"{name} = {read}", f"{name} = {value}", "Nothing was kept. Use --to merged.")
    words = {"tokens": fields["tokenizer.ggml.tokens"], "kinds": fields["tokenizer.ggml.token_type"],
             "merges": fields["tokenizer.ggml.merges"], "rule": fields["tokenizer.ggml.pre"]}
    probe = "Don't pay 1,250 twice – it's café time.\n\n- One\n"
    if read_words(words).decode(base.renderer.encode(probe)) != probe or fields["tokenizer.ggml.eos_token_id"] != base.renderer.end[-1]:
        raise BaseModelError(str(path), "words that read back as others", "the base's own tokenizer", "Nothing was kept. Use --to merged.")
    # the loader knows no head size for Qwen3 and no rotary scaling: those come from the base's own configuration
    own = ("dtype", "model_type", "architectures", "transformers_version")
    said = {name: value for name, value in base.model.config.to_dict().items() if name not in own}
    config = AutoConfig.for_model(architecture, **said)
    with contextlib.redirect_stderr(io.StringIO()):  # its bar; the doors draw their own
        return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, config=config, dtype=torch.float32,
                                                    trust_remote_code=False)


def _fields(path: Path) -> Mapping[str, Any]:
    from gguf import GGUFReader

    return {name: field.contents() for name, field in GGUFReader(path).fields.items()}
