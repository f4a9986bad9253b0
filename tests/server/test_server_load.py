"""Under load: refusals that say when to come back, rows that are freed, and versions that change while they are asked."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from made_server import make_adapter, pass_gates

from adtune.engine.serving import TokenEngine
from adtune.server.run import listen, server_of
from adtune.settings import ServeSettings
from adtune.steps.keys import create_key
from adtune.steps.ladder import go_live

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def live(space):
    """A small server in a thread: two rows, four places in the queue."""
    bound = listen("127.0.0.1", 0)
    settings = ServeSettings(bases=f"tiny={space.base}", rows=2, queue=4, max_tokens=200, per_minute=100_000)
    server, service = server_of(space.ws, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    headers = {"Authorization": f"Bearer {create_key(space.ws, 'acme')['key']}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", headers=headers, timeout=60) as http:
        http.get("/v1/models")
        yield http, service
    server.should_exit = True
    thread.join()
    service.close()
    bound.close()


def said(**more):
    return {"model": "live", "messages": [{"role": "user", "content": "Spring"}], "temperature": 0, "max_tokens": 8, **more}


def wait_for(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def test_what_is_too_much_is_refused_at_once_and_says_when_to_come_back(live, monkeypatch):
    """The engine stands still until every refusal is there: none of them waits for a row that is written."""
    http, service = live
    assert http.post(CHAT, json=said()).status_code == 200
    goes, advance = threading.Event(), TokenEngine._advance

    def held(engine):
        assert goes.wait(60)
        advance(engine)

    monkeypatch.setattr(TokenEngine, "_advance", held)
    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(http.post, CHAT, json=said(max_tokens=60)) for _ in range(24)]
        wait_for(lambda: sum(one.done() for one in asked) >= 18)  # two rows and four places in the queue are taken
        refused = [one.result() for one in asked if one.done()]
        goes.set()
    assert len(refused) >= 18 and {answer.status_code for answer in refused} == {429}
    assert all(int(answer.headers["retry-after"]) >= 1 and answer.json()["error"]["code"] == "server_busy" for answer in refused)
    codes = [one.result().status_code for one in asked]
    assert codes.count(429) <= 20 and codes.count(200) == 24 - codes.count(429)  # one joined or none before the engine stood still
    assert wait_for(lambda: service.limits.running == 0)
    assert wait_for(lambda: not any(engine.stats()[name] for engine in service.engines.all().values() for name in ("writing", "waiting")))


def test_a_caller_who_leaves_frees_the_row(live):
    http, service = live

    def rows():
        return sum(engine.stats()["writing"] + engine.stats()["waiting"] for engine in service.engines.all().values())

    for _ in range(3):
        with http.stream("POST", CHAT, json=said(stream=True, max_tokens=200, model="tiny")) as answer:
            next(answer.iter_lines())
        assert wait_for(lambda: rows() == 0)
    assert wait_for(lambda: service.limits.running == 0)
    assert wait_for(lambda: any(one["scores"]["finish_reason"] == "cancelled" for one in service.ws.drafts("acme")))  # what was said
    assert http.post(CHAT, json=said()).status_code == 200


def test_each_answer_is_the_old_version_s_or_the_new_one_s(live, space):
    """The live version changes while 16 requests are under way: none is a mixture, and the fingerprint tells which it is."""
    http, _ = live
    new = make_adapter(space.ws, "acme", space.base, 9)
    pass_gates(space.ws, "acme", new)
    told = {}
    for name in (space.ids["acme"], new):
        answer = http.post(CHAT, json=said(model=name)).json()
        told[answer["system_fingerprint"]] = answer["choices"][0]["message"]["content"]
    assert len(set(told.values())) == 2

    def ask(n):
        if n == 6:
            go_live(space.ws, new, "Ann")
        return http.post(CHAT, json=said())

    with ThreadPoolExecutor(4) as pool:
        answers = [answer.json() for answer in pool.map(ask, range(16)) if answer.status_code == 200]
    assert len(answers) >= 14 and {one["system_fingerprint"] for one in answers} == set(told)
    assert all(one["choices"][0]["message"]["content"] == told[one["system_fingerprint"]] for one in answers)
    go_live(space.ws, space.ids["acme"], "Ann")


def test_a_canary_gets_its_share(live, space):
    http, _ = live
    new = make_adapter(space.ws, "acme", space.base, 10)
    pass_gates(space.ws, "acme", new)
    go_live(space.ws, new, "Ann", share=0.5)
    prints = [http.post(CHAT, json=said(max_tokens=1)).json()["system_fingerprint"] for _ in range(16)]
    assert len(set(prints)) == 2 and 2 <= prints.count(prints[0]) <= 14
    go_live(space.ws, space.ids["acme"], "Ann")
    assert len({http.post(CHAT, json=said(max_tokens=1)).json()["system_fingerprint"] for _ in range(4)}) == 1
