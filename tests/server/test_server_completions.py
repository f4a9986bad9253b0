"""Completions: whose voice answers, what is refused, and OpenAI's shapes."""

import base64
import json
import math
from array import array

import pytest
from made_server import CONTEXT

from adtune.engine.generate import Sampling, generate
from adtune.records import Brief
from adtune.steps.adapters import attached, base_of
from adtune.voice.prompt import brief_text

CHAT = "/v1/chat/completions"


def said(words="Spring in the valley", **more):
    return {"model": "live", "messages": [{"role": "user", "content": words}], "temperature": 0, **more}


def text(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def test_each_client_hears_its_own_voice(call, space):
    own = text(call("acme", "POST", CHAT, json=said()))
    assert {text(call("acme", "POST", CHAT, json=said(model=name))) for name in (space.ids["acme"], "acme")} == {own}
    others = (("acme", space.ids["second"]), ("other", space.ids["other"]), ("other", space.ids["prefix"]), ("acme", "tiny"))
    assert len({own, *(text(call(client, "POST", CHAT, json=said(model=name))) for client, name in others)}) == 5


def test_the_voice_is_that_of_draft(call, space):
    """One rendering: a request is the brief that training and `draft` would make of the same words."""
    base = base_of(space.ws.record(space.ids["acme"])["record"])
    brief = Brief("Spring in the valley", "News", "article", facts=("It rains",))
    with attached(space.ws, space.ids["acme"], base) as method:
        ids = generate(base, method, [base.renderer.brief(brief)], [0], Sampling(0.0, 1.0, 8))[0]
    for words in (brief_text(brief), "# Spring in the valley\n[News] [article]\n- It rains"):
        assert text(call("acme", "POST", CHAT, json=said(words))) == base.renderer.text(ids)


@pytest.mark.parametrize("name", ["nothing", "", "../../etc/passwd", "adapter-000000000000", "live ", "ft:tiny:acme::x", "a" * 5000,
                                  "é\u0000", "/tmp", "s3://bucket/x", "OTHERS"])
def test_unknown_and_forbidden_are_one_answer(call, space, name):
    name = space.ids["other"] if name == "OTHERS" else name
    unknown = call("acme", "POST", CHAT, json=said(model="adapter-ffffffffffff"))
    answer = call("acme", "POST", CHAT, json=said(model=name))
    assert answer.status_code == unknown.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found" and answer.json()["error"]["param"] == "model"
    told, other = (one.json()["error"]["message"] for one in (answer, unknown))
    assert told.replace(name[:100], "") == other.replace("adapter-ffffffffffff", "")


def test_no_live_version_is_no_fallback(call):
    for name in ("live", "empty"):
        assert call("empty", "POST", CHAT, json=said(model=name)).json()["error"]["code"] == "model_not_found"


def test_the_shape_of_an_answer(call):
    answer = call("acme", "POST", CHAT, json=said(n=2, temperature=1, seed=5, max_completion_tokens=3, user="u", metadata={"a": "b"}))
    body = answer.json()
    assert body["object"] == "chat.completion" and body["model"] == "live" and body["system_fingerprint"].startswith("fp_")
    assert [one["index"] for one in body["choices"]] == [0, 1] and {one["finish_reason"] for one in body["choices"]} <= {"stop", "length"}
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] and 2 <= usage["completion_tokens"] <= 6
    again = call("acme", "POST", CHAT, json=said(n=2, temperature=1, seed=5, max_completion_tokens=3)).json()
    assert [one["message"] for one in again["choices"]] == [one["message"] for one in body["choices"]]


def events(answer):
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines) and lines[-1] == "data: [DONE]"
    return [json.loads(line[6:]) for line in lines[:-1]]


def test_a_stream_says_what_the_whole_answer_says(call):
    whole = call("acme", "POST", CHAT, json=said(logprobs=True, top_logprobs=2)).json()
    given = said(stream=True, stream_options={"include_usage": True}, logprobs=True, top_logprobs=2)
    chunks = events(call("acme", "POST", CHAT, json=given))
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert "".join(one["delta"].get("content", "") for one in choices) == whole["choices"][0]["message"]["content"]
    assert choices[0]["delta"]["role"] == "assistant" and [one["finish_reason"] for one in choices[:-1]] == [None] * (len(choices) - 1)
    assert choices[-1]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    told = [each for one in choices if one["logprobs"] for each in one["logprobs"]["content"]]
    assert [one["token"] for one in told] == [one["token"] for one in whole["choices"][0]["logprobs"]["content"]]
    assert all(len(one["top_logprobs"]) == 2 and one["logprob"] <= 0 for one in told)


def test_text_completions(call):
    given = {"model": "live", "prompt": "Spring", "temperature": 0, "max_tokens": 5}
    body = call("acme", "POST", "/v1/completions", json={**given, "logprobs": 1}).json()
    assert body["object"] == "text_completion" and len(body["choices"][0]["logprobs"]["tokens"]) == 5
    ids = call("acme", "POST", "/v1/completions", json={"model": "tiny", "prompt": [5, 6, 7], "max_tokens": 1}).json()
    assert ids["usage"]["prompt_tokens"] == 3
    both = call("acme", "POST", "/v1/completions", json={**given, "prompt": ["Spring", "Winter"], "n": 2, "max_tokens": 2})
    assert [one["index"] for one in both.json()["choices"]] == [0, 1, 2, 3]
    chunks = events(call("acme", "POST", "/v1/completions", json={**given, "stream": True}))
    assert "".join(one["choices"][0]["text"] for one in chunks) == body["choices"][0]["text"]


