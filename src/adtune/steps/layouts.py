"""The layouts of a prompt that a bake-off tries: the guide alone, nearest pieces alone, both, and with few pieces or as many as fit.

The layout is chosen on training pieces, each with its nearest among the others, so that the validation pieces which then measure it have
not chosen it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..records import Brief, Example
from .arms import NEAREST, plain_rows

if TYPE_CHECKING:
    import torch

    from ..engine.bases import Base
    from ..engine.tasks.drafting import Row

TRIED = 4   # training pieces on which every layout is tried; the best two meet on as many more


@dataclass(frozen=True)
class Layout:
    """Whether the guide stands first, and how many nearest pieces follow at most."""

    name: str
    guide: bool
    nearest: int


LAYOUTS = (Layout("guide and nearest pieces", True, NEAREST), Layout("nearest pieces", False, NEAREST),
           Layout("guide and two pieces", True, 2), Layout("two nearest pieces", False, 2), Layout("guide", True, 0))


@dataclass(frozen=True)
class Shown:
    """What a prompt is made of: the layout, the client's guide, and the pieces that nearest ones are taken from."""

    layout: Layout
    guide: str
    pieces: Sequence[Example]


def layout_prompts(base: Base, briefs: Sequence[Brief], shown: Shown, rooms: Sequence[int]) -> list[list[int]]:
    """Ids of each brief behind what the layout shows, at most `rooms` tokens each."""
    from ..voice.prompt import fill_context, nearest_examples

    near = nearest_examples(briefs, shown.pieces, shown.layout.nearest) if shown.layout.nearest else [[] for _ in briefs]
    guide = shown.guide if shown.layout.guide else ""
    return [base.renderer.brief(brief, fill_context(base.renderer, brief, guide, some, room))
            for brief, some, room in zip(briefs, near, rooms, strict=True)]


def layout_rows(base: Base, pieces: Sequence[Example], shown: Shown, loss_tokens: int, taken: int = 0) -> list[Row]:
    """The rows of `plain_rows` behind what the layout shows, as much as the context holds."""
    from ..engine.tasks.drafting import Row

    plain = plain_rows(base, pieces, loss_tokens, taken)
    heads = layout_prompts(base, [piece.brief for piece in pieces], shown, [base.context - row.targets for row in plain])
    return [Row((*head, *row.ids[row.first:]), len(head), row.piece) for head, row in zip(heads, plain, strict=True)]


def best_layout(base: Base, train: Sequence[Example], guide: str, loss_tokens: int, seed: int = 0,
                  dtype: torch.dtype | None = None) -> tuple[Layout, dict[str, float]]:
    """The layout with the lowest loss on training pieces, and the loss of each on the first TRIED; one with a guide only where there is a
    guide."""
    import torch

    from ..engine.peak import mean_loss
    from ..engine.tasks.drafting import measure

    count = min(TRIED, max(1, len(train) // 8))
    drawn = random.Random(f"layouts/{seed}").sample(range(len(train)), 2 * count) if len(train) > 2 * count else list(range(len(train)))
    pool = [piece for n, piece in enumerate(train) if n not in drawn]

    def loss(layout: Layout, places: Sequence[int]) -> float:
        rows = layout_rows(base, [train[n] for n in places], Shown(layout, guide, pool), loss_tokens)
        return mean_loss(measure(base, None, rows, dtype=dtype or torch.float32))

    losses = {layout: loss(layout, drawn[:count]) for layout in LAYOUTS if guide or not layout.guide}
    first, second = sorted(losses, key=lambda layout: losses[layout])[:2]
    more = drawn[count:] or drawn
    best = first if losses[first] + loss(first, more) <= losses[second] + loss(second, more) else second
    return best, {layout.name: found for layout, found in losses.items()}
