"""The arms that advice and evaluation compare: the base alone and the base with its best prompt, over the same targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..records import Brief, Example

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.tasks.drafting import Row

NEAREST = 8  # pieces that a prompt may hold at most


def plain_rows(base: Base, pieces: Sequence[Example], loss_tokens: int, taken: int = 0) -> list[Row]:
    """One row a piece: its brief and its first `loss_tokens` targets. `taken` is the context that a method consumes, so that
    an arm with a prefix and one without count the same targets."""
    from ..engine.tasks.drafting import held_out_rows

    return held_out_rows(base.renderer, pieces, loss_tokens, base.context - taken)


def prompts(base: Base, briefs: Sequence[Brief], train: Sequence[Example], guide: str, rooms: Sequence[int]) -> list[list[int]]:
    """Ids of each brief behind the guide and its nearest training pieces, at most `rooms` tokens each."""
    from ..voice.prompt import fill_context, nearest_examples

    nearest = nearest_examples(briefs, train, NEAREST)
    return [base.renderer.brief(brief, fill_context(base.renderer, brief, guide, near, room))
            for brief, near, room in zip(briefs, nearest, rooms, strict=True)]


def prompted_rows(base: Base, pieces: Sequence[Example], train: Sequence[Example], guide: str, loss_tokens: int,
                  taken: int = 0) -> list[Row]:
    """The rows of `plain_rows` with guide and nearest pieces before each brief, as much as the context holds."""
    from ..engine.tasks.drafting import Row

    plain = plain_rows(base, pieces, loss_tokens, taken)
    rooms = [base.context - row.targets for row in plain]
    heads = prompts(base, [piece.brief for piece in pieces], train, guide, rooms)
    return [Row((*head, *row.ids[row.first:]), len(head), row.piece) for head, row in zip(heads, plain, strict=True)]
