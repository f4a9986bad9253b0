"""The kernels of history.py: what rows of an advertiser share, one for each grouping of the trade, in parts by what they look at.

B, N as in batch.py; M = rows on the other side; G = number of GROUPINGS. Many rows to predict are alike in what a part looks at (names,
day, numbers, words): without gradients each part is worked out once for rows that differ. "words x channel" is a sixth part that
pre-training leaves out: a client's own rows may bring it in (words.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import torch
from torch import Tensor

from .batch import FIELDS, NUMBERS, Batch
from .calendar import YEARLY
from .names import BUCKETS

PAIRS = (("channel", "product"), ("channel", "audience"), ("channel", "device"), ("other1", "channel"), ("other1", "audience"),
         ("other1", "device"), ("product", "audience"), ("product", "device"))
CURVES = ("price", "spend", "number1")
CROSSED = ("other1", "product", "channel")  # with price, and with the weekend
SLOW, QUICK, CAMPAIGN_SLOW = 90.0, 12.0, 45.0  # days over which drift is remembered
GROUPINGS = ("level", *FIELDS, *(" x ".join(pair) for pair in PAIRS), *(f"{name} x price" for name in CROSSED),
             *(f"{name} x weekend" for name in CROSSED), "weekday", "events", "season", "product x season", "channel x season",
             "slow drift", "quick drift", "campaign drift", *NUMBERS, "price curve", "spend curve", "number1 curve",
             "words", "words x channel")
WORDS = GROUPINGS[-2:]
OFF = 1e-3            # variance under which the last part is left out
FEW = 64              # rows under which it does not pay to look for those that are alike


def _equal(left: Batch, right: Batch, name: str) -> Tensor:
    n = FIELDS.index(name)
    return (left.ids[..., n][:, :, None] == right.ids[..., n][:, None]) & (left.ids[..., n:n + 1] > 0)


def _names(left: Batch, right: Batch) -> Iterator[Tensor]:
    equal = {name: _equal(left, right, name) for name in FIELDS}
    yield torch.ones_like(equal["channel"], dtype=torch.float32)
    for name in FIELDS:
        yield equal[name].float()
    for a, b in PAIRS:
        yield (equal[a] & equal[b]).float()


def _curve(left: Batch, right: Batch, name: str) -> Tensor:
    n = NUMBERS.index(name)
    gap = (left.numbers * left.told)[:, :, None, n] - (right.numbers * right.told)[:, None, :, n]
    return torch.exp(-(gap ** 2) / (2 * 0.35**2)) * (left.told[:, :, None, n] * right.told[:, None, :, n])


def _prices(left: Batch, right: Batch) -> Iterator[Tensor]:
    curve = _curve(left, right, "price")
    for name in CROSSED:
        yield _equal(left, right, name) * curve


def _days(left: Batch, right: Batch) -> Iterator[Tensor]:
    free = [part.calendar[..., YEARLY + 5:YEARLY + 7].sum(-1) for part in (left, right)]
    weekend = free[0][:, :, None] == free[1][:, None]
    for name in CROSSED:
        yield (_equal(left, right, name) & weekend).float()
    yield left.calendar[..., YEARLY:YEARLY + 7] @ right.calendar[..., YEARLY:YEARLY + 7].mT
    yield left.calendar[..., YEARLY + 7:-1] @ right.calendar[..., YEARLY + 7:-1].mT
    season = torch.exp(3 * (left.calendar[..., :2] @ right.calendar[..., :2].mT - 1)) * left.calendar[..., -1:]
    yield season
    yield _equal(left, right, "product") * season
    yield _equal(left, right, "channel") * season
    days = (left.age[:, :, None] - right.age[:, None]).abs()
    yield torch.exp(-days / SLOW)
    yield torch.exp(-days / QUICK)
    yield torch.exp(-days / CAMPAIGN_SLOW) * _equal(left, right, "campaign")


def _numbers(left: Batch, right: Batch) -> Iterator[Tensor]:
    numbers = [part.numbers * part.told for part in (left, right)]
    for n in range(len(NUMBERS)):
        yield numbers[0][:, :, None, n] * numbers[1][:, None, :, n]
    for name in CURVES:
        yield _curve(left, right, name)


def _words(left: Batch, right: Batch) -> Iterator[Tensor]:
    yield _bags(left) @ _bags(right).mT


def _words_of_channels(left: Batch, right: Batch) -> Iterator[Tensor]:
    yield (_bags(left) @ _bags(right).mT) * _equal(left, right, "channel")


def _bags(batch: Batch) -> Tensor:
    """(B, N, BUCKETS) words of each row, of length one."""
    bag = torch.zeros(*batch.words.shape[:2], BUCKETS, device=batch.words.device).scatter_(-1, batch.words, 1.0)
    bag[..., 0] = 0
    return bag / bag.sum(-1, keepdim=True).clamp(min=1).sqrt()


@dataclass(frozen=True)
class _Part:
    """`kernels` of a part, how `many` they are, and the columns that they look at on the left (`reads`)."""

    kernels: Callable[[Batch, Batch], Iterator[Tensor]]
    many: int
    reads: Callable[[Batch], tuple[Tensor, ...]]


def _ids(batch: Batch, *names: str) -> Tensor:
    return batch.ids[..., [FIELDS.index(name) for name in names]]


PARTS = (_Part(_names, 1 + len(FIELDS) + len(PAIRS), lambda rows: (rows.ids,)),
         _Part(_prices, len(CROSSED), lambda rows: (_ids(rows, *CROSSED), rows.numbers[..., :1], rows.told[..., :1])),
         _Part(_days, len(CROSSED) + 8, lambda rows: (_ids(rows, *CROSSED, "campaign"), rows.calendar, rows.age[..., None])),
         _Part(_numbers, len(NUMBERS) + len(CURVES), lambda rows: (rows.numbers, rows.told)),
         _Part(_words, 1, lambda rows: (rows.words,)),
         _Part(_words_of_channels, 1, lambda rows: (_ids(rows, "channel"), rows.words)))


def kernels(left: Batch, right: Batch, parts: tuple[_Part, ...] = PARTS) -> Iterator[Tensor]:
    """The kernels in the order of GROUPINGS, (B, N, M) each, between the rows of two batches of the same advertisers."""
    return chain.from_iterable(part.kernels(left, right) for part in parts)


def kernel_of(name: str, left: Batch, right: Batch) -> Tensor:
    """(B, N, M) the kernel of one grouping."""
    place = GROUPINGS.index(name)
    for part in PARTS:
        if place < part.many:
            return next(islice(part.kernels(left, right), place, None))
        place -= part.many
    raise KeyError(name)


def _parts(power: Tensor) -> tuple[_Part, ...]:
    """The parts that count at these variances."""
    return PARTS if float(power[-1].detach()) > OFF else PARTS[:-1]


def covariance_of(power: Tensor, left: Batch, right: Batch) -> Tensor:
    """(B, N, M) prior covariance of f between rows, float64. `power` (G,) are variances."""
    if torch.is_grad_enabled():
        each = kernels(left, right, _parts(power))
        return sum(p * k for p, k in zip(power, each, strict=False)).double()  # type: ignore[union-attr]
    return read_across(power, left, right, None)[1].double()


def read_across(power: Tensor, left: Batch, right: Batch, alpha: Tensor | None) -> tuple[Tensor, Tensor]:
    """(effects (B, N, G), covariance (B, N, M) without gradients) of rows with centres: effects are power_g k_g alpha, none where alpha is
    None."""
    effects, start = [], 0
    crossed = torch.zeros(*left.age.shape, right.age.shape[1], device=left.age.device)
    for part in (parts := _parts(power)):
        rows, back = _distinct(left, part)
        own, shared = power[start:start + part.many], None
        found = []
        for p, kernel in zip(own, part.kernels(rows, right), strict=True):
            if alpha is not None:
                found.append(p * (kernel @ alpha.float()[..., None]).squeeze(-1))
            shared = p.detach() * kernel if shared is None else shared.addcmul_(p.detach(), kernel)
        if found:
            effects.append(torch.stack(found, -1) if back is None else torch.stack(found, -1)[:, back])
        crossed += shared if back is None else shared[:, back]  # type: ignore[index]
        start += part.many
    if effects and len(parts) < len(PARTS):
        effects.append(torch.zeros_like(effects[-1][..., :1]))
    return torch.cat(effects, -1) if effects else crossed.new_zeros(*left.age.shape, 0), crossed


def _distinct(rows: Batch, part: _Part) -> tuple[Batch, Tensor | None]:
    """(rows that differ in what a part looks at, the place of each row among them), or all rows where that is no help."""
    if torch.is_grad_enabled() or len(rows.family) > 1 or rows.age.shape[1] < FEW:
        return rows, None
    seen = torch.cat([one[0] if one.dtype == torch.int64 else one[0].contiguous().view(torch.int32).long() for one in part.reads(rows)], -1)
    mark = torch.randint(-2**62, 2**62, (seen.shape[1],), generator=torch.Generator().manual_seed(1)).to(seen.device)
    found, back = torch.unique((seen * mark).sum(-1), return_inverse=True)  # a random sum of 64 bits: equal for equal rows alone
    if len(found) > 0.7 * len(back):
        return rows, None
    first = torch.zeros(len(found), dtype=torch.long, device=back.device).scatter_(0, back, torch.arange(len(back), device=back.device))
    return rows.rows(first), back


def own_variance(batch: Batch, power: Tensor) -> Tensor:
    """(B, N) prior variance of f at each row: the diagonal of the kernels."""
    there = (batch.ids > 0).float()
    at = {name: there[..., n] for n, name in enumerate(FIELDS)}
    numbers = batch.numbers * batch.told
    dated = batch.calendar[..., -1]
    price = batch.told[..., 0]
    one, events, crossed = torch.ones_like(dated), batch.calendar[..., YEARLY + 7:-1].sum(-1), [at[name] for name in CROSSED]
    worded = (batch.words > 0).any(-1).float()
    parts = [one, *(at[name] for name in FIELDS), *(at[a] * at[b] for a, b in PAIRS), *(part * price for part in crossed), *crossed,
             dated, events, dated, at["product"] * dated, at["channel"] * dated, one, one, at["campaign"], *numbers.unbind(-1),
             *(batch.told[..., n] for n in (0, 1, 3)), worded, at["channel"] * worded]
    squares = [part**2 if name in NUMBERS else part for name, part in zip(GROUPINGS, parts, strict=True)]
    return torch.stack(squares, -1) @ power
