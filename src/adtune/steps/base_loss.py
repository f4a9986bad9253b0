"""The loss of a base on pieces, with and without others in context, for the likeness to the voice (`voice/in_context.py`).

A piece is rendered as an answered brief without a title: its first ASKED tokens count, behind the first SHOWN tokens of each piece in
context. What was measured is kept by the hash of the piece under root/measured/, one file for each base and context, so that a stopped
curation, or the next one, measures only what is new.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..durable import replace_file
from ..progress import Progress, silent
from ..records import hash_of

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.tasks.drafting import Row

MEASURED = "measured"   # the folder of the workspace for what is kept so as not to be measured twice
ASKED = 128      # target tokens of a piece: over more the gain in context rises no further, and all cost grows with them
SHOWN = 160      # tokens of each piece in context
BATCH = 64       # pieces measured between two savings
DIGITS = 4       # of a loss that is kept: machines differ in later ones


class KeptLoss:
    """A `voice.in_context.Loss` of one base; the base is loaded when the first piece is new."""

    def __init__(self, name: str, folder: Path, progress: Progress = silent):
        self._name, self._folder, self._progress = name, folder, progress
        self._base: Base | None = None

    def __call__(self, pieces: Sequence[str], context: Sequence[str]) -> list[float]:
        """Nats per token of each piece behind the context pieces."""
        base = self._loaded()
        file = self._folder / f"loss-{hash_of([base.hash, base.renderer.golden(), ASKED, SHOWN, list(context)])[:20]}.json"
        known: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        names = [hash_of(piece) for piece in pieces]
        new = list({name: piece for name, piece in zip(names, pieces, strict=True) if name not in known}.items())
        for start in range(0, len(new), BATCH):
            self._progress(f"the base reads pieces{' behind gold ones' if context else ''}", start, len(new))
            part = new[start:start + BATCH]
            known |= dict(zip((name for name, _ in part), self._measured([piece for _, piece in part], context), strict=True))
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(file, json.dumps(known, sort_keys=True).encode())
        return [known[name] for name in names]

    def _loaded(self) -> Base:
        if self._base is None:
            from ..engine.bases import load_base

            self._progress("load the base", 0, 1)
            self._base = load_base(self._name)
            self._progress("load the base", 1, 1)
        return self._base

    def _measured(self, pieces: Sequence[str], context: Sequence[str]) -> list[float]:
        from ..engine.tasks.drafting import measure

        base = self._loaded()
        found = measure(base, None, [self._row(base, piece, context, place) for place, piece in enumerate(pieces)])
        return [round(nats / max(tokens, 1), DIGITS) for nats, tokens in found]

    def _row(self, base: Base, piece: str, context: Sequence[str], place: int) -> Row:
        from ..engine.tasks.drafting import Row
        from ..records import Brief
        from ..voice.prompt import Context

        renderer = base.renderer
        asked = renderer.encode(piece)[:ASKED]
        head = list(renderer.brief(Brief(), Context()))
        for other in context:      # the beginning of text stands once and first
            head += [*renderer.encode(other)[:SHOWN], *renderer.end]
        head = head[:1] + head[1:][-(base.context - len(asked) - 1):] if len(head) + len(asked) > base.context else head
        return Row((*head, *asked), len(head), place)
