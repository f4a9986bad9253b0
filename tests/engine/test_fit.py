"""The loop: the best state is what a run gives back, and a run that was stopped anywhere goes on to the bit."""

from __future__ import annotations

import os
import random
import signal
from dataclasses import asdict, replace

import pytest
import torch
from made_bases import pieces

from adtune.engine.fit import Fit, FitData, FitPlan, peak_memory_bytes
from adtune.engine.methods import attach
from adtune.engine.peak import mean_loss
from adtune.engine.tasks.drafting import Row, make_rows, measure
from adtune.engine.tasks.echo import TIMES, read_echo
from adtune.errors import Interrupted, TrainingError
from adtune.records import Stopped
from adtune.settings import TuneSettings

OPTIONS = asdict(TuneSettings(rank=2, prefix_tokens=4))
PLAN = FitPlan(rate=5e-3, epochs=3, batch_tokens=128, micro_tokens=128, patience=99, replay=0.2, checkpoint_seconds=1e9)


def data(base, count=9, words=6):
    def rows(seed, size, general=False):
        return make_rows(base.renderer, pieces(size, words, seed), 128, general)[0]

    replay = rows(2, 3, True)
    return FitData(rows(0, count), rows(1, 4), replay, rows(3, 2), read_echo(base, replay))


def method_of(base, name="lora", **changes):
    torch.manual_seed(5)
    return attach(name, base, OPTIONS | changes, [0, 30, 40, 50])


def run_of(base, plan=PLAN, name="lora", **named):
    """A whole run; returns its outcome and the state that it gives back."""
    method = method_of(base, name)
    try:
        outcome = Fit(base, method, data(base), plan).run(**named)
        return outcome, method.state()
    finally:
        method.detach()


def timeless(evaluations):
    return [replace(e, seconds=0.0) for e in evaluations]


@pytest.mark.parametrize("kind, name", [("llama", "lora"), ("llama", "prefix"), ("gpt2", "full")])
def test_a_run_stopped_anywhere_goes_on_to_the_bit(kind, name, base_of, tmp_path):
    base, found = base_of(kind), []
    for stops in ((), (1, 4, 8), (5,)):
        folder, outcome, at = tmp_path / f"{len(stops)}", None, list(stops)
        while outcome is None:
            method = method_of(base, name, dropout=0.3)
            fit = Fit(base, method, data(base), PLAN, folder)
            torch.manual_seed(len(at) if len(at) < len(stops) else PLAN.seed)  # a checkpoint brings its own random state
            assert fit.restore() == (len(at) < len(stops))
            try:
                outcome = fit.run(stop=lambda fit=fit, at=at: bool(at) and fit.step == at[0])
            except Interrupted as stop:
                assert "checkpoint saved" in str(stop) and fit.step == at.pop(0)
            state = method.state()
            method.detach()
        found.append((outcome, state))
    (whole, state), *others = found
    assert whole.steps >= 9 and len(whole.evaluations) >= 9
    for outcome, other in others:
        assert outcome.losses == whole.losses
        assert timeless(outcome.evaluations) == timeless(whole.evaluations)
        assert (outcome.trained_tokens, outcome.stopped, outcome.best.step) == (whole.trained_tokens, whole.stopped, whole.best.step)
        assert all(torch.equal(state[key], other[key]) for key in state)


def test_a_run_that_had_ended_stays_ended(llama, tmp_path):
    ends = []
    for _ in range(2):
        method = method_of(llama)
        fit = Fit(llama, method, data(llama), PLAN, tmp_path)
        fit.restore()
        ends.append(fit.run())
        method.detach()
    assert timeless(ends[0].evaluations) == timeless(ends[1].evaluations) and ends[0].losses == ends[1].losses


def test_a_corrupt_checkpoint_is_told_and_the_one_before_is_used(llama, tmp_path):
    method = method_of(llama)
    fit = Fit(llama, method, data(llama), PLAN, tmp_path)
    with pytest.raises(Interrupted):
        fit.run(stop=lambda: fit.step == 5)
    newest, before = sorted(tmp_path.iterdir(), reverse=True)[:2]
    (newest / "state.safetensors").write_bytes(b"")
    again = Fit(llama, method, data(llama), PLAN, tmp_path)
    assert again.restore() and again.step == int(before.name[5:])
    assert len(again.problems) == 1 and str(newest / "state.safetensors") in again.problems[0]
    assert again.run().problems == again.problems
    method.detach()


