"""Text that obeys a JSON schema: which tokens may come next, told by llguidance (a parser over the tokenizer's bytes)."""

from __future__ import annotations

import threading
from typing import Any

import torch

from ...errors import InputError
from ..bases import Base

SPACE = " ?"  # between two parts of the text: a small model would else write white space for ever


class Schemas:
    """Grammars over one base's tokenizer, which is read once, when the first schema comes."""

    def __init__(self, base: Base, ends: frozenset[int]):
        self.base, self.ends = base, ends
        self._tokens: Any = None
        self._lock = threading.Lock()

    def matcher(self, schema: str) -> Matcher:
        """What follows one answer's tokens; made in the caller's thread, since a large schema takes its time. Raises InputError."""
        import llguidance

        with self._lock:
            if self._tokens is None:
                self._tokens = self._read()
        try:
            grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, defaults={"whitespace_pattern": SPACE})
        except ValueError as error:
            raise _refused(str(error)) from error
        found = llguidance.LLMatcher(self._tokens, grammar, log_level=0)
        if found.is_error():
            raise _refused(found.get_error())
        return Matcher(found, self.base.renderer.words)

    def _read(self) -> Any:
        import llguidance.hf

        try:
            return llguidance.hf.from_tokenizer(self.base.tokenizer, n_vocab=self.base.renderer.words, eos_token=sorted(self.ends))
        except Exception as error:  # the library raises ValueError for a slow tokenizer, and its own for one that it can't read
            raise InputError("response format", f"a tokenizer that no grammar can be laid over ({str(error)[:100]})",
                             "a base with a fast tokenizer", "Ask for plain text.") from error


class Matcher:
    """Where one answer stands in its grammar."""

    def __init__(self, inner: Any, words: int):
        self._inner, self._words = inner, words

    def forbidden(self) -> torch.Tensor:
        """(V,) on the CPU, True for tokens that can't follow."""
        bits = torch.frombuffer(bytearray(self._inner.compute_bitmask()), dtype=torch.uint8)
        allowed = (bits[:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
        return allowed.flatten()[:self._words] == 0

    def take(self, id: int) -> bool:
        """Go on with a token; True where the text is whole and nothing but its end can follow. Raises InputError."""
        if not self._inner.consume_token(id):
            raise _refused(self._inner.get_error() or "a token that the grammar does not allow")
        return bool(self._inner.is_stopped())


def _refused(found: str) -> InputError:
    line = found.strip().splitlines()[0][:200] if found.strip() else "an unknown problem"
    return InputError("JSON schema", line, "a JSON schema that llguidance can follow", "Simplify the schema.")
