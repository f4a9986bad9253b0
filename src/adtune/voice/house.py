"""The habits of a house: choices of spelling and form that it makes again and again, and pieces that choose otherwise.

A habit is never assumed: it is learned from pieces that show what is normal, each family of similar pieces counted once. A piece that
shows `least` places or more of a habit breaks a choice where at least half of them, and `least`, choose otherwise. The house has the
habit where the rate of pieces that do not break it has a lower 95 % limit (Wilson) of STEADY or more, and where no more than NORMAL of
them break it: what more of them do is no break.

A few gold pieces may all agree by chance. So where the habit is learned from some pieces of an archive, no more than NORMAL of the whole
archive may break it either, unless these pieces keep to it as chance would let them in fewer than CHANCE of draws from the archive
(binomial): then the archive holds other voices, and they are its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..records import Interval
from ..stats import rate_interval
from . import choices
from .choices import Finder, Mark, Written

STEADY = 0.8             # 16 pieces that all keep it reach that, and 49 of 54
NORMAL = 0.02
LONE = 30                # pieces among which one that breaks a habit is an exception
CHANCE = 0.005           # of draws from the archive
BREAKS = 0.5             # share of a piece's places from which it breaks with the habit


@dataclass(frozen=True)
class Habit:
    """One row of HABITS: what is asked, how each choice is told of a house, and how many places of a piece show it."""

    name: str
    find: Finder
    choices: Mapping[str, str]
    least: int = 1
    english: bool = False        # knows English words only
    of_title: bool = False       # its places lie in the title


HABITS: tuple[Habit, ...] = (
    Habit("spelling", choices.spelling, {"British": "British spelling", "American": "American spelling"}, 1, True),
    Habit("verb endings", choices.verb_endings, {"-ise": "verbs in -ise", "-ize": "verbs in -ize"}, 1, True),
    Habit("list commas", choices.list_commas, {"comma before and": "a comma before the last item of a list",
                                               "no comma before and": "no comma before the last item of a list"}, 2, True),
    Habit("dashes", choices.dashes, {"em dash": "closed-up em dashes", "spaced em dash": "em dashes with spaces",
                                     "spaced en dash": "en dashes with spaces", "en dash": "closed-up en dashes",
                                     "spaced hyphen": "hyphens with spaces for dashes", "double hyphen": "two hyphens for a dash"}),
    Habit("quotation marks", choices.quotation_marks, {
        "straight double": "straight double quotation marks", "curly double": "curly double quotation marks",
        "curly single": "curly single quotation marks", "straight single": "straight single quotation marks",
        "guillemets": "guillemets", "low and high": "low and high quotation marks"}),
    Habit("apostrophes", choices.apostrophes, {"straight": "straight apostrophes", "curly": "curly apostrophes"}, 2),
    Habit("contractions", choices.contractions, {"contracted": "contractions", "in full": "no contractions"}, 3, True),
    Habit("exclamation marks", choices.exclamation_marks, {"used": "exclamation marks", "none": "no exclamation marks"}),
    Habit("speaker", choices.speaker, {"we": "the house as we", "I": "a writer who says I", "none": "neither I nor we"}, 1, True),
    Habit("reader", choices.reader, {"you": "the reader as you", "none": "no address of the reader"}, 1, True),
    Habit("small numbers", choices.small_numbers, {"words": "two to nine in words", "digits": "two to nine in digits"}, 2, True),
    Habit("thousands", choices.thousands, {"comma": "thousands as 1,000", "space": "thousands as 1 000",
                                           "none": "thousands as 1000"}),
    Habit("percentages", choices.percentages, {"sign": "percentages as 5%", "spaced sign": "percentages as 5 %",
                                               "percent": "percentages as 5 percent", "per cent": "percentages as 5 per cent"}),
    Habit("money", choices.money, {"sign before": "the currency sign before the number", "sign behind": "the currency sign behind it",
                                   "code": "currency codes", "words": "currencies in words"}),
    Habit("headings", choices.heading_case, {"title case": "headings in title case", "sentence case": "headings in sentence case",
                                             "capitals": "headings in capitals"}, 1, True),
    Habit("titles", choices.title_case, {"title case": "titles in title case", "sentence case": "titles in sentence case",
                                         "capitals": "titles in capitals"}, 1, True, True),
)

Shown = Mapping[str, Sequence[Mark]]


@dataclass(frozen=True)
class Kept:
    """A habit that a house has: its choice, the rate of pieces that keep to it, how many show it at all, and which break it by place."""

    habit: Habit
    choice: str
    rate: Interval
    pieces: int
    breaking: frozenset[int]

    @property
    def told(self) -> str:
        return self.habit.choices[self.choice]

    @property
    def measured(self) -> str:
        """The rate with its interval, as people read it."""
        low, high = self.rate.as_list() or (0.0, 1.0)
        return f"{self.rate.value:.0%} of {self.pieces} pieces, {low:.0%} to {high:.0%}"


def shown_in(text: str, title: str = "", english: bool = True, habits: Sequence[Habit] = HABITS) -> Shown:
    """The marks of every habit that the text shows, by its name."""
    written = Written(text, title)
    found = {habit.name: list(habit.find(written)) for habit in habits if english or not habit.english}
    return {name: marks for name, marks in found.items() if marks}


def learned(pieces: Sequence[Shown], archive: Sequence[Shown] = ()) -> list[Kept]:
    """The habits that hold in `pieces`, each a family of its own, in the order of HABITS; `archive` is what they were taken from."""
    found = []
    for habit in HABITS:
        rows = [(place, marks) for place, shown in enumerate(pieces) if len(marks := shown.get(habit.name, ())) >= habit.least]
        if not rows:
            continue
        tally = Counter(choice for _, marks in rows for choice in _leading(marks))
        choice = max(habit.choices, key=lambda name: tally[name])
        breaking = frozenset(place for place, marks in rows if against(habit, choice, marks))
        if not _seldom(len(breaking), len(rows)):
            continue
        rate = rate_interval(len(rows) - len(breaking), len(rows))
        one = Kept(habit, choice, rate, len(rows), breaking)
        if rate.low is not None and rate.low >= STEADY and _of_the_house(one, archive):
            found.append(one)
    return found


def _seldom(breaking: int, pieces: int) -> bool:
    return breaking <= max(NORMAL * pieces, float(pieces >= LONE))


def _of_the_house(one: Kept, archive: Sequence[Shown]) -> bool:
    """Whether the whole archive keeps to the habit, or holds so many that do not that the pieces it was learned from are no draw of it."""
    rows = [marks for shown in archive if len(marks := shown.get(one.habit.name, ())) >= one.habit.least]
    breaking = sum(bool(against(one.habit, one.choice, marks)) for marks in rows)
    if _seldom(breaking, len(rows)):
        return True
    from scipy.stats import binom

    return bool(binom.cdf(len(one.breaking), one.pieces, breaking / len(rows)) <= CHANCE)


def against(habit: Habit, choice: str, marks: Sequence[Mark]) -> list[Mark]:
    """The marks that choose otherwise, where they are enough to break with the choice; else none."""
    others = [mark for mark in marks if mark.choice != choice]
    return others if len(others) >= habit.least and len(others) >= BREAKS * len(marks) else []


def _leading(marks: Sequence[Mark]) -> list[str]:
    """The choice that most marks make; none where two share the lead."""
    counted = Counter(mark.choice for mark in marks).most_common(2)
    return [counted[0][0]] if len(counted) == 1 or counted[0][1] > counted[1][1] else []
