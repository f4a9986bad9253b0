"""A blind sheet: drafts of all arms to the same briefs, shuffled, under codes that say nothing; some drafts come twice.

Order: the briefs are shuffled into blocks; within a block all drafts are shuffled so that no two answers to one brief follow each other.
So a sheet that is filled to the end of a block holds every arm's answer to the same briefs. Repeats stand a third of the sheet after
their drafts at least, where the sheet is that long: how often a rater says the same again is the rater's agreement with itself.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

BLOCK = 4            # briefs
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"   # without what is read as something else
CODE = 6
APART = 3            # drafts at least between a draft and its repeat
TRIES = 200
EMPTY = "(an empty draft)"


@dataclass(frozen=True)
class Item:
    """One draft on a sheet. `brief` is its number among the report's briefs, `repeats` the code of the item that it shows again."""

    code: str
    brief: int
    title: str
    arm: str
    text: str
    repeats: str | None = None


def design(arms: Mapping[str, Sequence[str]], titles: Sequence[str], briefs: int, repeats: float, seed: int) -> list[Item]:
    """The items of a sheet over `briefs` of the titles (all where there are fewer); `repeats` is the share of drafts that come twice."""
    chance = random.Random(f"sheet/{seed}")
    drawn = chance.sample(range(len(titles)), min(briefs, len(titles)))
    codes = _codes(2 * len(drawn) * len(arms))
    items = [Item(next(codes), brief, titles[brief], arm, drafts[brief].strip() or EMPTY)
             for brief in drawn for arm, drafts in arms.items()]
    again: list[Item] = []
    early = drawn[:max(1, len(drawn) // 2)]
    for number in range(min(round(repeats * len(items)), len(early) * len(arms))):   # every arm as often as any other
        arm = list(arms)[number % len(arms)]
        left = [one for one in items if one.arm == arm and one.brief in early and one.code not in {other.repeats for other in again}]
        if left:
            one = chance.choice(left)
            again.append(Item(next(codes), one.brief, one.title, one.arm, one.text, one.code))
    return items + again


def order(items: Sequence[Item], rater: str, seed: int) -> list[Item]:
    """The items in the order in which this rater sees them."""
    chance = random.Random(f"order/{seed}/{rater}")
    repeated = {one.brief for one in items if one.repeats is not None}
    briefs = list(dict.fromkeys(one.brief for one in items))
    chance.shuffle(briefs)
    briefs.sort(key=lambda brief: brief not in repeated)   # what comes again comes early
    out: list[Item] = []
    for start in range(0, len(briefs), BLOCK):
        block = set(briefs[start:start + BLOCK])
        out += _apart([one for one in items if one.repeats is None and one.brief in block], out[-1:], chance)
    again = [one for one in items if one.repeats is not None]
    chance.shuffle(again)
    for one in again:
        place = next(at for at, other in enumerate(out) if other.code == one.repeats)
        out.insert(chance.randint(min(place + max(APART, len(items) // 3), len(out)), len(out)), one)
    return out


def parts(items: Sequence[Item]) -> list[int]:
    """The part of the sheet that each item of an order stands in: after a whole part every arm has answered the same briefs."""
    out, seen, number = [], set(), 1
    for one in items:
        if one.repeats is None and one.brief not in seen:
            if seen and len(seen) % BLOCK == 0:
                number += 1
            seen.add(one.brief)
        out.append(number)
    return out


def _apart(items: Sequence[Item], before: Sequence[Item], chance: random.Random) -> list[Item]:
    """A shuffle in which no answer follows another to the same brief, where there is one."""
    best, fewest = list(items), len(items) + 1
    for _ in range(TRIES):
        tried = list(items)
        chance.shuffle(tried)
        row = [*before, *tried]
        touching = sum(one.brief == other.brief for one, other in zip(row, row[1:], strict=False))
        if touching < fewest:
            best, fewest = tried, touching
        if not fewest:
            break
    return best


def _codes(count: int) -> Iterator[str]:
    """Codes that nobody can guess an arm from, all different."""
    seen: set[str] = set()
    while len(seen) < count:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE))
        if code not in seen:
            seen.add(code)
            yield code
