"""The verdict: each rule is reached by made arms, in the order that the module states."""

from dataclasses import replace

import pytest
from made_facts import TOKENS, archive, arm

from adtune.advise import (
    ArmResult,
    DraftedArm,
    Need,
    Room,
    Work,
    candidates,
    estimate,
    judge,
    needed_gain,
    open_question,
    seconds,
    survivors,
)
from adtune.advise.arms import LIKELY, METRIC, gain
from adtune.advise.estimate import NONE
from adtune.records import Interval
from adtune.settings import AdviseSettings

SETTINGS = AdviseSettings()


def arms(base=4.0, prompt=3.8, prefix=3.8, lora=3.8, noise=0.01, full=None):
    losses = {"base": base, "prompt": prompt, "prefix": prefix, "lora": lora, "full": full}
    return {name: arm(loss, noise, seed) for seed, (name, loss) in enumerate(losses.items()) if loss is not None}


@pytest.mark.parametrize(("verdict", "made", "facts"), [
    ("collect", {}, archive(9)),
    ("collect", arms(), archive(29)),
    ("collect", arms(lora=3.5, noise=1.0), archive(29)),
    ("prompt", arms(), archive(30)),
    ("prompt", arms(lora=3.74), archive(30)),              # clear, yet under the margin
    ("prompt", arms(lora=3.5, noise=1.0), archive(80)),    # a gain, yet not clear
    ("prompt", arms(lora=4.4, prefix=4.4), archive(80)),
    ("prompt", arms(base=3.0, lora=3.4, prefix=3.4), archive(80)),  # a prompt that harms is no rival to beat
    ("lora", arms(lora=3.0), archive(80)),
    ("lora", arms(lora=3.0, prefix=3.2), archive(80)),
    ("lora", arms(lora=3.0, prefix=None), archive(80)),
    ("collect", arms(lora=3.0), archive(20)),              # a gain on four pieces may be chance
    ("prefix", arms(lora=3.0, prefix=3.03), archive(80)),
    ("prefix", arms(lora=3.3, prefix=3.0), archive(80)),
    ("prefix", arms(lora=3.79, prefix=3.4), archive(80)),
    ("prefix", arms(lora=None, prefix=3.4), archive(80)),
    ("lora", arms(lora=3.0, full=2.9), archive(80)),       # ahead by less than weights for one client cost
    ("full", arms(lora=3.0, full=2.8), archive(80)),
    ("full", arms(lora=3.8, full=3.0), archive(80)),
    ("rules", arms(lora=3.0), archive(80, regularity=0.61)),
    ("lora", arms(lora=3.0), archive(80, regularity=0.6)),
    ("lora", arms(lora=3.0), archive(80, regularity=None)),
    ("rules", arms(lora=3.0), archive(80, rules=Interval(0.3, 0.2, 0.39), templates=2)),
    ("lora", arms(lora=3.0), archive(80, rules=Interval(0.3, 0.2, 0.41), templates=2)),
    ("rules", {}, archive(1, rules=Interval(0.1, 0.0, 0.2), templates=1)),
    ("collect", arms(lora=3.0), archive(80, briefs=(5, 12))),
    ("lora", arms(lora=3.0), archive(80, briefs=(4, 12))),
    ("collect", arms(lora=3.0), archive(80, read=200, dropped={"cut_off": 101})),
    ("lora", arms(lora=3.0), archive(80, read=200, dropped={"near_duplicate": 101})),
    ("lora", arms(lora=3.0), archive(100, read=3000, dropped={"not_approved": 2900})),   # 100 good ones are a good start all the same
    ("collect", arms(lora=3.0), archive(80, voices=(45, 35))),
    ("lora", arms(lora=3.0), archive(80, voices=(70, 10))),
    ("collect", arms(lora=3.0), archive(80, labels=Interval(0.95, 0.8, 1.0))),
    ("lora", arms(lora=3.0), archive(80, labels=Interval(0.8, 0.7, 0.9))),
    ("collect", {}, archive(9, regularity=0.9))])
def test_the_rules(verdict, made, facts):
    judged = judge(made, facts, SETTINGS)
    assert judged.verdict == verdict
    assert judged.reason.endswith(".") and "None" not in judged.reason
    assert (judged.examples_needed is not None and judged.examples_needed > 0) == (verdict == "collect") or facts.pieces >= 50
    if verdict == "collect" and facts.pieces < 30:
        assert judged.examples_needed == 50 - facts.pieces


def test_the_margin_is_a_setting():
    assert judge(arms(lora=3.5), archive(), AdviseSettings(margin=0.2)).verdict == "prompt"
    assert judge(arms(lora=3.0, prefix=3.2), archive(), AdviseSettings(margin=0.1)).verdict == "prefix"


def test_the_reason_holds_the_figures():
    made = arms(lora=3.0)
    said = judge(made, archive(), SETTINGS).reason
    assert f"{made['lora'].loss:.3f} with LoRA" in said and "the prompted base" in said and "12 validation pieces" in said
    assert "prompt do not help" in judge(arms(base=3.0, lora=3.4, prefix=3.4), archive(), SETTINGS).reason


def test_one_validation_piece_has_no_interval_and_decides_nothing():
    made = {name: ArmResult((loss * 100,), (100,)) for name, loss in {"base": 4.0, "prompt": 3.8, "prefix": 2.0, "lora": 2.0}.items()}
    judged = judge(made, archive(80), SETTINGS)
    assert judged.verdict == "prompt" and "interval not measured" in judged.reason


