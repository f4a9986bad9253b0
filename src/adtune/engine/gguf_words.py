"""A byte-level BPE as the fields of a GGUF file, and read back from them.

GGUF holds tokens, merges and the name of a rule that splits text into words. The rule is chosen by measuring: the named rule whose
ids differ least from the base's own over real texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from ..errors import BaseModelError
from ..voice.prompt import Renderer

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # GGUF's kinds of tokens
_LATER = r"|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
RULES = {  # the splitting rules that llama.cpp knows by these names
    "gpt-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "qwen2": _SHORT + _LATER % r"\p{N}",
    "llama-bpe": _SHORT + _LATER % r"\p{N}{1,3}",
}
# what texts seldom hold and rules differ in
PROBES = ("Don't pay 1,250 twice – it's 12345678 o'clock.", "IT'S 2024/25: café, naïve…\n\n\n- One\n\t- Two  \n", "  spaces   here ",
          "a=b;//x\r\n")
MOST_APART = 0.02  # share of texts that a rule may split into other ids before the export is refused


@dataclass(frozen=True)
class Words:
    """What a GGUF file holds of a tokenizer; `apart` is the share of measured texts whose ids differ under `rule`."""

    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    rule: str
    apart: float


def unfit_words(tokenizer: Any) -> str | None:
    """Why a tokenizer can't be written, or None: only a byte-level BPE can."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    made = json.loads(backend.to_str()) if backend is not None else {}
    normal = made.get("normalizer")
    if made.get("model", {}).get("type") != "BPE" or "ByteLevel" not in json.dumps([made.get("pre_tokenizer"), made.get("decoder")]):
        return "its tokenizer is no byte-level BPE"
    if normal and normal.get("type") != "NFC":
        return f"its tokenizer changes the text first ({normal.get('type')})"
    return None


def words_of(renderer: Renderer, rows: int, texts: Sequence[str]) -> Words:
    """Tokens for an embedding of `rows` rows. Raises BaseModelError where no named rule splits `texts` as the base's tokenizer does."""
    backend = renderer.tokenizer.backend_tokenizer
    model = json.loads(backend.to_str())["model"]
    added = renderer.tokenizer.added_tokens_decoder
    by_id = {number: word for word, number in backend.get_vocab(with_added_tokens=True).items()}
    tokens = tuple(by_id.get(n, f"[PAD{n}]") for n in range(rows))
    kinds = tuple(UNUSED if n not in by_id else NORMAL if n not in added else CONTROL if added[n].special else USER_DEFINED
                  for n in range(rows))
    merges = tuple(one if isinstance(one, str) else " ".join(one) for one in model["merges"])
    tried = [Words(tokens, kinds, merges, rule, 0.0) for rule in RULES]
    shares = [[_apart(renderer, read_words(one.__dict__), some) for some in (texts, PROBES)] for one in tried]
    best = min(range(len(tried)), key=lambda n: shares[n])
    if shares[best][0] > MOST_APART:
        raise BaseModelError("--to gguf", f"a tokenizer that no rule of GGUF splits like ({shares[best][0]:.0%} of the texts differ)",
                             "one that splits as " + ", ".join(RULES), "Use --to merged.")
    return Words(tokens, kinds, merges, tried[best].rule, shares[best][0])


def read_words(fields: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that a reader of `tokens`, `kinds`, `merges` and `rule` builds."""
    tokens, kinds = fields["tokens"], fields["kinds"]
    vocabulary = {word: n for n, (word, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind != UNUSED}
    merges = [tuple(one.split(" ")) for one in fields["merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=fields["rule"] == "llama-bpe"))
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(RULES[fields["rule"]]), behavior="isolated"),
                                                  pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    made.add_tokens([AddedToken(word, normalized=False) for word, kind in zip(tokens, kinds, strict=True) if kind == USER_DEFINED])
    return made


def _apart(renderer: Renderer, other: Tokenizer, texts: Sequence[str]) -> float:
    """Share of the texts that two tokenizers write with other ids."""
    if not texts:
        return 0.0
    return sum(renderer.encode(text) != other.encode(text, add_special_tokens=False).ids for text in texts) / len(texts)
