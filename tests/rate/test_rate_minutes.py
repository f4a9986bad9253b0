"""Minutes from a log of edits: the truth of a made log is recovered, and its intervals cover."""

import numpy as np
import pytest

from adtune.rate import minutes
from adtune.rate.minutes import Entry, MinutesModel, entries, in_force, saved, table, throughput
from adtune.rate.mixed import fit
from adtune.records import Edit, Source
from adtune.starter.edits import TRUTH, made_edits

EFFORT = {"prompted": 0.6, "tuned": 0.25}


def made(seed, of_arm=30, editors=4, noise=0.35, between=0.3):
    """A log whose arms take 45 and 18 minutes on average of its own editors and lengths."""
    chance = np.random.default_rng(seed)
    arms = np.repeat(list(TRUTH), of_arm)
    who = chance.integers(editors, size=len(arms))
    pace = np.exp(chance.normal(0, between, editors))
    lengths = np.exp(chance.normal(5.5, 0.4, len(arms))).astype(int)
    longer = np.exp(0.7 * np.log1p(lengths))
    factors = pace[who] / pace[who].mean() * longer / longer.mean() * np.exp(chance.normal(-noise**2 / 2, noise, len(arms)))
    efforts = np.clip([EFFORT[arm] + chance.normal(0, 0.08) for arm in arms], 0, 1)
    return [Entry(float(efforts[at]), int(lengths[at]), f"editor {who[at]}", str(arm), float(TRUTH[arm] * factors[at]))
            for at, arm in enumerate(arms)]


def test_the_sample_s_log_gives_back_45_and_18_minutes_and_a_third_more_pieces():
    log = entries([Edit.make({name: row[name] for name in ("draft", "final", "minutes", "editor", "arm")}, Source("made"))
                   for row in made_edits()])
    model = MinutesModel(log)
    assert model.calibrated and set(model.arms) == {"prompted", "tuned"}
    for arm, truth in TRUTH.items():
        low, high = model.arms[arm].interval.as_list()
        assert low <= truth <= high and high - low < truth / 2, arm
        assert abs(model.arms[arm].interval.value - truth) < 0.05 * truth
    more = throughput(model.arms["prompted"], model.arms["tuned"], 61.4)
    assert more.low < 0.34 < more.high and abs(more.value - 0.34) < 0.03
    less = saved(model.arms["prompted"], model.arms["tuned"])
    assert less.low < 27 < less.high and less.low > 10
    rows = table(log, model)
    assert rows["tuned"]["effort"] < rows["prompted"]["effort"] and rows["tuned"]["edits"] == 45
    error = model.error()
    assert 0.85 <= error["edits"]["inside_interval"] <= 1 and error["edits"]["median_error"] < error["edits"]["median_error_of_medians"]
    assert error["editors"]["edits"] == 90


def test_sixty_percent_fewer_minutes_give_a_third_more_pieces():
    def exactly(value):
        return minutes.Estimate(minutes.Interval(value, value, value), "logged", np.full(4, float(value)))

    assert round(throughput(exactly(45), exactly(18), 61.4).value, 3) == round(106.4 / 79.4 - 1, 3) == 0.34
    assert throughput(exactly(45), exactly(45), 61.4).value == 0


def test_intervals_cover_the_truth(monkeypatch):
    """60 logs; 200 of each kind are measured in docs/guides/minutes-and-money.md."""
    monkeypatch.setattr(minutes, "DRAWS", 600)
    hits = np.zeros(4)
    for seed in range(60):
        arms = MinutesModel(made(seed)).arms
        told = [arms["prompted"].interval, arms["tuned"].interval, saved(arms["prompted"], arms["tuned"]),
                throughput(arms["prompted"], arms["tuned"], 61.4)]
        hits += [one.low <= truth <= one.high for one, truth in zip(told, (45, 18, 27, 106.4 / 79.4 - 1), strict=True)]
    assert (hits >= 0.87 * 60).all(), hits


def test_drafts_that_nobody_edited_are_predicted_within_the_logged_efforts_only():
    model = MinutesModel(made(1, of_arm=60))
    lengths = [one.words for one in model.log]
    told = {arm: model.predict([EFFORT[arm]] * len(lengths), lengths) for arm in TRUTH}
    for arm, truth in TRUTH.items():
        assert told[arm].source == "predicted" and told[arm].interval.low < truth < told[arm].interval.high
    assert model.predict([0.97] * 20, [200] * 20) is None and model.predict([], []) is None
    one = model.predict_one(0.6, 250, "editor 1")
    stranger = model.predict_one(0.6, 250)
    assert one.low < one.value < one.high and stranger.high / stranger.low > one.high / one.low


def test_under_thirty_edits_there_is_only_the_index():
    log = made(2, of_arm=15)[:29]
    model = MinutesModel([*log, Entry(0.4, 200, "editor 1", "prompted")])
    assert not model.calibrated and model.arms == {} and model.predict([0.4], [200]) is None and "29" in model.reason
    row = table(model.log, model)["prompted"]
    assert row["minutes"] is None and row["under_two_minutes"] is None and row["effort"] is not None and row["edits"] == 16
    assert model.error() == {"edits": None, "editors": None}


def test_a_single_editor_and_equal_minutes_are_no_trouble():
    log = [Entry(0.5, 200, "Ann", "prompted", 20.0) for _ in range(40)]
    told = MinutesModel(log).arms["prompted"].interval
    assert told.value == pytest.approx(20, rel=1e-3) and told.low == pytest.approx(20, rel=0.02)


def test_later_edits_of_a_pair_hold_and_other_adapters_stand_apart():
    def edit(**fields):
        return Edit.make({"draft": "One two three four.", "final": "One two three five.", "arm": "tuned", **fields}, Source("log"))

    first, second = edit(minutes=10.0, editor="Ann", adapter="adapter-ab12"), edit(minutes=12.0, editor="Ann", adapter="adapter-ab12")
    other, gone = edit(minutes=9.0, editor="Bo"), edit(minutes=1.0, editor="Cy", withdrawn=True)
    assert in_force([first, second, other, edit(minutes=1.0, editor="Cy"), gone]) == [second, other]
    assert [one.arm for one in entries([second, other], "adapter-ab12cdef")] == ["tuned", "tuned"]
    assert [one.arm for one in entries([second, other], "adapter-ffff")] == ["tuned (another adapter)", "tuned"]


def test_the_mixed_model_shrinks_editors_and_finds_their_spread():
    chance = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 12)
    u = chance.normal(0, 0.5, 40)
    x = np.column_stack([np.ones(480), chance.normal(size=480)])
    y = x @ [3.0, 0.7] + u[groups] + chance.normal(0, 0.3, 480)
    model = fit(y, x, groups)
    assert model.b == pytest.approx([3.0, 0.7], abs=0.2) and model.s2 == pytest.approx(0.09, rel=0.2)
    assert model.between == pytest.approx(0.25, rel=0.5) and np.corrcoef(model.u, u)[0, 1] > 0.95
    means = np.array([(y - x @ model.b)[groups == one].mean() for one in range(40)])
    assert (abs(model.u) <= abs(means) + 1e-12).all()
    alone = fit(y, x, np.zeros(480, int))
    assert alone.ratio == 0 and alone.b == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0])
