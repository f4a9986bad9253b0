"""A server of OpenAI's completions as vLLM is one: a real base, adapters loaded by name and path, streams; and ways to fail."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from adtune.engine.bases import load_base
from adtune.engine.serving import AdapterRef, TokenEngine, TokenRequest
from adtune.errors import AdtuneError


class FakeEngine:
    """`asked` holds what came: (path, headers, body). `fail` is one of "", status codes, hang, broken, rubbish, words; `pace` are seconds
    before each part of a stream."""

    def __init__(self, base: Path, name: str = "served"):
        self.base, self.name, self.fail = load_base(str(base)), name, ""
        self.asked, self.adapters, self.closed, self.open = [], {}, 0, []
        self.engine = TokenEngine(self.base, rows=4).start()
        self.pace = 0.0
        self.release = threading.Event()  # what hangs waits for it
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                engine.open.append(self.connection)

            def do_GET(self):
                engine.note(self, None)
                rows = [{"id": engine.name, "parent": None, "max_model_len": engine.base.context},
                        *({"id": one, "parent": engine.name} for one in engine.adapters)]
                self.say(200, {"object": "list", "data": rows})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                engine.note(self, body)
                if engine.fail and "completions" in self.path and body.get("stream") and self.failing():
                    return
                getattr(engine, self.path.rpartition("/")[2].replace("completions", "complete"))(self, body)

            def failing(self) -> bool:
                if engine.fail.isdigit():
                    return self.say(int(engine.fail), {"error": {"message": f"the engine said {engine.fail}"}}) or True
                if engine.fail == "hang":
                    return engine.release.wait(20) or True
                self.begin()
                if engine.fail == "broken":
                    self.part({"choices": [{"index": 0, "text": "Half"}]})
                    self.close_connection = True
                    return self.connection.close() or True
                self.part({"words": {"error": {"message": "a bug"}}, "rubbish": {"choices": 7}}[engine.fail])
                return self.wfile.write(b"0\r\n\r\n") or True

            def begin(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()

            def part(self, value):
                raw = f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()
                self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
                self.wfile.flush()

            def say(self, status, value):
                raw = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def note(self, handler, body):
        self.asked.append((handler.path.removeprefix("/v1"), {name.lower(): value for name, value in handler.headers.items()}, body))

    def bodies(self, path="/completions"):
        return [body for asked, _, body in self.asked if asked == path]

    def stop(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.engine.close()

    def load_lora_adapter(self, handler, body):
        self.adapters[body["lora_name"]] = Path(body["lora_path"])
        handler.say(200, "Success")

    def embeddings(self, handler, body):
        rows = [{"index": n, "embedding": [3.0, 4.0]} for n in range(len(body["input"]))]
        handler.say(200, {"data": rows, "usage": {"prompt_tokens": 5}})

    def complete(self, handler, body):
        known = {self.name: None, **self.adapters}
        if body["model"] not in known:
            return handler.say(404, {"error": {"message": "no such model"}})
        chat = "messages" in body
        turns = [(one["role"], one["content"]) for one in body.get("messages", ())]
        prompt = self.base.renderer.conversation(turns) if chat else body["prompt"]
        if prompt and isinstance(prompt[0], list):
            return handler.say(200, {"choices": [{"index": n, **self.one(ids, body)} for n, ids in enumerate(prompt)]})
        ids = [*self.base.renderer.start, *self.base.renderer.encode(prompt)] if isinstance(prompt, str) else prompt
        folder = known[body["model"]]
        most = (body.get("top_logprobs", 0) if body.get("logprobs") else None) if chat else body.get("logprobs")
        request = TokenRequest(tuple(ids), AdapterRef(body["model"], folder), body.get("cache_salt", ""), body["max_tokens"],
                               body["temperature"], body["top_p"], body["seed"], tuple(body.get("stop", ())), most)
        try:
            ticket = self.engine.submit(request)
        except AdtuneError as error:
            return handler.say(400, {"error": {"message": f"maximum context length: {error}"}})
        handler.begin()
        try:
            for event in ticket:
                time.sleep(self.pace)
                told = [self.told(one) for one in event.logprobs or ()]
                finish = {"finish_reason": event.finish_reason, "index": 0}
                if chat:
                    logprobs = {"content": [{"token": word, "logprob": value, "top_logprobs": [
                        {"token": each, "logprob": of} for each, of in top.items()]} for word, value, top in told]} if told else None
                    choice = {"delta": {"content": event.text}, "logprobs": logprobs, **finish}
                else:
                    logprobs = {"tokens": [one[0] for one in told], "token_logprobs": [one[1] for one in told],
                                "top_logprobs": [one[2] for one in told]} if told else None
                    choice = {"text": event.text, "logprobs": logprobs, **finish}
                handler.part({"choices": [choice]})
            usage = ticket.usage
            handler.part({"choices": [], "usage": {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}})
            handler.part("[DONE]")
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:  # the gateway has gone
            ticket.cancel()
            self.closed += 1
            handler.close_connection = True

    def told(self, one):
        def word(id):
            return self.base.tokenizer.decode([id])
        return word(one.id), one.logprob, {word(id): value for id, value in one.top}

    def one(self, ids, body):
        answer = self.engine.submit(TokenRequest(tuple(ids), AdapterRef("none", None), "", 1, logprobs=1)).result()
        word, value, _ = self.told(answer.logprobs[0])
        return {"text": answer.text, "logprobs": {"tokens": [word], "token_logprobs": [value]}}
