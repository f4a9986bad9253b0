"""What breaks in the middle: an engine whose thread dies, a caller who takes nothing; and a second way of telling who calls."""

import asyncio
import json
import threading
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from adtune.serve import engines
from adtune.server import guard
from adtune.server.app import guarded
from adtune.settings import ServeSettings
from adtune.steps.serving import Service

CHAT = "/v1/chat/completions"


def said(**more):
    return {"model": "live", "messages": [{"role": "user", "content": "Spring"}], "temperature": 0, **more}


@pytest.fixture
def frail(space, monkeypatch):
    """(a service of its own, a way to kill the thread of its engine in its next step)."""
    monkeypatch.setattr(engines, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(threading, "excepthook", lambda told: None)  # a thread that dies is what this is about
    service = Service(space.ws, ServeSettings(bases=f"tiny={space.base}", rows=4, max_tokens=8))

    def kill():
        def end():
            raise SystemExit  # ends a thread without a word

        (engine,) = service.engines.all().values()
        engine._sweep = end
        engine._wake()
        return engine

    yield service, kill
    service.close()


@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_dies_is_told_and_started_again(frail, key, stream):
    service, kill = frail
    with TestClient(guarded(service), base_url="http://localhost") as http:
        def ask(**more):
            return http.post(CHAT, json=said(**more), headers={"Authorization": f"Bearer {key('acme')}"})

        own = ask().json()["choices"][0]["message"]["content"]
        (engine,) = service.engines.all().values()
        advance, died = engine._advance, threading.Event()

        def last():
            advance()
            died.set()
            kill()

        engine._advance = last
        answer = ask(stream=stream, max_tokens=100)
        assert died.is_set()
        if stream:
            error = json.loads(answer.text.rstrip().split("\n\n")[-1].removeprefix("data: "))["error"]
        else:
            error = answer.json()["error"]
            assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
        assert error["code"] == "engine_stopped"
        assert ask().json()["choices"][0]["message"]["content"] == own  # of the new engine, in the caller's own voice
        assert http.get("/health").status_code == 200 and list(service.engines.all().values()) != [engine]
        assert service.limits.running == 0


def test_while_an_engine_is_dead_the_server_says_so(frail, key, monkeypatch):
    service, kill = frail
    with TestClient(guarded(service), base_url="http://localhost") as http:
        assert http.post(CHAT, json=said(), headers={"Authorization": f"Bearer {key('acme')}"}).status_code == 200
        (place,) = service.engines._places.values()
        load, go = place.load, threading.Event()
        place.load = lambda: go.wait(20) and load()
        kill()._thread.join(20)
        assert http.get("/health").status_code == http.get("/ready").status_code == 503
        go.set()
        assert any(http.get("/ready").status_code == 200 for _ in range(20_000))


def test_a_caller_who_takes_nothing_is_cut_off(space, service, key, monkeypatch):
    monkeypatch.setattr(guard, "SEND_SECONDS", 0.05)
    body = json.dumps(said(stream=True, max_tokens=200, model="tiny")).encode()
    headers = {"host": "localhost", "authorization": f"Bearer {key('acme')}", "content-type": "application/json"}
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST", "path": CHAT,
             "raw_path": CHAT.encode(), "query_string": b"",
             "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
             "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1)}
    before = len(space.ws.drafts("acme"))

    async def call():
        given = iter([{"type": "http.request", "body": body, "more_body": False}])
        sent = []

        async def receive():
            for message in given:
                return message
            await asyncio.Event().wait()

        async def send(message):
            sent.append(message["type"])
            if len(sent) > 2:
                await asyncio.Event().wait()  # a window of 0 bytes

        await asyncio.wait_for(guarded(service)(scope, receive, send), 20)
        return sent

    assert asyncio.run(call())[0] == "http.response.start"
    assert service.limits.running == 0
    last = space.ws.drafts("acme")[before:]
    assert [one["scores"]["finish_reason"] for one in last] == ["cancelled"]  # its row was given up


@dataclass(frozen=True)
class SignedIn:
    """A person of a client's, as a session would tell."""

    id: str = "session:ann"
    client: str = "acme"
    scopes: tuple[str, ...] = ("read", "serve")
    per_minute: int | None = 2
    concurrent: int | None = None


def test_a_second_way_of_telling_who_calls(service, space, caplog):
    async def by_session(headers):
        return SignedIn() if headers.get("cookie") == "session=ann" else None

    with TestClient(guarded(service, identify=by_session), base_url="http://localhost", cookies={"session": "ann"}) as http:
        with caplog.at_level("INFO", "adtune.server"):
            answer = http.post(CHAT, json=said())
        assert answer.status_code == 200 and space.ws.drafts("acme")[-1]["scores"]["key"] == "session:ann"
        assert '"key": "session:ann", "client": "acme"' in caplog.text
        assert http.post("/v1/fine_tuning/jobs", json={}).status_code == 403
        statuses = [http.post(CHAT, json=said(model=space.ids["other"])).status_code for _ in range(2)]
        assert statuses == [404, 429]  # another client's is not there, and the session's own limit holds
    with TestClient(guarded(service, identify=by_session), base_url="http://localhost") as http:
        assert http.get("/v1/models").status_code == 401
