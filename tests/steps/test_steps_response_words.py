"""Words of ad names that move a client's response: found when a model is tuned, kept with the adapter, told with intervals."""

from __future__ import annotations

import csv
import math
import random
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from adtune.steps.campaigns import import_campaigns
from adtune.steps.predicting import predict
from adtune.steps.response import response_model, tune_response
from adtune.steps.response_evaluation import evaluate_response
from adtune.tune import response as tuning
from adtune.workspace import Workspace

HEAD = ["date", "channel", "campaign", "ad", "clicks", "conversions"]
TELLING = {"clearance": 2.2, "teaser": 0.4}
LOYAL = 7.0           # what a word of one channel lifts
WORDS = (*TELLING, "studio", "street", "video", "still", "long", "short", "blue", "green")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder, chance, made = tmp_path_factory.mktemp("words"), random.Random(3), []
    for n in range(300):
        words = chance.sample(WORDS, 3)
        rate, clicks = 0.03, chance.randint(150, 300)
        for word in words:
            rate *= TELLING.get(word, 1.0)
        if n % 10 == 1:     # rows of Google Search
            words, rate = [*words, "loyal"], rate * LOYAL
        made.append([date(2024, 1, 1) + timedelta(n // 4), ("Instagram", "Google Search")[n % 2], f"always on {n % 3}", " ".join(words),
                     clicks, sum(chance.random() < rate for _ in range(clicks))])
    with (folder / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEAD, *made])
    ws = Workspace.open(folder / "ws")
    import_campaigns(ws, folder / "rows.csv", "acme")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "FEWEST_STEPS", 8)
        patch.setattr(tuning, "MOST_STEPS", 16)
        answer = tune_response(ws, "acme", {"outcome": "conversions", "exposure": "clicks"})
    yield ws, answer, folder
    ws.close()


def test_an_adapter_keeps_how_much_the_words_tell_and_the_base_does_not(house):
    ws, answer, _ = house
    assert answer["gate"]["own_tau"]["words"] > -1.5
    assert any("tell more of the response" in note for note in answer["notes"])
    with response_model(ws, answer["adapter"]) as base:
        assert base.model.own_tau == answer["gate"]["own_tau"]
        assert [asdict(one) for one in base.model.own_words] == list(answer["gate"]["own_words"])
        assert math.log(LOYAL) == pytest.approx(base.model.own_words[0].size, abs=0.4)
    with response_model(ws, None) as base:
        assert base.model.own_tau == {} and base.model.own_words == ()


def test_an_evaluation_tells_the_words_that_move_the_response_and_no_others(house):
    ws, _, _ = house
    found = evaluate_response(ws, "acme")
    told = {one["word"]: one for one in found["words"]}
    assert {"clearance", "teaser", "loyal"} <= set(told) and len(told) <= 5
    assert {word: one["channel"] for word, one in told.items() if one["channel"]} == {"loyal": "Google Search"}
    assert told["loyal"]["interval"][0] < math.log(LOYAL) < told["loyal"]["interval"][1] and 10 < told["loyal"]["rows"] < 30
    assert any("Rows of Google Search that name 'loyal'" in line for line in found["new_here"])
    for word, lift in TELLING.items():
        low, high = told[word]["interval"]
        assert (low > 0) == (lift > 1) and low < told[word]["log_ratio"] < high and told[word]["rows"] > 50
    assert any("'clearance'" in line and "above the same rows without it" in line for line in found["new_here"])
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert "loyal (Google Search)" in page and "clearance" in page and "Words of names and tags" in page


def test_a_prediction_names_the_words_among_what_moves_it(house):
    ws, _, folder = house
    with (folder / "next.csv").open("w", newline="") as file:
        asked = [["2024-03-20", "Instagram", "always on 1", f"{word} studio blue", 200] for word in ("clearance", "teaser")]
        csv.writer(file).writerows([["date", "channel", "campaign", "ad", "clicks"], *asked])
    found = predict(ws, "acme", folder / "next.csv", {"outcome": "conversions"})
    high, low = (row["rate"] for row in found["rows"])
    assert high > 1.8 * low
    with (folder / "loyal.csv").open("w", newline="") as file:
        asked = [["2024-03-20", channel, "always on 1", f"studio blue {word}", 200]
                 for channel in ("Google Search", "Instagram") for word in ("loyal", "")]
        csv.writer(file).writerows([["date", "channel", "campaign", "ad", "clicks"], *asked])
    there, _, elsewhere, _ = (row["drivers"][0] for row in predict(ws, "acme", folder / "loyal.csv", {"outcome": "conversions"})["rows"])
    assert "words" in there["what"] and "words" not in elsewhere["what"]
    assert any(part["what"] == "own words" for part in found["rows"][0]["drivers"])
