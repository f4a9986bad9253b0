"""`adtune compare` at the door: its words, what people see, and what is refused."""

import pytest

ROW = {"a_less_b": -0.2, "a_less_b_interval": [-0.3, -0.1]}
ANSWER = {
    "a": "adapter-1", "b": "adapter-2", "pieces": 7, "briefs": 5, "by": "loss", "choice": "a", "reason": "loss, a less b: -0.2",
    "held_out": {"loss_a": 3.0, "loss_b": 3.2, **ROW}, "on_brand": {"a": 0.6, "b": 0.4, "a_less_b": 0.2, "a_less_b_interval": [-0.1, 0.5]},
    "editing": {"effort_a": 0.5, "effort_b": 0.6, **ROW}, "forgetting": {"delta_a": 0.1, "delta_b": 0.2, "a_less_b": None,
                                                                         "a_less_b_interval": None},
    "memorised": {"a": {"longest_run_words": 4}, "b": {"longest_run_words": 6}},
    "measures": {"format": {"kept": {"a": 0.9, "b": None, **ROW}}, "claims": {"drafts": {"a": 0.1, "b": 0.2, **ROW}}},
    "better": {"loss": "a", "on_brand": None, "effort": "a", "forgetting": None}, "report": "/x/report.html", "report_id": "comparison-1"}


def test_people_see_both_side_by_side_and_json_has_the_object(adtune, fake_step):
    asked = []

    def compare(ws, client, adapters, options, progress):
        asked.append((client, adapters, options))
        return ANSWER

    fake_step("comparison", compare)
    said = adtune("compare", "acme", "adapter-1", "adapter-2", "--by", "loss", "--set", "briefs=5")
    assert said.code == 0 and asked == [("acme", ("adapter-1", "adapter-2"), {"by": "loss", "general_text": None, "briefs": 5})]
    for part in ("adapter-1 is better by loss", "a: adapter-1", "-0.2 [-0.3, -0.1]", "not measured", "Next: adtune show adapter-1"):
        assert part in said.out, part
    assert adtune("compare", "acme", "adapter-1", "adapter-2", "--json").object == ANSWER


def test_no_difference_reads_as_such(adtune, fake_step):
    def compare(ws, client, adapters, options, progress):
        return ANSWER | {"choice": None, "reason": "the interval holds zero"}

    fake_step("comparison", compare)
    assert "Neither is shown to be better by loss" in adtune("compare", "acme", "x", "y").out


@pytest.mark.parametrize("words", [["acme"], ["acme", "adapter-1"], ["acme", "adapter-1", "adapter-2", "--by"]])
def test_missing_words_are_refused(adtune, words):
    assert adtune("compare", *words, "--json").code == 1
