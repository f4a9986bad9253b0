"""The verdict: each rule is reached by made arms, in the order that the module states."""

from dataclasses import replace

import pytest
from made_facts import TOKENS, archive, arm

from adtune.advise import ArmResult, Need, Room, Work, candidates, estimate, judge, seconds
from adtune.advise.estimate import NONE
from adtune.advise.verdict import ARMS, METRIC, gain
from adtune.settings import AdviseSettings

SETTINGS = AdviseSettings()


def arms(base=4.0, prompt=3.8, prefix=3.8, lora=3.8, noise=0.01):
    losses = {"base": base, "prompt": prompt, "prefix": prefix, "lora": lora}
    return {name: arm(loss, noise, seed) for seed, (name, loss) in enumerate(losses.items()) if loss is not None}


@pytest.mark.parametrize(("verdict", "made", "facts"), [
    ("collect", {}, archive(9)),
    ("collect", arms(), archive(29)),
    ("collect", arms(lora=3.5, noise=1.0), archive(29)),
    ("prompt", arms(), archive(30)),
    ("prompt", arms(lora=3.74), archive(20)),              # clear, yet under the margin
    ("prompt", arms(lora=3.5, noise=1.0), archive(80)),    # a gain, yet not clear
    ("prompt", arms(lora=4.4, prefix=4.4), archive(80)),
    ("prompt", arms(base=3.0, lora=3.4, prefix=3.4), archive(80)),  # a prompt that harms is no rival to beat
    ("lora", arms(lora=3.0), archive(80)),
    ("lora", arms(lora=3.0, prefix=3.2), archive(80)),
    ("lora", arms(lora=3.0, prefix=None), archive(80)),
    ("lora", arms(lora=3.0), archive(20)),
    ("prefix", arms(lora=3.0, prefix=3.03), archive(80)),
    ("prefix", arms(lora=3.3, prefix=3.0), archive(80)),
    ("prefix", arms(lora=3.79, prefix=3.4), archive(80)),
    ("prefix", arms(lora=None, prefix=3.4), archive(80)),
    ("rules", arms(lora=3.0), archive(80, regularity=0.61)),
    ("lora", arms(lora=3.0), archive(80, regularity=0.6)),
    ("lora", arms(lora=3.0), archive(80, regularity=None)),
    ("collect", {}, archive(9, regularity=0.9))])
def test_the_rules(verdict, made, facts):
    judged = judge(made, facts, SETTINGS)
    assert judged.verdict == verdict
    assert judged.reason.endswith(".") and "None" not in judged.reason
    assert judged.examples_needed == (50 - facts.pieces if verdict == "collect" else None)


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
    judged = judge(made, archive(12), SETTINGS)
    assert judged.verdict == "collect" and "interval not measured" in judged.reason


def test_gain_is_relative_to_the_better_untuned_arm():
    made = {"base": ArmResult((400.0, 400.0), (100, 100)), "prompt": ArmResult((500.0, 500.0), (100, 100)),
            "lora": ArmResult((300.0, 300.0), (100, 100))}
    assert gain(made, "lora", 0).value == pytest.approx(0.25)


def test_candidates_score_higher_for_better():
    made = arms(lora=3.0, prefix=None)
    rows = candidates(made, 0)
    assert [row["name"] for row in rows] == list(ARMS) and {row["metric"] for row in rows} == {METRIC}
    by_name = {row["name"]: row for row in rows}
    assert by_name["lora"]["score"] > by_name["prompt"]["score"] > by_name["base"]["score"]
    low, high = by_name["lora"]["interval"]
    assert low < by_name["lora"]["score"] < high
    assert by_name["lora"]["score"] == pytest.approx(-sum(made["lora"].nats) / sum(TOKENS))
    assert by_name["prefix"]["score"] is None and by_name["prefix"]["interval"] is None
    assert all(row["minutes_per_piece"] is None and row["cost_per_month"] is None for row in rows)


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
