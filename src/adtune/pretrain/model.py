"""The shape of a text starter: a Qwen3 architecture (QK-norm, SwiGLU, tied embeddings) that everything loads."""

from __future__ import annotations

from transformers import Qwen3Config, Qwen3ForCausalLM

# name: (width, layers, inner width, query heads, key/value heads); heads are 64 wide
SIZES = {
    "tiny": (64, 2, 192, 2, 1),        # for tests
    "3m": (192, 4, 512, 4, 2),
    "8m": (320, 5, 896, 4, 2),
    "10m": (320, 6, 960, 4, 2),
    "12m": (320, 8, 896, 4, 2),
    "28m": (448, 12, 1216, 8, 4),
}


def build_model(size: str, vocabulary: int, context: int) -> Qwen3ForCausalLM:
    """A randomly initialised starter of one of SIZES."""
    width, layers, inner, heads, kv_heads = SIZES[size]
    config = Qwen3Config(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, intermediate_size=inner,
        num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=64, max_position_embeddings=context,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=0, pad_token_id=1, attention_dropout=0.0, initializer_range=0.02, use_cache=True)
    return Qwen3ForCausalLM(config)
