"""The first steps of the way through the real door: import, curate, show, ls and doctor on a made archive."""

import json
import random

import pytest

from adtune.cli.page import Page

WORDS = "amber brook cedar drift ember fable grove hazel ivory jewel kettle lilac maple noble olive pearl quartz raven sable tulip".split()


@pytest.fixture
def posts(tmp_path):
    chance = random.Random(3)
    rows = [{"id": f"n{n}", "title": f"Note {n}", "text": " ".join(chance.choice(WORDS) for _ in range(50)), "category": "notes"}
            for n in range(24)]
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "broken\n", encoding="utf-8")
    return str(path)


def test_from_import_to_show(adtune, posts):
    first = adtune("import", posts, "--client", "acme", "--json")
    assert first.code == 0 and (first.object["read"], first.object["kept"], first.object["added"]) == (25, 24, 24)
    assert adtune("--json", "import", posts, "--client", "acme").object["added"] == 0
    made = adtune("curate", "acme", "--keep", "20", "--json")
    assert made.code == 0 and made.object["kept"] == 20 and sum(made.object["splits"].values()) == 20
    found = adtune("show", made.object["dataset"], "--json").object
    assert len(found["items"]) == 20 and found["items"][0]["source"]["file"] == "posts.jsonl"
    held = adtune("ls", "--json").object
    assert held["clients"] == ["acme"] and [item["id"] for item in held["items"]] == [made.object["dataset"]]
    assert adtune("show", "acme", "--json").object["pieces"] == 24


def test_what_people_see_on_the_way(adtune, posts):
    said = adtune("import", posts, "--client", "acme")
    assert "24 of 25 pieces kept for acme, 24 of them new." in said.out and "line 25" in said.out
    assert said.out.splitlines()[-1] == "Next: adtune curate acme"
    said = adtune("curate", "acme")
    assert "pieces kept:" in said.out and "report.html" in said.out and said.out.splitlines()[-1] == "Next: adtune advise acme"
    dataset = adtune("ls", "--json").object["items"][0]["id"]
    assert dataset in adtune("ls").out and "posts.jsonl, line" in adtune("show", dataset).out
    assert adtune("show", "acme").out.splitlines()[-1] == "Next: adtune curate acme"


def test_refusals_on_the_way(adtune, posts, tmp_path):
    assert adtune("import", str(tmp_path / "missing.csv"), "--client", "acme").code == 1
    assert adtune("curate", "acme").code == 1 and adtune("show", "acme").code == 1
    assert adtune("import", posts, "--client", "../up").code == 1
    assert adtune("ls", "--json").object == {"clients": [], "items": []}
    said = adtune("curate", "acme", "--set", "min_word=3", "--json")
    assert said.code == 1 and said.object["error"]["where"]


def test_doctor_through_the_door(adtune, monkeypatch):
    monkeypatch.setattr("adtune.steps.health.PRODUCT", (8, 8, 8))  # what the door shows does not depend on how long it measures
    said = adtune("doctor", "--json")
    assert said.code == 0 and said.object["checks"]
    assert "Python" in adtune("doctor").out


def test_in_a_file_a_path_is_never_folded(capsys):
    path = "/".join(["a folder of a long name"] * 12) + "/report.html"
    Page().pairs({"report": path, "a much longer name of a row": 3})
    out = capsys.readouterr().out
    assert path in out and "3" in out and len(out.splitlines()) == 2