def test_a_termination_signal_writes_a_checkpoint(llama, tmp_path):
    asked = []
    kept = signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    method = method_of(llama)
    fit = Fit(llama, method, data(llama), PLAN, tmp_path)
    try:
        with pytest.raises(Interrupted) as caught:
            fit.run(lambda label, done, total, note="": os.kill(os.getpid(), signal.SIGTERM) if done == 2 else None, lambda: bool(asked))
    finally:
        signal.signal(signal.SIGTERM, kept)
        method.detach()
    assert caught.value.resume == "--resume last"
    assert sorted(p.name for p in tmp_path.iterdir())[-1] == "step-00000002"


def test_the_best_state_is_what_a_run_gives_back(llama):
    method, told = method_of(llama), []
    noise = random.Random(3)  # pieces that are unlike the training ones get worse the longer it trains
    unlike = [Row((0, *(noise.randrange(5, 200) for _ in range(30))), 1, n) for n in range(4)]
    rows = replace(data(llama), validation=unlike)
    fit = Fit(llama, method, rows, replace(PLAN, rate=0.05))
    outcome = fit.run(lambda label, done, total, note="": told.append((label, done, total, note)))
    losses = [e.validation_loss for e in outcome.evaluations]
    assert outcome.best.validation_loss == min(losses) < losses[-1]
    assert mean_loss(measure(llama, method, unlike)) == pytest.approx(min(losses), abs=1e-6)
    assert [done for _, done, _, _ in told] == list(range(1, outcome.steps + 1)) and told[0][0] == "tune"
    assert "tok/s" in told[0][3] and "best" in told[0][3]
    method.detach()


def test_evaluations_tell_what_was_measured(llama):
    outcome, _ = run_of(llama)
    first, last = outcome.evaluations[0], outcome.evaluations[-1]
    assert (first.step, first.epoch, first.train_loss, first.noise_floor, first.tokens) == (0, 0.0, None, None, 0)
    assert (last.step, last.epoch, last.tokens) == (outcome.steps, 3.0, outcome.trained_tokens)
    assert all(e.general_loss is not None for e in outcome.evaluations)
    assert [e.step for e in outcome.evaluations] == sorted({e.step for e in outcome.evaluations})
    assert outcome.stopped is Stopped.EPOCHS and outcome.peak_memory_bytes > 2**20 and outcome.tokens_per_second > 0
    assert min(outcome.losses) > 0 and peak_memory_bytes() >= outcome.peak_memory_bytes


def test_replay_does_not_count_as_trained_and_every_target_does_in_every_epoch(llama):
    targets = sum(row.targets for row in data(llama).train)
    assert run_of(llama)[0].trained_tokens == run_of(llama, replace(PLAN, replay=0.0))[0].trained_tokens == PLAN.epochs * targets


def test_general_text_is_learned_as_it_is_and_then_as_the_base_foretells_it(llama):
    method, made, plan = method_of(llama), data(llama), replace(PLAN, replay=2.0)
    fit, once = Fit(llama, method, made, plan), Fit(llama, method, replace(made, echo=None), plan)
    goal, drawn = plan.replay * sum(row.targets for row in made.train), []
    for epoch in range(plan.epochs):
        new = TIMES * sum(row.targets for row in made.replay) - epoch * goal
        for row in (row for row in fit._epoch_rows(epoch) if row.general):
            assert (row.labels is None) == (new > 0)
            new -= row.targets
            drawn.append(row)
    assert drawn[0].labels is None and sum(row.labels is not None for row in drawn) >= 3
    plain = [row for epoch in range(plan.epochs) for row in once._epoch_rows(epoch) if row.general]
    assert [row.ids for row in plain] == [row.ids for row in drawn] and all(row.labels is None for row in plain)
    assert len({row.labels for row in drawn}) > 3                # drawn anew each time
    assert fit._epoch_rows(2) == fit._epoch_rows(2)              # and the same on resume
    method.detach()


