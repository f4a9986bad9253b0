"""A conversation becomes one piece: the last answer is the text, the request before it the brief, earlier turns its facts.

A brief has no turns (see `voice/prompt.py`): facts are lines of what the writer was told. So an earlier turn keeps its role in
words (`Earlier request: ...`, `Earlier answer: ...`), and a conversation whose earlier turns are long is rejected, because a page of
an earlier draft among the facts would teach the model to copy its brief.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .briefs import brief_fields
from .values import kind_of

ROLES = {"user": "user", "human": "user", "prompter": "user", "client": "user", "assistant": "assistant", "gpt": "assistant",
         "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "model": "assistant", "bot": "assistant",
         "system": "system", "developer": "system"}
TOOL_KEYS = ("tools", "functions", "tool_calls", "function_call")
NO_TOOLS = "tool calls are not read: adtune learns written copy"
EARLIER_WORDS = 400   # of all turns before the last request


def is_turns(value: Any) -> bool:
    """Whether a value is a list of turns: objects with a role and words."""
    return (isinstance(value, list) and bool(value) and all(isinstance(turn, dict) for turn in value)
            and {"role", "from"} & value[0].keys() != set() and {"content", "value", "weight"} & value[0].keys() != set())


def piece_of(turns: Sequence[Any], system: str | None = None) -> tuple[dict[str, Any], str | None]:
    """(fields with the text, system message) of a conversation. Raises ValueError with the reason why it is no piece."""
    said = [_turn(turn) for turn in turns]
    systems = [system] if system and system.strip() else []
    systems += [words for role, words, _ in said if role == "system" and words.strip()]
    said = [turn for turn in said if turn[0] != "system"]
    answers = [place for place, (role, words, taught) in enumerate(said) if role == "assistant" and taught and words.strip()]
    if not answers:
        held = any(role == "assistant" and words.strip() for role, words, _ in said)
        raise ValueError("every answer of the conversation has the weight 0" if held else "the conversation holds no answer")
    before, text = said[:answers[-1]], said[answers[-1]][1]
    first = next((place for place in range(len(before) - 1, -1, -1) if before[place][0] != "user"), -1) + 1
    request = "\n".join(words for _, words, _ in before[first:])
    earlier = [f"Earlier {'request' if role == 'user' else 'answer'}: {' '.join(words.split())}" for role, words, _ in before[:first]]
    count = sum(len(line.split()) - 2 for line in earlier)
    if count > EARLIER_WORDS:
        raise ValueError(f"the conversation has {count} words before its last request, and a brief holds at most {EARLIER_WORDS} of them; "
                         "give the last request and its answer as a conversation of their own")
    fields = brief_fields(request)
    if earlier:
        if "title" not in fields:
            raise ValueError("the last answer has no request of its own")
        fields["facts"] = [*earlier, *fields.get("facts", ())]
    return {**fields, "text": text}, "\n\n".join(systems) or None


def _turn(turn: Any) -> tuple[str, str, bool]:
    """(role, words, whether it is to be learned) of one turn. Raises ValueError."""
    if not isinstance(turn, Mapping):
        raise ValueError(f"a turn of the conversation is {kind_of(turn)}, not an object")
    said = turn.get("role", turn.get("from"))
    role = ROLES.get(said.strip().casefold()) if isinstance(said, str) else None
    if (isinstance(said, str) and said in ("tool", "function", "observation", "function_call", "ipython")) or any(map(turn.get, TOOL_KEYS)):
        raise ValueError(f"the conversation calls a tool; {NO_TOOLS}")
    if role is None:
        raise ValueError(f"a turn has the role '{str(said)[:40]}'; known are system, user and assistant")
    weight = turn.get("weight", 1)
    if weight not in (0, 1):
        raise ValueError(f"a turn has the weight {str(weight)[:20]!r}; expected 0 or 1")
    return role, _words(turn.get("content", turn.get("value"))), bool(weight)


def _words(content: Any) -> str:
    """The words of a turn; of a list of parts those of its text parts. Raises ValueError for anything else than text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        other = next((part.get("type") for part in content if not isinstance(part.get("text"), str)), None)
        if other is not None:
            raise ValueError(f"a turn holds a part of the type '{str(other)[:30]}'; only text is read")
        return "\n\n".join(part["text"] for part in content)
    raise ValueError(f"a turn's content is {kind_of(content)}, not words")