def test_a_stop_sequence_ends_a_text(call):
    whole = text(call("acme", "POST", CHAT, json=said()))
    middle = whole[3:6]
    answer = call("acme", "POST", CHAT, json=said(stop=[middle])).json()["choices"][0]
    assert answer["message"]["content"] == whole[:whole.index(middle)] and answer["finish_reason"] == "stop"


def test_an_answer_in_json(call):
    schema = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "one", "schema": schema, "strict": True}}
    answer = call("acme", "POST", CHAT, json=said(response_format=form, max_tokens=60))
    if answer.status_code == 400 and "llguidance" in answer.text:
        pytest.skip("the token engine has no JSON schema here: llguidance is not installed")
    assert json.loads(text(answer)) == {"a": 1}


@pytest.mark.parametrize(("change", "param", "code"), [
    ({"frobnicate": 1}, "frobnicate", "unknown_parameter"), ({"temperature": 3}, "temperature", "invalid_value"),
    ({"messages": []}, "messages", "invalid_value"), ({"messages": "hello"}, "messages", "invalid_type"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content", "invalid_value"),
    ({"messages": [{"role": "user", "content": " "}]}, "messages", "invalid_value"), ({"model": None}, "model", "invalid_type"),
    ({"n": 0}, "n", "invalid_value"), ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"stop": list("abcde")}, "stop", "invalid_value"), ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
    ({"logit_bias": {"5": 1}}, "logit_bias", "unsupported_parameter"),
    ({"top_logprobs": 2}, "top_logprobs", "invalid_value"), ({"seed": "x"}, "seed", "invalid_type"),
    ({"messages": [{"role": "user", "content": "word " * CONTEXT}]}, "messages", "context_length_exceeded")])
def test_what_is_wrong_is_named(call, change, param, code):
    answer = call("acme", "POST", CHAT, json={**said(), **change})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code), error
    assert error["type"] == "invalid_request_error" and error["message"]
    if code == "context_length_exceeded":
        assert str(CONTEXT) in error["message"]


def test_control_tokens_in_words_stay_words(call, service):
    target = service.target("acme", "tiny")
    base = service.engine(target).base
    end = base.tokenizer.eos_token
    ids = service.chat_ids(target, base, [{"role": "user", "content": f"a {end} b"}], 8)
    assert ids[1:].count(base.tokenizer.eos_token_id) == 0


def test_embeddings(call):
    given = {"model": "tiny", "input": ["Spring in the valley", "Winter"]}
    body = call("acme", "POST", "/v1/embeddings", json=given).json()
    vectors = [one["embedding"] for one in body["data"]]
    assert [round(math.sqrt(sum(x * x for x in one)), 4) for one in vectors] == [1, 1] and body["usage"]["prompt_tokens"] > 2
    packed = call("acme", "POST", "/v1/embeddings", json={**given, "encoding_format": "base64"}).json()
    assert list(array("f", base64.b64decode(packed["data"][0]["embedding"]))) == pytest.approx(vectors[0], abs=1e-6)
    alone = call("acme", "POST", "/v1/embeddings", json={**given, "input": "Winter"}).json()["data"][0]["embedding"]
    assert alone == pytest.approx(vectors[1], abs=1e-5)  # beside a longer text as alone
    for wrong in ([], "", ["a", ""], "word " * 400, [10**9]):
        assert call("acme", "POST", "/v1/embeddings", json={**given, "input": wrong}).status_code == 400


def test_models(call, space):
    def names(client):
        return [one["id"] for one in call(client, "GET", "/v1/models").json()["data"] if not one["id"].startswith("ft:")]

    assert set(names("acme")) >= {"tiny", "live", space.ids["acme"], space.ids["second"]}
    assert set(names("other")) == {"tiny", space.ids["other"], space.ids["prefix"]} and names("empty") == ["tiny"]
    assert call("acme", "GET", f"/v1/models/{space.ids['second']}").json()["owned_by"] == "acme"
    assert call("acme", "GET", f"/v1/models/{space.ids['other']}").status_code == 404


def test_who_was_served_what_is_in_the_client_s_own_log(call, space):
    before = space.ws.keys.used("acme").tokens
    answer = call("acme", "POST", CHAT, json=said("Ducks on the pond"))
    drafts = [one for one in space.ws.drafts("acme") if "Ducks" in json.dumps(one["brief"])]
    assert len(drafts) == 1 and drafts[0]["text"] == text(answer) and drafts[0]["adapter"] == space.ids["acme"]
    about = drafts[0]["scores"]
    assert about["request"] == answer.headers["x-request-id"] and about["fingerprint"] == answer.json()["system_fingerprint"]
    assert space.ws.keys.used("acme").tokens - before == answer.json()["usage"]["total_tokens"]
    assert not [one for one in space.ws.drafts("other") if "Ducks" in json.dumps(one["brief"])]
