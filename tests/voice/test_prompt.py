"""One rendering: what is trained on is what is served, and no text of a brief or piece becomes a control token."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from adtune.errors import BaseModelError
from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer
from adtune.records import Brief, Example
from adtune.voice.prompt import PLAIN_TEMPLATE, Context, Renderer, brief_text, fill_context, nearest_examples

CONTROL = ["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
           "<|eot_id|>", "<bos>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>", "[INST]", "[/INST]"]
LOOP = "{% for message in messages %}"
# Small templates of our own in the shapes that the field uses; each with its end of turn and its beginning of text.
CHATML = (LOOP + "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
THINKING = CHATML.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n{% if not enable_thinking %}<think>\n\n</think>\n\n"
                          "{% endif %}{% endif %}")
LLAMA = (LOOP + "{% if loop.first %}{{ bos_token }}{% endif %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
         "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
         "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}")
GEMMA = ("{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + LOOP +
         "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
         "{{ message['content'] | trim }}<end_of_turn>\n"
         "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}")
MISTRAL = ("{{ bos_token }}" + LOOP + "{% if message['role'] == 'user' %}[INST] {{ message['content'] }} [/INST]"
           "{% elif message['role'] == 'system' %}{{ raise_exception('Only user and assistant roles are supported') }}"
           "{% else %} {{ message['content'] }}</s>{% endif %}{% endfor %}")
TEMPLATES = {"chatml": (CHATML, "<|im_end|>", None), "thinking": (THINKING, "<|im_end|>", None),
             "llama": (LLAMA, "<|eot_id|>", "<|begin_of_text|>"), "gemma": (GEMMA, "<end_of_turn>", "<bos>"),
             "mistral": (MISTRAL, "</s>", "<s>")}
BRIEF = Brief("Roses in winter", "advice", "article", "How to keep them", ("Water at noon", "Cover the soil"))
EXAMPLE = Example(BRIEF, "Keep them dry. You will see.")
PLAIN, STARTER = "plain", "starter"  # the second says in a template what the first has none for


@cache
def renderer(kind):
    rng = random.Random(0)
    words = "roses winter keep water soil you the in a dry see cover noon advice".split()
    made = train_tokenizer([" ".join(rng.choices(words, k=20)) for _ in range(50)], 330)
    template, end, bos = TEMPLATES.get(kind, (None, "<|endoftext|>", None))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=end, bos_token=bos, pad_token="<|pad|>",
                                        clean_up_tokenization_spaces=False, additional_special_tokens=CONTROL)
    tokenizer.chat_template = PLAIN_TEMPLATE if kind == STARTER else template
    return Renderer(tokenizer)


def ids_of(kind, token):
    return renderer(kind).tokenizer.convert_tokens_to_ids(token)


def specials(kind):
    return set(renderer(kind).tokenizer.all_special_ids) | {ids_of(kind, token) for token in CONTROL}


def shown(kind, ids):
    return renderer(kind).tokenizer.decode(ids, skip_special_tokens=False)


@pytest.fixture(params=[*TEMPLATES, PLAIN, STARTER])
def kind(request):
    return request.param


def test_the_words_of_a_brief():
    assert brief_text(BRIEF) == "# Roses in winter\n[advice] [article]\n> How to keep them\n- Water at noon\n- Cover the soil"
    assert brief_text(Brief("Roses")) == "# Roses"
    assert brief_text(Brief(None, "advice", summary="s")) == ""


def test_the_form_of_a_plain_base():
    plain = renderer(PLAIN)
    assert shown(PLAIN, plain.brief(BRIEF)) == f"<|endoftext|>{brief_text(BRIEF)}\n\n"
    assert shown(PLAIN, plain.brief(BRIEF, Context("Be kind.", (EXAMPLE,)))) == (
        f"<|endoftext|># Brand guide\n\nBe kind.<|endoftext|>{brief_text(BRIEF)}\n\n{EXAMPLE.text}<|endoftext|>{brief_text(BRIEF)}\n\n")


def test_what_is_trained_is_what_is_served(kind):
    prompt, targets = renderer(kind).example(EXAMPLE)
    assert prompt == renderer(kind).brief(BRIEF)
    assert targets == renderer(kind).encode(EXAMPLE.text) + renderer(kind).end
    assert renderer(kind).text(targets) == renderer(kind).text([*targets, 40, 41]) == EXAMPLE.text


def test_a_draft_ends_at_the_end_of_the_turn(kind):
    end = TEMPLATES.get(kind, (None, "<|endoftext|>"))[1]
    assert renderer(kind).end == [ids_of(kind, end)]


@pytest.mark.parametrize("context", [Context(), Context("Be kind."), Context("Be kind.", (EXAMPLE, EXAMPLE))])
def test_the_beginning_of_text_stands_once_and_first(kind, context):
    ids, bos = renderer(kind).brief(BRIEF, context), TEMPLATES.get(kind, (0, 0, None))[2]
    if bos:
        assert [place for place, token in enumerate(ids) if token == ids_of(kind, bos)] == [0]


@pytest.mark.parametrize("kind", TEMPLATES)
def test_ids_are_those_of_the_template_itself(kind):
    tokenizer = renderer(kind).tokenizer
    messages = [{"role": "user", "content": brief_text(BRIEF)}]
    whole = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    ids = renderer(kind).brief(BRIEF)
    assert shown(kind, ids) == whole
    full = tokenizer.apply_chat_template([*messages, {"role": "assistant", "content": EXAMPLE.text}], tokenize=False, enable_thinking=False)
    prompt, targets = renderer(kind).example(EXAMPLE)
    if kind in ("chatml", "llama", "gemma"):  # the others put something before the answer that their history leaves out, or a space
        assert full.startswith(shown(kind, prompt + targets))
        assert list(tokenizer(full, add_special_tokens=False)["input_ids"])[:len(prompt)] == prompt
    if kind == "thinking":
        assert shown(kind, ids).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


@pytest.mark.parametrize("kind", TEMPLATES)
def test_guide_and_examples_are_turns_and_a_refused_system_role_opens_the_first(kind):
    text = shown(kind, renderer(kind).brief(Brief("Now"), Context("Be kind.", (EXAMPLE,))))
    places = [text.index(part) for part in ("Be kind.", "# Roses in winter", EXAMPLE.text, "# Now")]
    assert places == sorted(places)
    if kind in ("gemma", "mistral"):
        assert "Be kind.\n\n# Roses in winter" in text and "system" not in text
    if kind in ("chatml", "llama"):
        assert "system" in text


@given(text=st.lists(st.sampled_from([*CONTROL, "<|endoftext|>", "<|pad|>", "<|reserved_3|>", "ADTUNE9PART0X", "ADTUNE9PART1X",
                                      "roses", " ", "\n", "€", "{{ bos_token }}", "{% for %}"]), max_size=8).map("".join))
@settings(max_examples=80, deadline=None, derandomize=True)
@pytest.mark.parametrize("kind", [*TEMPLATES, PLAIN])
def test_control_text_in_briefs_and_pieces_stays_text(kind, text):
    one, control = renderer(kind), specials(kind)
    assert not control & set(one.encode(text)) and shown(kind, one.encode(text)) == text
    example = Example(Brief(f"a{text}", text, None, text, (text,)), text)
    context = Context(f"g{text}", (example,))
    harmless = Context("g", (Example(Brief("a", "b", None, "c", ("d",)), "e"),))
    ids = one.brief(example.brief, context)
    assert [i for i in ids if i in control] == [i for i in one.brief(Brief("a"), harmless) if i in control]
    prompt, targets = one.example(example)
    assert [i for i in targets if i in control] == one.end and prompt == one.brief(example.brief)
    assert text in shown(kind, ids)


def test_a_template_works_on_a_tokenizer_that_splits_special_tokens_by_default(tmp_path):
    """The template's own tokens must still be single ids."""
    from transformers import AutoTokenizer

    save_tokenizer(renderer(PLAIN).tokenizer.backend_tokenizer, tmp_path, 64)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, split_special_tokens=True)
    assert tokenizer.split_special_tokens
    tokenizer.chat_template = CHATML.replace("<|im_end|>", "<|reserved_1|>").replace("<|im_start|>", "<|reserved_0|>")
    one = Renderer(tokenizer)
    assert one.end == [tokenizer.convert_tokens_to_ids("<|reserved_1|>")]
    assert one.brief(BRIEF)[0] == tokenizer.convert_tokens_to_ids("<|reserved_0|>")
    assert not set(one.encode("<|reserved_0|>")) & set(tokenizer.all_special_ids)


