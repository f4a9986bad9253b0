"""Measures of drafts, and the three reasons: each holds where tuning was made to save what it names."""

from __future__ import annotations

import pytest

from adtune.advise import DraftedArm, judge_opponent
from adtune.advise.drafts import BRAND, EVERY, FORMAT, SPARED, judges_of, measure_drafts
from adtune.advise.reasons import CONVENTIONS, LAYOUT, MANNER, TERM, TOPIC, VOCABULARY, ClassLoss, Shown, TargetLoss, reasons
from adtune.advise.reasons import FORMAT as FORM
from adtune.advise.verdict import Judged
from adtune.records import Brief, Example, Verdict
from adtune.starter import sample_contrast, sample_pieces
from adtune.voice.general import contrast_texts, load_general


@pytest.fixture(scope="module")
def pieces():
    import json

    if not (sample_pieces().is_file() and sample_contrast().is_file()):
        pytest.skip("no sample client in this installation")
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    articles = [row for row in rows if row["content_type"] == "article"]
    return [Example(Brief(row["title"], row["category"], "article"), row["text"]) for row in articles[::4]]


@pytest.fixture(scope="module")
def general():
    return [*contrast_texts(), *(one.text for one in load_general().replay)][::3]


@pytest.fixture(scope="module")
def judges(pieces, general):
    return judges_of(pieces[30:36], pieces[:30], pieces[30:48], general)


@pytest.fixture(scope="module")
def drafted(judges, pieces, general):
    """A tuned arm that writes as the client does, and a prompted one that writes as anybody."""
    own = [[pieces[n].text, pieces[n + 6].text] for n in range(6)]
    other = [[general[n], general[n + 20]] for n in range(6)]
    return {"lora": measure_drafts(own, judges, 0), "prompt": measure_drafts(other, judges, 0)}


def test_drafts_are_judged_by_four_measures_with_intervals(judges, drafted, pieces):
    assert judges.auc.value > 0.9
    tuned, prompted = drafted["lora"], drafted["prompt"]
    assert list(tuned.metrics) == [BRAND, EVERY, FORMAT, SPARED] and (tuned.briefs, tuned.drafts) == (6, 12)
    assert tuned.metrics[BRAND].value > 0.9 and prompted.metrics[BRAND].value < 0.3
    assert tuned.metrics[EVERY].value > 0.8 and tuned.metrics[EVERY].low < 1.0     # six briefs are few
    assert tuned.metrics[FORMAT].value > prompted.metrics[FORMAT].value
    published = measure_drafts([[piece.text] for piece in judges.pieces], judges, 0)
    assert published.metrics[SPARED].value == 1.0 and EVERY not in published.metrics and published.spread is None
    empty = measure_drafts([["", "A word."]] * 6, judges, 0)
    assert empty.metrics[SPARED].value < 0.1 and empty.metrics[BRAND].value < 0.6


def test_too_few_pieces_for_a_scorer_leave_the_other_measures(pieces, general):
    judges = judges_of(pieces[:3], pieces[3:33], pieces[:3], general)
    found = measure_drafts([["One draft."]] * 3, judges, 0)
    assert judges.scorer is None and BRAND not in found.metrics and SPARED in found.metrics


def loss(manner=0.3, term=2.0, layout=0.8, topic=0.2, share=0.1):
    """12 pieces of 100 targets; 3 nats a token before, and what tuning takes off each class of them."""
    hard = [1 + n / 100 for n in range(12)]
    sizes = {TERM: round(100 * share), LAYOUT: 10, MANNER: 50, TOPIC: 40 - round(100 * share)}
    off = {TERM: term, LAYOUT: layout, MANNER: manner, TOPIC: topic}
    classes = {name: ClassLoss((size,) * 12, tuple(3.0 * size * h for h in hard), tuple((3.0 - off[name]) * size * h for h in hard))
               for name, size in sizes.items()}
    return TargetLoss(classes, {f"word{n}": 4 for n in range(8)})


def names(found):
    return [one.name for one in found if one.holds]


@pytest.fixture(scope="module")
def shown(pieces, general):
    return Shown(pieces[:30], pieces[30:48], general)


@pytest.mark.parametrize(("made", "holding"), [
    (loss(), [CONVENTIONS, VOCABULARY, FORM]), (loss(manner=0.05, term=0.1), [FORM]), (loss(term=0.2, layout=0.4), [CONVENTIONS]),
    (loss(manner=0.05, layout=0.2), [VOCABULARY]), (loss(manner=0.05, layout=0.2, term=0.0), []),
    (loss(share=0.01, layout=0.3), [CONVENTIONS])])
def test_each_reason_holds_where_tuning_saves_what_it_names(made, holding, shown, drafted):
    found = reasons(shown, made, drafted, "lora")
    assert [one.name for one in found] == [CONVENTIONS, VOCABULARY, FORM] and names(found) == holding
    assert all(one.told.endswith(".") and "%" in one.told and "None" not in one.told for one in found)
    assert found[0].evidence["kept_tuned"] > found[0].evidence["kept_prompted"]


def test_what_was_not_measured_holds_nothing_and_refuses_nothing(shown, drafted, general, pieces):
    silent = reasons(shown, None, {"prompt": drafted["prompt"]}, "")
    assert [one.holds for one in silent] == [None, None, None] and "kept_tuned" not in silent[0].evidence
    plain = Shown([Example(Brief("On something", "news"), text) for text in general[:30]], pieces[30:48], general)
    assert reasons(plain, None, {}, "")[0].holds is False          # nothing sets general text off from itself
    few = TargetLoss(loss().classes, {"one": 3})
    assert reasons(shown, few, {}, "lora")[1].holds is False
    assert reasons(shown, TargetLoss(loss(share=0.0).classes, {}), {}, "lora")[1].holds is False


def test_a_class_of_targets_has_its_own_loss_and_the_rest_is_everything_else():
    made = loss()
    assert made.classes[MANNER].loss == pytest.approx(3.0 * 1.055) and made.classes[MANNER].gain().value == pytest.approx(0.1)
    assert made.share(MANNER) == pytest.approx(0.5) and made.rest(MANNER).tokens == (50,) * 12
    assert made.rest(MANNER).off().value == pytest.approx((10 * 2.0 + 10 * 0.8 + 30 * 0.2) / 50 * 1.055)


def test_the_prompt_of_today_is_kept_where_its_drafts_are_clearly_nearer():
    def arm(spared, brand):
        return DraftedArm(6, 6, by_brief={SPARED: tuple(spared + n / 100 for n in range(6)), BRAND: (brand,) * 6})

    won = Judged(Verdict.LORA, "LoRA beats the prompted base.")
    kept = judge_opponent(won, {"lora": arm(0.1, 0.5), "opponent": arm(0.4, 0.5)}, 0)
    assert kept.verdict == Verdict.PROMPT and "1 - editing effort 30 % higher" in kept.reason and kept.reason.endswith(won.reason)
    beaten = judge_opponent(won, {"lora": arm(0.4, 0.5), "opponent": arm(0.1, 0.5)}, 0)
    assert beaten.verdict == Verdict.LORA and "30 % lower" in beaten.reason
    split = judge_opponent(won, {"lora": arm(0.1, 1.0), "opponent": arm(0.4, 0.0)}, 0)
    assert split.verdict == Verdict.LORA       # nearer in one, clearly farther in the other: not for a machine to say
    assert judge_opponent(won, {"lora": arm(0.1, 1.0)}, 0) == won
    assert judge_opponent(Judged(Verdict.COLLECT, "Few."), {"opponent": arm(1, 1)}, 0).verdict == Verdict.COLLECT
