"""What was measured before anything is judged: three arms, answered briefs, general text, and the texts to compare with.

An arm is one way to write for the client: the base alone, the base with the best prompt, and the tuned model. All arms answer the
same briefs in the same order and count their losses over the same targets; `Material` refuses anything else, because paired
intervals would then compare different things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from ..errors import IntegrityError
from ..records import Brief
from ..voice.conventions import Convention
from ..voice.terms import NO_TERMS, Terms

BASE, PROMPTED, TUNED = ARMS = ("base", "prompted", "tuned")


@dataclass(frozen=True)
class Arm:
    """Losses and drafts of one arm.

    `nats` and `tokens` hold, per test piece, the summed nats over its first target tokens and how many those were. `drafts` answer
    the held-out briefs, one each, in their order; both may be empty where they were not measured. `term_nats` and `term_tokens` count
    those targets alone that stand in the client's terms.
    """

    name: str
    nats: tuple[float, ...] = ()
    tokens: tuple[int, ...] = ()
    drafts: tuple[str, ...] = ()
    term_nats: tuple[float, ...] = ()
    term_tokens: tuple[int, ...] = ()


@dataclass(frozen=True)
class Material:
    """Everything that `measure` reads.

    `briefs` are the titles of the drafted briefs, `asked` the briefs themselves and `references` their published texts. `train_types` and
    `train_families` hold the content type and the family of similar pieces of each training text. `validation_texts` and `contrast_texts`
    fit the on-brand scorer, `test_texts` and `contrast_unseen` measure it. `general_before` and `general_after` hold (nats, tokens)
    per passage of general text, with the base and with the tuned model, `general_kinds` what each passage is. `terms` are the client's.
    Raises IntegrityError where arms do not match.
    """

    arms: Mapping[str, Arm]
    briefs: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    test_texts: tuple[str, ...] = ()
    train_texts: tuple[str, ...] = ()
    validation_texts: tuple[str, ...] = ()
    contrast_texts: tuple[str, ...] = ()
    contrast_unseen: tuple[str, ...] = ()
    general_before: tuple[tuple[float, int], ...] = ()
    general_after: tuple[tuple[float, int], ...] = ()
    conventions: tuple[Convention, ...] = ()
    asked: tuple[Brief, ...] = ()
    train_types: tuple[str | None, ...] = ()
    train_families: tuple[str, ...] = ()
    general_kinds: tuple[str | None, ...] = ()
    guide: str = ""
    terms: Terms = NO_TERMS

    def __post_init__(self) -> None:
        for name, arm in self.arms.items():
            _same(f"arm '{name}'", "losses", len(arm.nats), len(arm.tokens), "as many token counts")
            if not all(isfinite(nats) for nats in arm.nats):
                raise IntegrityError(f"arm '{name}'", "a held-out loss that is not a finite number", "finite losses",
                                     "Check the model's weights, then measure this arm again.")
            if arm.drafts:
                _same(f"arm '{name}'", "drafts", len(arm.drafts), len(self.briefs), "one draft a brief")
        for what, given, told in (("asked", self.asked, self.briefs), ("train_types", self.train_types, self.train_texts),
                                  ("train_families", self.train_families, self.train_texts),
                                  ("general_kinds", self.general_kinds, self.general_before)):
            if given:
                _same(what, "entries", len(given), len(told), "one for each")
        _same("references", "published texts", len(self.references), len(self.briefs), "one text a brief")
        targets = {arm.tokens for arm in self.arms.values() if arm.tokens}
        if len(targets) > 1:
            raise IntegrityError("held-out losses", f"{len(targets)} different lists of target tokens", "the same targets in every arm",
                                 "Measure all arms again on the same test pieces.")
        if [tokens for _, tokens in self.general_before] != [tokens for _, tokens in self.general_after]:
            raise IntegrityError("general text", "different passages before and after", "the same passages",
                                 "Measure the general text again with both models.")

    def arm(self, name: str) -> Arm:
        """The arm of that name; an empty one where it was not measured."""
        return self.arms.get(name) or Arm(name)


def _same(where: str, what: str, found: int, wanted: int, meaning: str) -> None:
    if found != wanted:
        raise IntegrityError(where, f"{found} {what}", f"{wanted} ({meaning})", "Measure this arm again.")
