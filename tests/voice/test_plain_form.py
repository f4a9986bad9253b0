"""The starter's chat template and the plain form are one form: every tool that renders messages gives the ids that we train on."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from adtune.engine.gguf_words import PROBES, RULES, read_words, words_of
from adtune.pretrain.tokenizer import as_transformers, save_tokenizer, train_tokenizer
from adtune.records import Brief, Example
from adtune.voice import templates
from adtune.voice.prompt import PLAIN_TEMPLATE, Context, Renderer, brief_text, fill_context

WORDS = "roses winter keep water soil you the in a dry see cover noon advice [guide] cut? it's 1,250 twice – (no).".split()
# ends that a tokenizer likes to join with the line end behind them
PARTS = st.lists(st.sampled_from([*WORDS, "]", ".", '."', "…", "?!", "  ", " ", "\t", "\n", "#", "- ", "> ", "\u2028", "<|endoftext|>",
                                  "<|pad|>", "{{ eos_token }}", "ADTUNE9PART0X", "€"]), min_size=1, max_size=7).map("".join)
BRIEFS = st.builds(Brief, PARTS, st.none() | PARTS, st.none() | PARTS, st.none() | PARTS, st.lists(PARTS, max_size=2).map(tuple))
TEXTS = PARTS.map(str.lstrip)  # curation strips what is before and after a piece
EXAMPLES = st.builds(Example, st.just(Brief(None)) | BRIEFS, TEXTS)
CONTEXTS = st.builds(Context, st.just("") | TEXTS, st.lists(EXAMPLES, max_size=3).map(tuple))


@cache
def trained():
    rng = random.Random(3)
    ends = ["]\n\n", ".\n\n", '."\n\n', "\n", "  \n\n", ":\n- ", "\r\n", " ", "…\n\n\n"]
    return train_tokenizer(["".join(rng.choice(WORDS) + rng.choice([" ", " ", *ends]) for _ in range(60)) for _ in range(200)], 460)


@cache
def starter():
    return Renderer(as_transformers(trained(), 2048))


@cache
def conversing():
    """The same template, rendered as a stranger's would be: in the child, over placeholders, contents apart."""
    found = Renderer(as_transformers(trained(), 2048))
    found.chat = True
    return found


def messages_of(brief, context):
    said = [("system", context.guide)]
    for example in context.examples:
        said += [("user", brief_text(example.brief)), ("assistant", example.text)]
    return [{"role": role, "content": content} for role, content in [*said, ("user", brief_text(brief))]]


def of_the_library(tokenizer, messages):
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)


