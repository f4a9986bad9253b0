"""Made arms and facts for the tests of advice."""

import random

from adtune.advise import ArchiveFacts, ArmResult, BaseFacts
from adtune.records import Interval

TOKENS = tuple(200 + 10 * n for n in range(12))


def arm(loss, noise=0.0, seed=0, pieces=12, forgetting=None):
    """An arm of about `loss` nats per token; pieces share their difficulty over arms, `noise` is the arm's own."""
    hard, own = random.Random(1), random.Random(f"{loss}/{seed}")
    nats = [count * (loss + hard.gauss(0, 0.3) + own.gauss(0, noise)) for count in TOKENS[:pieces]]
    return ArmResult(tuple(nats), TOKENS[:pieces], forgetting)


def archive(pieces=80, **changes):
    split = {"train": pieces - 2 * (pieces // 5), "validation": pieces // 5, "test": pieces // 5}
    fields = {"pieces": pieces, "read": pieces + 4, "dropped": {"too_short": 3, "near_duplicate": 1}, "splits": split,
              "categories": {"advice": pieces // 2, "news": pieces // 3}, "approvals": {"approved": pieces // 2, "gold": 3, "": 2},
              "languages": {"en": pieces - 10, "": 2}, "untitled": 0, "guide_words": 200, "regularity": 0.01, "current": True,
              "briefs": (0, 12), "rules": Interval(1.0, 1.0, 1.0), "templates": 0, "voices": (pieces,), "labels": None}
    return ArchiveFacts(**(fields | changes))


def base(**changes):
    fields = {"context": 2048, "window": 1024, "loss_tokens": 384, "training_tokens": 40_000, "lost_tokens": 0, "training_rows": 90,
              "brief_tokens": 40, "piece_tokens": 350, "guide_tokens": 300, "prompt_tokens": 1500.0, "fertility": 1.4,
              "archive_loss": 3.2, "general_loss": 3.0, "measured_pieces": 12, "forgetting_limit": 0.15,
              "forgetting": {"prefix": 0.01, "lora": 0.05}, "measured": ("base", "prompt", "prefix", "lora", "full")}
    return BaseFacts(**(fields | changes))
