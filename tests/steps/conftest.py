"""A small made client: 30 pieces that have little in common, in a workspace of its own."""

import json
import random

import pytest
from made_base import QUICK, make_base, sample_file

from adtune.steps.archive import import_archive
from adtune.steps.curation import curate
from adtune.steps.tuning import tune
from adtune.workspace import Workspace

WORDS = ("harbour lantern copper meadow quiet ledger bridge winter orchard signal paper garden morning river stone market teacher window "
         "cotton ladder summer engine island velvet corner music harvest candle valley thread bottle forest planet mirror").split()


@pytest.fixture(scope="module", autouse=True)
def few_watched():
    """Few passages of general text are watched in a run: each of its evaluations reads them all, and how many there are proves nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adtune.voice.general.WATCHED", 3)
        yield


@pytest.fixture
def archive(tmp_path):
    """Writes `count` distinct pieces as JSONL, with two rows that cannot be kept, and gives the path."""

    def write(count: int = 30, name: str = "posts.jsonl", seed: int = 1):
        chance = random.Random(seed)
        rows = [json.dumps({"id": f"p{n}", "title": f"On {chance.choice(WORDS)} {n}", "category": ("advice", "news")[n % 2],
                            "text": " ".join(chance.choice(WORDS) for _ in range(60)) + "."}) for n in range(count)]
        path = tmp_path / name
        path.write_text("\n".join([*rows, "{not json", json.dumps({"id": "empty", "text": ""})]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def ws(tmp_path):
    with Workspace.open(tmp_path / "ws") as workspace:
        yield workspace


@pytest.fixture
def curated(tmp_path):
    """A workspace with a client of 24 pieces of the sample, curated."""
    with Workspace.open(tmp_path / "ws") as workspace:
        import_archive(workspace, sample_file(tmp_path / "pieces.jsonl", 24), "Q")
        curate(workspace, "Q")
        yield workspace


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(make_base(tmp_path_factory.mktemp("base")))


@pytest.fixture(scope="module")
def job(tmp_path_factory, base):
    """A workspace with a client of 40 pieces and a LoRA adapter."""
    folder = tmp_path_factory.mktemp("job")
    with Workspace.open(folder / "ws") as ws:
        import_archive(ws, sample_file(folder / "pieces.jsonl", 40), "Q")
        yield ws, tune(ws, "Q", QUICK | {"base": base, "method": "lora"})
