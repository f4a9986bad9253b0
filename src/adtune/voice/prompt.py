"""One rendering: a brief becomes the same ids in training, evaluation and drafting.

Where the tokenizer has a chat template, it is used (with thinking switched off, or an opened thought closed); else a brief is

    # title
    [category] [content type]
    > summary
    - fact
    (blank line)

Control tokens come only from the template: text of briefs and pieces is tokenised with special tokens split, so that
`<|im_end|>` inside a piece stays text. A brief without a title is empty: its piece trains as plain text.

PLAIN_TEMPLATE tells that plain form to other tools, as the chat template of a base that was trained on it. A base that has it is
rendered here as one without a template: the same ids, and no program of a stranger to run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import BaseModelError
from ..records import Brief, Example, hash_of
from .templates import MARK, TemplateRefusal, chat_template

GUIDE_TITLE = "Brand guide"
GUIDE_HEAD = f"# {GUIDE_TITLE}\n\n"  # stands before the guide, as a brief before its text
BRIEF_END = "\n\n"                  # stands between a brief and its text
# for a base without BOS; an empty message of a system or user is no message, as an untitled brief is no brief
PLAIN_TEMPLATE = (
    "{{ eos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% elif message['content'] and message['role'] == 'system' %}{{ " + json.dumps(GUIDE_HEAD) + " + message['content'] + eos_token }}"
    "{% elif message['content'] %}{{ message['content'] + " + json.dumps(BRIEF_END) + " }}{% endif %}{% endfor %}")
THINK, UNTHINK = "<think>", "</think>"  # how the field's templates open and close a thought


def brief_text(brief: Brief) -> str:
    """The words of a brief, without the blank line after it; empty for a brief without a title."""
    if not brief.title:
        return ""
    labels = " ".join(f"[{label}]" for label in (brief.category, brief.content_type) if label)
    lines = [f"# {brief.title}", labels, f"> {brief.summary}" if brief.summary else "", *(f"- {fact}" for fact in brief.facts)]
    return "\n".join(line for line in lines if line)


@dataclass(frozen=True)
class Context:
    """What stands before the brief in a prompted base: the brand guide and answered briefs."""

    guide: str = ""
    examples: tuple[Example, ...] = ()


class Renderer:
    """Renders briefs and examples for one tokenizer; `context` is how many tokens its base holds, where there is one.

    `end` holds the ids that end a draft: trained on, and where generation stops.
    """

    def __init__(self, tokenizer: Any, context: int | None = None):
        self.tokenizer, self.context = tokenizer, context
        self.template = chat_template(tokenizer)
        told = self.template is not None and self.template.source == PLAIN_TEMPLATE and tokenizer.bos_token_id is None
        self.chat = self.template is not None and not told
        if tokenizer.eos_token_id is None:
            raise BaseModelError("tokenizer", "no end-of-text token", "a tokenizer with an EOS token", "Choose another base.")
        # a base without BOS has seen documents after the end of other documents
        bos = tokenizer.bos_token_id
        self.start: list[int] = [bos if bos is not None else tokenizer.eos_token_id]
        self.end: list[int] = self._turn_end() if self.chat else [tokenizer.eos_token_id]

    @cached_property
    def words(self) -> int:
        """One more than the highest id that the tokenizer knows."""
        return max(self.tokenizer.get_vocab().values()) + 1

    def encode(self, text: str) -> list[int]:
        """Ids of `text` alone; what looks like a control token stays text."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"])

    def offsets(self, text: str) -> list[tuple[int, int]] | None:
        """Start and end in `text` of each of its ids; None where the tokenizer cannot say."""
        if not self.tokenizer.is_fast:
            return None
        given = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True, verbose=False)
        return [tuple(pair) for pair in given["offset_mapping"]]

    def _control(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=False, verbose=False)["input_ids"])

    def _turn_end(self) -> list[int]:
        """The ids after an assistant's text up to and with the first control token."""
        tail = self._control(self._rendered(("user", "assistant"), False).split(MARK.format(1))[-1])
        special = {i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special} | {self.tokenizer.eos_token_id}
        for place, token in enumerate(tail):
            if token in special:
                return tail[:place + 1]
        return [self.tokenizer.eos_token_id]

    def _rendered(self, roles: Sequence[str], answer_next: bool, thinking: bool = False) -> str:
        """A conversation over placeholders. Raises BaseModelError where the template refuses even a user's turn."""
        assert self.template is not None
        try:
            text = self.template.text(roles, answer_next, thinking)
        except TemplateRefusal as refusal:
            if roles[0] == "system":
                raise
            raise BaseModelError("chat template", str(refusal), "a template that renders user and assistant turns",
                                 "Choose another base.") from refusal
        opened = text.rpartition(MARK.format(len(roles) - 1))[2]
        if answer_next and not thinking and THINK in opened and UNTHINK not in opened:
            text += f"\n{UNTHINK}\n\n"  # the template always opens a thought: drafts begin behind an empty one
        return text

    @property
    def thinking(self) -> str | None:
        """`off` where the template's switch is off, `closed` where it always opens a thought, None where it knows none."""
        if not self.chat:
            return None
        shown = self._rendered(("user",), True)
        if shown == self._rendered(("user",), True, thinking=True):
            return None
        return "off" if shown == self.template.text(("user",), True) else "closed"  # type: ignore[union-attr]

    def _chat(self, turns: Sequence[tuple[str, str]], answer_next: bool = True) -> list[int]:
        """Ids of a conversation, by default up to where the assistant is to write; contents can't become control tokens."""
        try:
            text = self._rendered([role for role, _ in turns], answer_next)
        except TemplateRefusal:  # a template may refuse the system role: its content then opens the first user turn
            if len(turns) < 2:
                return self._chat([("user", turns[0][1])], answer_next)
            return self._chat([("user", f"{turns[0][1]}\n\n{turns[1][1]}"), *turns[2:]], answer_next)
        ids: list[int] = []
        for n, (_, content) in enumerate(turns):
            before, found, text = text.partition(MARK.format(n))
            if not found:
                raise BaseModelError("chat template", "a message that the template leaves out", "every message rendered",
                                     "Use a base whose chat template renders user, assistant and system turns.")
            ids += self._control(before) + self.encode(content)
        return ids + self._control(text)

    def brief(self, brief: Brief, context: Context = Context()) -> list[int]:
        """Ids up to where the draft begins."""
        if self.chat and brief.title:
            return self._chat([*_turns(context), ("user", brief_text(brief))])
        return self._plain(context) + self._head(brief)

    def conversation(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """Ids of turns (system, user or assistant, words) up to where the assistant is to write; words can't become control tokens."""
        turns = _merged(turns)
        if self.chat:
            return self._chat(turns)
        ids = list(self.start)
        for role, words in turns:
            if role == "user":
                ids += self.encode(words + BRIEF_END)
            else:
                ids += (self.encode(GUIDE_HEAD) if role == "system" else []) + self.encode(words) + self.end
        return ids

    def _plain(self, context: Context) -> list[int]:
        """Guide and answered briefs in the plain form, the beginning of text once and first."""
        ids = list(self.start)
        if context.guide:
            ids += self.encode(GUIDE_HEAD) + self.encode(context.guide) + self.end
        for example in context.examples:
            ids += self._head(example.brief) + self.encode(example.text) + self.end
        return ids

    def prompt(self, guide: str, examples: Sequence[Example], tokens: int) -> list[int]:
        """The first `tokens` ids of a client's own prompt: one text, or one conversation, of guide and answered briefs.

        The beginning of text stands once and first: no piece, titled or not, brings another one in.
        """
        ids: list[int] = self._plain(Context()) if not self.chat else []
        for count in range(len(examples) + 1):
            context = Context(guide, tuple(examples[:count]))
            if not self.chat:
                ids = self._plain(context)
            elif guide or count:
                ids = self._chat(_turns(context), answer_next=False)
            if len(ids) >= tokens:
                break
        return ids[:tokens]

    def _head(self, brief: Brief) -> list[int]:
        text = brief_text(brief)
        return self.encode(text + BRIEF_END) if text else []

    def example(self, example: Example) -> tuple[list[int], list[int]]:
        """(ids of the brief, ids of the text with the end of the draft): the second are the targets."""
        return self.brief(example.brief), self.encode(example.text) + self.end

    def text(self, ids: Sequence[int]) -> str:
        """The words of generated ids, cut at the end of the draft."""
        ids = list(ids)
        if self.end[-1] in ids:
            ids = ids[:ids.index(self.end[-1])]
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def fertility(self, texts: Sequence[str]) -> float | None:
        """Tokens per word over `texts`: how well the tokenizer's vocabulary fits the client's language."""
        words = sum(len(text.split()) for text in texts)
        return sum(len(self.encode(text)) for text in texts) / words if words else None


    def golden(self) -> str:
        """sha256 of the ids of one brief in every form: equal where template and tokenizer render alike, wherever they lie."""
        example = Example(Brief("Roses in winter", "advice", "article", "How to keep them", ("Water at noon",)), "Keep them dry. 1 cut.")
        context = Context("Be kind.", (example,))
        return hash_of([self.start, self.end, *self.example(example), self.brief(example.brief, context), self.brief(Brief(None))])

    def describe(self) -> dict[str, Any]:
        """What a record keeps of the rendering: template's hash, thinking, end of turn, and the golden hash."""
        return {"chat_template": self.template.hash if self.template else None, "thinking": self.thinking,
                "end_of_turn": self.tokenizer.decode(self.end, skip_special_tokens=False), "golden": self.golden()}


def _merged(turns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one role as one turn, and all that a system says in front: templates want roles to take turns."""
    system = "\n\n".join(words for role, words in turns if role == "system")
    merged = [("system", system)] if system else []
    for role, words in turns:
        if role == "system":
            continue
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]}\n\n{words}")
        else:
            merged.append((role, words))
    return merged


def _turns(context: Context) -> list[tuple[str, str]]:
    """The context as turns of a conversation."""
    turns = [("system", context.guide)] if context.guide else []
    for example in context.examples:
        turns += [("user", brief_text(example.brief) or "…"), ("assistant", example.text)]
    return turns


class Nearest:
    """Finds the pieces that resemble a brief most, by TF-IDF cosine over brief and text."""

    def __init__(self, pieces: Sequence[Example]):
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.pieces = list(pieces)
        self.vectors = TfidfVectorizer(sublinear_tf=True)
        self.known = self.vectors.fit_transform([f"{brief_text(p.brief)}\n{p.text}" for p in pieces]) if pieces else None

    def to(self, briefs: Sequence[Brief], count: int) -> list[list[Example]]:
        """For each brief the `count` pieces nearest to it, nearest last."""
        if self.known is None or not briefs:
            return [[] for _ in briefs]
        scores = (self.vectors.transform([brief_text(brief) or " " for brief in briefs]) @ self.known.T).toarray()  # (briefs, pieces)
        return [[self.pieces[i] for i in sorted(range(len(self.pieces)), key=lambda i: (row[i], -i))[-count:]] for row in scores]


def nearest_examples(briefs: Sequence[Brief], pieces: Sequence[Example], count: int) -> list[list[Example]]:
    """For each brief the `count` pieces that resemble it most (TF-IDF cosine over brief and text), nearest last."""
    if not pieces or not briefs:
        return [[] for _ in briefs]
    return Nearest(pieces).to(briefs, count)


def fill_context(renderer: Renderer, brief: Brief, guide: str, nearest: Sequence[Example], room: int) -> Context:
    """Guide plus as many of the nearest pieces (nearest last) as fit into `room` tokens together with the brief."""
    chosen: tuple[Example, ...] = ()
    kept_guide = guide if len(renderer.brief(brief, Context(guide))) <= room else ""
    for example in reversed(nearest):
        if len(renderer.brief(brief, Context(kept_guide, (example, *chosen)))) > room:
            break
        chosen = (example, *chosen)
    return Context(kept_guide, chosen)
