"""The network: a general pattern of response, and a small transformer over rows that reads the advertiser's own earlier rows.

eta = level + general(x) + credibility effects + net(row | context rows); log r from the history's dispersion + net. `general` sees no
identity and no outcome: it is what the base expects of anybody. Rows are tokens; every row attends to context rows only, so that rows are
predicted independently of one another. D = width, H = heads, L = layers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import names
from .batch import FAMILIES, FIELDS, KNOWN, NUMBERS, Batch
from .calendar import COLUMNS, YEARLY
from .history import FEATURES, History, Reading, read, starting_log_tau
from .kernels import GROUPINGS
from .rules import Rule, find_rules, lift_of, read_rows, variance_of
from .words import READ, find_single_words, find_words

PLAIN = COLUMNS + 3 * len(NUMBERS) + len(FAMILIES) + 1
CODES, CODE_WIDTH = 512, 6
MODEL_TYPE, VERSION = "adtune_response", 2
HEADS = ("head", "skip", "trust", "log_tau")  # what stands between the last layer and the answer


@dataclass(frozen=True)
class Shape:
    """The size of the network."""

    width: int = 64
    heads: int = 4
    layers: int = 3
    general: int = 96


class ResponseConfig:
    """config.json of a response base."""

    def __init__(self, shape: Shape):
        self.shape = shape

    def save_pretrained(self, folder: Path) -> None:
        """Write config.json into a folder."""
        content = {"model_type": MODEL_TYPE, "version": VERSION, **asdict(self.shape)}
        (Path(folder) / "config.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


class Block(nn.Module):
    """Attention of all rows to the context rows and to one learned row that is always there, then a gated MLP; both pre-normed."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.heads, width = shape.heads, shape.width
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(2 * width, width)
        self.nothing = nn.Parameter(torch.zeros(width))

    def memory(self, context: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(keys, values, which may be looked at) of the context tokens (B, C, D); `real` (B, C) says which are there."""
        memory = torch.cat([self.nothing.expand(len(context), 1, -1), self.before(context)], 1)
        return self._split(self.key(memory)), self._split(self.value(memory)), F.pad(real, (1, 0), value=True)[:, None, None]

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Tokens after this layer; they look at its memory."""
        key, value, seen = memory
        found = F.scaled_dot_product_attention(self._split(self.query(self.before(x))), key, value, attn_mask=seen)
        x = x + self.out(found.transpose(1, 2).flatten(2))
        gate, up = self.up(self.between(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class General(nn.Module):
    """What is expected of anybody's row: (B, N) log ratio to the usual level of its family, from meanings, words, calendar, numbers."""

    def __init__(self, shape: Shape):
        super().__init__()
        width = shape.general
        self.known = nn.ModuleList(nn.Embedding(len(names.NAMES[name]), width) for name in KNOWN)
        self.words = nn.Embedding(names.BUCKETS, width, padding_idx=0)
        self.plain = nn.Linear(PLAIN, width)
        self.season = nn.Embedding(len(names.PRODUCTS), YEARLY)
        self.middle, self.last = nn.Linear(width, width), nn.Linear(width, 1)
        self.levels = nn.Embedding(len(FAMILIES), len(names.CHANNELS))
        for embedding in (*self.known, self.words):
            nn.init.normal_(embedding.weight, std=0.1)
        for embedding in (self.season, self.levels):
            nn.init.zeros_(embedding.weight)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(log ratio (B, N), hidden (B, N, width))."""
        known = sum(embedding(batch.known[..., n]) for n, embedding in enumerate(self.known))
        there = (batch.words > 0).sum(-1, keepdim=True).clamp(min=1)
        first = self.plain(plain_features(batch)) + known + self.words(batch.words).sum(-2) / there.sqrt()
        hidden = F.silu(first)
        hidden = hidden + F.silu(self.middle(hidden))
        season = (self.season(batch.known[..., KNOWN.index("product")]) * batch.calendar[..., :YEARLY]).sum(-1)
        level = self.levels(batch.family)[:, None].expand(-1, hidden.shape[1], -1).gather(-1, batch.known[..., :1]).squeeze(-1)
        return self.last(hidden).squeeze(-1) + season + level, hidden


def plain_features(batch: Batch) -> Tensor:
    """(B, N, PLAIN): calendar, numbers with their squares and whether they are there, family, exposure against the others."""
    family = F.one_hot(batch.family, len(FAMILIES)).float()[:, None].expand(-1, batch.age.shape[1], -1)
    numbers = (batch.numbers * batch.told).clamp(-4, 4)
    exposure = torch.log(batch.exposure + 1).float() / 5 - 1
    return torch.cat([batch.calendar, numbers, numbers**2 / 4, batch.told, family, exposure[..., None]], -1)


@dataclass(frozen=True)
class Memory:
    """Context rows, read: `general` (B, C) pattern at them, what they say by history.py, and what the blocks look at."""

    general: Tensor
    reading: Reading
    layers: tuple[tuple[Tensor, Tensor, Tensor], ...]


class ResponseNet(nn.Module):
    """The whole network. `forward` gives eta and log r of every row, and eta of the general pattern with the own level."""

    def __init__(self, shape: Shape = Shape()):  # noqa: B008 - frozen
        super().__init__()
        self.config = ResponseConfig(shape)
        self.general = General(shape)
        generator = torch.Generator().manual_seed(7)
        self.register_buffer("codes", torch.randn(len(FIELDS), CODES, CODE_WIDTH, generator=generator))
        inputs = shape.general + FEATURES + len(FIELDS) * CODE_WIDTH + 2
        self.enter = nn.Linear(inputs, shape.width)
        self.outcome = nn.Linear(2, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.skip = nn.Linear(FEATURES, 2)
        self.head = nn.Linear(shape.width, 2)
        self.trust = nn.Parameter(torch.ones(len(GROUPINGS)))
        self.log_tau = nn.Parameter(starting_log_tau())
        self.rules: tuple[Rule, ...] = ()  # an advertiser's own, found when a model is tuned
        self.own_tau: dict[str, float] = {}  # logs of standard deviations that its own rows speak for, found then too
        self.own_words: tuple[Rule, ...] = ()  # single words that tell much, likewise
        self.own_level = 0.0  # what tuned weights move the level by, taken back: the newest rows tell it, the shape alone is learned
        for layer in (self.skip, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, batch: Batch, until: int, seen: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """(eta, log_r, plain) of the rows from `until` on, (B, N - until) each; the rows before it are the context, those of them whose
        outcome may be read; the blocks look at the first `seen` of them. `plain` is level + general, no rules."""
        rows = torch.arange(batch.age.shape[1], device=batch.age.device)
        return self.recall(self.remember(batch.rows(rows[:until]), seen), batch.rows(rows[until:]))

    def remember(self, earlier: Batch, seen: int | None = None) -> Memory:
        """The context rows, read once for all rows to predict; the blocks look at the first `seen` of them."""
        general, hidden = self.general(earlier)
        reading = read(earlier, general.detach() + lift_of(self.lifts, earlier), self.tau)
        first = earlier.rows(torch.arange(earlier.age.shape[1] if seen is None else seen, device=general.device))
        many = first.age.shape[1]
        context = self.tokens(first, hidden[:, :many], reading.of(first)) + self.told(reading)[:, :many]
        layers = []
        for block in self.blocks:
            layers.append(block.memory(context, first.context))
            context = block(context, layers[-1])
        return Memory(general, reading, tuple(layers))

    def recall(self, memory: Memory, rows: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """(eta, log_r, plain) of rows to predict, each by itself."""
        general, hidden = self.general(rows)
        history = memory.reading.of(rows)
        plain = memory.reading.level[:, None].float() + general
        found = self.tokens(rows, hidden, history)
        for block, layer in zip(self.blocks, memory.layers, strict=True):
            found = block(found, layer)
        history = replace(history, spread=history.spread + variance_of(self.lifts, rows))
        eta, log_r = self.answer(plain + lift_of(self.lifts, rows), found, history, memory.reading.r)
        return eta, log_r, plain

    @torch.no_grad()
    def explain(self, memory: Memory, rows: Batch) -> tuple[Tensor, Tensor]:
        """(general pattern (B, N), what each grouping of GROUPINGS, single words in the last of them, and after them the rules add to the
        log rate (B, N, G + 1)) of rows."""
        effects = memory.reading.of(rows).effects * self.trust
        effects[..., -1] += lift_of(self.own_words, rows)
        return self.general(rows)[0], torch.cat([effects, lift_of(self.rules, rows)[..., None]], -1)

    @torch.no_grad()
    def expected(self, batch: Batch) -> Tensor:
        """(B, N) log ratio to the usual level that the general pattern, rules and single words tell: what an advertiser's effects depart
        from."""
        return self.general(batch)[0] + lift_of(self.lifts, batch)

    @torch.no_grad()
    def find_rules(self, batch: Batch, context: np.ndarray) -> tuple[Rule, ...]:
        """Rules that the rows `context` of one advertiser speak for; those in `rules` are left as they are."""
        part, place = read_rows(batch, context), self.log_tau.device
        return find_rules(part, self.general(part.to(place))[0].cpu() + lift_of(self.own_words, part), self.tau.cpu())

    @torch.no_grad()
    def find_words(self, batch: Batch, context: np.ndarray) -> tuple[dict[str, float], float]:
        """(what `own_tau` should be by the rows `context` of one advertiser, nats by which they say so); what it is counts for nothing."""
        part, place = read_rows(batch, context[-READ:]), self.log_tau.device
        return find_words(part, self.general(part.to(place))[0].cpu() + lift_of(self.rules, part), self.log_tau.cpu())

    @torch.no_grad()
    def find_single_words(self, batch: Batch, context: np.ndarray) -> tuple[Rule, ...]:
        """What `own_words` should be by the rows `context` of one advertiser; what it is counts for nothing."""
        part, place = read_rows(batch, context), self.log_tau.device
        return find_single_words(part, self.general(part.to(place))[0].cpu() + lift_of(self.rules, part), self.tau.cpu())

    @property
    def lifts(self) -> tuple[Rule, ...]:
        """Rules and single words."""
        return (*self.rules, *self.own_words)

    @property
    def tau(self) -> Tensor:
        """(G,) logs of the standard deviations: the base's, but for those of `own_tau`."""
        if not self.own_tau:
            return self.log_tau
        tau = self.log_tau.clone()
        tau[[GROUPINGS.index(name) for name in self.own_tau]] = tau.new_tensor([*self.own_tau.values()])
        return tau

    def tokens(self, batch: Batch, hidden: Tensor, history: History) -> Tensor:
        """(B, N, D) of rows, outcomes not told."""
        codes = torch.stack([self.codes[n][batch.ids[..., n] % CODES] * (batch.ids[..., n:n + 1] > 0) for n in range(len(FIELDS))], -2)
        age = torch.stack([batch.age / 365, torch.log1p(batch.age.abs()) * batch.age.sign() / 6], -1)
        return self.enter(torch.cat([hidden, history.features, codes.flatten(-2), age], -1))

    def told(self, history: Reading) -> Tensor:
        """(B, C, D) what a context row's outcome adds to its token: its residual and how much it weighs."""
        return self.outcome(torch.stack([history.residual, torch.log1p(history.weight) / 4], -1).detach())

    def answer(self, plain: Tensor, rows: Tensor, history: History, r: Tensor) -> tuple[Tensor, Tensor]:
        """(eta, log_r) of the rows whose tokens are `rows`. The variance of f makes outcomes more dispersed."""
        out = self.head(self.norm(rows)) + self.skip(history.features.detach())
        eta = plain + history.effects @ self.trust + out[..., 0] - self.own_level
        unsure = torch.expm1(history.spread.clamp(max=3)) + 1 / r[:, None].float()
        return eta, (-unsure.log() + 3 * torch.tanh(out[..., 1] / 3)).clamp(-4, 9)
