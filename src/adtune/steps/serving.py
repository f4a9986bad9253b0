"""What a server does for a caller, without HTTP: a key becomes a client, a model name a version, messages become ids, ids an answer.

`Service` is where the registry, limits, token engines and the client's own log meet.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..records import Brief
from ..settings import ServeSettings
from .versions import profile_context, ruled_text

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.serving import Ticket, TokenEngine, TokenEvent
    from ..serve.registry import Target
    from ..workspace import Workspace
    from ..workspace.keys import Key
    from .brand_checks import BrandChecks

Messages = Sequence[Mapping[str, Any]]
MOST_INPUTS = 2048  # of one call for embeddings


@dataclass(frozen=True)
class Wanted:
    """How an answer is to be sampled; None of `max_tokens` is the server's own limit, of `seed` a seed by chance."""

    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    schema: str | None = None
    n: int = 1


@dataclass(frozen=True)
class Begun:
    """Answers under way: one ticket for each of `n`, and what they are made by."""

    target: Target
    tickets: tuple[Any, ...]    # each with its usage, and a way to cancel it
    seed: int
    weights: str | None = None  # the base's hash; None for a rule set, for which no model runs
    word: Callable[[int], str] = str  # the text of one token
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """What changes when an answer to the same request may change: base and version."""
        from ..records import hash_of

        return f"fp_{hash_of([self.weights, self.target.key])[:16]}"

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt, once, however many answers."""
        return int(self.tickets[0].usage.prompt_tokens)

    def cancel(self) -> None:
        for ticket in self.tickets:
            ticket.cancel()


class Ruled:
    """The ticket of an answer that was there at once, and took no tokens."""

    def __init__(self) -> None:
        from ..engine.serving import Usage

        self.usage = Usage(0)

    def cancel(self) -> None:
        """Nothing is under way."""


Listen = Callable[[int, "TokenEvent"], None]


class UnknownModel(InputError):
    """A name that stands for nothing, or for another client's: one answer for both."""

    def __init__(self, name: str):
        super().__init__("model", f"'{name[:100]}'", "a model that this key may use", "List them with GET /v1/models.")
        self.name = name