def with_template(template, eos="<|im_end|>"):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=renderer(PLAIN).tokenizer.backend_tokenizer, eos_token=eos)
    tokenizer.chat_template = template
    return Renderer(tokenizer)


def test_a_template_that_leaves_a_message_out_is_refused():
    one = with_template("<|im_start|>{{ messages[-1]['content'] }}<|im_end|>")
    with pytest.raises(BaseModelError, match="leaves out"):
        one.brief(BRIEF, Context("Be kind."))


UNTITLED = Example(Brief(None), "Soil keeps water.")


@pytest.mark.parametrize("examples", [(EXAMPLE, UNTITLED, EXAMPLE), (UNTITLED, EXAMPLE), (UNTITLED,), (EXAMPLE, EXAMPLE)])
@pytest.mark.parametrize("guide", ["Be kind.", ""])
def test_a_prefixs_prompt_has_one_beginning_of_text(kind, guide, examples):
    """Before this held, every turn of a chat base and every untitled piece brought a BOS of its own into the prefix."""
    one, bos = renderer(kind), TEMPLATES.get(kind, (0, 0, None))[2]
    ids = one.prompt(guide, examples, 10_000)
    if bos:
        assert [place for place, token in enumerate(ids) if token == ids_of(kind, bos)] == [0]
    places = [shown(kind, ids).index(part) for part in ([guide] if guide else []) + [examples[0].text]]
    assert places == sorted(places) and all(example.text in shown(kind, ids) for example in examples)
    assert ids.count(one.end[-1]) >= len(examples) and [one.prompt(guide, examples, n) for n in (0, 5, 20)] == [ids[:0], ids[:5], ids[:20]]


