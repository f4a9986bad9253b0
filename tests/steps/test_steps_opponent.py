"""An opponent from outside, against a local server: what it is sent, what it may answer, and every way in which it fails."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adtune.errors import InputError
from adtune.records import Brief, Example
from adtune.steps.opponent import RETRIES, Opponent

PIECES = [Example(Brief(f"On {word}", "advice"), f"A piece about {word}.") for word in ("tea", "rain", "bread", "chalk")]
BRIEFS = [Brief("On tea and rain", "advice"), Brief("On bread", "advice")]


def said(text, **more):
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 100, "completion_tokens": 20}} | more, {}


@pytest.fixture
def endpoint():
    """A server that gives the answers of a list one after the other, the last one for ever, and keeps what it was asked."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            code, body, headers = answers.pop(0) if len(answers) > 1 else answers[0]
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(code)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", answers, asked
    server.shutdown()
    server.server_close()
    thread.join()


def opponent(url, waited=None, timeout=5.0):
    return Opponent(url, "large", timeout, (waited if waited is not None else []).append)


def test_it_is_shown_the_guide_the_nearest_pieces_and_the_brief(endpoint, monkeypatch):
    url, answers, asked = endpoint
    monkeypatch.setenv("ADTUNE_OPPONENT_KEY", "k-1")
    answers.append(said(" A draft. "))
    one = opponent(url)
    one.check()
    assert one.ask(BRIEFS, ("Be plain.", PIECES), 2, 64) == [["A draft."] * 2] * 2
    path, headers, body = asked[1]
    assert path == "/v1/chat/completions" and headers["Authorization"] == "Bearer k-1"
    assert (body["model"], body["max_tokens"]) == ("large", 64)
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["system", *["user", "assistant"] * 4, "user"] and body["messages"][0]["content"].endswith("Be plain.")
    assert "tea" in body["messages"][-3]["content"] and body["messages"][-1]["content"].startswith("# On tea and rain")
    assert len({request[2]["seed"] for request in asked[1:]}) == 4
    told = one.told()
    assert (told["drafts"], told["requests"], told["input_tokens"], told["output_tokens"]) == (4, 5, 400, 80)
    assert "k-1" not in json.dumps(told)
    assert one.cost((2.5, 10.0)) == pytest.approx((100 * 2.5 + 20 * 10) / 1e6) and one.cost((None, 10.0)) is None


def test_a_busy_endpoint_is_asked_again_when_it_says(endpoint):
    url, answers, asked = endpoint
    busy = {"error": {"message": "slow down"}}
    answers += [(429, busy, {"Retry-After": "7"}), (429, busy, {"Retry-After": "soon"}), (503, b"<html>", {}),
                (429, busy, {"Retry-After": "86400"}), said("At last.")]
    waited = []
    assert opponent(url, waited).ask(BRIEFS[:1], ("", PIECES), 1, 64) == [["At last."]]
    assert waited == [7.0, 2.0, 4.0, 60.0] and len(asked) == 5


def test_one_that_stays_busy_is_given_up(endpoint):
    url, answers, _ = endpoint
    answers.append((429, {"error": {"message": "quota exceeded"}}, {}))
    waited = []
    with pytest.raises(InputError, match="429 quota exceeded, 5 times"):
        opponent(url, waited).check()
    assert len(waited) == RETRIES


def test_empty_answers_and_refusals_are_empty_drafts_and_counted(endpoint):
    url, answers, _ = endpoint
    answers += [said(""), said("I'm sorry, but I can't help with that."), said(None),
                (200, {"choices": [{"message": {"content": "x", "refusal": "no"}}]}, {}),
                (200, {"choices": [{"message": {"content": "x"}, "finish_reason": "content_filter"}]}, {}), (200, {"choices": []}, {}),
                said("Sorry we are late. " + "The kettle was slow and the rain was not. " * 8)]
    one = opponent(url)
    (drafts,) = one.ask(BRIEFS[:1], ("", PIECES), 7, 64)
    assert drafts[:6] == [""] * 6 and drafts[6].startswith("Sorry we are late")
    assert (one.spent.empty, one.spent.refused, one.spent.drafts) == (3, 3, 7)


@pytest.mark.parametrize(("answer", "message"), [
    ((401, {"error": {"message": "bad key"}}, {}), "401 bad key"), ((404, {"error": "no such model"}, {}), "404 no such model"),
    ((200, b"<html>hello</html>", {}), "no chat completion"), ((200, {"object": "list"}, {}), "no chat completion"),
    ((200, b"[" * 100_000, {}), "no chat completion"), ((302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), "302")])
def test_an_endpoint_that_will_not_do_is_refused_at_once(endpoint, answer, message):
    url, answers, asked = endpoint
    answers.append(answer)
    with pytest.raises(InputError, match=message):
        opponent(url).check()
    assert len(asked) == 1


def test_parameters_that_a_model_does_not_take_are_left_out(endpoint):
    url, answers, asked = endpoint
    answers += [(400, {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."}}, {}),
                (400, {"error": {"message": "'temperature' does not support 0.7 with this model"}}, {}), said("Yes.")]
    opponent(url).check()
    assert "max_tokens" not in asked[2][2] and asked[2][2]["max_completion_tokens"] == 8 and "temperature" not in asked[2][2]


def test_one_that_is_down_or_too_slow_is_told_so(endpoint):
    with pytest.raises(InputError, match="no connection"):
        opponent("http://127.0.0.1:9/v1").check()
    silent = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self):
            silent.wait(5)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with pytest.raises(InputError, match=r"no answer in 0.05 seconds, 5 times"):
            opponent(f"http://127.0.0.1:{server.server_port}", timeout=0.05).check()
    finally:
        silent.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("url", "model", "message"), [
    ("ftp://example.com", "m", "ftp"), ("example.com/v1", "m", "example.com"), ("https://example.com", "", "no model"),
    ("http://example.com/v1", "m", "plain http")])
def test_addresses_that_cannot_be_are_refused_before_anything_is_sent(url, model, message, monkeypatch):
    monkeypatch.delenv("ADTUNE_OPPONENT_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "k-2")
    with pytest.raises(InputError, match=message):
        Opponent(url, model)