@given(brief=st.just(Brief(None)) | BRIEFS, context=CONTEXTS, text=TEXTS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_library_renders_every_brief_and_context_to_our_ids(brief, context, text):
    """An untitled brief is an empty message. Control text aside, which the library reads as control tokens and we never do."""
    one, messages, text = starter(), messages_of(brief, context), text.replace("<|", "< |")
    prompt, targets = one.example(Example(brief, text))
    hostile = any("<|" in message["content"] for message in messages)
    assert hostile or of_the_library(one.tokenizer, messages) == one.brief(brief, context)
    whole = [*messages_of(brief, Context()), {"role": "assistant", "content": text}]
    assert hostile or of_the_library(one.tokenizer, whole) == prompt + targets


@given(brief=BRIEFS, context=CONTEXTS, text=TEXTS, tokens=st.integers(0, 60))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_template_and_the_plain_branch_are_one_form(brief, context, text, tokens):
    """Contents encoded apart from the control text, as a stranger's template is rendered, join to the ids of the whole."""
    one, other = starter(), conversing()
    examples = tuple(Example(_ended(e.brief), e.text) for e in context.examples if e.brief.title)
    context, brief = Context(context.guide, examples), _ended(brief)
    assert other._turn_end() == one.end and other.start == one.start
    assert other.brief(brief, context) == one.brief(brief, context)
    assert other.example(Example(brief, text)) == one.example(Example(brief, text))
    if context.guide or examples:
        assert other.prompt(context.guide, examples, tokens) == one.prompt(context.guide, examples, tokens)


def _ended(brief):
    """Without a line end as the last letter, which joins the blank line: a brief is lines."""
    return Brief(brief.title, brief.category, brief.content_type, brief.summary, (*brief.facts, "cut"))


def test_golden_ids_and_what_a_record_keeps():
    one, plain = starter(), Renderer(as_transformers(trained(), 2048))
    plain.tokenizer.chat_template, plain.template = None, None
    assert one.golden() == plain.golden() == conversing().golden() and not one.chat and one.thinking is None
    assert one.describe() == {**plain.describe(), "chat_template": one.template.hash}
    assert one.describe()["end_of_turn"] == "<|endoftext|>"


def test_the_form_itself():
    brief, guide = Brief("Roses", "advice", None, None, ("Cut?",)), Context("Be kind.", (Example(Brief("Soil"), "Dry."),))
    shown = starter().tokenizer.decode(starter().brief(brief, guide))
    assert shown == "<|endoftext|># Brand guide\n\nBe kind.<|endoftext|># Soil\n\nDry.<|endoftext|># Roses\n[advice]\n- Cut?\n\n"


def test_other_tools_messages_render_as_they_stand():
    """No title is made of a request, turns go on, and a request for nothing is none."""
    said = [("system", "Be kind."), ("user", "Write about roses.\nTwo lines."), ("assistant", "Roses.\n\nCut."), ("user", "Shorter"),
            ("assistant", "Cut."), ("user", ""), ("assistant", "Soil.")]
    tokenizer = starter().tokenizer
    shown = tokenizer.apply_chat_template([{"role": role, "content": content} for role, content in said], tokenize=False)
    assert shown == ("<|endoftext|># Brand guide\n\nBe kind.<|endoftext|>Write about roses.\nTwo lines.\n\nRoses.\n\nCut.<|endoftext|>"
                     "Shorter\n\nCut.<|endoftext|>Soil.<|endoftext|>")


def test_a_saved_tokenizer_keeps_the_form_and_runs_no_child(tmp_path, monkeypatch):
    save_tokenizer(trained(), tmp_path, 64)
    monkeypatch.setattr(templates.subprocess, "run", lambda *a, **k: pytest.fail("a child for our own form"))
    again = AutoTokenizer.from_pretrained(tmp_path)
    brief = Brief("Roses in winter", "advice")
    one = Renderer(again)
    assert again.chat_template == PLAIN_TEMPLATE and one.brief(brief) == starter().brief(brief) and one.golden() == starter().golden()
    assert of_the_library(again, messages_of(brief, Context("Be kind."))) == one.brief(brief, Context("Be kind."))
    assert fill_context(one, brief, "Be kind.", [], 500) == Context("Be kind.")


def test_the_template_holds_to_its_word_where_a_base_has_a_beginning_of_text():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained(), bos_token="<|reserved_2|>", eos_token="<|endoftext|>",
                                        clean_up_tokenization_spaces=False, chat_template=PLAIN_TEMPLATE)
    brief, context = Brief("Roses"), Context("Be kind.", (Example(Brief("Soil"), "Dry."),))
    assert Renderer(tokenizer).chat and Renderer(tokenizer).brief(brief, context) == of_the_library(tokenizer, messages_of(brief, context))


@given(text=PARTS, end=st.sampled_from(["\n", "\n\n", "\r\n"]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_line_ends_never_merge_with_what_is_before_them(text, end):
    text = text.rstrip("\r\n") or "a"
    assert starter().encode(text + end) == starter().encode(text) + starter().encode(end)


def test_no_token_holds_a_line_end_and_something_else():
    words = [trained().decode([n]) for n in range(trained().get_vocab_size())]
    ends = [word for word in words if "\n" in word]
    assert "\n\n" in ends and all(not word.strip("\r\n") for word in ends) and any(word == '."' for word in words)


def test_a_gguf_reader_splits_as_we_do():
    texts = ["Keep them dry.\n\n- One: 1,250 \n\t- Two…\n\n\n  (see)\r\n", "# Roses\n[advice]\n\nCut them?!\n\n\"Dry.\"\n", *PROBES]
    found = words_of(starter(), trained().get_vocab_size(), texts)
    assert found.rule == "qwen2" and found.apart == 0.0 and set(RULES) > {found.rule}
    reader = read_words(found.__dict__)
    assert all(reader.encode(text, add_special_tokens=False).ids == starter().encode(text) for text in texts)


BOS_CHAT = ("{{ bos_token }}{% for message in messages %}<|reserved_0|>{{ message['role'] }}: {{ message['content'] }}<|reserved_1|>"
            "{% endfor %}{% if add_generation_prompt %}<|reserved_0|>assistant: {% endif %}")


@pytest.mark.parametrize("template", [BOS_CHAT, None])
@pytest.mark.parametrize("guide", ["", "Be kind."])
def test_untitled_pieces_bring_no_beginning_of_text_into_a_prefixs_prompt(template, guide):
    """Once an untitled piece of a chat base put its BOS in the middle of the prompt that a prefix starts from."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained(), bos_token="<|reserved_2|>", eos_token="<|endoftext|>",
                                        clean_up_tokenization_spaces=False, chat_template=template)
    one, untitled, titled = Renderer(tokenizer), Example(Brief(None), "Soil."), Example(Brief("Roses"), "Cut.")
    for examples in ([untitled], [untitled, titled], [titled, untitled, untitled], []):
        ids = one.prompt(guide, examples, 10_000)
        assert [place for place, token in enumerate(ids) if token == tokenizer.bos_token_id] == [0] * bool(ids)
        assert all(example.text in tokenizer.decode(ids) for example in examples)
    assert one.example(untitled) == ([tokenizer.bos_token_id], one.encode("Soil.") + one.end)
