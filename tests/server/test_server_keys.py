"""Who gets in: the matrix of routes and keys, read off the routes; and that one client never reaches what is another's."""

import socket

import pytest
from starlette.testclient import TestClient

from adtune.serve.keys import DEFAULT_SCOPES, SCOPES
from adtune.server.app import guarded
from adtune.server.auth import scope_of
from adtune.server.guard import HEADERS
from adtune.server.run import check_address, is_loopback, listen
from adtune.steps.erasure import erase_client
from adtune.steps.keys import create_key, revoke_key, rotate_key
from adtune.workspace import Workspace
from adtune.workspace.ladder import ModelName

OPEN = {"/health", "/ready", "/metrics", "/openapi.json"}  # whoever adds a route without a key must say so here


def routes(app):
    """(method, path with ids filled in, scope) of every route."""
    found = []
    for route in (one for held in app.routes for one in (held.original_router.routes if hasattr(held, "original_router") else [held])):
        scope = scope_of(route) if hasattr(route, "dependant") else None
        form = route.path.replace("{what}", "cancel")
        path = form.replace("{id:path}", "x").replace("{id}", "x")
        found += [(method, path, scope, form) for method in sorted(route.methods - {"HEAD"})]
    return found


def test_every_route_names_its_scope(app):
    assert {path for _, _, scope, path in routes(app) if scope is None} == OPEN
    assert {scope for _, _, scope, _ in routes(app) if scope} <= set(SCOPES) and len(routes(app)) >= 9


def test_a_new_key_tells_when_it_was_made(space):
    made = create_key(space.ws, "acme")
    again = rotate_key(space.ws, made["id"])
    assert made["created"] == space.ws.keys.require(made["id"]).created > "2020" and again["created"] >= made["created"]


def test_the_whole_matrix(app, http, space, key):
    """Every route x no key, a bad one, a revoked, an expired, another client's, and keys with each scope alone."""
    revoked = create_key(space.ws, "acme", list(SCOPES))
    revoke_key(space.ws, revoked["id"])
    expired = create_key(space.ws, "acme", list(SCOPES), {"days": 0.0})["key"]
    bad = {"none": None, "word": "Bearer x", "basic": "Basic abc", "revoked": f"Bearer {revoked['key']}", "expired": f"Bearer {expired}",
           "cut": f"Bearer {key('acme')[:-1]}", "empty": "Bearer "}
    cells = 0
    for method, path, scope, _ in routes(app):
        if scope is None:
            assert http.request(method, path).status_code == 200
            continue
        for name, value in bad.items():
            answer = http.request(method, path, headers={"Authorization": value} if value else {})
            assert answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key", (method, path, name)
            cells += 1
        for held in SCOPES:
            answer = http.request(method, path, headers={"Authorization": f"Bearer {key('empty', held)}"})
            allowed = held in (scope, "admin")
            assert (answer.status_code == 403) != allowed, (method, path, held, answer.text)
            assert answer.status_code != 401 and answer.status_code < 500, (method, path, held, answer.text)
            if not allowed:
                assert answer.json()["error"]["code"] == "insufficient_permissions"
            cells += 1
    assert cells == 12 * len([one for one in routes(app) if one[2]])


def test_no_id_of_a_client_s_opens_anything_for_another(app, http, key, space):
    """Ids of acme's on every route with an id, asked for by the other client with every scope: as if they were not there."""
    file = space.ws.uploads.add("acme", "a.jsonl", "fine-tune", [b"x"])
    job = space.ws.jobs.submit("acme", "fine_tune", {"model": "tiny", "training_file": file.id})
    named = ModelName("ft:tiny:acme:x:1", "acme", space.ids["acme"])
    space.ws.ladder.name(named)
    ids = [space.ids["acme"], space.ws.newest("report", "acme"), file.id, job.id, named.name]
    headers, probes = {"Authorization": f"Bearer {key('other', *SCOPES)}"}, 0

    def ask(method, path, id):
        return http.request(method, path.replace("{id:path}", id).replace("{id}", id), headers=headers)

    for method, _, scope, path in routes(app):
        if "{id" not in path or scope is None:
            continue
        gone = ask(method, path, "nothing")
        for id in ids:
            told = ask(method, path, id)
            assert told.status_code == gone.status_code == 404, (method, path, id, told.text)
            assert told.text.replace(id, "nothing") == gone.text
            assert ask(method, path, f"{id}/").status_code in (404, 405) and ask(method, path, f"./{id}%00").status_code == 404
            probes += 3
    assert probes >= 150 and space.ws.jobs.get(job.id).status == "queued" and space.ws.uploads.find(file.id, "acme")
    space.ws.jobs.ask(job.id, "cancel")
    space.ws.uploads.remove(file)