class Service:
    """One server's work over one workspace. Its methods block; the door calls them in threads."""

    def __init__(self, ws: Workspace, settings: ServeSettings):
        from ..serve.engines import Engines
        from ..serve.keys import Doorkeeper
        from ..serve.limits import Limits
        from ..serve.registry import Registry, read_bases
        from .brand_checks import Learned

        self.ws, self.settings = ws, settings
        self.doorkeeper, self.limits = Doorkeeper(ws.keys), Limits(ws.keys, settings)
        self.registry = Registry(ws, read_bases(settings.bases))
        self.engines = Engines(settings)
        self._systems: dict[str, tuple[str, ...]] = {}
        self._checks = Learned(ws)

    def target(self, client: str, name: str, lot: str = "") -> Target:
        """What a model name stands for. Raises UnknownModel."""
        found = self.registry.find(client, name, lot)
        if found is None:
            raise UnknownModel(name)
        return found

    def engine(self, target: Target) -> TokenEngine:
        """The token engine of a target's base, loaded where it is not in memory. Raises BaseModelError, BusyError."""
        from ..engine.bases import load_base
        from ..engine.devices import Form
        from .adapters import base_of, form_of

        if target.kind == "base":
            return self.engines.get(target.base, partial(load_base, target.base))
        record = dict(target.record)
        if record.get("method") == "full":
            return self.engines.get(target.key, partial(_whole, record, target))
        form = replace(form_of(record), fp32=False)
        shared = form == Form() and target.base in self.registry.bases.values()
        key = target.base if shared else f"{record['base_hash']}/{form.device}/{form.quantise}"
        return self._fitting(self.engines.get(key, partial(base_of, record, form)), record)

    def _fitting(self, engine: TokenEngine, record: Mapping[str, Any]) -> TokenEngine:
        """The engine, where its base is still the one that the version was made on. Raises BaseModelError."""
        from ..errors import BaseModelError

        if engine.base.hash != record["base_hash"]:
            raise BaseModelError(f"base {record['base']}", f"weights {engine.base.hash[:12]}…",
                                 f"weights {record['base_hash'][:12]}…, as the version was made on", "Put the base back, or tune again.")
        return engine

    def chat_ids(self, target: Target, base: Base, messages: Messages, room: int) -> list[int]:
        """The ids that a conversation becomes: for a base its turns, for a version the brief that they are, as in training.

        Raises InputError for messages that are no conversation.
        """
        turns = read_turns(messages)
        asked = None if target.kind == "base" else read_brief(turns)
        if asked is None:
            return base.renderer.conversation(turns)
        brief, system = asked
        return base.renderer.brief(brief, self._context(target, base, brief, system, room))

    def _context(self, target: Target, base: Base, brief: Brief, system: str | None, room: int) -> Any:
        """What stands before the brief: a profile's guide and examples, and a system message that was not learned."""
        from ..records import hash_of
        from ..voice.prompt import Context

        if system and hash_of(system) in self._learned(target):
            system = None  # every example of the training file had it: it is learned, and was not rendered there
        if target.kind != "profile":
            return Context(system or "")
        context = profile_context(self.ws, target.id, base, brief, room)
        return replace(context, guide="\n\n".join(part for part in (context.guide, system) if part))

    def _learned(self, target: Target) -> tuple[str, ...]:
        """Hashes of the system messages that the training file of a version had."""
        if target.id not in self._systems:
            dataset = self.ws.owned(str(target.record.get("dataset")), target.client)
            self._systems[target.id] = tuple(dataset["record"].get("systems") or ()) if dataset else ()
        return self._systems[target.id]

    def begin(self, target: Target, prompt: Messages | str | Sequence[int], wanted: Wanted, listen: Listen) -> Begun:
        """Start answering. `listen(n, event)` is called by the engine's thread for the n-th answer. Raises AdtuneError."""
        from ..engine.serving import AdapterRef, TokenRequest

        if target.kind == "rules":
            return self._ruled(target, prompt, wanted, listen)
        engine = self.engine(target)
        base = engine.base
        most = wanted.max_tokens if wanted.max_tokens is not None else self.settings.max_tokens
        ids = self._ids(target, base, prompt, most)
        self.limits.spend(target.client)
        whole = target.record.get("method") == "full"
        ref = AdapterRef(target.key, None if target.kind != "adapter" or whole else target.folder)
        seed = secrets.randbelow(1 << 31) if wanted.seed is None else wanted.seed % (1 << 62)
        request = TokenRequest(tuple(ids), ref, target.client, most, wanted.temperature, wanted.top_p, seed, wanted.stop, wanted.logprobs,
                               wanted.schema)
        tickets: list[Ticket] = []
        try:
            for n in range(wanted.n):
                tickets.append(engine.submit(replace(request, seed=seed + n), partial(listen, n)))
        except BaseException:
            for ticket in tickets:
                ticket.cancel()
            raise
        asked = {"prompt": prompt if isinstance(prompt, str) else None,
                 "messages": None if isinstance(prompt, str) or not are_messages(prompt) else list(prompt)}
        word = partial(base.tokenizer.decode, skip_special_tokens=False)
        return Begun(target, tuple(tickets), seed, base.hash, lambda id: word([id]), asked)

    def _ruled(self, target: Target, prompt: Messages | str | Sequence[int], wanted: Wanted, listen: Listen) -> Begun:
        """The answer of a rule set: one event, no tokens. Raises InputError where it has no rule for the brief."""
        from ..engine.serving import TokenEvent

        if wanted.logprobs is not None or wanted.schema is not None or not (isinstance(prompt, str) or are_messages(prompt)):
            raise InputError("model", "a rule set", "a model that writes tokens", "Leave logprobs, response_format and token ids out.")
        messages: Messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt  # type: ignore[assignment]
        asked = read_brief(read_turns(messages))
        if asked is None:
            raise InputError("messages", "no brief", "a request of a user at the end", "Say what to write about.")
        text = ruled_text(self.ws, target.id, asked[0])
        for n in range(wanted.n):
            listen(n, TokenEvent(text=text, finish_reason="stop"))
        return Begun(target, tuple(Ruled() for _ in range(wanted.n)), 0, asked={"prompt": None, "messages": list(messages)})

    def _ids(self, target: Target, base: Base, prompt: Messages | str | Sequence[int], most: int) -> list[int]:
        if isinstance(prompt, str):
            if target.kind == "profile":
                return self.chat_ids(target, base, [{"role": "user", "content": prompt}], most)
            return [*base.renderer.start, *base.renderer.encode(prompt)]
        if are_messages(prompt):
            return self.chat_ids(target, base, prompt, most)  # type: ignore[arg-type]
        return list(prompt)  # type: ignore[arg-type]

    def served(self, begun: Begun, key: Key, request: str, texts: Sequence[str], why: Sequence[str]) -> list[str]:
        """Note in the client's own log who was served what, and count the tokens; gives the entries' ids."""
        from ..workspace.logs import draft_row

        tokens = sum(ticket.usage.completion_tokens for ticket in begun.tickets)
        self.limits.used(begun.target.client, begun.prompt_tokens + tokens)
        version = None if begun.target.kind == "base" else begun.target.id
        rows = []
        for n, (text, reason) in enumerate(zip(texts, why, strict=True)):
            about = {"model": begun.target.id, "fingerprint": begun.fingerprint, "key": key.id, "request": request, "answer": n,
                     "seed": begun.seed + n, "finish_reason": reason, "prompt_tokens": begun.prompt_tokens,
                     "completion_tokens": begun.tickets[n].usage.completion_tokens}
            rows.append(draft_row(begun.target.client, version, begun.asked, text, about))
        self.ws.keys.use(begun.target.client, begun.prompt_tokens, tokens, rows)
        return [row["id"] for row in rows]

    def sampling(self, target: Target, temperature: float | None, top_p: float | None) -> tuple[float, float]:
        """Temperature and top_p of a draft by a version, as `adtune draft` has them where they are left open. Raises BaseModelError."""
        from ..engine.generate import sampling_for

        found = sampling_for(self._base(target) if target.kind == "profile" else None, temperature, top_p, 1)
        return found.temperature, found.top_p

    def _base(self, target: Target) -> Base | None:
        """The base whose own way of sampling holds; None where it is not here."""
        return self.engine(target).base

    def embed(self, target: Target, inputs: Sequence[str | Sequence[int]]) -> tuple[list[list[float]], int]:
        """(unit vectors, tokens read): the mean of the base's last hidden states over each input's tokens. Raises InputError."""
        from ..engine.hidden import mean_hidden

        base = self.engine(target).base
        self.limits.spend(target.client)
        rows = [[*base.renderer.start, *base.renderer.encode(one)] if isinstance(one, str) else list(one) for one in inputs]
        for n, row in enumerate(rows):
            if not row or len(row) > base.context:
                raise InputError(f"input {n}", f"{len(row)} tokens", f"1 to {base.context} tokens, the base's context", "Shorten it.")
            if not all(0 <= id < base.renderer.words for id in row):
                raise InputError(f"input {n}", "an id that is no token", f"ids below {base.renderer.words}", "Use the base's tokenizer.")
        read = sum(map(len, rows))
        self.limits.used(target.client, read)
        self.ws.keys.use(target.client, read, 0)
        return mean_hidden(base, rows), read

    def checks(self, target: Target) -> BrandChecks:
        """The checks of texts that a version's dataset teaches. Raises IntegrityError."""
        return self._checks.get(str(target.record["dataset"]))

    def close(self) -> None:
        self.engines.close()


