"""A rule set as a version: live on advice, served and drafted with like an adapter, without a model."""

from dataclasses import asdict

import pytest

from adtune.errors import InputError
from adtune.records import Brief, Dataset, Example, Item, Source, canonical_json
from adtune.steps.drafting import draft
from adtune.steps.ladder import go_live_rules
from adtune.steps.versions import ruled_text

CHAT = "/v1/chat/completions"
PLACES = "Porto Ghent Turin Basel Lyon Bergen Malmo Gdansk Split Trieste Cork Bath".split()


def piece(n: int) -> Example:
    place, price = PLACES[n % 12], f"{10 + n} euros"
    text = (f"Our lamp from {place} is made by hand and costs {price}. Order it by phone until noon, and we send it the same day with a "
            "letter. If it is not what you wanted, send it back within a month and we return the whole amount.")
    return Example(Brief(f"Lamp from {place}", "product", None, None, (f"Place: {place}", f"Price: {price}")), text)


@pytest.fixture(scope="module")
def ruled(space):
    """A client whose pieces follow one template, with advice that says so."""
    ws, client = space.ws, "ruled"
    ws.ensure_client(client)
    items = tuple(Item(f"a{n}", "train" if n < 20 else "validation", f"c{n}", "product", piece(n), Source("p", n)) for n in range(24))
    dataset = Dataset.make(client, "", items, 24, {}, {})
    id = ws.publish("dataset", client, {"dataset.json": canonical_json(asdict(dataset)).encode()}, {"hash": dataset.hash})

    def advise(verdict):
        record = {"dataset": dataset.hash, "base": "starter", "base_hash": "0" * 64, "method": verdict, "reason": "", "settings": {}}
        ws.publish("plan", client, {"p": verdict.encode()}, record, [id])

    advise("lora")
    assert go_live_rules(ws, client, "Ann")["passed"] is False and ws.ladder.live(client) is None
    advise("rules")
    answer = go_live_rules(ws, client, "Ann")
    assert answer["kind"] == "rules" and answer["live"] == answer["version"]
    return answer["version"]


BRIEF = "# Lamp from Oslo\n[product]\n- Place: Oslo\n- Price: 99 euros"


def test_rules_answer_like_any_version(call, ruled, space):
    def ask(**more):
        return call("ruled", "POST", CHAT, json={"model": "live", "messages": [{"role": "user", "content": BRIEF}], **more})

    body = ask(n=2).json()
    text = body["choices"][0]["message"]["content"]
    assert "Oslo" in text and "99 euros" in text and "send it back within a month" in text
    assert body["choices"][1]["message"]["content"] == text and body["usage"]["total_tokens"] == 0
    assert text.split()[:4] == "Our lamp from Oslo".split() or "Oslo" in text[:60]
    streamed = ask(stream=True)
    assert "Oslo" in streamed.text and streamed.text.rstrip().endswith("data: [DONE]")
    assert call("ruled", "POST", "/v1/completions", json={"model": ruled, "prompt": BRIEF}).json()["choices"][0]["text"] == text
    log = space.ws.drafts("ruled")
    assert len(log) >= 4 and {one["adapter"] for one in log} == {ruled}
    said = {"n": 1, "category": "product"}
    assert draft(space.ws, "ruled", "Lamp from Oslo", said)["drafts"][0]["adapter"] == ruled
    assert [one["id"] for one in call("ruled", "GET", "/v1/models").json()["data"]] == ["tiny", "live", ruled]


@pytest.mark.parametrize(("change", "status"), [
    ({"messages": [{"role": "user", "content": "A poem"}]}, 400), ({"logprobs": True}, 400), ({"model": "nothing"}, 404),
    ({"response_format": {"type": "json_object"}}, 400)])
def test_where_no_rule_holds_nobody_answers(call, ruled, change, status):
    given = {"model": "live", "messages": [{"role": "user", "content": BRIEF}], **change}
    assert call("ruled", "POST", CHAT, json=given).status_code == status
    assert call("acme", "POST", CHAT, json={**given, "model": ruled}).json()["error"]["code"] in ("model_not_found",)
    assert call("ruled", "POST", "/v1/embeddings", json={"model": "live", "input": "a"}).status_code == 404


def test_a_brief_without_a_rule(space, ruled):
    with pytest.raises(InputError, match="a category that a rule was learned for"):
        ruled_text(space.ws, ruled, Brief("A poem", "poetry"))
