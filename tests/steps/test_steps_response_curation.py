"""`curate` of campaign rows: counts that add up, splits by time, the hash that a run is bound to, items with their place in the file."""

from __future__ import annotations

import csv
import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from adtune.cli.main import main
from adtune.errors import InputError
from adtune.steps.campaigns import import_campaigns
from adtune.steps.catalogue import show
from adtune.steps.response import load_columns, rows_hash
from adtune.steps.response_advice import advise_response
from adtune.steps.response_curation import curate_response
from adtune.tune.response_split import read_rows
from adtune.workspace import Workspace

HEAD = ["date", "channel", "campaign", "clicks", "conversions"]


def write(path, made, head=HEAD):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *made])
    return path


def rows(many, day=lambda n: date(2024, 1, 1) + timedelta(n // 3)):
    chance = random.Random(2)
    return [[day(n), ("Instagram", "TikTok")[n % 2], f"c{n % 5}", 200 + n, sum(chance.random() < 0.05 for _ in range(200))]
            for n in range(many)]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    made = rows(150)
    made[7][3] = 0              # no exposure
    made[7][4] = 0
    made[9][4] = ""             # no outcome
    ws = Workspace.open(folder / "ws")
    import_campaigns(ws, write(folder / "rows.csv", made), "acme")
    yield ws, folder
    ws.close()


def test_kept_and_dropped_rows_add_up_and_later_rows_are_held_out(house):
    ws, _ = house
    found = curate_response(ws, "acme", {})
    assert found["read"] == found["kept"] + sum(found["dropped"].values()) == load_columns(ws, "acme")[1]["rows"]
    assert found["dropped"].keys() <= {"open", "no exposure", "no outcome"} and found["dropped"]["no outcome"] == 1
    assert sum(found["splits"].values()) == found["kept"] == sum(found["categories"].values())
    assert found["categories"].keys() == {"Instagram", "TikTok"}
    columns, _ = load_columns(ws, "acme")
    book, _ = read_rows(columns, "conversions")
    assert found["hash"] == rows_hash(columns, book) and curate_response(ws, "acme", {})["dataset"] == found["dataset"]
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert "no outcome" in page and "2024-01-01" in page and found["hash"] in page


def test_its_items_name_the_lines_of_the_file_in_the_order_of_time(house, monkeypatch):
    ws, _ = house
    read, asked = ws.campaigns, []
    monkeypatch.setattr(ws, "campaigns", lambda *given: asked.append(given) or read(*given))
    found = curate_response(ws, "acme", {})
    assert len(asked) == 1
    items = show(ws, found["dataset"])["items"]
    assert len(items) == found["kept"] and {one["split"] for one in items} == {"train", "validation", "test"}
    lines = {split: [one["source"]["line"] for one in items if one["split"] == split] for split in ("train", "validation", "test")}
    assert max(lines["train"]) < min(lines["validation"]) and max(lines["validation"]) < min(lines["test"])
    assert all(one["source"]["file"] == "rows.csv" and one["category"] in ("Instagram", "TikTok") for one in items)
    assert not {9, 11} & {line for split in lines.values() for line in split}


def test_the_verb_takes_the_rows_where_there_are_no_pieces_and_refuses_what_is_for_pieces(house, capsys):
    ws, folder = house
    assert main(["--workspace", str(folder / "ws"), "--json", "curate", "acme"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"dataset", "hash", "read", "kept", "dropped", "splits", "categories", "report"} <= told.keys() and told["task"] == "response"
    assert main(["--workspace", str(folder / "ws"), "curate", "acme", "--task", "response"]) == 0
    assert "rows kept" in capsys.readouterr().out
    assert main(["--workspace", str(folder / "ws"), "--json", "curate", "acme", "--keep", "20"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["where"] == "--keep"


def test_too_few_rows_are_refused_and_advice_says_what_lacks(tmp_path):
    with Workspace.open(tmp_path / "ws") as ws:
        import_campaigns(ws, write(tmp_path / "few.csv", rows(30)), "few")
        with pytest.raises(InputError, match="usable rows of"):
            curate_response(ws, "few", {})
        import_campaigns(ws, write(tmp_path / "day.csv", rows(150, lambda n: date(2024, 1, 1 + n // 140))), "day")
        found = advise_response(ws, "day", {})
        assert found["verdict"] == "collect" and "2 days" in found["reason"] and found["examples_needed"] is None
        undated = [row[1:] for row in rows(40)]
        import_campaigns(ws, write(tmp_path / "undated.csv", undated, HEAD[1:]), "undated")
        found = advise_response(ws, "undated", {})
        assert found["verdict"] == "collect" and "no dates" in found["reason"] and found["examples_needed"] == 60
