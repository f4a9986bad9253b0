"""One rendering: a brief becomes the same ids in training, evaluation and drafting.

Where the tokenizer has a chat template, it is used (with thinking switched off); else a brief is

    # title
    [category] [content type]
    > summary
    - fact
    (blank line)

Control tokens come only from the template: text of briefs and pieces is tokenised with special tokens split, so that
`<|im_end|>` inside a piece stays text. A brief without a title is empty: its piece trains as plain text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BaseModelError
from ..records import Brief, Example

_MARK = "ADTUNE9PART{}X"
GUIDE_TITLE = "Brand guide"


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
    """Renders briefs and examples for one tokenizer.

    `end` holds the ids that end a draft: trained on, and where generation stops.
    """

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.chat = bool(getattr(tokenizer, "chat_template", None))
        if tokenizer.eos_token_id is None:
            raise BaseModelError("tokenizer", "no end-of-text token", "a tokenizer with an EOS token", "Choose another base.")
        # a base without BOS has seen documents after the end of other documents
        bos = tokenizer.bos_token_id
        self.start: list[int] = [bos if bos is not None else tokenizer.eos_token_id]
        self.end: list[int] = self._turn_end() if self.chat else [tokenizer.eos_token_id]

    def encode(self, text: str) -> list[int]:
        """Ids of `text` alone; what looks like a control token stays text."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"])

    def _control(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=False, verbose=False)["input_ids"])

    def _template(self, messages: list[dict[str, str]], answer_next: bool) -> str:
        return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer_next, enable_thinking=False)

    def _turn_end(self) -> list[int]:
        """The ids after an assistant's text up to and with the first control token."""
        text = self._template([{"role": "user", "content": "a"}, {"role": "assistant", "content": _MARK.format(0)}], False)
        tail = self._control(text.split(_MARK.format(0))[-1])
        special = {i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special} | {self.tokenizer.eos_token_id}
        for place, token in enumerate(tail):
            if token in special:
                return tail[:place + 1]
        return [self.tokenizer.eos_token_id]

    def _chat(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """Ids of a conversation that ends where the assistant is to write; contents can't become control tokens."""
        messages = [{"role": role, "content": _MARK.format(n)} for n, (role, _) in enumerate(turns)]
        try:
            text = self._template(messages, True)
        except Exception:  # a template may refuse the system role: its content then opens the first user turn
            if turns[0][0] != "system" or len(turns) < 2:
                raise
            return self._chat([("user", f"{turns[0][1]}\n\n{turns[1][1]}"), *turns[2:]])
        ids: list[int] = []
        for n, (_, content) in enumerate(turns):
            before, found, text = text.partition(_MARK.format(n))
            if not found:
                raise BaseModelError("chat template", "a message that the template leaves out", "every message rendered",
                                     "Use a base whose chat template renders user, assistant and system turns.")
            ids += self._control(before) + self.encode(content)
        return ids + self._control(text)

    def brief(self, brief: Brief, context: Context = Context()) -> list[int]:
        """Ids up to where the draft begins."""
        if self.chat and brief.title:
            turns = [("system", context.guide)] if context.guide else []
            for example in context.examples:
                turns += [("user", brief_text(example.brief) or "…"), ("assistant", example.text)]
            return self._chat([*turns, ("user", brief_text(brief))])
        ids = list(self.start)
        if context.guide:
            ids += self.encode(f"# {GUIDE_TITLE}\n\n") + self.encode(context.guide) + self.end
        for example in context.examples:
            ids += self._head(example.brief) + self.encode(example.text) + self.end
        return ids + self._head(brief)

    def _head(self, brief: Brief) -> list[int]:
        text = brief_text(brief)
        return self.encode(text + "\n\n") if text else []

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


def nearest_examples(briefs: Sequence[Brief], pieces: Sequence[Example], count: int) -> list[list[Example]]:
    """For each brief the `count` pieces that resemble it most (TF-IDF cosine over brief and text), nearest last."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not pieces or not briefs:
        return [[] for _ in briefs]
    texts = [f"{brief_text(p.brief)}\n{p.text}" for p in pieces]
    vectors = TfidfVectorizer(sublinear_tf=True)
    known = vectors.fit_transform(texts)
    scores = (vectors.transform([brief_text(brief) or " " for brief in briefs]) @ known.T).toarray()  # (briefs, pieces)
    return [[pieces[i] for i in sorted(range(len(pieces)), key=lambda i: (row[i], -i))[-count:]] for row in scores]


def fill_context(renderer: Renderer, brief: Brief, guide: str, nearest: Sequence[Example], room: int) -> Context:
    """Guide plus as many of the nearest pieces (nearest last) as fit into `room` tokens together with the brief."""
    chosen: tuple[Example, ...] = ()
    kept_guide = guide if len(renderer.brief(brief, Context(guide))) <= room else ""
    for example in reversed(nearest):
        if len(renderer.brief(brief, Context(kept_guide, (example, *chosen)))) > room:
            break
        chosen = (example, *chosen)
    return Context(kept_guide, chosen)
