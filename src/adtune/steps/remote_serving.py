"""The same service over another token engine (`serve --engine URL`): briefs become ids here, as in training; tokens come from there.

A version is asked for by a name that holds its content's hash and never means anything else. Before an engine answers for a version, it is
asked for the next token at places of a known text: what it says is compared with what the base's own weights say (`engine_check`).
"""

from __future__ import annotations

import hmac
import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..serve.remote import GONE, EngineError, RemoteEngine
from .probe import Words, golden, words_of
from .serving import Begun, Listen, Messages, Service, Wanted, are_messages, read_turns

if TYPE_CHECKING:
    from ..engine.serving import TokenEvent
    from ..serve.registry import Target
    from ..settings import ServeSettings
    from ..workspace import Workspace

KEY = "ADTUNE_ENGINE_KEY"
PUBLISHED = "published"  # the workspace's folder from which the engine reads adapters
PEFT_FILES = ("adapter_config.json", "adapter_model.safetensors")
VLLM = "vllm"
ALIKE = 0.75             # share of the probe's places where the likeliest token must be the same


class RemoteService(Service):
    """A Service whose tokens are made by the engine at `settings.engine`. Raises InputError."""

    def __init__(self, ws: Workspace, settings: ServeSettings):
        super().__init__(ws, settings)
        if len(set(self.registry.bases.values())) != 1:
            raise InputError("--set bases", f"{len(set(self.registry.bases.values()))} bases", "the one base that the engine serves",
                             "Start a server for each engine.")
        if settings.engine_kind not in (VLLM, "openai"):
            raise InputError("--set engine_kind", f"'{settings.engine_kind}'", "vllm or openai", "Choose one of them.")
        self.remote = RemoteEngine(settings.engine, settings.engine_model, os.environ.get(KEY), settings.rows, settings.engine_seconds)
        self.engines = self.remote  # type: ignore[assignment]  # what /health and /metrics look at
        self._secret = secrets.token_bytes(32)
        self._checked: dict[str, tuple[int, Words]] = {}
        self._there: dict[str, int] = {}
        self._lock = Lock()

    def begin(self, target: Target, prompt: Messages | str | Sequence[int], wanted: Wanted, listen: Listen) -> Begun:
        """Start answering, as the own engine would. Raises AdtuneError."""
        if target.kind == "rules":
            return super().begin(target, prompt, wanted, listen)
        most = wanted.max_tokens if wanted.max_tokens is not None else self.settings.max_tokens
        path, asked, known = "/completions", {"prompt": prompt}, 0
        weights = f"{self.remote.url} {self.remote.model}"
        body: dict[str, Any] = {"model": self.remote.model, "temperature": wanted.temperature, "top_p": wanted.top_p}
        if target.kind == "base" and are_messages(prompt):
            path, asked = "/chat/completions", {"messages": [{"role": role, "content": text} for role, text in read_turns(prompt)]}
        elif target.kind != "base":
            words = self._words(target)
            ids = self._ids(target, words, prompt, most)  # type: ignore[arg-type]  # of a base it needs the renderer and the context
            most, known, weights = self._room(words, ids, most), len(ids), words.hash
            asked = {"prompt": ids}
            if target.kind == "adapter":
                body["model"] = self._published(target)
                listen = partial(self._heard, body["model"], listen)
            body |= {"stop_token_ids": list(words.ends)} if self.settings.engine_kind == VLLM else {}
        self.limits.spend(target.client)
        seed = secrets.randbelow(1 << 31) if wanted.seed is None else wanted.seed % (1 << 62)
        body |= {**asked, "max_tokens": most, **_wishes(wanted, path)}
        if self.settings.engine_kind == VLLM:
            body["cache_salt"] = hmac.new(self._secret, f"{target.client}\0{target.key}".encode(), "sha256").hexdigest()
        tickets: list[Any] = []
        try:
            for n in range(wanted.n):
                tickets.append(self.remote.ask(path, {**body, "seed": seed + n}, partial(listen, n), target.client, known))
        except BaseException:
            for ticket in tickets:
                ticket.cancel()
            raise
        said = {"prompt": prompt if isinstance(prompt, str) else None, "messages": list(prompt) if are_messages(prompt) else None}
        return Begun(target, tuple(tickets), seed, weights, tickets[0].words.__getitem__, said)

    def embed(self, target: Target, inputs: Sequence[str | Sequence[int]]) -> tuple[list[list[float]], int]:
        """(unit vectors, tokens read) of the engine's base. Raises InputError where it makes none, EngineError."""
        self.limits.spend(target.client)
        given = [one if isinstance(one, str) else list(one) for one in inputs]
        status, found = self.remote.call("POST", "/embeddings", {"model": self.remote.model, "input": given, "encoding_format": "float"})
        if status != 200:
            raise InputError("model", f"an engine that makes no embeddings (HTTP {status})", "a model of embeddings",
                             "Ask a server with its own engine.")
        try:
            vectors = [one["embedding"] for one in sorted(found["data"], key=lambda one: one["index"])]
            lengths = [math.sqrt(sum(x * x for x in one)) or 1.0 for one in vectors]
            read = int(found["usage"]["prompt_tokens"])
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError("embeddings of another form", "Check what serves at the engine's address.") from error
        self.limits.used(target.client, read)
        self.ws.keys.use(target.client, read, 0)
        return [[x / length for x in one] for one, length in zip(vectors, lengths, strict=True)], read

    def _base(self, target: Target) -> None:
        """The base is the engine's."""

    def _heard(self, name: str, listen: Listen, n: int, event: TokenEvent) -> None:
        """Pass an event on; an engine that forgot an adapter is told of it again when it is next asked for."""
        if isinstance(event.error, EngineError) and event.error.code == GONE:
            self._there.pop(name, None)
        listen(n, event)

    def _room(self, words: Words, ids: Sequence[int], most: int) -> int:
        """How many tokens may follow. Raises InputError where none may."""
        context = min(words.context, self.remote.context or words.context)
        if len(ids) >= context:
            raise InputError("prompt", f"{len(ids)} tokens", f"fewer than {context}, the base's context", "Shorten it.")
        return min(most, context - len(ids))

    def _words(self, target: Target) -> Words:
        """How a version's briefs become ids, once the engine has shown that it serves the base that the version was made on."""
        key = str(target.record["base_hash"])
        seen = self._checked.get(key)
        if seen is not None and seen[0] == self.remote.starts:
            return seen[1]  # without the lock, so that nobody waits for somebody else's first answer
        with self._lock:
            seen = self._checked.get(key)
            if seen is None or seen[0] != self.remote.starts:
                told = golden(self.ws, target.record)
                if self.settings.engine_check:
                    self._compare(told)
                seen = self._checked[key] = (self.remote.starts, words_of(target.record, told))
        return seen[1]

    def _compare(self, told: Mapping[str, Any]) -> None:
        """Raises EngineError where the engine's next tokens are not those of the base's weights."""
        prompts = [told["ids"][:place] for place in told["places"]]
        body = {"model": self.remote.model, "prompt": prompts, "max_tokens": 1, "temperature": 0, "logprobs": 1}
        status, found = self.remote.call("POST", "/completions", body)
        try:
            if status != 200:
                raise ValueError(f"HTTP {status}")
            choices = sorted(found["choices"], key=lambda one: one["index"])
            said = [(one["logprobs"]["tokens"][0], float(one["logprobs"]["token_logprobs"][0])) for one in choices]
            pairs = list(zip(said, zip(told["words"], told["logprobs"], strict=True), strict=True))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise EngineError("no log-probabilities to compare with the base's", "The operator looks at `engine_check`.", 503,
                              "model_unavailable") from error
        same = [abs(one[1] - own[1]) for one, own in pairs if one[0].strip() == own[0].strip()]  # engines differ in the blank before a word
        off = sum(same) / len(same) if same else math.inf
        if len(same) < ALIKE * len(pairs) or off > self.settings.engine_check:
            raise EngineError(f"another base: the likeliest token is the same at {len(same)} of {len(pairs)} places, its log-probability "
                              f"{off:.2f} off", "The operator serves the base that the version was made on.", 503, "model_unavailable")

    def _published(self, target: Target) -> str:
        """The immutable name under which the engine serves an adapter, put where it reads it. Raises EngineError."""
        if target.record.get("method") != "lora":
            raise EngineError(f"a version made by {target.record.get('method')}, which this engine cannot add to its base",
                              "The operator serves it with the own engine, or tunes a LoRA.", 503, "model_unavailable")
        name = published_name(target.key)
        if self._there.get(name) == self.remote.starts:
            return name
        with self._lock:
            if self._there.get(name) == self.remote.starts:
                return name
            assert target.folder is not None
            publish(self.ws.root / PUBLISHED, name, target.folder)
            if self.settings.engine_kind == VLLM:
                theirs = self.settings.engine_adapters or str((self.ws.root / PUBLISHED).absolute())
                status, said = self.remote.call("POST", "/load_lora_adapter", {"lora_name": name, "lora_path": f"{theirs}/{name}"})
                if status not in (200, 404, 405) and "already" not in str(said):  # 404: it finds adapters in the folder by itself
                    raise EngineError(f"an engine that does not load the adapter (HTTP {status})",
                                      "The operator looks at the engine's log.", 503, "model_unavailable")
            self._there[name] = self.remote.starts
            self.remote.loaded = len(self._there)
        return name


def published_name(key: str) -> str:
    """The name of a version at the engine: its content's hash."""
    return f"adtune-{key[:40]}"


def publish(root: Path, name: str, source: Path) -> Path:
    """Copy an adapter's two files to root/name, whole or not at all; what is there already never changes."""
    place = root / name
    if not place.is_dir():
        aside = root / f".{name}.{secrets.token_hex(4)}"
        try:
            aside.mkdir(parents=True)
            for file in PEFT_FILES:
                shutil.copyfile(source / file, aside / file)
            os.replace(aside, place)
        except OSError:
            if not place.is_dir():  # else another server published it in this moment
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return place


def _wishes(wanted: Wanted, path: str) -> dict[str, Any]:
    """What a caller said, in the words of either kind of completion."""
    out: dict[str, Any] = {"stop": list(wanted.stop)} if wanted.stop else {}
    if wanted.logprobs is not None and path == "/completions":
        out["logprobs"] = wanted.logprobs
    elif wanted.logprobs is not None:
        out |= {"logprobs": True, "top_logprobs": wanted.logprobs}
    if wanted.schema is not None:
        schema = {name: value for name, value in json.loads(wanted.schema).items() if name != "x-guidance"}
        out["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return out
