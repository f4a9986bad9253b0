"""Likeness to a voice: a few gold pieces find their like among pieces that nobody judged; topic apart; loss in context; groups."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from test_on_brand import BRISK, GARDEN, MONEY, STIFF, pieces

from adtune.errors import TrainingError
from adtune.starter import sample_contrast, sample_pieces
from adtune.voice import in_context
from adtune.voice.clusters import voices
from adtune.voice.likeness import Likeness, _folds, _is_mixed, likeness
from adtune.voice.on_brand import auc_interval
from adtune.voice.traits import AXES, FORM, form, traits_of

BRANDS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "brands"
BOTH = [*MONEY, *GARDEN]
DULL = ["The {0} is one of the {1}s.", "There are several {0}s in the {1}.", "A {1} was kept with the {0} for ten years."]
CONTRAST = pieces(DULL, BOTH, 900, 20)


def auc(own, other) -> float:
    return auc_interval(np.asarray(own), np.asarray(other)).value


@pytest.fixture(scope="module")
def found() -> Likeness:
    """12 gold and 28 other pieces in the brisk voice, then 60 in the stiff one, on the same topics."""
    return likeness([*pieces(BRISK, BOTH, 0, 40), *pieces(STIFF, BOTH, 100, 60)], range(12), CONTRAST)


def test_pieces_in_the_voice_of_the_gold_ones_are_found(found):
    own, other = found.scores[12:40], found.scores[40:]
    assert auc(own, other) == 1.0 and found.auc.value > 0.95
    assert min(own) >= found.limit > max(other)
    assert all(0 <= score <= 1 for score in (*found.scores, *found.apart))


def test_each_axis_has_its_own_score_and_the_habits_behind_it(found):
    assert list(found.axes) == ["cadence", "vocabulary", "structure", "tone"]
    assert auc(found.axes["cadence"][12:40], found.axes["cadence"][40:]) > 0.95
    assert auc(found.axes["tone"][12:40], found.axes["tone"][40:]) > 0.95
    pulls = dict(found.behind(20, "tone"))
    assert pulls["second_person_per_100"] > 0 and set(pulls) <= set(AXES["tone"])
    assert min(dict(found.behind(50, "tone")).values()) < 0
    assert all(name.startswith(("word: ", "term: ")) or name in AXES["vocabulary"] for name, _ in found.behind(20, "vocabulary"))


def test_with_the_topic_apart_the_voice_decides_where_topics_are_swapped():
    swapped = likeness([*pieces(BRISK, MONEY, 0, 12), *pieces(BRISK, GARDEN, 200, 20), *pieces(STIFF, MONEY, 300, 40)], range(12), CONTRAST)
    assert auc(swapped.apart[12:32], swapped.apart[32:]) > 0.95


def test_an_archive_of_one_voice_stays_whole():
    alone = likeness(pieces(BRISK, BOTH, 0, 60), range(12), CONTRAST)
    assert sum(score < alone.limit for score in alone.scores) <= 3


def test_the_same_pieces_give_the_same_scores(found):
    again = likeness([*pieces(BRISK, BOTH, 0, 40), *pieces(STIFF, BOTH, 100, 60)], range(12), CONTRAST)
    assert (again.scores, again.axes, again.limit) == (found.scores, found.axes, found.limit)


def test_too_few_gold_pieces_measure_nothing():
    with pytest.raises(TrainingError, match="5 gold pieces"):
        likeness(pieces(BRISK, BOTH, 0, 20), range(5), CONTRAST)


def test_without_contrast_voices_the_farthest_pieces_are_the_contrast():
    none = likeness([*pieces(BRISK, BOTH, 0, 40), *pieces(STIFF, BOTH, 100, 60)], range(12), [])
    assert auc(none.scores[12:40], none.scores[40:]) > 0.95


def test_the_loss_in_context_parts_what_style_cannot(monkeypatch):
    """All pieces are alike to the eye; only the made base knows which half gains from the gold pieces."""
    monkeypatch.setattr(in_context, "CONTEXT_PIECES", 3)
    texts = pieces(BRISK, BOTH, 0, 60)
    mine, calls = set(texts[:36]), []

    def loss(given, context):
        calls.append((list(given), list(context)))
        return [3.0 - (1.0 if context and text in mine else 0.02 * bool(context)) for text in given]

    plain = likeness(texts, range(12), CONTRAST)
    known = likeness(texts, range(12), CONTRAST, loss)
    assert known.in_context == 12 + len(CONTRAST) + 48 and plain.in_context == 0
    assert auc(plain.scores[12:36], plain.scores[36:]) < 0.8
    assert auc(known.scores[12:36], known.scores[36:]) > 0.95
    assert [len(context) for _, context in calls] == [0, 3, 3]
    assert all(not set(given) & set(context) for given, context in calls)


def test_a_loss_that_is_no_number_for_each_piece_is_refused():
    for wrong in ([1.0], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="losses"):
            in_context.gains(["a", "b"], [0], [0, 1], lambda given, context, wrong=wrong: wrong)


def test_form_says_how_a_piece_opens_and_ends():
    counted = form("# Why wait?\n\nYou wait. See [this](https://a.b).\n\n- **one**\n- two")
    assert tuple(counted) == FORM
    assert (counted["opens_with_heading_or_list"], counted["opens_with_question"], counted["ends_with_list"]) == (1, 1, 1)
    assert counted["ends_with_full_stop"] == 0 and counted["paragraphs"] == pytest.approx(np.log2(3))
    assert form("It ends.")["ends_with_full_stop"] == 1 and form("Does it?")["ends_with_mark"] == 1
    assert form(" -- ") == dict.fromkeys(FORM, 0.0)


def test_every_habit_stands_under_one_axis():
    from adtune.voice.habits import HABITS

    named = [name for members in AXES.values() for name in members]
    assert sorted(named) == sorted([*HABITS, *FORM])
    traits = traits_of(["You save a tomato now.", "A tomato is kept."], np.array([1, 0]))
    assert len(traits.names) == traits.rows.shape[1] and "term: tomato" in traits.names
    assert not any(name.startswith("term: ") for name in np.asarray(traits.names)[:traits.apart.shape[1]])


def test_voices_are_laid_out_where_nobody_said_which_is_meant():
    groups = voices([*pieces(BRISK, BOTH, 0, 30), *pieces(STIFF, BOTH, 100, 50)])
    assert [group.places for group in groups] == [tuple(range(30, 80)), tuple(range(30))]
    assert all(set(group.typical) <= set(group.places) and group.habits for group in groups)
    assert len(voices(["Same text here."] * 30)) == 1


def test_the_sample_client_is_one_voice_and_its_contrast_pieces_are_others():
    own, other = ([json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
                  for path in (sample_pieces(), sample_contrast()))
    assert len(voices(own[:120])) == 1
    groups = voices([*own[:100], *other])
    assert len(groups) > 2 and groups[0].places == tuple(range(100))


@pytest.mark.skipif(not BRANDS.exists(), reason="the local archives are not there")
def test_the_hard_pair_same_topic_two_voices():
    sides = []
    for name in ("carpentries_blog", "swcarpentry_gvwilson"):
        texts = [json.loads(line)["text"] for line in (BRANDS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        sides.append(random.Random(1).sample(texts, 100))
    found = likeness([*sides[0], *sides[1]], range(30))
    apart, together = (auc(scores[30:100], scores[100:]) for scores in (found.apart, found.scores))
    kept = sorted(range(30, 200), key=lambda place: -found.scores[place])[:70]
    precision = (30 + sum(place < 100 for place in kept)) / 100
    print(f"hard pair: AUC together {together:.3f}, topic held apart {apart:.3f}, precision at 100 {precision:.2f}")
    assert apart >= 0.85 and together >= 0.93 and precision >= 0.85


def test_versions_of_a_text_stand_in_one_fold_and_the_folds_stay_even():
    known = np.asarray([1] * 10 + [-1] * 30 + [0] * 5)
    families = [n % 20 for n in range(40)]
    folds = _folds(known, families)
    assert all(len(set(folds[[place for place in range(40) if families[place] == number]])) == 1 for number in range(20))
    assert np.bincount(folds[:10]).tolist() == np.bincount(folds[10:20]).tolist() == [2] * 5
    assert (_folds(known) == _folds(known, list(range(40)))).all()


def test_an_archive_is_mostly_other_voices_where_few_pieces_reach_the_gold_ones():
    known = np.repeat([1, -1, 0], [20, 200, 20])
    gold = np.linspace(1.0, 2.0, 20)
    assert _is_mixed(np.concatenate([gold, np.repeat([0.0, 1.5], [180, 20]), np.zeros(20)]), known)
    assert not _is_mixed(np.concatenate([gold, np.repeat([0.0, 1.5], [100, 100]), np.zeros(20)]), known)
    assert not _is_mixed(gold, np.ones(20))
