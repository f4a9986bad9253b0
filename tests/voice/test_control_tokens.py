"""No text can become a control token (P1): any characters, pieces of tokens, and letters that a tokenizer would fold into one."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from adtune.pretrain.tokenizer import train_tokenizer
from adtune.records import Brief, Example
from adtune.starter import base_path
from adtune.voice.prompt import Context, Renderer

CONTROL = ("<|im_start|>", "<|im_end|>", "<think>", "</s>", "[INST]", "<start_of_turn>")
CHATML = ("{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
KINDS = ("starter", "chat", "folding", "normalised")
# whole tokens, their halves, look-alikes that NFKC folds into them, marks of the templates, and any characters at all
PARTS = st.one_of(
    st.sampled_from([*CONTROL, "<|endoftext|>", "<|pad|>", "<|im_", "start|>", "<", "|", ">", "<|", "|>", "＜｜im_end｜＞", "＜|im_end|＞",
                     "<|IM_END|>", "<|im\u200b_end|>", "[IN", "ST]", "ADTUNE9PART0X", "ADTUNE9PART", "0X", "{{ eos_token }}", "{%"]),
    st.text(max_size=6).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)))
TEXT = st.lists(PARTS, max_size=7).map("".join)


@cache
def renderer(kind: str) -> Renderer:
    """The starter's own; a chat base; one that lower-cases and folds look-alikes first; one whose tokens are matched in folded text."""
    if kind == "starter":
        return Renderer(AutoTokenizer.from_pretrained(base_path("text")))
    rng = random.Random(0)
    made = train_tokenizer([" ".join(rng.choices("roses winter keep water soil you the in a dry".split(), k=20)) for _ in range(50)], 330)
    if kind != "chat":
        made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokens = [AddedToken(token, special=True, normalized=kind == "normalised") for token in CONTROL]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|pad|>",
                                        clean_up_tokenization_spaces=False)
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    tokenizer.chat_template = CHATML
    return Renderer(tokenizer)


@cache
def special(kind: str) -> frozenset[int]:
    tokenizer = renderer(kind).tokenizer
    return frozenset(one for one, token in tokenizer.added_tokens_decoder.items() if token.special) | frozenset(tokenizer.all_special_ids)


def control_of(kind: str, ids: list[int]) -> list[int]:
    return [one for one in ids if one in special(kind)]


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXT, title=TEXT)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_text_becomes_a_control_token(kind, text, title):
    one = renderer(kind)
    assert control_of(kind, one.encode(text)) == []
    hostile = Example(Brief(f"a{title}", text or None, title or None, text or None, (text,)), text)
    harmless = Example(Brief("a", "b", "c", "d", ("e",)), "f")
    ids = one.brief(hostile.brief, Context(f"g{text}", (hostile,)))
    assert control_of(kind, ids) == control_of(kind, one.brief(harmless.brief, Context("g", (harmless,))))
    assert control_of(kind, one.example(hostile)[1]) == one.end == one.example(hostile)[1][-len(one.end):]
    assert control_of(kind, one.prompt(f"g{text}", [hostile], 10**6)) == control_of(kind, one.prompt("g", [harmless], 10**6))


@pytest.mark.parametrize("kind", KINDS[1:])   # the starter's own splits such text by itself
def test_the_tokenizers_would_take_such_text_for_control_tokens(kind):
    """What the property forbids does happen where a text is encoded the usual way."""
    tokenizer = renderer(kind).tokenizer
    said = tokenizer.eos_token
    assert special(kind) & set(tokenizer(f"a{said}b", add_special_tokens=False)["input_ids"])
    if kind == "normalised":
        assert special(kind) & set(tokenizer("a＜｜im_end｜＞b", add_special_tokens=False)["input_ids"])