def test_a_prompt_of_nothing_is_the_beginning_of_text_alone(kind):
    assert renderer(kind).prompt("", [], 9) == ([] if kind in TEMPLATES else renderer(kind).start)


def test_a_tokenizer_without_an_end_is_refused():
    with pytest.raises(BaseModelError, match="end-of-text"):
        Renderer(PreTrainedTokenizerFast(tokenizer_object=renderer(PLAIN).tokenizer.backend_tokenizer))


def test_a_brief_without_a_title_is_empty(kind):
    one = renderer(kind)
    assert one.brief(Brief(None, "advice", summary="s")) == one.start and len(one.start) == 1


def test_fertility_counts_tokens_a_word():
    one = renderer(PLAIN)
    assert one.fertility(["roses in winter", "the soil"]) == (len(one.encode("roses in winter")) + len(one.encode("the soil"))) / 5
    assert one.fertility([]) is None and one.fertility([" "]) is None


PIECES = [Example(Brief(title), text) for title, text in (
    ("Roses in winter", "Cover the roses."), ("Tea", "Boil the kettle."), ("Pruning roses", "Cut in spring."),
    ("Taxes", "File them early."))]


def test_the_nearest_piece_stands_last():
    roses, tea = nearest_examples([Brief("Roses in winter and spring"), Brief("Tea")], PIECES, 2)
    assert [piece.brief.title for piece in roses] == ["Pruning roses", "Roses in winter"]
    assert tea[-1].brief.title == "Tea"
    assert [len(found) for found in nearest_examples([Brief("Tea"), Brief(None)], PIECES, 9)] == [4, 4]
    assert nearest_examples([Brief("Tea")], [], 3) == [[]] and nearest_examples([], PIECES, 3) == []


@pytest.mark.parametrize("room", [8, 30, 60, 90, 120, 400])
def test_the_context_fits_the_room_and_holds_the_nearest(kind, room):
    one, brief = renderer(kind), Brief("Roses")
    found = fill_context(one, brief, "Be kind.", PIECES, room)
    size = len(one.brief(brief, found))
    assert size <= room or found == Context()
    assert found.examples == tuple(PIECES[len(PIECES) - len(found.examples):])
    if room == 400:
        assert found == Context("Be kind.", tuple(PIECES))
    elif len(found.examples) < len(PIECES) and found.guide:
        more = PIECES[len(PIECES) - len(found.examples) - 1:]
        assert len(one.brief(brief, Context(found.guide, tuple(more)))) > room