def test_replay_is_a_share_of_the_trained_tokens(llama):
    method, made = method_of(llama), data(llama)
    fit = Fit(llama, method, made, replace(PLAN, replay=0.3))
    client = sum(row.targets for row in made.train)
    for epoch in range(3):
        drawn = [row.targets for row in fit._epoch_rows(epoch) if row.general]
        assert 0.3 * client <= sum(drawn) < 0.3 * client + max(drawn)
    without = Fit(llama, method, replace(made, replay=(), echo=None), PLAN)
    assert without._epoch_rows(0) == list(made.train)
    method.detach()


@pytest.mark.parametrize("count, epochs, batch", [(9, 3, 128), (6, 2, 4096), (8, 1, 4096), (20, 4, 4096)])
def test_at_least_eight_evaluations_beside_step_0(count, epochs, batch, llama):
    """A small archive gets smaller batches."""
    method = method_of(llama)
    plan = replace(PLAN, epochs=epochs, batch_tokens=batch, evaluations=3, replay=0.0)
    fit = Fit(llama, method, data(llama, count), plan)
    assert len(fit.evaluate_at) >= 8 and max(fit.evaluate_at) == fit.total and min(fit.evaluate_at) > 0
    method.detach()


def test_patience_ends_a_run_that_gets_worse(llama):
    outcome, _ = run_of(llama, replace(PLAN, rate=0.5, patience=2, epochs=6))
    assert outcome.stopped in (Stopped.PEAK, Stopped.NO_IMPROVEMENT)
    assert outcome.steps < 18 and len(outcome.evaluations) < 9


def first_gradients(base, name, micro):
    method = method_of(base, name)
    fit = Fit(base, method, data(base), replace(PLAN, batch_tokens=160, micro_tokens=micro, clip=1e9))
    seen = {}
    fit.optimizer.step = lambda: seen.update({key: t.grad.clone() for key, t in method.tensors.items() if t.grad is not None})
    assert len(fit._group(0)) >= 3
    loss = fit.train_step()
    method.detach()
    return loss, seen


@pytest.mark.parametrize("name", ["lora", "prefix", "full"])
def test_the_split_into_micro_batches_changes_nothing(name, llama):
    (whole, gradients), (split, others) = first_gradients(llama, name, 4096), first_gradients(llama, name, 1)
    assert split == pytest.approx(whole, abs=1e-5) and gradients.keys() == others.keys()
    for key, gradient in gradients.items():
        assert torch.allclose(gradient, others[key], atol=1e-5), key


@pytest.mark.parametrize("name", ["lora", "full"])
def test_a_loss_that_is_not_finite_ends_the_run_and_spoils_no_other(name, llama):
    method = method_of(llama, name)
    fit = Fit(llama, method, data(llama), PLAN)
    with torch.no_grad():
        next(t for key, t in method.tensors.items() if key.endswith(("lora_B", "norm.weight"))).fill_(float("nan"))
    with pytest.raises(TrainingError, match="rate"):
        fit.train_step()
    assert all(t.grad is None for t in method.tensors.values())
    method.detach()
    assert run_of(llama, replace(PLAN, epochs=1), name)[0].losses


def test_nothing_to_learn_is_a_training_error(llama):
    method, made = method_of(llama), data(llama)
    for broken in (replace(made, train=()), replace(made, validation=())):
        with pytest.raises(TrainingError, match="at least one of each"):
            Fit(llama, method, broken, PLAN)
    method.detach()


def test_the_rate_rises_and_falls(llama):
    method = method_of(llama)
    fit = Fit(llama, method, data(llama), replace(PLAN, warmup_share=0.3))
    rates = [fit._rate(step) for step in range(fit.total)]
    top = rates.index(max(rates))
    assert rates[0] < PLAN.rate and max(rates) == pytest.approx(PLAN.rate) and top <= 0.3 * fit.total
    assert rates[top:] == sorted(rates[top:], reverse=True) and PLAN.rate / 10 <= rates[-1] < PLAN.rate / 2
    method.detach()


def test_bf16_trains(llama):
    assert run_of(llama, replace(PLAN, bf16=True, epochs=2))[0].best.step > 0
