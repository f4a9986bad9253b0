"""What an evaluation measures beside its three arms: the adapter at other scales, the client's probes, and which targets are terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import SettingError

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..engine.tasks.drafting import Row
    from ..evaluate import ProbeAnswers, ScalePoint
    from ..voice.probes import Probe
    from ..voice.prompt import Renderer
    from ..voice.terms import Terms

MOST_SCALES = 9
ANSWER_TOKENS = 32       # of an answer beyond the tokens of the longest expected one


class Measured(Protocol):
    """The base, and the rows that all arms are measured on."""

    base: Base
    plain: list[Row]
    watched: list[Row]


Answers = tuple[tuple[str, ...], tuple[tuple[float, int], ...]]


@dataclass(frozen=True)
class Further:
    """Scales strictly between 0 and 1, and probes; each may be empty."""

    scales: tuple[float, ...] = ()
    probes: tuple[Probe, ...] = ()

    def tuned(self, measured: Measured, method: AbstractMethod) -> tuple[list[ScalePoint], Answers]:
        """The points at each scale (none where the method cannot be scaled once saved), and the tuned model's answers to the probes."""
        from ..engine.tasks.drafting import measure
        from ..evaluate import ScalePoint

        points: list[ScalePoint] = []
        start, end = method.untuned(), method.state()
        for scale in self.scales if start is not None else ():
            method.load_state(method.between(start, end, scale))
            pieces, general = (measure(measured.base, method, rows) for rows in (measured.plain, measured.watched))
            points.append(ScalePoint(scale, tuple(nats for nats, _ in pieces), tuple(nats for nats, _ in general)))
        if points:
            method.load_state(end)
        return points, self._answers(measured.base, method)

    def base(self, measured: Measured, after: Answers) -> ProbeAnswers:
        """The probes with the answers of the base, whose method is detached, before those of the tuned model."""
        from ..evaluate import ProbeAnswers

        before = self._answers(measured.base, None)
        return ProbeAnswers(self.probes, before[0], after[0], before[1], after[1])

    def _answers(self, base: Base, method: AbstractMethod | None) -> Answers:
        """Greedy answers, and (nats, tokens) of the first expected one."""
        from ..engine.generate import Sampling, generate
        from ..engine.tasks.drafting import measure
        from ..records import Brief, Example

        if not self.probes:
            return (), ()
        from .arms import plain_rows

        heads = [base.renderer.brief(Brief(probe.prompt)) for probe in self.probes]
        longest = max(len(base.renderer.encode(one)) for probe in self.probes for one in probe.expected)
        room = base.context - (method.context_tokens if method is not None else 0) - max(map(len, heads)) - 1
        written = generate(base, method, heads, [0] * len(heads), Sampling(0.0, 1.0, max(1, min(longest + ANSWER_TOKENS, room))))
        rows = plain_rows(base, [Example(Brief(probe.prompt), probe.expected[0]) for probe in self.probes], base.context,
                          method.context_tokens if method is not None else 0)
        return tuple(base.renderer.text(ids).strip() for ids in written), tuple(measure(base, method, rows))


def scales_of(text: str) -> tuple[float, ...]:
    """The scales of the setting. Raises SettingError for what is no share between 0 and 1."""
    try:
        scales = tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        scales = (0.0,)
    if len(scales) > MOST_SCALES or any(not 0 < scale < 1 for scale in scales):
        raise SettingError("--set scales", f"'{text}'", f"up to {MOST_SCALES} shares between 0 and 1, with commas between",
                           "Write for example --set scales=0.25,0.5,0.75.")
    return scales


def term_targets(renderer: Renderer, texts: Sequence[str], terms: Terms, rows: Sequence[Row]) -> list[frozenset[int]] | None:
    """The numbers of the targets of each row that stand in a term; None where the tokenizer cannot say which stand where."""
    found = []
    for text, row in zip(texts, rows, strict=True):
        offsets = renderer.offsets(text)
        if offsets is None:
            return None
        spans = [(use.start, use.end) for use in terms.uses(text) if use.key in terms.forms]
        places = (n for n, (start, end) in enumerate(offsets[:row.targets]) if any(start < b and end > a for a, b in spans))
        found.append(frozenset(places if row.first else (n - 1 for n in places if n)))
    return found
