"""Findings: every row of the table keeps the same terms, and each of its limits changes the status."""

from dataclasses import fields

import pytest
from made_facts import archive, base

from adtune.advise import FINDINGS, ArchiveFacts, Facts, Reason, archive_facts, findings
from adtune.advise.findings import OK, STATUSES, STOP, UNKNOWN, WARN
from adtune.records import Brief, Dataset, Example, Interval, Item, Source

NOTHING = Facts(ArchiveFacts(3, 9))
GOOD = Facts(archive(), base())
BAD = Facts(archive(11, dropped={"near_duplicate": 90}, read=101, categories={"": 9}, approvals={"": 9}, languages={"en": 4, "de": 5},
                    untitled=9, guide_words=0, regularity=0.9, current=False),
            base(training_tokens=10, lost_tokens=5, brief_tokens=900, guide_tokens=9000, fertility=5.0, archive_loss=9.0,
                 forgetting={"lora": 1.0}, problems={"prefix": "no cache"}), 40)


@pytest.mark.parametrize("check", FINDINGS)
@pytest.mark.parametrize("facts", [NOTHING, GOOD, BAD], ids=["nothing", "good", "bad"])
def test_every_check_keeps_the_terms(check, facts):
    status, message, recommendation = FINDINGS[check](facts)
    assert status in STATUSES
    assert message.endswith(".") or status == WARN and message
    assert "None" not in message + recommendation and "nan" not in message
    if status in (WARN, STOP):
        assert recommendation.endswith(".")


def test_findings_come_in_the_order_of_the_table():
    assert [one.check for one in findings(GOOD)] == list(FINDINGS)


def test_a_good_archive_is_told_so_and_an_unknown_one_is_not():
    silent = {"reasons", "repetition", "labels"}
    assert {one.check: one.status for one in findings(GOOD)} == {name: UNKNOWN if name in silent else OK for name in FINDINGS}
    assert {one.status for one in findings(NOTHING) if one.check != "pieces"} == {UNKNOWN}


def test_every_fact_that_can_be_missing_is_missed_without_a_fall():
    for one in fields(ArchiveFacts)[2:]:
        findings(Facts(archive(**{one.name: None}), base()))


@pytest.mark.parametrize(("check", "facts", "status"), [
    ("pieces", Facts(archive(9)), STOP), ("pieces", Facts(archive(49)), WARN), ("pieces", Facts(archive(50)), OK),
    ("dropped", Facts(archive(read=100, dropped={"too_short": 51})), WARN),
    ("near_duplicates", Facts(archive(read=100, dropped={"near_duplicate": 8, "exact_duplicate": 3})), WARN),
    ("near_duplicates", Facts(archive(read=100, dropped={"near_duplicate": 8})), OK),
    ("dataset", Facts(archive(current=False)), WARN), ("validation", Facts(archive(35)), WARN),
    ("categories", Facts(archive(categories={"a": 30, "b": 4})), WARN), ("categories", Facts(archive(categories={"": 30})), OK),
    ("languages", Facts(archive(languages={"en": 90, "de": 10})), WARN), ("languages", Facts(archive(languages={"": 10})), UNKNOWN),
    ("briefs", Facts(archive(briefs=(5, 12))), STOP), ("briefs", Facts(archive(briefs=(4, 12))), WARN),
    ("briefs", Facts(archive(briefs=None)), UNKNOWN), ("titles", Facts(archive(untitled=1)), WARN),
    ("regularity", Facts(archive(regularity=0.61)), WARN),
    ("guide", Facts(archive(guide_words=0)), WARN), ("tokens", Facts(archive(), base(training_tokens=9_999)), WARN),
    ("fertility", Facts(archive(), base(fertility=2.01)), WARN), ("fertility", Facts(archive(), base(fertility=2.0)), OK),
    ("long_pieces", Facts(archive(), base(lost_tokens=1)), STOP), ("long_briefs", Facts(archive(), base(brief_tokens=513)), WARN),
    ("prompt_room", Facts(archive(), base(context=1000)), WARN), ("distance", Facts(archive(), base(archive_loss=4.1)), WARN),
    ("forgetting", Facts(archive(), base(forgetting={"lora": 0.15})), WARN), ("forgetting", Facts(archive(), base(forgetting={})), UNKNOWN),
    ("rules", Facts(archive(rules=Interval(0.2, 0.1, 0.3), templates=2)), WARN), ("rules", Facts(archive(rules=None)), UNKNOWN),
    ("house", Facts(archive(voices=(40, 40))), STOP), ("house", Facts(archive(voices=None)), UNKNOWN),
    ("labels", Facts(archive(labels=Interval(0.9, 0.8, 1.0))), STOP), ("labels", Facts(archive(labels=Interval(0.8, 0.6, 0.9))), OK),
    ("arms", Facts(archive(), base(problems={"prefix": "no cache"})), WARN)])
def test_the_limits(check, facts, status):
    assert FINDINGS[check](facts)[0] == status


def test_what_was_not_trained_and_what_it_pays_for_is_told():
    assert "Not trained, as the verdict could not change: prefix tuning, LoRA, full fine-tuning." in FINDINGS["arms"](
        Facts(archive(), base(measured=("base", "prompt"))))[1]
    held, lost = Reason("a precise format", True, "Two rules."), Reason("many subtle conventions", False, "No habit.")
    assert FINDINGS["reasons"](Facts(archive(), base(), reasons=(lost, held)))[1] == "A precise format. Two rules."
    assert FINDINGS["reasons"](Facts(archive(), base(), reasons=(lost,)))[1] == "None of the three reasons holds. No habit."
    assert FINDINGS["reasons"](Facts(archive(), base(), reasons=(Reason("a precise format", None, "?"),)))[0] == UNKNOWN


@pytest.mark.parametrize(("habits", "rules", "status"), [(3, 1, WARN), (4, 1, OK), (3, 2, OK)])
def test_pieces_that_share_nothing_are_shown(habits, rules, status):
    found = (Reason("many subtle conventions", None, "?", {"habits_set_off": habits}),
             Reason("a precise format", False, "?", {"rules": rules}))
    assert FINDINGS["repetition"](Facts(archive(), base(), reasons=found))[0] == status


def item(n, split, text, title="A title", category="news"):
    return Item(f"asset{n}", split, f"cluster{n}", category, Example(Brief(title, category), text), Source("a.jsonl", n))


def test_facts_of_a_dataset_never_look_at_test_pieces():
    phrase = "the quick brown fox jumps over the lazy dog and runs home again"
    items = (item(1, "train", phrase), item(2, "train", "nothing alike stands here at all", category=None),
             item(3, "validation", f"{phrase} at night", title=None), item(4, "test", "x " * 40, title=None, category="secret"))
    found = archive_facts(Dataset.make("acme", "be plain", items, 6, {"too_short": 2}, {}), {"asset1": "en", "asset4": "de"}, True)
    assert (found.pieces, found.read, found.seen, found.untitled, found.guide_words) == (4, 6, 3, 1, 2)
    assert found.splits == {"train": 2, "validation": 1, "test": 1}
    assert found.categories == {"news": 2, "": 1} and found.languages == {"": 2, "en": 1}
    assert found.briefs is None
    told = archive_facts(Dataset.make("acme", "", items, 6, {}, {"briefs": "Spring \nAutumn\nSpring\n\nWinter"}), {}, True, ["Winter"])
    assert told.briefs == (1, 3)
    assert found.regularity == pytest.approx(6 / 8)  # of the validation piece's eight 8-grams, the two with its last words are new