def are_messages(prompt: Any) -> bool:
    """Whether a prompt is a conversation, not words or ids."""
    return bool(prompt) and isinstance(prompt[0], Mapping)


def _whole(record: Mapping[str, Any], target: Target) -> Base:
    """A fully tuned model, as a base of its own."""
    from ..engine.methods import attach_saved
    from .adapters import base_of

    base = base_of(dict(record))
    assert target.folder is not None
    attach_saved(base, target.folder)
    return base


def read_turns(messages: Messages) -> list[tuple[str, str]]:
    """(role, words) of each message. Raises InputError that names the one that is no turn of a conversation in words."""
    turns = []
    for n, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        role = {"developer": "system"}.get(role, role) if isinstance(role, str) else role
        if role not in ("system", "user", "assistant"):
            raise InputError(f"messages[{n}].role", f"'{str(role)[:40]}'", "system, developer, user or assistant", "Leave it out.")
        if isinstance(content, list):
            other = next((str(part.get("type"))[:40] if isinstance(part, Mapping) else "no object" for part in content
                          if not isinstance(part, Mapping) or part.get("type") != "text" or not isinstance(part.get("text"), str)), None)
            if other is not None:
                raise InputError(f"messages[{n}].content", f"a part of the type '{other}'", "text", "Send words only.")
            content = "\n\n".join(part["text"] for part in content)
        if not isinstance(content, str):
            raise InputError(f"messages[{n}].content", type(content).__name__, "words", "Send a string.")
        turns.append((role, content))
    if not any(words.strip() for role, words in turns if role == "user"):
        raise InputError("messages", "no words of a user", "a message with the role user", "Say what to write about.")
    return turns


def read_brief(turns: Sequence[tuple[str, str]]) -> tuple[Brief, str | None] | None:
    """(the brief that a conversation is, its system message), read as training data is; None where it is no brief."""
    from ..archive.turns import piece_of

    if turns[-1][0] != "user":
        return None
    said = [{"role": role, "content": words} for role, words in turns]
    try:
        fields, system = piece_of([*said, {"role": "assistant", "content": "."}])
    except ValueError:  # more said before than a brief holds
        return None
    fields.pop("text")
    return Brief(**{**fields, "facts": tuple(fields.get("facts") or ())}), system
