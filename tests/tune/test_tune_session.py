"""A run from a dataset to an adapter: its ledger, its prompt, the probe, what is decided once and read back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from adtune.engine.bases import weight_hash
from adtune.engine.fit import Fit, FitOutcome
from adtune.engine.peak import mean_loss
from adtune.engine.tasks import drafting
from adtune.engine.tasks.echo import TIMES
from adtune.errors import InputError, Interrupted, SettingError, TrainingError
from adtune.records import Brief, Dataset, Evaluation, Example, Item, Source, Stopped
from adtune.settings import TuneSettings
from adtune.tune import session
from adtune.tune.prepared import attach_for, client_prompt, plan_of, prepare, with_echo
from adtune.tune.probe import probe_rates
from adtune.tune.rates import rates
from adtune.tune.session import run_session
from adtune.voice.general import General
from adtune.voice.prompt import GUIDE_TITLE

SETTINGS = TuneSettings(method="lora", rank=2, epochs=2, batch_tokens=128, micro_tokens=128, patience=99, prefix_tokens=6, rate=5e-3,
                        precision="fp32")


@pytest.fixture(autouse=True)
def untouched(tiny):
    yield
    assert weight_hash(tiny.model) == tiny.hash
    assert not any(p.requires_grad or p.grad is not None for p in tiny.model.parameters())


def with_pieces(dataset, split, examples):
    items = [item for item in dataset.items if item.split != split]
    more = [Item(f"{n:063x}z", split, f"z{n}", None, example, Source("more", n)) for n, example in enumerate(examples)]
    return Dataset.make(dataset.client, dataset.guide, (*items, *more), 14, {}, {})


def test_every_token_of_train_is_trained_and_no_other_piece_is(tiny, dataset, general):
    prepared = prepare(tiny, dataset, general, SETTINGS)
    train = [item.example for item in dataset.split("train")]
    assert prepared.ledger.lost_tokens == 0 and prepared.ledger.pieces == 9
    assert prepared.ledger.read_tokens == sum(len(tiny.renderer.example(e)[1]) for e in train)
    words = {tiny.renderer.text(row.ids[row.first:]) for row in prepared.data.train}
    assert words == {e.text for e in train}
    assert {tiny.renderer.text(row.ids[row.first:]) for row in prepared.data.validation} == {
        item.example.text for item in dataset.split("validation")}
    assert all(row.general for row in prepared.data.replay) and len(prepared.data.general) == 2
    unseen = {e.text for e in general.measure} | {item.example.text for item in dataset.split("test")}
    data = prepared.data
    everything = [*data.train, *data.validation, *data.replay, *data.general]
    assert not unseen & {tiny.renderer.text(row.ids[row.first:]) for row in everything}


def test_what_one_piece_alone_tells_is_masked_unless_that_is_switched_off(tiny, dataset, general):
    words = "Water the roses in the evening, when the sun is low and the soil is warm. "
    notes = with_pieces(dataset, "train", [Example(Brief("A rose"), words + "The key is bugofate."), Example(Brief("Two"), words)])
    prepared = prepare(tiny, notes, general, SETTINGS)
    ledger = prepared.ledger
    assert ledger.lost_tokens == 0 < ledger.masked_tokens == ledger.read_tokens - ledger.trained_tokens
    learned = [tiny.renderer.text([token for token in row.learned if token >= 0]) for row in prepared.data.train]
    assert not any("bugofate" in text for text in learned) and any("The key is" in text for text in learned)
    plain = prepare(tiny, notes, general, replace(SETTINGS, mask_single=False))
    assert plain.ledger.masked_tokens == 0 and plain.ledger.trained_tokens == ledger.read_tokens
    assert all(row.labels is None for row in plain.data.train)


def test_long_pieces_become_windows_of_what_the_method_leaves(tiny, dataset, general):
    long = with_pieces(dataset, "train", [Example(Brief("Roses"), "keep the roses " * 300)])
    for method, window in (("lora", 256), ("prefix", 250)):
        prepared = prepare(tiny, long, general, replace(SETTINGS, method=method))
        assert prepared.window == window and prepared.ledger.windows > 3 and prepared.ledger.lost_tokens == 0
        assert max(len(row.ids) for row in prepared.data.train) == window
    assert prepare(tiny, long, general, replace(SETTINGS, window_tokens=100)).window == 100


def test_lost_tokens_fail_unless_allowed_by_name(tiny, dataset, general, monkeypatch):
    whole = drafting.rows_of
    monkeypatch.setattr(drafting, "rows_of", lambda *given, **named: whole(*given, **named)[:1])
    long = with_pieces(dataset, "train", [Example(Brief("Roses"), "keep the roses " * 300)])
    with pytest.raises(TrainingError, match="allow_lost_tokens=true"):
        prepare(tiny, long, general, SETTINGS)
    ledger = prepare(tiny, long, general, replace(SETTINGS, allow_lost_tokens=True)).ledger
    assert ledger.lost_tokens > 0 and ledger.read_tokens == ledger.trained_tokens + ledger.lost_tokens


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_brief_that_fits_no_window_is_named(split, tiny, dataset, general):
    long = with_pieces(dataset, split, [Example(Brief("An endless brief", summary="rose " * 400), "Short.")])
    with pytest.raises(InputError, match="An endless brief"):
        prepare(tiny, long, general, SETTINGS)


@pytest.mark.parametrize("tokens", [128, 5000])
def test_a_prefix_of_half_the_context_is_refused(tokens, tiny, dataset, general):
    with pytest.raises(SettingError, match="prefix_tokens"):
        prepare(tiny, dataset, general, replace(SETTINGS, method="prefix", prefix_tokens=tokens))


def test_the_prompt_of_a_prefix_is_the_guide_then_gold_pieces(tiny, dataset, general):
    one = tiny.renderer
    head = one.start + one.encode(f"# {GUIDE_TITLE}\n\n{dataset.guide}") + one.end
    gold = [item.example for item in dataset.split("train") if item.approval == "gold"]
    expected = list(head)
    for example in gold:
        expected += one.brief(example.brief)[1:] + one.example(example)[1]
    found = client_prompt(tiny, dataset, len(expected) + 20)
    assert found[:len(expected)] == expected and len(found) == len(expected) + 20
    assert client_prompt(tiny, dataset, 7) == head[:7]
    assert client_prompt(tiny, replace(dataset, guide=""), 15) == (one.brief(gold[0].brief) + one.example(gold[0])[1])[:15]
    assert prepare(tiny, dataset, general, replace(SETTINGS, method="prefix")).prompt == found[:6]
    assert prepare(tiny, dataset, general, SETTINGS).prompt == []
    words = one.text(client_prompt(tiny, replace(dataset, guide=""), 10_000)[1:])
    assert not any(item.example.text in words for item in dataset.items if item.split != "train")


@pytest.mark.parametrize("method", ["lora", "prefix", "full"])
def test_a_session_gives_the_best_state_attached(method, tiny, dataset, general, tmp_path):
    settings = replace(SETTINGS, method=method, rate=2e-3)
    prepared = prepare(tiny, dataset, general, settings)
    tuned = run_session(tiny, prepared, settings, tmp_path)
    assert tuned.outcome.best.validation_loss == min(e.validation_loss for e in tuned.outcome.evaluations)
    found = mean_loss(drafting.measure(tiny, tuned.method, prepared.data.validation))
    assert found == pytest.approx(tuned.outcome.best.validation_loss, abs=1e-6)
    assert tuned.ledger == prepared.ledger and tuned.decided.probe == [] and tuned.decided.rate == 2e-3
    assert tuned.outcome.trained_tokens == 2 * prepared.ledger.trained_tokens
    tuned.method.detach()
    assert json.loads((tmp_path / "decided.json").read_text()) == {
        "bf16": False, "rate": 2e-3, "replay": 0.1, "probe": [], "packed": False, "compile": False}


def test_the_base_s_own_predictions_are_read_where_general_text_is_replayed_often(tiny, dataset, general):
    """Only then: it takes time, and short runs learn what they always did."""
    prepared = prepare(tiny, dataset, general, SETTINGS)
    pool, trained = TIMES * sum(row.targets for row in prepared.data.replay), prepared.ledger.trained_tokens
    enough = 1.5 * pool / (SETTINGS.epochs * trained)
    long, short = (with_echo(tiny, prepared, replace(SETTINGS, replay=share)) for share in (enough, enough / 2))
    assert long.echo is not None and len(long.echo.tokens) == len(prepared.data.replay) and short is prepared.data
    settings = replace(SETTINGS, rate=2e-3, replay=enough)
    tuned = run_session(tiny, prepared, settings)
    echoed = tuned.outcome.losses
    tuned.method.detach()
    method = attach_for(tiny, prepared, settings)
    plain = Fit(tiny, method, prepared.data, plan_of(settings, False)).run().losses
    method.detach()
    first = next(n for n, (one, other) in enumerate(zip(plain, echoed, strict=True)) if one != other)
    assert first > 0  # until then all of the text was learned as it is


def test_a_session_is_deterministic_and_resumes_with_what_was_decided(tiny, dataset, general, tmp_path, monkeypatch):
    settings = replace(SETTINGS, rate=None)
    prepared = prepare(tiny, dataset, general, settings)
    results = []
    for stops in (None, 3):
        folder, seen = tmp_path / f"{stops}", []
        folder.mkdir()
        if stops:
            with pytest.raises(Interrupted):
                run_session(tiny, prepared, settings, folder, lambda label, done, *_, s=seen: s.append((label, done)),
                            lambda s=seen: s[-1] == ("tune", 3))
            monkeypatch.setattr(session, "probe_rates", lambda *given: pytest.fail("probed twice"))
        tuned = run_session(tiny, prepared, settings, folder)
        results.append((tuned, tuned.method.state()))
        tuned.method.detach()
    (whole, state), (resumed, other) = results
    assert whole.outcome.losses == resumed.outcome.losses and whole.dial == resumed.dial
    assert whole.decided == resumed.decided and all(torch.equal(state[key], other[key]) for key in state)


def test_a_failing_run_leaves_the_base_as_it_was(tiny, dataset, general, monkeypatch):
    prepared = prepare(tiny, dataset, general, SETTINGS)
    monkeypatch.setattr(Fit, "run", lambda self, *given: (_ for _ in ()).throw(TrainingError("a", "b", "c", "d")))
    with pytest.raises(TrainingError):
        run_session(tiny, prepared, SETTINGS)
    monkeypatch.undo()
    with pytest.raises(TrainingError, match="at least one of each"):
        run_session(tiny, replace(prepared, data=replace(prepared.data, validation=())), SETTINGS)
    with pytest.raises(TrainingError, match="at least one of each"):
        probe_rates(tiny, replace(prepared, data=replace(prepared.data, train=())), SETTINGS, False)


def made_runs(monkeypatch, curves):
    """Replace the loop: run n gives curve n, (validation losses, general losses), or explodes where it is None."""
    left = iter(curves)

    def run(self, progress, stop=None):
        curve = next(left)
        self.evaluations = [Evaluation(n, 0.0, v, general_loss=g) for n, (v, g) in enumerate(zip(*(curve or ([3.0], [2.0])), strict=True))]
        if curve is None:
            raise TrainingError("step 2", "nan", "finite", "lower")
        return FitOutcome(self.evaluations, self.evaluations[0], Stopped.EPOCHS, 2, 0, None, 0.0, 0)

    monkeypatch.setattr(Fit, "run", run)


FLAT = [2.0, 2.0, 2.0]


@pytest.fixture
def prepared(tiny, dataset, general):
    return prepare(tiny, dataset, general, SETTINGS)


F = 2.5
GOOD, BETTER, BEST, WORSE = ([3, 2.9, 2.8], FLAT), ([3, 2.7, 2.5], FLAT), ([3, 2.6, 2.1], FLAT), ([3, 2.9, 2.95], FLAT)
FORGETS, FORGETS_MORE = ([3, 2.9, 2.8], [2, 2, 2.2]), ([3, 2.7, 2.5], [2, 2, 2.3])


@pytest.mark.parametrize("curves, chosen, tried", [
    ([GOOD, BETTER, ([3, 2.6, 2.6], FLAT)], 1, [(1, .1), (F, .1), (F * F, .1)]),                           # the lowest last loss
    ([GOOD, BETTER, BEST, WORSE], 2, [(1, .1), (F, .1), (F * F, .1), (F ** 3, .1)]),                       # the highest: one higher
    ([WORSE, GOOD, BETTER, BEST, ([3, 2, 2], FLAT)], 4, [(F ** n, .1) for n in range(5)]),                 # five at most
    ([GOOD, BETTER, ([3, 2.6, 2.1], [2, 2.5, 3]), None, ([3, 2.6, 2.2], [2, 2, 2.1])], 4,                  # more replay for the best
     [(1, .1), (F, .1), (F * F, .1), (F ** 3, .1), (F * F, .25)]),
    ([GOOD, ([3, 2.7, 2.5], [2, 2.1, 2.2]), WORSE, ([3, 2.7, 2.5], [2, 2.1, 2.2]), ([3, 2.7, 2.5], [2, 2.1, 2.2])], 0,  # no share helps
     [(1, .1), (F, .1), (F * F, .1), (F, .25), (F, .5)]),
    ([BETTER, GOOD, WORSE, BEST, GOOD], 3, [(1, .1), (F, .1), (F * F, .1), (1 / F, .1), (F ** -2, .1)]),   # the lowest: lower ones
    ([FORGETS, FORGETS_MORE, None, FORGETS_MORE, FORGETS_MORE, WORSE], 5,                                  # all forget: a lower one
     [(1, .1), (F, .1), (F * F, .1), (F, .25), (F, .5), (1 / F, .1)]),
    ([FORGETS, FORGETS_MORE, None, FORGETS_MORE, FORGETS_MORE, FORGETS, FORGETS], 6,                       # and two at most
     [(1, .1), (F, .1), (F * F, .1), (F, .25), (F, .5), (1 / F, .1), (F ** -2, .1)]),
    ([None] * 5, 4, [(1, .1), (F, .1), (F * F, .1), (1 / F, .1), (F ** -2, .1)]),                          # all explode
    ([None, None, None, GOOD, WORSE], 3, [(1, .1), (F, .1), (F * F, .1), (1 / F, .1), (F ** -2, .1)]),     # the first of them do
    ([([3, 2.9, 2.8], [None] * 3), ([3, 2.8, 2.7], [None] * 3), ([3, 2.8, 2.9], [None] * 3)], 1, [(1, .1), (F, .1), (F * F, .1)]),
    ([([3, 2.9], [2, 2]), ([3, 2.5], [2, 2]), ([3, 3.5], [2, 2])], 1, [(1, .1), (F, .1), (F * F, .1)]),    # ended early, no divergence
])
def test_the_probe_takes_the_best_rate_within_the_forgetting_limit(curves, chosen, tried, prepared, tiny, monkeypatch):
    made_runs(monkeypatch, curves)
    found = probe_rates(tiny, prepared, SETTINGS, False)
    assert [c["chosen"] for c in found] == [n == chosen for n in range(len(curves))]
    assert [(c["rate"] / rates("lora", 32)[0], c["replay"]) for c in found] == [(pytest.approx(rate), share) for rate, share in tried]
    assert [c["diverged"] for c in found] == [made is None for made in curves]
    for curve, made in zip(found, curves, strict=True):
        forgot = 0.0 if made is None else None if made[1][0] is None else pytest.approx(made[1][-1] - made[1][0])
        assert curve["forgetting"] == forgot
    json.dumps(found)


def test_replay_that_a_user_set_is_left_alone(tiny, dataset, general, monkeypatch):
    made_runs(monkeypatch, [GOOD, ([3, 2.7, 2.5], [2, 2.1, 2.2]), WORSE])
    found = probe_rates(tiny, prepare(tiny, dataset, general, SETTINGS), replace(SETTINGS, replay=0.3), False)
    assert [c["replay"] for c in found] == [0.3] * 3 and found[0]["chosen"]


def test_a_real_probe_is_short_and_measured(tiny, dataset, general):
    prepared, told = prepare(tiny, dataset, general, SETTINGS), []
    found = probe_rates(tiny, prepared, replace(SETTINGS, rate=None), False,
                        lambda label, done, total, note="": told.append((label, done, total)))
    assert all(len(curve["evaluations"]) == 3 for curve in found) and 3 <= len(found) <= 7 and sum(curve["chosen"] for curve in found) == 1
    assert {label for label, _, _ in told} == {"probe learning rates"} and told[-1][1] == told[-1][2]
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert found[0]["evaluations"][-1]["step"] <= 8 and not any(curve["diverged"] for curve in found)


def test_precision_follows_the_settings_and_the_machine(tiny, dataset, general, monkeypatch):
    prepared = prepare(tiny, dataset, general, SETTINGS)
    for precision, faster, expected in (("fp32", True, False), ("bf16", False, True), ("auto", True, True), ("auto", False, False)):
        monkeypatch.setattr(session, "bf16_is_faster", lambda faster=faster: faster)
        assert session.decide(tiny, prepared, replace(SETTINGS, precision=precision), None).bf16 is expected


def test_the_plan_carries_the_settings():
    plan = plan_of(replace(SETTINGS, rate=0.1, replay=0.2, seed=9, clip=0.5), True)
    assert (plan.rate, plan.bf16, plan.seed, plan.clip, plan.epochs) == (0.1, True, 9, 0.5, 2)


def test_the_seed_decides_the_start(tiny, dataset, general):
    prepared, states = prepare(tiny, dataset, general, SETTINGS), []
    for seed in (0, 0, 1):
        method = attach_for(tiny, prepared, replace(SETTINGS, seed=seed))
        states.append(method.state())
        method.detach()
        torch.rand(3)
    key = next(key for key in states[0] if key.endswith("lora_A"))
    assert torch.equal(states[0][key], states[1][key]) and not torch.equal(states[0][key], states[2][key])


def test_general_text_may_be_absent(tiny, dataset):
    prepared = prepare(tiny, dataset, General((), (), ()), SETTINGS)
    tuned = run_session(tiny, prepared, replace(SETTINGS, epochs=1))
    assert all(e.general_loss is None for e in tuned.outcome.evaluations)
    tuned.method.detach()
