"""Generated advertisers: what the response base is pre-trained on, made on the fly, seeded, on whatever device torch runs.

Each advertiser is a draw of its own level, channels, products, audiences, campaigns, dates, spend and prices; its response is the general
pattern (advertisers_levels.py) plus what is its own: deviations of channel, audience and device, season peaks moved by days or months,
word effects, campaign and ad effects, drift and jumps, saturation and carry-over, and in half of them a business rule (a lift that holds
only where two things meet). Outcomes are over-dispersed counts or amounts. Fields are missing for whole advertisers and for single rows,
names are often of no known meaning. B = advertisers, N = rows, K = campaigns at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..engine.response.batch import LEVELS, NUMBERS, Batch
from ..engine.response.calendar import YEARLY, day_table
from ..engine.response.names import CHANNELS, DEVICES, MOST_WORDS, PLACEMENTS, PRODUCTS
from . import advertisers_levels as levels

CAMPAIGNS, OWN_CHANNELS, OWN_PRODUCTS, OWN_AUDIENCES, ADS, OTHERS = 16, 5, 6, 5, 5, 5


@dataclass(frozen=True)
class AdvertiserSettings:
    """How far advertisers differ. Standard deviations are of logarithms of the rate."""

    level: float = 0.9             # of an advertiser's own level
    channel: float = 0.45          # of an own channel effect
    audience: float = 0.3
    device: float = 0.15
    placement: float = 0.2
    product: float = 0.3
    campaign: float = 0.25
    ad: float = 0.15
    other: float = 0.3             # of the values of a field that no rule knows
    word: float = 0.15
    weekday: float = 0.08
    event: float = 0.15
    peak_days: float = 25.0        # of an own season's peak around the general one
    far_peaks: float = 0.3         # share of own products whose peak lies anywhere in the year
    amplitude: float = 0.5         # of the logarithm of an own season's height
    flat_height: float = 0.3       # season height of products without a meaning
    elasticity: float = 0.35       # of price; half as much of spend and carry-over
    number: float = 0.15           # of a standardised number
    drift: float = 0.12            # of each of three slow waves
    jump: float = 0.2              # share with a jump of level
    rules: float = 0.5             # share with a business rule
    rule_size: tuple[float, float] = (0.3, 1.1)
    concentration: tuple[float, float] = (0.7, 200.0)  # of outcomes around their rate; small is over-dispersed
    counts: tuple[float, float] = (0.05, 60.0)         # outcomes of a row on average
    span: tuple[float, float] = (20.0, 1100.0)         # days from the first row to the last
    unknown: float = 0.25          # share of fields whose names have no known meaning
    families: tuple[float, ...] = (0.24, 0.32, 0.14, 0.2, 0.1)
    absent: tuple[float, ...] = (0.1, 0.6, 0.5, 0.4, 0.35, 0.1, 0.5, 0.4, 0.5, 0.75, 0.85)  # of each of FIELDS, for a whole advertiser
    absent_numbers: tuple[float, ...] = (0.5, 0.35, 0.5, 0.7, 0.85, 0.9)
    undated: float = 0.04


@dataclass(frozen=True)
class Truth:
    """What is true of generated rows: `eta` (B, N) log rate, `general` (B, N) the part that is no advertiser's own, `parts` by name,
    `peaks` (B, OWN_PRODUCTS) own peak days, `products` and `channels` the meanings of the own values, `rule` (B,) size of the
    rule, `concentration` (B, 1) of outcomes around their rate."""

    eta: Tensor
    general: Tensor
    parts: dict[str, Tensor]
    peaks: Tensor
    products: Tensor
    channels: Tensor
    channel_effects: Tensor
    rule: Tensor
    day: Tensor
    concentration: Tensor


class Draw:
    """Random numbers from one seeded source."""

    def __init__(self, seed: int, device: str | torch.device = "cpu"):
        self.source = torch.Generator(device).manual_seed(seed)
        self.device = device
        self.tables = {name: one.to(device) for name, one in levels.tables().items()}
        self.days = torch.from_numpy(day_table("US")).to(device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.source, device=self.device)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.source, device=self.device)

    def whole(self, below: int, *shape: int) -> Tensor:
        return torch.randint(below, shape, generator=self.source, device=self.device)

    def log_uniform(self, *shape: int, ends: tuple[float, float]) -> Tensor:
        return self.uniform(*shape, low=math.log(ends[0]), high=math.log(ends[1])).exp()

    def chance(self, share: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.source, device=self.device) < share


def pick(table: Tensor, index: Tensor) -> Tensor:
    """table (B, K, ...) at index (B, N)."""
    return table.gather(1, index)


def generate(draw: Draw, count: int, rows: int, known: int,
             settings: AdvertiserSettings = AdvertiserSettings()) -> tuple[Batch, Truth]:  # noqa: B008 - frozen
    """`count` advertisers of `rows` rows each; the first `known` rows of each are its context: the earlier ones, or random ones."""
    return finished(World(draw, count, rows, settings), known)


def finished(world: World, known: int) -> tuple[Batch, Truth]:
    """Outcomes and tensors of a world."""
    world.sort(known)
    eta, general = world.eta()
    exposure, outcome = world.outcomes(eta)
    context, age = world.context()
    batch = Batch(world.ids(), world.known(), world.words, world.calendar(), world.relative(), world.told, age, exposure, outcome,
                  world.family,
                  context, torch.ones_like(context))
    truth = Truth(eta, general, world.parts, world.peaks, world.products, world.channels, world.channel_effects, world.rule, world.day,
                  world.concentration)
    return batch, truth


class World:
    """One draw of B advertisers; every attribute is a tensor with B in front."""

    def __init__(self, draw: Draw, count: int, rows: int, settings: AdvertiserSettings):
        self.draw, self.count, self.rows, self.settings = draw, count, rows, settings
        self.table = draw.tables
        self.family = torch.multinomial(torch.tensor(settings.families, device=draw.device), count, True, generator=draw.source)
        self.strength = self.table["strength"][self.family]
        self.parts: dict[str, Tensor] = {}
        self._advertisers()
        self._rows()
        self._numbers()

    def _advertisers(self) -> None:
        """Own channels, products, audiences, and the campaigns made of them."""
        draw, count = self.draw, self.count
        self.channels = 1 + draw.whole(len(CHANNELS) - 1, count, OWN_CHANNELS)
        self.products = 1 + draw.whole(len(PRODUCTS) - 1, count, OWN_PRODUCTS)
        self.audiences = 1 + draw.whole(13, count, OWN_AUDIENCES)
        most = {"campaign": CAMPAIGNS, "channel": OWN_CHANNELS, "product": OWN_PRODUCTS, "audience": OWN_AUDIENCES}
        number = {name: draw.log_uniform(count, 1, ends=(1, many)) for name, many in most.items()}
        self.campaigns = number["campaign"]
        self.of_campaign = {name: (draw.uniform(count, CAMPAIGNS) * number[name]).long() for name in ("channel", "product", "audience")}
        self.whole_audience, self.whole_device = draw.chance(0.6, count, 1), draw.chance(0.3, count, 1)
        words = self.table["word_numbers"][draw.whole(len(self.table["word_numbers"]), count, CAMPAIGNS, MOST_WORDS)]
        strange = 1 + draw.whole(511, count, CAMPAIGNS, MOST_WORDS)
        words = torch.where(draw.chance(0.5, count, CAMPAIGNS, MOST_WORDS), words, strange)
        kept = torch.arange(MOST_WORDS, device=draw.device) < draw.whole(MOST_WORDS, count, CAMPAIGNS, 1)
        self.campaign_words = words * kept * ~draw.chance(0.3, count, 1, 1)
        self.span = draw.log_uniform(count, 1, ends=self.settings.span)
        self.start = draw.uniform(count, 1, low=5000, high=9800)
        self.concentration = draw.log_uniform(count, 1, ends=self.settings.concentration)

    def _rows(self) -> None:
        """Campaign, day and breakdown of every row, in the order of days."""
        draw, count, rows = self.draw, self.count, self.rows
        campaign = (draw.uniform(count, rows) ** draw.uniform(count, 1, low=1.0, high=2.0) * self.campaigns).long().clamp(max=CAMPAIGNS - 1)
        begin = draw.uniform(count, CAMPAIGNS) * draw.chance(0.5, count, CAMPAIGNS) * 0.8
        length = (1 - begin) * torch.where(draw.chance(0.5, count, CAMPAIGNS), 1.0, draw.uniform(count, CAMPAIGNS, low=0.2))
        share = pick(begin, campaign) + pick(length, campaign) * draw.uniform(count, rows)
        share, order = share.sort(1)
        self.campaign = campaign.gather(1, order)
        self.day = (self.start + self.span * share).floor()
        self.channel, self.product = (pick(self.of_campaign[name], self.campaign) for name in ("channel", "product"))
        self.audience = torch.where(self.whole_audience, pick(self.of_campaign["audience"], self.campaign), draw.whole(OWN_AUDIENCES,
                                                                                                                       count, rows))
        first = (1 + self.campaign) % (len(DEVICES) - 1)
        self.device = 1 + torch.where(self.whole_device, first, draw.whole(3, count, rows))
        self.placement = 1 + (self.channel * 2 + draw.whole(3, count, rows)) % (len(PLACEMENTS) - 1)
        self.ad = draw.whole(ADS, count, rows)
        self.others = [draw.whole(2 + n, count, rows) if n else (draw.uniform(count, rows) * draw.whole(OTHERS - 1, count, 1).add(2)).long()
                       for n in range(3)]
        self.words = self.campaign_words.gather(1, self.campaign[..., None].expand(-1, -1, MOST_WORDS))
        self._calendar()

    def _calendar(self) -> None:
        self._days = self.draw.days[self.day.long() + 1]
        self.angle = torch.atan2(self._days[..., 0], self._days[..., 1])
        self.dated = ~self.draw.chance(self.settings.undated, self.count, 1)

    def _numbers(self) -> None:
        """Price, spend with its past, and three numbers of no known meaning, as logarithms or standardised, with what is told of them."""
        draw, count, rows = self.draw, self.count, self.rows
        day = self.day
        waves = [draw.uniform(count, 1, low=2 * math.pi / 120, high=2 * math.pi / 9) for _ in range(3)]
        sizes, phases = [draw.normal(count, 1) * 0.4 for _ in waves], [draw.uniform(count, CAMPAIGNS, high=6.28) for _ in waves]
        size = draw.normal(count, CAMPAIGNS) * 0.7

        def spend_at(back: float) -> Tensor:
            moved = sum(a * torch.sin(w * (day - back) + pick(p, self.campaign)) for a, w, p in zip(sizes, waves, phases, strict=True))
            return moved + pick(size, self.campaign)

        past = torch.stack([spend_at(back) + back * math.log(0.6) for back in range(1, 8)]).logsumexp(0) - math.log(1.5)
        self.spend = spend_at(0) + 0.3 * draw.normal(count, rows) + draw.uniform(count, 1, high=0.5) * torch.cos(self.angle - 2.5)
        price = pick(draw.normal(count, OWN_PRODUCTS) * 0.5, self.product) + draw.normal(count, rows) * draw.uniform(count, 1, low=0.05,
                                                                                                                     high=0.5)
        own = [draw.normal(count, rows) * draw.uniform(count, 1) + pick(draw.normal(count, CAMPAIGNS), self.campaign) for _ in range(3)]
        self.numbers = torch.stack([price, self.spend, past, *own], -1)
        absent = torch.tensor(self.settings.absent_numbers, device=draw.device)
        told = torch.rand(count, 1, len(NUMBERS), generator=draw.source, device=draw.device) >= absent
        self.told = (told & ~(draw.chance(0.2, count, 1, 1) & draw.chance(0.05, count, rows, len(NUMBERS)))).float()

    def relative(self) -> Tensor:
        """Numbers against the advertiser's own median, 0 where nothing is told."""
        return (self.numbers - self.numbers.median(1, keepdim=True).values) * self.told

    def eta(self) -> tuple[Tensor, Tensor]:
        """(log rate, the general part of it), (B, N) each."""
        general, own = self._general(), self._own()
        usual = torch.tensor(LEVELS, device=self.draw.device).log()[self.family][:, None]
        level = self.settings.level * self.draw.normal(self.count, 1)
        self.parts = {**own, "level": level.expand_as(general)}
        return usual + general + sum(self.parts.values()), usual + general

    def _general(self) -> Tensor:
        """What holds at any advertiser with these meanings."""
        table, strength = self.table, self.strength
        by = {"channel": pick(self.channels, self.channel), "device": self.device, "placement": self.placement,
              "audience": pick(self.audiences, self.audience)}
        found = sum(table[name][self.family].gather(1, number) for name, number in by.items())
        peak, height = table["season"][pick(self.products, self.product)].unbind(-1)
        season = levels.season_curve(self.angle, peak, height) * strength[:, 2:3]
        events = (self._days[..., YEARLY + 7:-1] @ table["events"]) + self._days[..., YEARLY:YEARLY + 7] @ table["weekday"]
        there = (self.words > 0).sum(-1).clamp(min=1)
        words = table["words"][self.words].sum(-1) / there.sqrt()
        numbers = self.relative()
        sloped = numbers[..., 0] * levels.PRICE * strength[:, 3:] + numbers[..., 1] * levels.SPEND + numbers[..., 2] * levels.CARRY
        return found + season + events * strength[:, 2:3] + words + sloped

    def _own(self) -> dict[str, Tensor]:
        """What is this advertiser's own, by name."""
        draw, settings, count = self.draw, self.settings, self.count
        deviations = {"channel": (settings.channel, OWN_CHANNELS, self.channel), "audience": (settings.audience, OWN_AUDIENCES,
                                                                                              self.audience),
                      "device": (settings.device, len(DEVICES), self.device), "placement": (settings.placement, len(PLACEMENTS),
                                                                                            self.placement),
                      "product": (settings.product, OWN_PRODUCTS, self.product), "campaign": (settings.campaign, CAMPAIGNS, self.campaign),
                      "ad": (settings.ad, CAMPAIGNS * ADS, self.campaign * ADS + self.ad),
                      **{f"other{n + 1}": (settings.other * 0.7**n, OTHERS, one) for n, one in enumerate(self.others)}}
        own = {}
        for name, (deviation, many, index) in deviations.items():
            size = deviation * draw.log_uniform(count, 1, ends=(0.3, 1.7))
            effects = size * draw.normal(count, many)
            self.channel_effects = effects if name == "channel" else getattr(self, "channel_effects", effects)
            own[name] = pick(effects, index)
        own["season"] = self._own_season()
        week = settings.weekday * draw.normal(count, 7, 1)
        events = settings.event * draw.normal(count, self._days.shape[-1] - YEARLY - 8, 1) * self.strength[:, 2:3, None]
        own["week"] = (self._days[..., YEARLY:YEARLY + 7] @ week + self._days[..., YEARLY + 7:-1] @ events).squeeze(-1)
        words = settings.word * draw.normal(count, 512)
        there = (self.words > 0).sum(-1).clamp(min=1)
        own["words"] = (words.gather(1, self.words.flatten(1)).view_as(self.words) * (self.words > 0)).sum(-1) / there.sqrt()
        slopes = draw.normal(count, 1, len(NUMBERS)) * torch.tensor(
            [settings.elasticity, settings.elasticity / 3, settings.elasticity / 4, *[settings.number] * 3], device=draw.device)
        own["numbers"] = (self.relative().clamp(-3, 3) * slopes).sum(-1)
        own["time"], own["rule"] = self._drift(), self._rule()
        return own

    def _own_season(self) -> Tensor:
        """The own season less the general one: peaks moved, heights changed; products without a meaning have seasons too."""
        draw, settings, count = self.draw, self.settings, self.count
        peak, height = self.table["season"][self.products].unbind(-1)
        moved = peak + settings.peak_days * draw.normal(count, OWN_PRODUCTS)
        self.peaks = torch.where(draw.chance(settings.far_peaks, count, OWN_PRODUCTS), draw.uniform(count, OWN_PRODUCTS, high=365),
                                 moved) % 365.25
        own = height.clamp(min=settings.flat_height * 0.5) * torch.exp(settings.amplitude * draw.normal(count, OWN_PRODUCTS))
        curve = levels.season_curve(self.angle, pick(self.peaks, self.product), pick(own, self.product))
        return (curve - levels.season_curve(self.angle, pick(peak, self.product), pick(height, self.product))) * self.strength[:, 2:3]

    def _drift(self) -> Tensor:
        draw, settings, count = self.draw, self.settings, self.count
        total = torch.zeros_like(self.day)
        for _ in range(3):
            wave = 2 * math.pi / draw.log_uniform(count, 1, ends=(40, 900))
            total = total + settings.drift * draw.normal(count, 1) * torch.sin(wave * self.day + draw.uniform(count, 1, high=6.28))
        each = 0.6 * settings.drift * pick(draw.normal(count, CAMPAIGNS), self.campaign)
        total = total + each * torch.sin(2 * math.pi * self.day / 70 + pick(draw.uniform(count, CAMPAIGNS, high=6.28), self.campaign))
        at = self.start + self.span * draw.uniform(count, 1)
        return total + draw.chance(settings.jump, count, 1) * 0.5 * draw.normal(count, 1) * (self.day > at)

    def _rule(self) -> Tensor:
        """A lift where two conditions meet: a value of a field, and a price, channel, weekend, audience or device."""
        draw, count, rows = self.draw, self.count, self.rows
        price = self.relative()[..., 0]
        firsts = torch.stack([self.others[0] == 0, self.others[0] == 1, self.product == 0, self.channel == 0], -1)
        bar = draw.normal(count, 1) * 0.15
        seconds = torch.stack([price > bar, price > bar, self.channel == self.channel[:, :1], self._days[...,
                                                                                                         YEARLY + 5:YEARLY + 7].sum(-1) > 0,
                               self.audience == 0, self.device == 2], -1)
        which = [draw.whole(one.shape[-1], count, 1, 1).expand(-1, rows, -1) for one in (firsts, seconds)]
        met = firsts.gather(-1, which[0]).squeeze(-1) & seconds.gather(-1, which[1]).squeeze(-1)
        low, high = self.settings.rule_size
        size = draw.uniform(count, low=low, high=high) * torch.where(draw.chance(0.7, count), 1.0, -1.0)
        self.rule = size * draw.chance(self.settings.rules, count)
        return self.rule[:, None] * met

    def outcomes(self, eta: Tensor) -> tuple[Tensor, Tensor]:
        """(exposure, outcome), float64: whole exposures but of spend, over-dispersed counts, positive amounts."""
        draw, settings = self.draw, self.settings
        mean = draw.log_uniform(self.count, 1, ends=settings.counts)
        rate = eta.double().exp()
        amount = (self.family == 4)[:, None]
        usual = rate.mean(1, keepdim=True)
        wanted = torch.where(amount, mean, mean / usual) * torch.exp(0.6 * self.spend + 0.5 * draw.normal(*eta.shape)).double()
        exposure = torch.where((self.family == 3)[:, None], wanted.clamp(min=0.5), wanted.clamp(1, 5e6).round())
        r = self.concentration.double().expand_as(rate).contiguous()
        noise = torch._standard_gamma(r, generator=draw.source) / r
        p = (-torch.expm1(-rate)).clamp(max=0.999)
        other = torch._standard_gamma((r * (1 - p) / p).clamp(max=1e12), generator=draw.source)
        chance = (noise * r / (noise * r + other)).clamp(0, 1)
        counted = torch.poisson((exposure * rate * noise).clamp(max=1e8), generator=draw.source)
        binomial = torch.binomial(exposure, chance, generator=draw.source)
        outcome = torch.where((self.family <= 2)[:, None], binomial, counted)
        return exposure, torch.where(amount, (exposure * rate * noise).clamp(min=1e-6), outcome)

    def sort(self, known: int) -> None:
        """Put the rows that become the context first: the earlier ones, at some advertisers random ones."""
        draw, count, rows = self.draw, self.count, self.rows
        place = torch.arange(rows, device=draw.device).expand(count, -1)
        mixed = torch.rand(count, rows, generator=draw.source, device=draw.device).argsort(1)
        order = torch.where(draw.chance(0.15, count, 1), mixed, place)
        for name, one in vars(self).items():
            if isinstance(one, Tensor) and one.shape[:2] == (count, rows):
                index = order if one.dim() == 2 else order[..., None].expand_as(one)
                setattr(self, name, one.gather(1, index))
        self.others = [one.gather(1, order) for one in self.others]
        self.known_rows = known

    def context(self) -> tuple[Tensor, Tensor]:
        """(which rows may be read, days before the newest of them); a few advertisers are new and have no rows."""
        place = torch.arange(self.rows, device=self.draw.device).expand(self.count, -1)
        context = (place < self.known_rows) & ~self.draw.chance(0.06, self.count, 1)
        newest = torch.where(place < max(self.known_rows, 1), self.day, self.day[:, :1]).amax(1, keepdim=True)
        return context, (newest - self.day) * self.dated

    def calendar(self) -> Tensor:
        return self._days * self.dated[..., None]

    def _shown(self, which: int) -> Tensor:
        """(B, N) whether a field of FIELDS is there: absent for whole advertisers, or here and there."""
        gone = self.draw.chance(self.settings.absent[which], self.count, 1)
        return ~(gone | (self.draw.chance(0.2, self.count, 1) & self.draw.chance(0.04, self.count, self.rows)))

    def ids(self) -> Tensor:
        """(B, N, F); what is shown is kept for `known`."""
        parts = [self.channel, self.placement, self.device, self.audience, self.product, self.campaign, self.campaign * 3 + self.ad % 3,
                 self.campaign * ADS + self.ad, *self.others]
        self.shown = [self._shown(n) for n in range(len(parts))]
        return torch.stack([(1 + part) * shown for part, shown in zip(parts, self.shown, strict=True)], -1)

    def known(self) -> Tensor:
        """(B, N, 5) meanings, of the fields that are shown under names that are understood."""
        parts = [pick(self.channels, self.channel), self.placement, self.device, pick(self.audiences, self.audience),
                 pick(self.products, self.product)]
        understood = [~self.draw.chance(self.settings.unknown, self.count, 1) for _ in parts]
        return torch.stack([part * shown * one for part, shown, one in zip(parts, self.shown, understood, strict=False)], -1)

