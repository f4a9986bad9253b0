"""The peak by on-brand: the evaluation whose drafts are most in the client's voice is kept, after a stop too."""

from dataclasses import replace

import pytest
import torch

from adtune.errors import Interrupted, SettingError
from adtune.records import Interval
from adtune.settings import TuneSettings
from adtune.tune import brand_peak
from adtune.tune.brand_peak import DRAFTS, States, check_peak, most_on_brand
from adtune.tune.prepared import prepare
from adtune.tune.session import run_session

SETTINGS = TuneSettings(method="lora", rank=2, epochs=2, batch_tokens=128, micro_tokens=128, patience=99, rate=5e-3, precision="fp32",
                        peak="on-brand", dial=1.0)


class Taste:
    """A scorer that likes the drafts of one evaluation, by the order in which it is asked."""

    auc = Interval(0.9)

    def __init__(self, liked):
        self.liked, self.asked = liked, 0

    def score(self, texts):
        self.asked += 1
        return [0.9 if self.asked - 1 == self.liked else 0.1] * len(texts)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(brand_peak, "DRAFT_TOKENS", 4)
    monkeypatch.setattr(brand_peak, "FEWEST_BRIEFS", 2)


def test_alike_drafts_leave_it_to_the_loss():
    clear = [[0.1, 0.2, 0.1], [0.5, 0.6, 0.5], [0.9, 0.8, 0.9]]
    assert most_on_brand(clear, [3.0, 1.0, 2.0]) == 2
    noisy = [[0.1, 0.2, 0.1], [0.9, 0.5, 0.8], [0.6, 0.95, 0.8]]
    assert most_on_brand(noisy, [3.0, 1.0, 2.0]) == 1 and most_on_brand(noisy, [3.0, 2.0, 1.0]) == 2
    assert most_on_brand([[0.5], [0.5]], [2.0, 1.0]) == 1


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("liked", (0, 3))
def test_the_most_on_brand_evaluation_is_kept(tiny, dataset, general, monkeypatch, tmp_path, liked):
    prepared = prepare(tiny, dataset, general, SETTINGS)
    monkeypatch.setattr(brand_peak, "_scorer", lambda judged: (Taste(liked), None))
    states, keep = {}, States.keep
    monkeypatch.setattr(States, "keep", lambda self, fit: (states.update({fit.step: fit.method.state()}), keep(self, fit)))
    found = [run_session(tiny, prepared, SETTINGS, folder) for folder in (tmp_path, None)]
    for one in found:
        evaluations, state = one.outcome.evaluations, one.method.state()
        step = evaluations[liked].step
        assert one.outcome.best.step == step == one.peaks.on_brand and one.peaks.kept == "on-brand"
        assert one.peaks.loss == min(evaluations, key=lambda e: e.validation_loss).step
        assert all(torch.equal(state[name], tensor) for name, tensor in states[step].items())
        assert [row["step"] for row in one.peaks.curve] == [e.step for e in evaluations] and one.peaks.curve[liked]["on_brand"] == 0.9
        one.method.detach()


def test_the_dial_starts_from_what_was_kept(tiny, dataset, general, few, monkeypatch):
    settings = replace(SETTINGS, dial=None)
    monkeypatch.setattr(brand_peak, "_scorer", lambda judged: (Taste(2), None))
    tuned = run_session(tiny, prepare(tiny, dataset, general, settings), settings)
    tuned.method.detach()
    assert tuned.dial.curve[0]["validation_loss"] == pytest.approx(tuned.outcome.evaluations[2].validation_loss, rel=1e-5)


def test_a_stop_between_drafts_loses_nothing(tiny, dataset, general, few, monkeypatch, tmp_path):
    prepared, taste = prepare(tiny, dataset, general, SETTINGS), Taste(3)
    monkeypatch.setattr(brand_peak, "_scorer", lambda judged: (taste, None))
    with pytest.raises(Interrupted):
        run_session(tiny, prepared, SETTINGS, tmp_path, stop=lambda: taste.asked >= 2)
    monkeypatch.setattr(brand_peak, "_scorer", lambda judged: (Taste(3), None))
    whole = [run_session(tiny, prepared, SETTINGS, folder) for folder in (tmp_path, None)]
    for one in whole:
        one.method.detach()
    assert whole[0].peaks == whole[1].peaks and whole[0].peaks.on_brand == whole[0].outcome.evaluations[3].step


def test_a_voice_that_cannot_be_judged_leaves_the_lowest_loss(tiny, dataset, general):
    prepared = prepare(tiny, dataset, general, SETTINGS)
    tuned = run_session(tiny, prepared, SETTINGS)
    tuned.method.detach()
    assert tuned.peaks.kept == "loss" and "validation briefs" in tuned.peaks.reason and tuned.peaks.on_brand is None
    assert tuned.outcome.best.step == tuned.peaks.loss
    few = replace(prepared.judged, briefs=prepared.judged.briefs * 4)
    assert "was not learned" in brand_peak._scorer(few)[1]
    judged = replace(few, own=tuple(f"piece {n} of words" for n in range(8)), contrast=tuple(f"piece {n} of words" for n in range(8)))
    assert "AUC" in brand_peak._scorer(judged)[1]


def test_what_is_drafted_are_validation_briefs_with_a_title(tiny, dataset, general):
    judged = prepare(tiny, dataset, general, SETTINGS).judged
    titles = {item.example.brief.title for item in dataset.split("validation")}
    assert {brief.title for brief in judged.briefs} <= titles and len(judged.own) == len(dataset.split("validation")) and DRAFTS > 1
    assert prepare(tiny, dataset, general, replace(SETTINGS, peak="loss")).judged is None


@pytest.mark.parametrize(("changes", "found"), (({"peak": "taste"}, "taste"), ({"method": "full"}, "whole model")))
def test_an_impossible_peak_is_refused(changes, found):
    with pytest.raises(SettingError) as caught:
        check_peak(replace(SETTINGS, **changes))
    assert found in caught.value.found
