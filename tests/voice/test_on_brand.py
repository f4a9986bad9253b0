"""The on-brand scorer: tells voices apart, not topics; calibrated, deterministic, and honest where it cannot measure."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from adtune.errors import TrainingError
from adtune.records import Interval
from adtune.voice.on_brand import OnBrandScorer, auc_interval

BRANDS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "brands"
MONEY = ["budget", "saving", "premium", "invoice", "deposit", "account"]  # the same lengths as GARDEN: words are masked, lengths are not
GARDEN = ["tomato", "carrot", "compost", "trellis", "rhubarb", "orchard"]
BRISK = ["You want a {0}. Good.", "Your {0} is not hard, and you can do it now.", "Take your {0} and your {1}. You are done!",
         "Do you need a {0}? You don't.", "It's your {1}, so you look at it twice."]
STIFF = ["It should be noted that the {0} may have been considered by those for whom a {1} was given; however, this remains uncertain.",
         "The {0}, which is generally seen as a form of {1}, has been made available to all of them.",
         "In such cases, and whenever the {1} is taken together with the {0}, further work will be needed by others."]


def written(voice: list[str], topic: list[str], seed: int, length: int = 130) -> str:
    chance = random.Random(seed)
    text: list[str] = []
    while len(" ".join(text).split()) < length:
        text.append(chance.choice(voice).format(*chance.sample(topic, 2)))
    return " ".join(text)


def pieces(voice: list[str], topic: list[str], start: int, count: int, length: int = 130) -> list[str]:
    return [written(voice, topic, seed, length) for seed in range(start, start + count)]


@pytest.fixture(scope="module")
def scorer() -> OnBrandScorer:
    return OnBrandScorer.fit(pieces(BRISK, MONEY, 0, 20), pieces(STIFF, GARDEN, 100, 20))


def test_voice_decides_where_topics_are_swapped(scorer):
    own, other = pieces(BRISK, GARDEN, 200, 15), pieces(STIFF, MONEY, 300, 15)
    assert scorer.auc.value > 0.95 and scorer.auc_on(own, other).value > 0.95
    assert scorer.rate(own) >= 0.9 and scorer.rate(other) <= 0.1
    assert all(0 <= score <= 1 for score in scorer.score(own + other))


def test_a_topic_alone_is_not_a_voice():
    found = OnBrandScorer.fit(pieces(BRISK, MONEY, 0, 30), pieces(BRISK, GARDEN, 100, 30))
    assert abs(found.auc.value - 0.5) < 0.2
    assert np.abs(np.asarray(found.score(pieces(BRISK, MONEY, 200, 10) + pieces(BRISK, GARDEN, 300, 10))) - 0.5).max() < 0.3


def test_length_does_not_decide(scorer):
    for length in (40, 60, 200, 400):
        assert scorer.rate(pieces(BRISK, GARDEN, 400, 8, length)) >= 0.8
        assert scorer.rate(pieces(STIFF, MONEY, 500, 8, length)) <= 0.2
    short_own = OnBrandScorer.fit(pieces(BRISK, MONEY, 0, 20, 60), pieces(STIFF, MONEY, 100, 20, 400))
    assert short_own.rate(pieces(BRISK, MONEY, 600, 8, 400)) >= 0.8
    assert short_own.rate(pieces(STIFF, MONEY, 700, 8, 60)) <= 0.2


def test_works_from_six_pieces_and_says_so_under_six():
    own, other = pieces(BRISK, MONEY, 0, 6), pieces(STIFF, MONEY, 100, 6)
    six = OnBrandScorer.fit(own, other)
    assert six.rate(pieces(BRISK, GARDEN, 200, 8)) >= 0.8 and six.auc.low < 0.8
    for few, many, name in ((own[:5], other, "5 own"), (own, other[:5], "5 contrast"), ([*own[:5], " \n"], other, "5 own")):
        with pytest.raises(TrainingError, match=f"{name} pieces.*not measured"):
            OnBrandScorer.fit(few, many)


def test_the_same_pieces_and_seed_give_the_same_scores(scorer):
    again = OnBrandScorer.fit(pieces(BRISK, MONEY, 0, 20), pieces(STIFF, GARDEN, 100, 20))
    texts = pieces(BRISK, GARDEN, 200, 5)
    assert again.score(texts) == scorer.score(texts) and again.auc == scorer.auc


def test_unbalanced_sides_keep_the_threshold_in_the_middle():
    found = OnBrandScorer.fit(pieces(BRISK, MONEY, 0, 8), pieces(STIFF, MONEY, 100, 60))
    assert found.rate(pieces(BRISK, GARDEN, 200, 10)) >= 0.8


def test_odd_texts_and_no_texts(scorer):
    assert scorer.score(["", "--- \n"]) == [0.0, 0.0]
    assert all(0 <= score <= 1 for score in scorer.score(["Hi", "你好 世界。", "word " * 2000]))
    assert scorer.score([]) == [] and scorer.rate([]) is None and scorer.auc_on([], ["a"]) == Interval(None)
    tiny = OnBrandScorer.fit(list("abcdef"), list("ghijkl"))
    assert 0 <= tiny.score(["a"])[0] <= 1


def test_other_languages_share_a_vocabulary_of_their_own():
    sie = ["Sie haben das {0} und Sie sehen es.", "Das {0} ist leicht. Nehmen Sie es!", "Haben Sie ein {1}? Es ist gut."]
    man = ["Es wird das {0} von der {1}, die man nicht sieht, und das ist so.", "Man nimmt das {0}, wenn es ist wie die {1} und das {0}."]
    found = OnBrandScorer.fit(pieces(sie, MONEY, 0, 15), pieces(man, GARDEN, 100, 15))
    assert found.auc_on(pieces(sie, GARDEN, 200, 10), pieces(man, MONEY, 300, 10)).value > 0.95
    kept = found._views._kept
    assert {"das", "ist"} <= kept and not kept & set(MONEY + GARDEN)


def test_explain_names_the_habits_that_pull(scorer):
    pulls = dict(scorer.explain(written(BRISK, MONEY, 900)))
    assert pulls["second_person_per_100"] > 0 > dict(scorer.explain(written(STIFF, MONEY, 901)))["second_person_per_100"]
    sizes = [abs(pull) for pull in pulls.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_auc_interval_stays_open_where_the_sample_is_parted():
    parted = auc_interval(np.arange(10.0, 20), np.arange(10.0))
    assert parted.value == 1 and 0.6 < parted.low < 0.95 and parted.high == 1
    mixed = auc_interval(np.array([1.0, 2, 2]), np.array([0.0, 2, 3]))
    assert mixed.value == pytest.approx((1 + 0 + 0 + 1 + 0.5 + 0 + 1 + 0.5 + 0) / 9) and 0 < mixed.low < mixed.value < mixed.high < 1
    more = auc_interval(np.tile([1.0, 2, 2], 30), np.tile([0.0, 2, 3], 30))
    assert more.value == mixed.value and more.high - more.low < mixed.high - mixed.low


def archive(name: str) -> list[str]:
    with (BRANDS / f"{name}.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    texts = [text for text in texts if 60 <= len(text.split()) <= 600]
    random.Random(1).shuffle(texts)
    return texts


@pytest.mark.skipif(not BRANDS.exists(), reason="the local archives are not there")
def test_the_hard_pair_of_archives():
    own, other = archive("carpentries_blog"), archive("swcarpentry_gvwilson")
    found = OnBrandScorer.fit(own[:60], other[:60])
    unseen = found.auc_on(own[60:120], other[60:120])
    print(f"hard pair: cross-fitted {found.auc}, unseen {unseen}")
    assert unseen.value >= 0.85 and abs(found.auc.value - unseen.value) < 0.1


@pytest.mark.skipif(not BRANDS.exists(), reason="the local archives are not there")
@pytest.mark.parametrize("name", ["medlineplus_topics", "based_cooking"])
def test_an_archive_against_the_others(name):
    names = ("based_cooking", "carpentries_blog", "medlineplus_topics", "sourcegraph_handbook", "swcarpentry_gvwilson")
    own, others = archive(name), [archive(other) for other in names if other != name]
    found = OnBrandScorer.fit(own[:60], [text for texts in others for text in texts[:30]])
    unseen = found.auc_on(own[60:120], [text for texts in others for text in texts[60:90]])
    print(f"{name}: cross-fitted {found.auc}, unseen {unseen}")
    assert unseen.value >= 0.95
