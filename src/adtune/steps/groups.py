"""Drafts for the groups that a client names, and what its published pieces are worth to a model whose brief names each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..progress import Progress, labelled
from ..voice.groups import Comparison, brief_for

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..evaluate import Grouped
    from ..evaluate.groups import GroupTexts
    from ..records import Item
    from ..settings import EvaluateSettings

BRIEFS = 12  # that each group gets, of those that are drafted in every arm


class Measured(Protocol):
    """The base, the items whose briefs are drafted, and how."""

    base: Base
    drafted: list[Item]
    draft_tokens: int
    loss_tokens: int
    taken: int
    settings: EvaluateSettings


@dataclass(frozen=True)
class Groups:
    """Comparisons that were asked for; there may be none."""

    comparisons: tuple[Comparison, ...] = ()

    def written(self, measured: Measured, method: AbstractMethod | None, arm: str, progress: Progress) -> list[GroupTexts]:
        """For each group of each comparison one draft a brief, by the same seed, and the loss of the published pieces; nothing where no
        held-out piece has a title to ask by."""
        return [self._group(measured, method, (comparison.name, group), labelled(progress, f"drafts for {group}: {arm}"))
                for comparison in (self.comparisons if measured.drafted else ()) for group in comparison.groups]

    def beside(self, measured: Measured, tuned: list[GroupTexts], progress: Progress) -> Grouped:
        """What the tuned model wrote, beside the same by the base, whose method is detached."""
        from ..evaluate import Grouped

        titles = tuple(item.example.brief.title or "" for item in measured.drafted[:BRIEFS]) if tuned else ()
        return Grouped(titles, tuple(tuned), tuple(self.written(measured, None, "base", progress)))

    def _group(self, measured: Measured, method: AbstractMethod | None, names: tuple[str, str], progress: Progress) -> GroupTexts:
        from ..engine.generate import Sampling, write_texts
        from ..engine.tasks.drafting import measure
        from ..evaluate.groups import GroupTexts
        from ..records import Example
        from .arms import plain_rows

        base, settings = measured.base, measured.settings
        pieces = [item.example for item in measured.drafted[:BRIEFS]]
        briefs = [brief_for(piece.brief, names[1]) for piece in pieces]
        drafts = write_texts(base, method, [base.renderer.brief(brief) for brief in briefs],
                             Sampling(settings.temperature, max_tokens=measured.draft_tokens), settings.seed, progress)
        rows = plain_rows(base, [Example(brief, piece.text) for brief, piece in zip(briefs, pieces, strict=True)], measured.loss_tokens,
                          measured.taken)
        return GroupTexts(*names, tuple(drafts), tuple(measure(base, method, rows)))


def told(grouped: Grouped) -> dict[str, list[dict[str, Any]]]:
    """The drafts for each group, to be kept with those of the arms; nothing where no groups were named."""
    return {"groups": [{"comparison": one.comparison, "group": one.group, "arm": arm, "briefs": grouped.titles, "drafts": one.drafts}
                       for arm, some in (("tuned", grouped.tuned), ("base", grouped.base)) for one in some]} if grouped.tuned else {}
