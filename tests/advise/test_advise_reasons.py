"""Measures of drafts and the three reasons: on texts whose habits, terms and format are made, each reason holds where it was made to."""

from __future__ import annotations

import pytest

from adtune.advise import DraftedArm, judge_opponent
from adtune.advise.drafts import BRAND, EVERY, FORMAT, SPARED, judges_of, measure_drafts
from adtune.advise.reasons import CONVENTIONS, TermLoss, reasons
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


def terms(gain=2.0, rest=0.3, count=8, share=0.2, parts=3.5):
    size = round(100 * share)
    tokens, others = (size,) * 12, (100 - size,) * 12
    hard = [1 + n / 100 for n in range(12)]
    return TermLoss(count, parts, tokens, others, tuple(6.0 * size * h for h in hard), tuple(3.0 * (100 - size) * h for h in hard),
                    tuple((6.0 - gain) * size * h for h in hard), tuple((3.0 - rest) * (100 - size) * h for h in hard))


def test_each_reason_holds_where_it_was_made_to(judges, drafted, pieces, general):
    texts = {"train": [piece.text for piece in pieces[:30]], "general": general}
    found = {one.name: one for one in reasons(drafted, "lora", judges, texts, terms())}
    assert all(one.holds for one in found.values()), [one.told for one in found.values()]
    assert found[CONVENTIONS].evidence["kept_tuned"] > found[CONVENTIONS].evidence["kept_prompted"]
    assert all(one.told.endswith(".") and "%" in one.told for one in found.values())
    same = {"lora": drafted["prompt"], "prompt": drafted["prompt"]}
    assert [one.holds for one in reasons(same, "lora", judges, texts, terms(gain=0.3))] == [False, False, False]
    silent = reasons({"prompt": drafted["prompt"]}, "", judges, texts, None)
    assert [one.holds for one in silent] == [None, None, None]
    plain = {"train": general[:30], "general": general}
    assert reasons(drafted, "lora", judges, plain, None)[0].holds is False      # nothing sets general text off from itself


@pytest.mark.parametrize("made", [terms(share=0.01), terms(count=4), terms(gain=0.3), terms(count=0, share=0.0)])
def test_no_vocabulary_without_terms_that_are_learned(made, judges, drafted, pieces, general):
    texts = {"train": [piece.text for piece in pieces[:30]], "general": general}
    assert reasons(drafted, "lora", judges, texts, made)[1].holds is False


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
