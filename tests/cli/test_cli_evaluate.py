"""`adtune evaluate` at the door: what people see of its figures, and the exit code of a failed gate."""

from __future__ import annotations

from adtune.evaluate import Material, measure
from adtune.settings import EvaluateSettings


def answer_with(limits: str = "") -> dict:
    """The object of an evaluation of which nothing was measured but two claims and what costs most."""
    result = measure(Material({}), EvaluateSettings(limits=limits))
    result["measures"]["claims"]["per_draft"] |= {"base": 2.5, "tuned": 0.25}
    result["on_brand"]["axes"]["tone"]["tuned"] = 0.625
    result["on_brand"]["costly"]["tuned"] = [{"axis": "tone", "sentence": "We are here.", "cost": 0.4, "told": "more we", "value": "3.1",
                                              "usual": ["0", "1.2"], "habit": "first_plural_per_100", "brief": 0}]
    result["forgetting"] |= {"worst_kind": "story", "worst_delta": 0.125, "worst_interval": [0.1, 0.15]}
    result["forgetting"]["probes"] |= {"probes": 8, "lost_share": 0.25}
    return {"adapter": "adapter-1", **result, "report": "/x/report.html", "report_id": "report-1"}


def test_people_see_arms_axes_claims_and_what_costs_most(adtune, fake_step):
    asked = []

    def evaluate(ws, client, adapter, options, progress):
        asked.append(options)
        return answer_with()

    fake_step("evaluation", evaluate)
    said = adtune("evaluate", "acme", "--probes", "kept.jsonl", "--set", "limits=a.b <= 1; c.d >= 2", "--set", "agency=North & Sons")
    assert said.code == 0 and {"probes": "kept.jsonl", "limits": "a.b <= 1; c.d >= 2", "agency": "North & Sons"}.items() <= asked[0].items()
    for part in ("on-brand, tone", "62.5", "claims without support", "0.25", "not measured", "story: 0.125 [0.1, 0.15]",
                 "25 % of those that the base answers (8 probes)".replace(" %", "\u00a0%"), "We are here.", "more we: 3.1 (0 to 1.2)"):
        assert part in said.out, part


def test_a_limit_of_the_client_s_that_is_not_kept_is_exit_code_2(adtune, fake_step):
    def evaluate(ws, client, adapter, options, progress):
        answer = answer_with("editing.effort_tuned <= 0.5")
        answer["gates"]["editing.effort_tuned"] |= {"passed": False, "value": 0.7}
        return answer

    fake_step("evaluation", evaluate)
    said = adtune("evaluate", "acme")
    assert said.code == 2 and "editing.effort_tuned" in said.out and "FAILED" in said.out
