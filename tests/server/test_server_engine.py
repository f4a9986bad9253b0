"""`serve --engine URL`: another server's tokens behind the same gateway, word for word the own engine's; and an engine that fails."""

import json
import threading
import time

import httpx2
import pytest
from fake_engine import FakeEngine
from made_server import make_base
from starlette.testclient import TestClient

from adtune.errors import InputError
from adtune.serve import remote
from adtune.server.app import guarded
from adtune.server.run import listen, server_of
from adtune.settings import ServeSettings
from adtune.steps.keys import create_key
from adtune.steps.remote_serving import KEY, PUBLISHED, RemoteService, published_name
from adtune.workspace import Workspace

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


@pytest.fixture(scope="module")
def engine(base):
    made = FakeEngine(base)
    yield made
    made.stop()


def settings_of(space, engine, **more):
    return ServeSettings(bases=f"tiny={space.base}", engine=engine.url, rows=4, queue=16, max_tokens=8, engine_seconds=1.0, **more)


@pytest.fixture(scope="module")
def far(space, engine):
    """(a caller, the service) of a gateway before the engine."""
    service = RemoteService(space.ws, settings_of(space, engine))
    with TestClient(guarded(service), base_url="http://localhost") as client:
        yield client, service
    service.close()


@pytest.fixture
def ask(far, key):
    def call(client, path, **body):
        return far[0].post(path, json=body, headers={"Authorization": f"Bearer {key(client)}"})

    return call


@pytest.fixture(autouse=True)
def well(engine):
    yield
    engine.fail = ""


def said(words="Spring in the valley", **more):
    return {"model": "live", "messages": [{"role": "user", "content": words}], "temperature": 0, **more}


def test_it_says_word_for_word_what_the_own_engine_says(ask, call, space, engine):
    for client, name in (("acme", "live"), ("acme", space.ids["second"]), ("other", space.ids["other"]), ("acme", "tiny")):
        own = call(client, "POST", CHAT, json=said(model=name, logprobs=True, top_logprobs=2)).json()
        theirs = ask(client, CHAT, **said(model=name, logprobs=True, top_logprobs=2)).json()
        assert theirs["choices"][0]["message"] == own["choices"][0]["message"] and theirs["usage"] == own["usage"]
        for one, other in zip(theirs["choices"][0]["logprobs"]["content"], own["choices"][0]["logprobs"]["content"], strict=True):
            assert one["token"] == other["token"] and one["logprob"] == pytest.approx(other["logprob"], abs=1e-4)
            assert len(one["top_logprobs"]) == 2
    text = {"model": space.ids["acme"], "prompt": "Spring", "temperature": 0, "max_tokens": 5}
    assert ask("acme", TEXT, **text).json()["choices"] == call("acme", "POST", TEXT, json=text).json()["choices"]
    lines = ask("acme", CHAT, **said(stream=True)).text.split("\n\n")
    told = "".join(json.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in lines if line.startswith("data: {"))
    assert told == call("acme", "POST", CHAT, json=said()).json()["choices"][0]["message"]["content"] and "data: [DONE]" in lines


def test_adapters_have_immutable_names_and_clients_a_salt_each(ask, space, engine):
    engine.asked.clear()
    for client, name in (("acme", space.ids["acme"]), ("acme", "tiny"), ("other", "tiny"), ("other", space.ids["other"])):
        assert ask(client, TEXT, model=name, prompt="Spring", max_tokens=1).status_code == 200
    bodies = [body for body in engine.bodies() if body.get("stream")]  # the engine may be probed meanwhile, which streams nothing
    assert len({body["cache_salt"] for body in bodies}) == 4 and all(len(body["cache_salt"]) == 64 for body in bodies)
    for body, version in ((bodies[0], space.ids["acme"]), (bodies[3], space.ids["other"])):
        assert body["model"] == published_name(space.ws.record(version)["hash"]) and "acme" not in json.dumps(body)
        assert {path.name for path in (space.ws.root / PUBLISHED / body["model"]).iterdir()} == {"adapter_config.json",
                                                                                                "adapter_model.safetensors"}


def test_keys_limits_records_and_names_hold_as_with_the_own_engine(ask, space, engine, far):
    before, spent = len(space.ws.drafts("acme")), space.ws.keys.used("acme").tokens
    answer = ask("acme", CHAT, **said("Otters on the bank", n=2))
    log = space.ws.drafts("acme")[before:]
    assert [one["text"] for one in log] == [one["message"]["content"] for one in answer.json()["choices"]]
    assert {one["adapter"] for one in log} == {space.ids["acme"]} and log[0]["scores"]["request"] == answer.headers["x-request-id"]
    assert space.ws.keys.used("acme").tokens - spent == answer.json()["usage"]["total_tokens"]
    asked = len(engine.bodies())
    for name in (space.ids["other"], "nothing", "served", "adtune-x", published_name("0" * 64)):  # also the engine's own names
        assert ask("acme", CHAT, **said(model=name)).json()["error"]["code"] == "model_not_found"
    assert ask("acme", CHAT, **said("word " * 300)).json()["error"]["code"] == "context_length_exceeded"
    assert len(engine.bodies()) == asked
    poor = {"Authorization": f"Bearer {create_key(space.ws, 'thrifty', ['serve'], {'monthly_tokens': 0})['key']}"}
    spent = far[0].post(TEXT, json={"model": "tiny", "prompt": "Spring"}, headers=poor)
    assert spent.status_code == 429 and spent.json()["error"]["code"] == "insufficient_quota" and len(engine.bodies()) == asked
    assert ask("acme", TEXT, model="tiny", prompt="Spring " * 300).json()["error"]["code"] == "context_length_exceeded"  # its own words


