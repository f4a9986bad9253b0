"""Four axes: each tells the voices apart by its own habits, finds the sentence that breaks one, and is silent where nothing is broken."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from adtune.errors import TrainingError
from adtune.starter import sample_contrast, sample_pieces, sample_voices
from adtune.voice.axes import TOLD, AxisScorers, shown
from adtune.voice.general import load_general
from adtune.voice.on_brand import OnBrandScorer
from adtune.voice.traits import AXES

BRANDS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "brands"


def texts_of(path: Path) -> list[str]:
    texts = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(1).shuffle(texts)
    return texts


@pytest.fixture(scope="module")
def own() -> list[str]:
    return texts_of(sample_pieces())


@pytest.fixture(scope="module")
def others() -> list[str]:
    return [*texts_of(sample_contrast()), *(passage.text for passage in load_general().replay)]


@pytest.fixture(scope="module")
def scorers(own, others) -> AxisScorers:
    return AxisScorers.fit(own[:40], others[::2])


def test_every_axis_tells_the_sample_client_from_others(scorers, own, others):
    found = scorers.auc_on(own[40:80], others[1::2])
    assert list(found) == list(AXES)
    assert all(auc.value > 0.85 and auc.low > 0.75 for auc in found.values())


def test_scores_are_probabilities_with_the_threshold_in_the_middle(scorers, own, others):
    for axis, scores in scorers.scores([*own[80:110], *others[1:60:2], "", " -- "]).items():
        assert all(0 <= score <= 1 for score in scores) and scores[-2:] == [0.0, 0.0]
        assert sum(score >= 0.5 for score in scores[:30]) >= 22, axis
        assert sum(score >= 0.5 for score in scores[30:60]) <= 9, axis


def test_the_sentence_that_breaks_a_habit_is_named_with_it(scorers, own):
    planted = "We were told by us that our portfolio was managed, it was said, and we were very, very pleased with our advisers!"
    text = own[120].replace("\n\n", f" {planted}\n\n", 1)
    found = [cost for cost in scorers.costly(text, ["tone"]) if cost.sentence == planted]
    assert found and found[0].axis == "tone" and found[0].cost > 0
    assert found[0].value > found[0].usual[1] and found[0].told in {more for more, _ in TOLD.values()}


def test_a_draft_that_is_on_brand_and_one_sentence_alone_cost_nothing(scorers, own):
    good = next(text for text in own[100:] if min(min(one) for one in scorers.scores([text]).values()) > 0.6)
    assert scorers.costly(good, list(AXES)) == [] and scorers.costly("One sentence only, and no other.", list(AXES)) == []


def test_every_habit_has_its_words_and_figures_read_well():
    counted = {name for members in AXES.values() for name in members} - {"words", "paragraphs"}
    assert set(TOLD) == counted
    assert (shown("list_lines_share", 0.25), shown("opening_words", 3.0), shown("mean_sentence_words", 11.26)) == ("25%", "7", "11.3")


def test_six_pieces_are_needed_and_the_same_give_the_same(own, others):
    with pytest.raises(TrainingError, match="5 own"):
        AxisScorers.fit(own[:5], others)
    again = [AxisScorers.fit(own[:12], others[:20]).scores(own[30:34]) for _ in range(2)]
    assert again[0] == again[1]


def test_other_voices_on_the_same_topics_fall_on_some_axis(scorers):
    voices = texts_of(sample_voices())[:40]
    scores = scorers.scores(voices)
    assert sum(min(one[place] for one in scores.values()) < 0.5 for place in range(40)) >= 38


@pytest.mark.skipif(not BRANDS.exists(), reason="the local archives are not there")
def test_foreign_voices_and_the_hard_pair_are_told_apart(others):
    """As evaluation does it: fitted on validation and contrast pieces, the AUC measured on pieces that it has not seen."""
    blog, author, health = ([text for text in texts_of(BRANDS / f"{name}.jsonl") if 60 <= len(text.split()) <= 350]
                            for name in ("carpentries_blog", "swcarpentry_gvwilson", "medlineplus_topics"))
    foreign = OnBrandScorer.fit(health[:30], others[:60]).auc_on(health[30:60], others[60:100])
    pair = OnBrandScorer.fit(blog[:40], author[:40]).auc_on(blog[40:80], author[40:80])
    axes = AxisScorers.fit(blog[:40], author[:40]).auc_on(blog[40:80], author[40:80])
    print(f"foreign {foreign}, hard pair {pair}, its axes {axes}")
    assert foreign.value >= 0.95 and pair.value >= 0.85
    assert all(axes[axis].value >= 0.85 for axis in ("cadence", "vocabulary", "tone"))
