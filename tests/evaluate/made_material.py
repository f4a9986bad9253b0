"""Made data for the tests of evaluate: a client with a marked voice, another voice, and three arms."""

import random

from adtune.evaluate import Arm, Material, ReportContext
from adtune.voice.conventions import Convention

PIECES = 12
OWN = ("You can keep your garden green; here's how we do it.", "Don't water at noon - you'll only feed the sun!",
       "Isn't that simple? You'll see.", "We've tried it, and it's a joy!", "Your roses won't mind; they're tougher than you think.",
       "So, what's next? Grab your hat and let's go!")
OTHER = ("The irrigation of plants is generally performed by the operator in the evening.", "Consideration of temperature is required.",
         "It has been observed that evaporation may occur during the day.", "The instructions are set out in the following section.",
         "Equipment should be inspected by qualified persons before utilisation.", "Results were obtained under controlled conditions.")

EVALUATIONS = tuple({"step": 10 * i, "epoch": i / 4, "validation_loss": 3 + (i - 5) ** 2 / 20, "train_loss": 4 - i / 5 if i else None,
                     "general_loss": 3.5, "noise_floor": 0.05} for i in range(9))


def texts(sentences, count, seed):
    rng = random.Random(seed)
    return tuple(" ".join(rng.choices(sentences, k=10)) for _ in range(count))


def material(pieces=PIECES, **changes):
    """Three arms over `pieces` test pieces; the tuned arm is clearly better. `changes` replace fields of Material."""
    rng = random.Random(1)
    tokens = tuple(rng.randint(200, 384) for _ in range(pieces))
    hard = [rng.gauss(0, 0.1) for _ in range(pieces)]
    losses = {"base": 4.0, "prompted": 3.6, "tuned": 3.0}
    drafts = {"base": texts(OTHER, pieces, 2), "prompted": texts(OTHER[:3] + OWN[:2], pieces, 3), "tuned": texts(OWN, pieces, 4)}
    arms = {name: Arm(name, tuple(count * (loss + extra + rng.gauss(0, 0.02)) for count, extra in zip(tokens, hard, strict=True)), tokens,
                      drafts[name]) for name, loss in losses.items()}
    published = texts(OWN, pieces, 5)
    fields = {
        "arms": arms, "briefs": tuple(f"Brief {index}" for index in range(pieces)), "references": published, "test_texts": published,
        "train_texts": ("Nothing of this stands in any draft whatever.",), "validation_texts": texts(OWN, 12, 6),
        "contrast_texts": texts(OTHER, 12, 7), "contrast_unseen": texts(OTHER, 12, 8),
        "general_before": tuple((300.0 + index, 100) for index in range(8)),
        "general_after": tuple((305.0 + index, 100) for index in range(8)),
        "conventions": (Convention("speaks to you", "says you", pattern=r"(?i)\byou"),),
    }
    return Material(**(fields | changes))


def context(**changes):
    given = material()
    fields = {
        "client": "Green & Co", "adapter": "green-lora-1", "base": "starter", "base_hash": "b" * 64, "starter": False,
        "dataset_hash": "d" * 64,
        "pieces": {"train": 1234, "validation": 12, "test": 12}, "method": "lora", "evaluations": EVALUATIONS, "best": EVALUATIONS[5],
        "settings": {"rank": (16, "default"), "rate": (None, "default"), "epochs": (3, "command line")}, "seconds": 61.25,
        "briefs": given.briefs, "drafts": {**{name: arm.drafts for name, arm in given.arms.items()}, "published": given.references},
    }
    return ReportContext(**(fields | changes))
