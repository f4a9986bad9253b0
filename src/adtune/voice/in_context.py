"""What a base makes of a voice: how much it gains on a piece from three gold pieces in context.

gain = 1 - loss(piece | gold pieces) / loss(piece), the instruction-following difficulty of Li et al. (2023, arXiv 2308.12032) turned
round: there the share that an instruction leaves of the loss, here the share that the voice's own pieces take of it. A piece in the
same voice gains more than one in another. Losses come from a callable, so that this floor knows no base.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Loss = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""loss(pieces, context): the base's nats per token of each piece, after the context pieces where there are any."""

SHORTLIST = 600       # pieces at most whose loss is measured, the controls among them
CONTROLS = 60         # pieces of other voices measured beside the shortlist: without them no gain is high or low
CONTEXT_PIECES = 3


def gains(texts: Sequence[str], gold: Sequence[int], places: Sequence[int], loss: Loss) -> np.ndarray:
    """The gain of each of `places` [P]; a gold piece is measured with other gold pieces in context.

    The context is the same three gold pieces for all but themselves. Raises ValueError for a loss that is not one finite number a piece.
    """
    first, second = tuple(gold[:CONTEXT_PIECES]), tuple(gold[CONTEXT_PIECES:2 * CONTEXT_PIECES])
    alone = _measured(loss, [texts[place] for place in places], [])
    shown = np.zeros(len(places))
    for context in (first, second):
        chosen = [row for row, place in enumerate(places) if (place in first) == (context is second)]
        if chosen:
            shown[chosen] = _measured(loss, [texts[places[row]] for row in chosen], [texts[place] for place in context])
    return np.where(alone > 0, 1.0 - shown / np.where(alone > 0, alone, 1.0), 0.0)


def _measured(loss: Loss, pieces: Sequence[str], context: Sequence[str]) -> np.ndarray:
    values = np.asarray(loss(pieces, context), dtype=float)
    if values.shape != (len(pieces),) or not np.isfinite(values).all():
        raise ValueError(f"{values.shape} losses for {len(pieces)} pieces, or one that is not finite")
    return values
