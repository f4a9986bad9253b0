"""A byte-level BPE for a starter base: nothing is ever unknown, and the special tokens belong to no chat format.

Its chat template is the plain form of `voice/prompt.py`, so that any tool that renders messages gives the ids that it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ..voice.prompt import PLAIN_TEMPLATE

EOS, PAD = "<|endoftext|>", "<|pad|>"
RESERVED = [f"<|reserved_{i}|>" for i in range(14)]
# Words with their leading space, single digits (so that amounts compose), runs of punctuation, line ends, other spaces. Line ends
# stand apart from what is before them: `]`, `]` + a blank line and `.` + the end of text then begin with the same token, and text
# that is encoded apart from the blank line after it gives the ids of both together. No merge crosses them, so that readers of GGUF
# files, whose nearest rule (qwen2) would join them, write the same ids.
SPLIT = (r"'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|[\r\n]+"
         r"|[^\S\r\n]+(?!\S)|[^\S\r\n]+")


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE of exactly `vocabulary` entries, special tokens included."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=[EOS, PAD, *RESERVED],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def as_transformers(tokenizer: Tokenizer, context: int) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers knows it, with the plain form as its chat template.

    Special tokens are read as such where a text holds them, as its template needs; `Renderer` splits them in all that is content.
    """
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD, model_max_length=context,
                                   clean_up_tokenization_spaces=False, chat_template=PLAIN_TEMPLATE)


def save_tokenizer(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Write the tokenizer in Hugging Face format."""
    as_transformers(tokenizer, context).save_pretrained(folder)
