"""Conventions: each test of a convention, each way in which a file can be wrong, and the sample client's own."""

import json
from pathlib import Path

import pytest

from adtune.errors import InputError
from adtune.voice.conventions import Convention, count_conventions, load_conventions

SAMPLE = Path(__file__).resolve().parents[2] / "src" / "adtune" / "starter" / "sample"
OWN = """Your kettle dies on a Sunday, and you want tea.

A warranty page looks dense at first. Put plainly, you are covered for two years.

**Worked example: Ines sends it back**
- Start: Ines paid $45 for a kettle in March.
- Step: She asks for a refund within 30 days.
- Result: She has her $45 back by June 1.

Find your receipt tonight."""


def test_each_test_of_a_convention():
    assert Convention("n", "d", pattern=r"^- \w").holds("A list\n- one")
    assert not Convention("n", "d", pattern=r"^- \w").holds("A list - one")
    assert not Convention("n", "d", forbid=r"(?i)\brobust\b").holds("A Robust plan.")
    assert Convention("n", "d", words=r"\byou\b", min_per_100_words=50).holds("you and you too")
    assert not Convention("n", "d", words=r"\byou\b", min_per_100_words=51).holds("you and you too")
    assert Convention("n", "d", max_mean_sentence=3).holds("One two three. One two three.")
    assert not Convention("n", "d", max_mean_sentence=3).holds("One two three four. One two three.")
    assert not Convention("n", "d", forbid="x").holds("...")


def test_all_tests_of_a_convention_must_pass():
    both = Convention("n", "d", pattern="tea", forbid="coffee")
    assert both.holds("tea") and not both.holds("tea and coffee") and not both.holds("water")


def test_count_gives_rate_interval_and_n():
    convention = Convention("tea", "d", pattern="tea")
    counted = count_conventions([convention], ["tea", "tea", "tea", "water"])["tea"]
    assert counted["rate"] == 0.75 and counted["n"] == 4
    low, high = counted["interval"]
    assert 0 < low < 0.75 < high < 1
    assert count_conventions([convention], [])["tea"] == {"rate": None, "interval": None, "n": 0}


@pytest.mark.parametrize(("text", "says"), [
    ('[{"name": "a"', "line 1"),
    ('[1]', "convention 1"),
    ('[{"name": "a", "description": "d"}]', "no test"),
    ('[{"description": "d", "forbid": "x"}]', "no name"),
    ('[{"name": "a", "description": "d", "patern": "x"}]', "Did you mean 'pattern'"),
    ('[{"name": "a", "description": "d", "pattern": "(x"}]', "regular expression"),
    ('[{"name": "a", "description": "d", "pattern": ""}]', "not empty"),
    ('[{"name": "a", "description": "d", "words": "x"}]', "min_per_100_words"),
    ('[{"name": "a", "description": "d", "max_mean_sentence": true}]', "above 0"),
    ('[{"name": "a", "description": "d", "forbid": "x"}, {"name": "a", "description": "d", "forbid": "y"}]', "two conventions named 'a'"),
])
def test_a_bad_file_says_where_and_why(text, says):
    with pytest.raises(InputError) as caught:
        load_conventions(text)
    assert says in str(caught.value)


def test_files(tmp_path):
    good, wrong, binary = tmp_path / "good.json", tmp_path / "wrong.json", tmp_path / "binary.json"
    good.write_text('[{"name": "a", "description": "d", "forbid": "x"}]', encoding="utf-8")
    wrong.write_text('{"name": "a"}', encoding="utf-8")
    binary.write_bytes(b"\xff\xfe\x00")
    assert load_conventions(good) == load_conventions(str(good)) == (Convention("a", "d", forbid="x"),)
    for path in (wrong, binary, tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match=path.name):
            load_conventions(path)


def test_sample_conventions_on_small_pieces():
    conventions = {convention.name: convention for convention in load_conventions(SAMPLE / "conventions.json")}
    assert list(conventions) == ["plain_language", "second_person", "worked_example", "complexity_acknowledged"]
    assert all(convention.holds(OWN) for convention in conventions.values())
    broken = {
        "plain_language": OWN.replace("covered", "empowered"),
        "second_person": OWN + "\nWe wish you well.",
        "worked_example": OWN.replace("30 days", "a month"),
        "complexity_acknowledged": OWN.replace("Put plainly,", "In short,"),
    }
    for name, text in broken.items():
        assert [other for other in conventions if not conventions[other].holds(text)] == [name]


def test_sample_pieces_keep_all_four():
    pieces = SAMPLE / "pieces.jsonl"
    if not pieces.exists():
        pytest.skip("the sample's pieces are not there")
    texts = [json.loads(line)["text"] for line in pieces.read_text(encoding="utf-8").splitlines() if line.strip()]
    counted = count_conventions(load_conventions(SAMPLE / "conventions.json"), texts)
    assert len(texts) > 100 and all(row["rate"] == 1.0 for row in counted.values())
