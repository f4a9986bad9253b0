"""Chat templates are strangers' programs: rendered in a child process with limits, over placeholders, once per shape of conversation.

What a template gives depends on the roles and their order only (contents are placeholders, and the day stands still), so a handful
of renderings serves a whole archive, and no text of a client is ever seen by a template.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BaseModelError

SECONDS, MEMORY, OUTPUT = 1.0, 50 * 2**20, 2**20  # for one child: processor time, bytes, characters
WALL_SECONDS = 30.0                               # for a machine that is too busy to start a process
LONGEST = 2**18                                   # characters of a template; the longest in use have a tenth of that
MARK = "ADTUNE9PART{}X"
CHILD = Path(__file__).with_name("template_child.py")
Shape = tuple[tuple[str, ...], bool, bool]        # roles in order, whether the assistant is to write next, thinking


class TemplateRefusal(ValueError):
    """A template's own exception for a conversation, such as a system role that it does not know."""


def _common() -> list[Shape]:
    """The conversations that most runs need, rendered together."""
    turns = [("user", "assistant") * count for count in range(9)]
    shapes: list[Shape] = [(("user",), True, True), (("user", "assistant"), False, False)]
    for opening in ((), ("system",)):
        shapes += [((*opening, *before, "user"), True, False) for before in turns]
        shapes += [((*opening, *before), False, False) for before in turns[1:4]]
    return shapes


def template_of(tokenizer: Any) -> str | None:
    """The tokenizer's chat template; of several named ones the default. Raises BaseModelError for one that is no text."""
    found = getattr(tokenizer, "chat_template", None)
    if isinstance(found, Mapping):
        found = found.get("default")
        if found is None:
            raise BaseModelError("chat template", "several templates, none of them named default", "one template", _DO)
    if not found:
        return None
    if not isinstance(found, str) or len(found) > LONGEST:
        raise BaseModelError("chat template", "a template of no text" if not isinstance(found, str) else f"{len(found):,} characters",
                             f"a template of at most {LONGEST:,} characters", _DO)
    return found


_DO = "Choose another base, or give its tokenizer a plain chat template."


@dataclass
class ChatTemplate:
    """One template with the tokenizer's special tokens by name; renderings are kept."""

    source: str
    tokens: Mapping[str, str]
    _kept: dict[Shape, tuple[str | None, str | None]] = field(default_factory=dict, repr=False)

    @property
    def hash(self) -> str:
        """sha256 of the template's text and of the special tokens that it is given."""
        return hashlib.sha256(json.dumps([self.source, dict(self.tokens)], sort_keys=True).encode()).hexdigest()

    def text(self, roles: Sequence[str], answer_next: bool, thinking: bool = False) -> str:
        """A conversation of these roles whose contents are MARK 0, 1, …

        Raises TemplateRefusal for the template's own exception, BaseModelError where it breaks a limit or is no template.
        """
        shape = (tuple(roles), answer_next, thinking)
        if shape not in self._kept:
            wanted = [shape] if self._kept else list(dict.fromkeys([shape, *_common()]))
            self._kept.update(zip(wanted, self._render(wanted), strict=True))
        text, error = self._kept[shape]
        if text is None:
            raise TemplateRefusal(error)
        return text

    def _render(self, shapes: Sequence[Shape]) -> list[tuple[str | None, str | None]]:
        conversations = [{"messages": [{"role": role, "content": MARK.format(n)} for n, role in enumerate(roles)],
                          "add_generation_prompt": answer_next, "enable_thinking": thinking} for roles, answer_next, thinking in shapes]
        job = {"template": self.source, "tokens": dict(self.tokens), "conversations": conversations,
               "seconds": SECONDS, "memory": MEMORY, "output": OUTPUT}
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}  # and no token of anybody's
        try:
            ran = subprocess.run([sys.executable, "-I", str(CHILD)], input=json.dumps(job).encode(), capture_output=True,
                                 timeout=WALL_SECONDS, env=kept, check=False)
            said = json.loads(ran.stdout) if ran.returncode == 0 else {"error": f"more than {SECONDS:g} s, or a process that died"}
        except subprocess.TimeoutExpired:
            said = {"error": f"no end within {WALL_SECONDS:.0f} s"}
        if "error" in said:
            raise BaseModelError("chat template", said["error"], f"a template that renders within {SECONDS:g} s and "
                                 f"{MEMORY // 2**20} MB", _DO)
        return [(text, error) if text is None or text.isascii() or _is_text(text) else (None, "characters that are no text")
                for text, error in said["texts"]]


def _is_text(found: str) -> bool:
    """False for lone surrogates, which no tokenizer takes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in found)


_KNOWN: dict[tuple[str, tuple[tuple[str, str], ...]], ChatTemplate] = {}


def chat_template(tokenizer: Any) -> ChatTemplate | None:
    """The tokenizer's template, its renderings shared by all tokenizers that have it; None where there is none."""
    source = template_of(tokenizer)
    if source is None:
        return None
    tokens = {name: str(token) for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
    return _KNOWN.setdefault((source, tuple(sorted(tokens.items()))), ChatTemplate(source, tokens))
