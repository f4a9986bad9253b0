"""A forecast counts what a run does and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_fit import PLAN, data, method_of

from adtune.engine import forecast as module
from adtune.engine.fit import Fit
from adtune.engine.forecast import disk_bytes, forecast


@pytest.mark.parametrize("name", ["lora", "full", "prefix"])
def test_seconds_grow_with_the_work(name, llama, monkeypatch):
    """On a clock that gives each step a second for every padded token, the forecast is exact."""
    rows = data(llama, 20)
    for plan in (PLAN, replace(PLAN, epochs=2 * PLAN.epochs)):
        method = method_of(llama, name)
        fit = Fit(llama, method, rows, plan)
        sizes = [module._padded(fit._group(step), plan.micro_tokens) / 1e6 for step in range(fit.total)]
        monkeypatch.setattr(module, "_seconds", lambda fit, step, sizes=sizes: sizes[step])
        found = forecast(fit)
        assert found.training_seconds == pytest.approx(sum(sizes)) and found.spread == pytest.approx(0)
        assert found.evaluation_seconds > 0 and found.peak_memory_bytes > 2**20 and found.disk_bytes == disk_bytes(method.count)
        method.detach()


def test_a_trial_is_short_and_timed(llama):
    method = method_of(llama)
    fit = Fit(llama, method, data(llama, 20), PLAN)
    steps, train = [], fit.train_step
    fit.train_step = lambda: (steps.append(fit.step), train())[1]
    found = forecast(fit)
    assert len(steps) <= module.TRIED + 1 < fit.total and found.training_seconds > 0 and 0 <= found.spread < 10
    method.detach()


def test_a_trial_of_few_seconds_ends_early_and_one_row_gives_the_pace_where_steps_are_too_long(llama, monkeypatch):
    rows, spent = data(llama, 20), []

    def seconds(fit, step):
        spent.append((len(fit.schedule[step][1]), 0.001 * module._padded(fit._group(step), PLAN.micro_tokens)))
        return spent[-1][1]

    monkeypatch.setattr(module, "_seconds", seconds)
    method = method_of(llama)
    fit = Fit(llama, method, rows, PLAN)
    schedule = list(fit.schedule)
    total = sum(0.001 * module._padded(fit._group(step), PLAN.micro_tokens) for step in range(fit.total))
    longest = max(0.001 * module._padded(fit._group(step), PLAN.micro_tokens) for step in range(fit.total))
    found = forecast(fit, longest / 2)
    assert len(spent) == 2 and [rows for rows, _ in spent] == [1, 1] and fit.schedule == schedule
    assert found.training_seconds == pytest.approx(total) and found.peak_memory_bytes is None and found.spread == module.UNTRIED
    del spent[:]
    found = forecast(fit, 2.5 * longest + 5)
    assert 1 <= len(spent[3:]) <= module.FEW and sum(seconds for _, seconds in spent[3:-1]) < 1.5 * longest + 5  # behind row and largest
    assert found.training_seconds == pytest.approx(total) and found.peak_memory_bytes > 2**20
    method.detach()


def test_the_disk_holds_what_is_forecast(llama, tmp_path):
    """Three checkpoints of a run and two copies of its adapter."""
    method = method_of(llama, "full")
    fit = Fit(llama, method, data(llama), PLAN, tmp_path / "run")
    fit.evaluate()
    fit.losses.append(fit.train_step())
    fit.save()
    one = sum(path.stat().st_size for path in next((tmp_path / "run").iterdir()).iterdir())
    method.save(tmp_path / "adapter")
    adapter = sum(path.stat().st_size for path in (tmp_path / "adapter").iterdir())
    assert 3 * one + 2 * adapter <= disk_bytes(method.count) <= 3 * one + 2 * adapter + 2**21
    assert one > 16 * method.count
    method.detach()
