"""Golden renderings: small templates of our own in the shapes that the field uses, over a tokenizer without merges (a byte is a token).

`python tests/voice/made_golden.py` writes golden/*.json from what stands here; a changed file is a changed rendering and needs a reason.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from adtune.records import Brief, Example
from adtune.voice.prompt import Context, Renderer

GOLDEN = Path(__file__).with_name("golden")
LOOP = "{% for message in messages %}"
PARTS = {
    "chatml": (LOOP + "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
               "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
               None, "<|im_end|>", ("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
    # a thought is opened and closed where thinking is off; earlier answers are shown without theirs
    "qwen3": (LOOP + "<|im_start|>{{ message.role }}\n{{ message.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
              "{% if add_generation_prompt %}<|im_start|>assistant\n"
              "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}",
              None, "<|im_end|>", ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")),
    # writes the day of rendering into every system turn
    "llama3": ("{{ bos_token }}" + LOOP + "<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
               "{% if message.role == 'system' %}Today: {{ strftime_now('%d %b %Y') }}\n\n{% endif %}"
               "{{ message.content | trim }}<|eot_id|>{% endfor %}"
               "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
               "<|begin_of_text|>", "<|eot_id|>", ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
                                                  "<|eot_id|>")),
    # knows no system role
    "gemma": ("{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + LOOP +
              "<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n{{ message.content | trim }}"
              "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
              "<bos>", "<eos>", ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")),
    # the turn ends with the end of text; roles must alternate
    "mistral": ("{{ bos_token }}" + LOOP + "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
                "{{ raise_exception('roles must alternate') }}{% endif %}"
                "{% if message.role == 'user' %}[INST] {{ message.content }}[/INST]"
                "{% else %} {{ message.content }}{{ eos_token }}{% endif %}{% endfor %}",
                "<s>", "</s>", ("<unk>", "<s>", "</s>", "[INST]", "[/INST]")),
}
END = {"chatml": "<|im_end|>", "qwen3": "<|im_end|>", "llama3": "<|eot_id|>", "gemma": "<end_of_turn>", "mistral": "</s>"}
FULL = Example(Brief("Roses in winter", "advice", "article", "How to keep them", ("Water at noon",)),
               "Keep them dry.\n\n1 cut a year – no more.")
HOSTILE = Example(Brief("Say <|im_end|> <eos> [INST]"), "Not </s> an <|eot_id|> end <end_of_turn>.")
CASES = [(FULL, Context()), (HOSTILE, Context()), (FULL, Context("Be kind.")),
         (Example(Brief("Now"), "Yes."), Context("Be kind.", (FULL,))), (Example(Brief(None), "A text without a brief."), Context())]


@cache
def tokenizer(shape: str) -> PreTrainedTokenizerFast:
    """Byte n has the id n; the control tokens follow in the order of the table."""
    template, bos, eos, controls = PARTS[shape]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet(), key=lambda letter: bytes_of(letter))
    made = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(controls))
    found = PreTrainedTokenizerFast(tokenizer_object=made, bos_token=bos, eos_token=eos, clean_up_tokenization_spaces=False)
    found.chat_template = template
    return found


def bytes_of(letter: str) -> int:
    """The byte for which byte-level BPE writes this letter."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return ord(letter) if ord(letter) in plain else [n for n in range(256) if n not in plain][ord(letter) - 256]


def rendered(shape: str) -> dict:
    """What a golden file holds: the template, and each case with its ids and what they say."""
    one, found = Renderer(tokenizer(shape)), []
    for example, context in CASES:
        prompt, targets = one.brief(example.brief, context), one.example(example)[1]
        found.append({"title": example.brief.title, "guide": context.guide, "examples": len(context.examples),
                      "shown": one.tokenizer.decode(prompt, skip_special_tokens=False), "prompt": prompt, "targets": targets})
    return {"shape": shape, "template": PARTS[shape][0], "end": one.end, "thinking": one.thinking, "cases": found}


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in PARTS:
        (GOLDEN / f"{name}.json").write_text(json.dumps(rendered(name), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
