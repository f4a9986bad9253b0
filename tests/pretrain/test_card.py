"""The model card: every run that made the weights, what they drew together, and what the base gets wrong."""

import json
from dataclasses import asdict, replace

import pytest

from adtune.errors import SettingError
from adtune.pretrain.card import model_card
from adtune.pretrain.publish import _lineage, _shown
from adtune.pretrain.text import check_settings
from adtune.settings import PretrainSettings


def figures(**more):
    told, drafts = {"value": 1.5, "interval": [1.4, 1.6]}, {"ended": 0.5, "ended_interval": [0.3, 0.7], "drafts": 24, "loops": 0.25}
    return {"parameters": 1000, "tokens": 5000, "seconds": 120.0, "steps": 10, "settings": asdict(PretrainSettings()), "machine": "a card",
            "torch": "2.13.0", "drawn_tokens": {"wiki2014": 300, "openstax": 100}, "epochs": {"wiki2014": 0.5, "openstax": 2.0},
            "bits_per_byte": told, "modern": told, "by_source": {"wiki2014": told},
            "title": {"own_better": {"value": 0.9, "interval": [0.8, 1.0]}, "pages": 40},
            "drafts": drafts | {"temperature": 1.0, "loops": 0.0}, "cool_drafts": drafts | {"temperature": 0.7},
            "log": [{"spoken": ["# One\n\nfirst"]}, {"spoken": ["# Two\n\nlast"]}], "went_on_from": []} | more


def test_a_run_that_went_on_tells_of_the_one_before(tmp_path):
    (tmp_path / "figures.json").write_text(json.dumps(figures(went_on_from=[figures(machine="the first")])))
    runs = _lineage(str(tmp_path))
    assert [run["machine"] for run in runs] == ["the first", "a card"] and "log" not in runs[1]
    card = model_card(figures(tokens=70, machine="a laptop", drawn_tokens={"openstax": 500}, epochs={"openstax": 1.0}, went_on_from=runs))
    lines = [line for line in card.splitlines() if "rained on" in line and line.startswith("-")]
    assert [line.split(" tokens")[0] for line in lines] == ["- Trained on 5,000", "- Then trained on 5,000", "- Then trained on 70"]
    rows = [line for line in card.splitlines() if line.startswith("| ") and "%" in line]
    assert "OpenStax" in rows[0] and "53.8%" in rows[0] and "5.00" in rows[0]  # (100 + 100 + 500) of 1,300, read 2 + 2 + 1 times
    assert "46.2%" in rows[1] and "1.500 [1.400, 1.600]" in rows[1] and "not measured" in rows[0]


def test_the_last_words_of_the_run_are_shown_as_they_are():
    card = model_card(figures())
    assert "> # Two\n> \n> last" in card and "first" not in card and "temperature 0.7, 50% [30%, 70%] end and 25% go" in card
    assert "unedited" not in model_card(figures(log=[]))


@pytest.mark.parametrize("content", [None, {"step": 3, "tokens": 5}])
def test_weights_of_elsewhere_have_no_lineage(content, tmp_path):
    if content:
        (tmp_path / "figures.json").write_text(json.dumps(content))
    assert _lineage(str(tmp_path)) == [] == _lineage(None)


def test_no_folder_of_this_machine_travels(tmp_path):
    assert _shown(replace(PretrainSettings(), start_from=str(tmp_path / "earlier")))["start_from"] == "earlier"
    assert _shown(PretrainSettings())["start_from"] is None


def test_a_run_by_the_clock_needs_something_before_its_cool_down():
    with pytest.raises(SettingError, match="cool_down_share"):
        check_settings(replace(PretrainSettings(), cool_down_share=1.0))
    check_settings(replace(PretrainSettings(), cool_down_share=1.0, steps=10))


def test_a_mean_of_two_runs_tells_of_both():
    card = model_card(figures(averaged_with=[figures(tokens=90, machine="another card")]))
    assert "mean of that run's and those of another from the same start, trained on 90 tokens" in card and "another card" in card