def test_gain_is_relative_to_the_better_untuned_arm():
    made = {"base": ArmResult((400.0, 400.0), (100, 100)), "prompt": ArmResult((500.0, 500.0), (100, 100)),
            "lora": ArmResult((300.0, 300.0), (100, 100))}
    assert gain(made, "lora", 0).value == pytest.approx(0.25)


@pytest.mark.parametrize(("volume", "needed"), [(None, 0.02), (45.0, 20 * 60 / (12 * 45 * 45)), (100_000.0, 0.005), (0.0, float("inf"))])
def test_the_gain_that_is_needed_follows_from_the_volume(volume, needed):
    assert needed_gain(AdviseSettings(volume=volume)) == pytest.approx(needed)


def test_a_gain_pays_at_one_volume_and_not_at_another():
    made = arms(lora=3.7)                                     # 2.6 % over the prompt
    assert judge(made, archive(), AdviseSettings(volume=3000.0)).verdict == "lora"
    small = judge(made, archive(), AdviseSettings(volume=30.0))
    assert small.verdict == "prompt" and "too small to pay back at 30 pieces a month" in small.reason and "7.4 %" in small.reason
    none = judge(made, archive(), AdviseSettings(volume=2.0))
    assert none.verdict == "prompt" and "2 pieces a month are too few" in none.reason and "18 hours" in none.reason


@pytest.mark.parametrize(("now", "before", "open_"), [
    (arms(lora=3.0), {}, False),                              # clear, and LoRA is far ahead
    (arms(lora=3.79), arms(lora=3.8), False),                 # the last round added a quarter of a percent: another one would not do
    (arms(lora=3.75), arms(lora=3.8), True),                  # 1.3 % and rising
    (arms(lora=3.5, noise=1.0), {}, True),                    # not clear yet
    (arms(lora=4.4, prefix=4.4, noise=0.001), arms(lora=4.5, prefix=4.5), False),
    (arms(lora=3.0, full=3.0), {}, False)])
def test_rounds_go_on_only_while_the_verdict_can_change(now, before, open_):
    question = open_question(now, before, SETTINGS)
    assert (question is not None) == open_ and (question is None or "could still reach" in question or "not clearly" in question)


def test_the_better_half_goes_on():
    assert survivors(arms(lora=3.0, prefix=3.5, full=2.7), ["prefix", "lora", "full"], SETTINGS) == ["lora", "full"]
    assert survivors(arms(lora=3.0, prefix=3.5), ["prefix", "lora"], SETTINGS) == ["lora"]
    assert survivors(arms(lora=3.0, full=2.95), ["lora", "full"], SETTINGS) == ["lora"]    # full has to be ahead by what it costs
    assert survivors(arms(lora=3.0, full=2.5), ["lora", "full"], SETTINGS) == ["full"]


def test_candidates_score_higher_for_better():
    made = arms(lora=3.0, prefix=None)
    rows = candidates(made, 0)
    assert [row["name"] for row in rows] == list(LIKELY) and {row["metric"] for row in rows} == {METRIC}
    by_name = {row["name"]: row for row in rows}
    assert by_name["lora"]["score"] > by_name["prompt"]["score"] > by_name["base"]["score"]
    low, high = by_name["lora"]["interval"]
    assert low < by_name["lora"]["score"] < high
    assert by_name["lora"]["score"] == pytest.approx(-sum(made["lora"].nats) / sum(TOKENS))
    assert by_name["prefix"]["score"] is None and by_name["prefix"]["interval"] is None
    assert all(row["minutes_per_piece"] is None and row["cost_per_month"] is None for row in rows)
    drafted = {"rules": DraftedArm(6, 6, {"1 - editing effort": Interval(0.8, 0.7, 0.9)})}
    assert candidates(made, 0, drafted)[len(LIKELY):] == [{**rows[0], **{key: None for key in rows[0]}, "name": "rules", "score": 0.8,
                                                          "metric": "1 - editing effort", "interval": [0.7, 0.9], "briefs": 6, "drafts": 6,
                                                          "spread": None}]


WORK = Work(training_seconds=100.0, evaluation_seconds=2.0, evaluations=10, patience=3, probe_share=0.1, probes=(3, 4, 7), dials=(1, 1, 3),
            spread=0.02)


def test_a_full_run_is_counted_from_its_trial():
    assert seconds(WORK) == pytest.approx(100 * (1 + 4 * 0.1) + 2 * (1 + 10 + 3 * 4 + 1))
    assert seconds(replace(WORK, probes=NONE, dials=NONE)) == pytest.approx(100 + 2 * 11)
    found = estimate(WORK, Need(1000, 10), Room(2000, 20), {})
    low, high = found["seconds_range"]
    assert low == pytest.approx((100 * (0.4 + 0.3) + 2 * (1 + 4 + 9 + 1)) / 1.15)
    assert high == pytest.approx(1.15 * (170 + 2 * (11 + 21 + 3)))
    assert low < found["seconds"] < high and found["peak_memory_range"] == [900, 1200] and found["disk_bytes"] == 10
    wide = estimate(replace(WORK, spread=0.3), Need(1, 1), Room(None, None), {})
    assert wide["seconds_range"][0] < low and wide["seconds_range"][1] > high


@pytest.mark.parametrize("room, fits, largest", [
    (Room(1000, 1000), True, None), (Room(None, None), True, None), (Room(999, 1000), False, "b"), (Room(1000, 99), False, "c"),
    (Room(10, 10), False, None)])
def test_a_plan_that_does_not_fit_names_the_largest_that_does(room, fits, largest):
    others = {"a": Need(2000, 500), "b": Need(900, 200), "c": Need(300, 50)}
    found = estimate(WORK, Need(1000, 100), room, others)
    assert (found["fits"], found["largest_that_fits"]) == (fits, largest)