def test_what_an_engine_cannot_add_to_its_base_is_told(ask, space):
    answer = ask("other", CHAT, **said(model=space.ids["prefix"]))
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "model_unavailable" and "prefix" in answer.text
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("case", [
    ("500", 502, "engine_error"), ("503", 503, "engine_error"), ("429", 429, "server_busy"), ("401", 502, "engine_error"),
    ("404", 503, "model_gone"), ("400", 400, "invalid_value"), ("broken", 502, "engine_error"), ("words", 502, "engine_error"),
    ("rubbish", 502, "engine_error"), ("hang", 503, "engine_timeout")])
def test_an_engine_that_fails_is_a_typed_error(ask, engine, case, far, monkeypatch):
    fail, status, code = case
    if fail == "hang":
        monkeypatch.setattr(far[1].remote._http, "timeout", httpx2.Timeout(0.1))
    engine.fail = fail
    answer = ask("acme", CHAT, **said())
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    streamed = ask("acme", CHAT, **said(stream=True))
    assert streamed.status_code == 200 and json.loads(streamed.text.rstrip().split("\n\n")[-1][6:])["error"]["code"] == code
    engine.fail = ""
    assert ask("acme", CHAT, **said()).status_code == 200 and far[1].limits.running == 0


def test_an_engine_that_forgot_an_adapter_is_told_of_it_again(ask, engine):
    assert ask("acme", CHAT, **said()).status_code == 200
    engine.adapters.clear()  # it was started anew between two looks
    answer = ask("acme", CHAT, **said())
    assert answer.json()["error"]["code"] == "model_gone" and answer.headers["retry-after"] == "1"  # upon which an SDK asks again
    assert ask("acme", CHAT, **said()).status_code == 200


def test_an_engine_that_is_away_and_comes_back(space, base, key, monkeypatch):
    monkeypatch.setattr(remote, "LOOK_SECONDS", 0.02)
    engine = FakeEngine(base)
    service = RemoteService(space.ws, settings_of(space, engine))
    with TestClient(guarded(service), base_url="http://localhost") as http:
        def ask():
            return http.post(CHAT, json=said(), headers={"Authorization": f"Bearer {key('acme')}"})

        assert ask().status_code == 200
        engine.stop()
        assert wait_for(lambda: not service.remote.stats()["alive"])
        answer = ask()
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "engine_unavailable" and answer.headers["retry-after"] == "2"
        assert http.get("/health").status_code == http.get("/ready").status_code == 503
        assert http.get("/v1/models", headers={"Authorization": f"Bearer {key('acme')}"}).status_code == 200
        back = FakeEngine(base)
        service.remote._http.base_url = back.url
        assert wait_for(lambda: service.remote.stats()["alive"]) and ask().status_code == 200
        assert back.bodies("/load_lora_adapter") and http.get("/ready").status_code == 200  # it was told of the adapter anew
        back.stop()
    service.close()


def test_another_base_answers_for_nobody(space, tmp_path_factory, key):
    import torch

    folder = make_base(tmp_path_factory.mktemp("wrong") / "tiny")
    engine = FakeEngine(folder)
    with torch.no_grad():
        for parameter in engine.base.model.parameters():
            parameter.mul_(1.5)
    service = RemoteService(space.ws, settings_of(space, engine))
    with TestClient(guarded(service), base_url="http://localhost") as http:
        answer = http.post(CHAT, json=said(), headers={"Authorization": f"Bearer {key('acme')}"})
    assert answer.status_code == 503 and "another base" in answer.json()["error"]["message"]
    service.close()
    engine.stop()


def wait_for(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


def test_a_caller_who_leaves_closes_the_connection_to_the_engine(space, engine, monkeypatch):
    monkeypatch.setattr(engine, "pace", 0.05)  # else the engine may be done before the caller has left
    bound = listen("127.0.0.1", 0)
    server, service = server_of(space.ws, settings_of(space, engine))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    headers = {"Authorization": f"Bearer {create_key(space.ws, 'acme')['key']}"}
    closed = engine.closed
    with httpx2.Client(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", headers=headers, timeout=30) as http:
        with http.stream("POST", TEXT, json={"model": "tiny", "prompt": "A", "max_tokens": 240, "stream": True}) as answer:
            next(answer.iter_lines())
        assert wait_for(lambda: engine.closed > closed)
        assert wait_for(lambda: service.limits.running == 0 and not service.remote.stats()["writing"])
    server.should_exit = True
    thread.join()
    service.close()
    bound.close()


def test_embeddings_come_from_the_engine(ask):
    body = ask("acme", "/v1/embeddings", model="tiny", input=["a", "b"]).json()
    assert [one["embedding"] for one in body["data"]] == [[0.6, 0.8], [0.6, 0.8]] and body["usage"]["prompt_tokens"] == 5


def test_what_no_server_starts_with(space, engine, monkeypatch, tmp_path):
    with Workspace.open(tmp_path / "ws") as ws:
        for change, told in (({"engine_model": "other"}, "a model of the engine: served"), ({"engine": "ftp://x"}, "an address"),
                             ({"bases": "tiny=a,small=b"}, "one base"), ({"engine_kind": "tgi"}, "vllm or openai")):
            with pytest.raises(InputError, match=told):
                RemoteService(ws, ServeSettings(**{"bases": "tiny=a", "engine": engine.url, **change}))
        monkeypatch.setenv(KEY, "k-1")
        with pytest.raises(InputError, match="over plain http"):
            RemoteService(ws, ServeSettings(engine="http://engine.example/v1"))
        RemoteService(ws, ServeSettings(bases="tiny=a", engine=engine.url)).close()
    assert any(headers.get("authorization") == "Bearer k-1" for _, headers, _ in engine.asked)