def test_headers_stand_on_every_answer(http, call):
    for answer in (http.get("/health"), http.get("/nowhere"), http.post("/v1/models"), http.get("/v1/models"),
                   call("acme", "GET", "/v1/models"), call("acme", "POST", "/v1/chat/completions", content=b"{"),
                   http.get("/health", headers={"Host": "evil.example"})):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS and answer.headers["x-request-id"]
        assert "server" not in answer.headers
    assert http.get("/health", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert http.get("/health", headers={"x-request-id": "a b\tc"}).headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(("host", "status"), [("localhost:8700", 200), ("127.0.0.1", 200), ("[::1]:8700", 200), ("evil.example", 421),
                                              ("localhost.evil.example", 421), ("", 421), ("localhost:8700@evil", 421), ("LOCALHOST", 200)])
def test_only_names_of_its_own_are_answered(http, host, status):
    assert http.get("/health", headers={"Host": host}).status_code == status


def test_a_body_too_large_is_refused(call, http):
    answer = call("acme", "POST", "/v1/chat/completions", content=b" " * 200_000)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "request_too_large"

    def drip():
        for _ in range(300):
            yield b" " * 1000

    assert call("acme", "POST", "/v1/chat/completions", content=drip()).status_code == 413


def test_nothing_is_read_of_a_caller_without_a_key(http):
    def never():
        raise AssertionError("a body was read")
        yield b""

    assert http.post("/v1/files", content=never(), headers={"Authorization": "Bearer x"}).status_code == 401


def test_unknown_paths_and_methods(call):
    assert call("acme", "GET", "/v1/nowhere").json()["error"]["code"] == "unknown_url"
    answer = call("acme", "PUT", "/v1/models")
    assert answer.status_code == 405 and answer.json()["error"]["code"] == "method_not_supported"


def test_a_revoked_key_stops_and_a_rotated_one_goes_on(http, space):
    old = create_key(space.ws, "acme")

    def status(key):
        return http.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status(old["key"]) == 200
    new = rotate_key(space.ws, old["id"])
    assert status(old["key"]) == status(new["key"]) == 200
    revoke_key(space.ws, old["id"])
    http.app.app.state.service.doorkeeper._seen.clear()  # half a second later
    assert status(old["key"]) == 401 and status(new["key"]) == 200


def test_an_erased_client_is_not_there_for_a_running_server(http, space, call):
    made = create_key(space.ws, "leaver", list(SCOPES))
    headers = {"Authorization": f"Bearer {made['key']}"}
    asked = {"model": "tiny", "prompt": [5], "max_tokens": 1}
    assert http.post("/v1/completions", json=asked, headers=headers).status_code == 200
    answer = erase_client(space.ws, "leaver", "Ann")
    assert answer["erased"]["rows"]["draft"] == answer["erased"]["rows"]["usage"] == 1 and answer["erased"]["passed"]
    http.app.app.state.service.doorkeeper._seen.clear()  # half a second later
    assert http.post("/v1/completions", json=asked, headers=headers).status_code == 401
    assert call("acme", "POST", "/v1/completions", json=asked).status_code == 200


def test_requests_a_minute_and_tokens_a_month(http, space):
    def ask(key):
        given = {"model": "tiny", "prompt": [5], "max_tokens": 1}
        return http.post("/v1/completions", json=given, headers={"Authorization": f"Bearer {key}"})

    slow = create_key(space.ws, "acme", ["serve"], {"per_minute": 2})["key"]
    assert [ask(slow).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(slow)
    assert refused.json()["error"]["code"] == "rate_limit_exceeded" and 1 <= int(refused.headers["retry-after"]) <= 30
    poor = create_key(space.ws, "poor", ["serve"], {"monthly_tokens": 3})["key"]
    assert [ask(poor).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(poor)
    assert refused.json()["error"]["type"] == "insufficient_quota" and refused.headers["x-should-retry"] == "false"
    assert ask(create_key(space.ws, "acme", ["serve"])["key"]).status_code == 200  # nobody else is held back


def test_others_may_call_only_where_there_is_a_key(tmp_path):
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org")))
    with Workspace.open(tmp_path / "ws") as ws:
        check_address(ws, "127.0.0.1")
        with pytest.raises(Exception, match="no API key"):
            check_address(ws, "0.0.0.0")
        made = create_key(ws, "acme")
        check_address(ws, "0.0.0.0")
        revoke_key(ws, made["id"])
        with pytest.raises(Exception, match="no API key"):
            check_address(ws, "0.0.0.0")


def test_the_log_and_the_metrics_hold_no_words_and_no_key(call, http, key, caplog):
    with caplog.at_level("INFO", "adtune.server"):
        call("acme", "POST", "/v1/chat/completions", json={"model": "live", "messages": [{"role": "user", "content": "canary-4711"}]})
        call("acme", "POST", "/v1/chat/completions", json={"model": "canary-4711", "messages": [{"role": "user", "content": "x"}]})
    told = caplog.text + http.get("/metrics").text
    assert "/v1/chat/completions" in told and "canary-4711" not in told
    assert key("acme") not in told and key("acme").split("_")[2] not in told
    assert "acme" not in http.get("/metrics").text


def test_a_bug_is_told_without_its_words(service, call, monkeypatch, key):
    monkeypatch.setattr(service.registry, "listing", lambda client: 1 / 0)
    with TestClient(guarded(service), base_url="http://localhost", raise_server_exceptions=False) as http:
        answer = http.get("/v1/models", headers={"Authorization": f"Bearer {key('acme')}"})
    assert answer.status_code == 500 and "division" not in answer.text and answer.json()["error"]["type"] == "server_error"


def test_the_usual_key_may_not_decide_what_is_live():
    assert "admin" not in DEFAULT_SCOPES


def test_an_answer_does_not_wait_for_the_caller_s_acknowledgement():
    """Headers and body are sent one after the other: with Nagle's algorithm the second waits 40 milliseconds for a delayed ACK."""
    bound = listen("127.0.0.1", 0)
    with bound, socket.create_connection(bound.getsockname()[:2]) as caller:
        taken, _ = bound.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) and caller.fileno() > 0
