"""/v1/decisions: OpenAI's questions answered by the client's own checks, and refused where none can tell."""

from dataclasses import asdict

import pytest
from openai.types import Decision

from adtune.records import Brief, Dataset, Example, Item, Source, canonical_json

PLACES = "Porto Ghent Turin Basel Lyon Bergen Malmo Gdansk Split Trieste Cork Bath".split()
PATH = "/v1/decisions"


def piece(n: int) -> Example:
    place = PLACES[n % 12]
    text = (f"Hello, you. Our Glimmer-Lamp from {place} is here. We made it by hand, and we made it twice. Come and see it at Tallow "
            f"House!\n\nSit down. Switch it on. You will see why we took {10 + n} days for it, and why we would take them again.")
    return Example(Brief(f"Lamp from {place}", "product", "post", None, (f"Place: {place}", f"Days: {10 + n}")), text)


@pytest.fixture(scope="module")
def version(space):
    """A version of a client whose pieces share voice, format and terms."""
    ws = space.ws
    ws.ensure_client("tallow")
    items = tuple(Item(f"a{n}", "train" if n < 24 else "validation", f"c{n}", "product", piece(n), Source("p", n)) for n in range(36))
    dataset = Dataset.make("tallow", "Don't: leverage", items, 36, {}, {})
    held = ws.publish("dataset", "tallow", {"dataset.json": canonical_json(asdict(dataset)).encode()}, {"hash": dataset.hash})
    return ws.publish("adapter", "tallow", {"a": b"1"}, {"base": str(space.base), "dataset": held, "method": "lora"}, [held])


@pytest.fixture
def decide(http, key, version):
    def ask(text, *questions, brief=None, client="tallow", **more):
        given = text if brief is None else [{"role": "user", "content": brief}, {"role": "assistant", "content": text}]
        body = {"model": version, "input": given, "questions": list(questions), **more}
        return http.post(PATH, json=body, headers={"Authorization": f"Bearer {key(client, 'read')}"})

    return ask


def predicates(*names):
    return [{"type": "predicate", "name": name, "instructions": "Is it so?"} for name in names]


BRIEF = "# Lamp from Oslo\n[product] [post]\n- Place: Oslo\n- Days: 44"
GOOD = piece(0).text.replace("Porto", "Oslo").replace("10 days", "44 days")
BAD = ("Leverage the glimmer lamp, a best-in-class lighting solution which 93 percent of customers in Helsinki prefer, according to "
       "Doctor Almqvist, and which stakeholders can monetise across all verticals going forward.")


def test_the_client_s_own_checks_answer(decide):
    names = ("on_brand", "format", "terms", "claims")
    good, bad = (decide(text, *predicates(*names), brief=BRIEF).json() for text in (GOOD, BAD))
    assert [one["name"] for one in good["answers"]] == list(names) and all(one["type"] == "predicate" for one in good["answers"])
    chances = [[one["probability"] for one in found["answers"]] for found in (good, bad)]
    assert chances[0][0] > 0.5 > chances[1][0] and chances[0][1:] == [1.0] * 3 and chances[1][1:] == [0.0] * 3
    found = {name: bad["checks"][name]["found"] for name in names}
    assert {one["said"] for one in found["terms"]} >= {"Leverage"} and found["format"]
    assert any("Helsinki" in one["said"] for one in found["claims"])
    assert all(BAD[one["start"]:one["end"]] == one["said"] for one in (*found["claims"], *found["terms"]))
    assert good["usage"]["total_tokens"] == 0 and good["checks"]["claims"]["found"] == []


def test_the_sdk_reads_the_answers(decide, version):
    levels = {"type": "score", "name": "on_brand", "instructions": "How much?", "levels": [{"label": x} for x in ("no", "so", "yes")]}
    truth = {"type": "choice", "name": "terms", "instructions": "?", "choices": [{"value": True}, {"value": False}]}
    best = {"type": "choice", "name": "on_brand", "instructions": "?", "choices": [{"value": BAD}, {"value": GOOD}]}
    answer = decide(GOOD, levels, truth, best, brief=BRIEF)
    read = Decision.model_validate(answer.json())
    score, choice, chosen = read.answers
    assert score.score > 1 and sum(one.probability for one in score.probabilities) == pytest.approx(1) and len(score.probabilities) == 3
    assert choice.choice is True and choice.confidence == 1.0 and chosen.choice == GOOD and chosen.confidence > 0.5
    assert read.model == version


def test_what_no_check_can_tell_is_refused(decide):
    odd = {"type": "choice", "name": "format", "instructions": "?", "choices": [{"value": "red"}, {"value": "blue"}]}
    answer = decide(GOOD, *predicates("claims", "beauty"), {"type": "predicate", "instructions": "Is it true?"}, odd).json()
    assert [one["type"] for one in answer["answers"]] == ["refusal"] * 4 and "no brief" in answer["checks"]["claims"]["reason"]
    assert decide("", *predicates("on_brand")).json()["answers"][0]["probability"] == 0.0


@pytest.mark.parametrize(("change", "status", "param"), [
    ({"questions": []}, 400, "questions"), ({"questions": [{"type": "riddle"}]}, 400, "questions.0"), ({"model": "tiny"}, 404, "model"),
    ({"model": "nothing"}, 404, "model"), ({"input": [{"role": "user", "content": "x"}]}, 400, "input"), ({"input": 3}, 400, None),
    ({"wings": 2}, 400, "wings"), ({"questions": [{"type": "score", "levels": [{"label": "one"}]}]}, 400, "questions.0.score.levels")])
def test_what_is_wrong_is_named(decide, change, status, param):
    answer = decide(GOOD, *predicates("terms"), **change)
    assert answer.status_code == status and param in (None, answer.json()["error"]["param"]), answer.text


def test_another_client_s_checks_are_not_there(decide, http):
    assert decide(GOOD, *predicates("terms"), client="acme").json()["error"]["code"] == "model_not_found"
    described = http.get("/openapi.json").json()["paths"][PATH]["post"]
    assert "DecisionRequest" in str(described["requestBody"]) and "Decision" in str(described["responses"]["200"])
