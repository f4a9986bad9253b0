"""The dial: full strength unless it forgets too much or less of it is better; what is chosen is what is saved."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from adtune.engine.methods import METHODS, attach
from adtune.engine.peak import Peak, mean_loss
from adtune.engine.tasks.drafting import measure
from adtune.records import Evaluation
from adtune.settings import TuneSettings
from adtune.tune import dial
from adtune.tune.dial import STOPS, turn
from adtune.tune.prepared import attach_for, prepare
from adtune.tune.session import run_session

SETTINGS = TuneSettings(method="lora", rank=2, epochs=1, batch_tokens=128, micro_tokens=128, prefix_tokens=6, rate=5e-3, precision="fp32")


class Method:
    """A method of one number, whose strength is what the made losses depend on."""

    def __init__(self):
        self.at = 1.0

    def state(self):
        return {"at": self.at}

    def load_state(self, state):
        self.at = state["at"]

    def between(self, start, end, share):
        return {"at": share}


def turned(monkeypatch, voice, general, wanted=None, limit=0.15):
    """Turn the dial of a made run: functions of the strength give the loss of every validation piece and of general text."""
    method, calls = Method(), []

    def made(base, method, rows, dtype=None):
        calls.append(method.at)
        return [(10 * (voice if rows == "validation" else general)(method.at) + place, 10) for place in range(8)]

    monkeypatch.setattr(dial, "measure", made)
    fit = SimpleNamespace(base=None, method=method, data=SimpleNamespace(validation="validation", general="general"), dtype=None,
                          peak=Peak(3, best_measured=made(None, method, "validation")))
    loss = mean_loss(fit.peak.best_measured)
    start, best = (Evaluation(n, 0.0, loss, general_loss=mean_loss(made(None, SimpleNamespace(at=at), "general")))
                   for n, at in ((0, 0.0), (1, 1.0)))
    calls.clear()
    found = turn(fit, SimpleNamespace(evaluations=[start, best], best=best), {"at": 0.0}, wanted, limit)
    return found, method.at, sorted(set(calls), reverse=True)


def test_full_strength_stays_where_less_is_no_better(monkeypatch):
    found, at, measured = turned(monkeypatch, lambda d: 3 - d, lambda d: 2.0)
    assert (found.chosen, at, measured) == (1.0, 1.0, [STOPS[0]]) and [one["dial"] for one in found.curve] == [1.0, STOPS[0]]


def test_a_run_that_forgets_too_much_is_turned_down_until_it_does_not(monkeypatch):
    found, at, measured = turned(monkeypatch, lambda d: 3 - d, lambda d: 2 + 0.2 * d)
    assert found.chosen == at == 0.7 and measured == list(STOPS[:3])
    assert [one["forgetting"] for one in found.curve] == pytest.approx([0.2, 0.17, 0.14, 0.1])


def test_a_run_that_forgets_seven_times_its_limit_ends_under_it(monkeypatch):
    found, at, _ = turned(monkeypatch, lambda d: 3 - d, lambda d: 2 + 1.06 * d ** 2.3)  # as seen on carpentries_blog
    assert found.chosen == at == 0.35 and found.curve[-2]["forgetting"] < 0.15 < found.curve[-3]["forgetting"]


def test_less_is_taken_where_validation_says_so(monkeypatch):
    found, at, _ = turned(monkeypatch, lambda d: 3 + (d - 0.7) ** 2, lambda d: 2.0)
    assert found.chosen == at == 0.7
    assert found.curve[0]["validation_loss"] > found.curve[2]["validation_loss"]


def test_the_least_is_taken_where_everything_forgets(monkeypatch):
    found, at, _ = turned(monkeypatch, lambda d: 3 - d, lambda d: 2 + d)
    assert found.chosen == at == STOPS[-1]


def test_a_wanted_dial_is_taken_unmeasured(monkeypatch):
    found, at, measured = turned(monkeypatch, lambda d: 3 - d, lambda d: 2.0, wanted=0.4)
    assert (found.chosen, found.curve, at, measured) == (0.4, [], 0.4, [])


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"head"}))
def test_no_dial_is_the_start_and_the_full_dial_the_end(name, tiny, dataset, general):
    prepared = prepare(tiny, dataset, general, replace(SETTINGS, method=name))
    method = attach_for(tiny, prepared, replace(SETTINGS, method=name))
    start = method.state()
    rows = prepared.data.validation
    before = mean_loss(measure(tiny, method, rows))
    end = {key: tensor + 0.05 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1)) for key, tensor in start.items()}
    method.load_state(method.between(start, end, 1.0))
    full = mean_loss(measure(tiny, method, rows))
    method.load_state(method.between(start, end, 0.0))
    assert mean_loss(measure(tiny, method, rows)) == pytest.approx(before, abs=1e-6) and full != pytest.approx(before, abs=1e-4)
    method.detach()


def test_half_a_dial_is_half_of_the_addition(tiny):
    method = attach("lora", tiny, {"rank": 2, "alpha": 4, "dropout": 0.0}, [])
    end = {key: torch.randn_like(tensor) for key, tensor in method.state().items()}
    half = method.between(method.state(), end, 0.5)
    for name in method.targets:
        whole = end[f"{name}.lora_B"] @ end[f"{name}.lora_A"]
        assert torch.allclose(half[f"{name}.lora_B"] @ half[f"{name}.lora_A"], whole / 2, atol=1e-6)
    method.detach()


def test_a_session_tells_its_dial_and_keeps_the_state_that_it_chose(tiny, dataset, general):
    prepared = prepare(tiny, dataset, general, SETTINGS)
    tuned = run_session(tiny, prepared, replace(SETTINGS, dial=0.5))
    assert tuned.dial.chosen == 0.5
    half = mean_loss(measure(tiny, tuned.method, prepared.data.validation))
    assert tuned.outcome.evaluations[0].validation_loss > half > tuned.outcome.best.validation_loss
    tuned.method.detach()
