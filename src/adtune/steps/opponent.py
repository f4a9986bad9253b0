"""An opponent from outside: any endpoint that speaks OpenAI's chat completions, asked for drafts behind the guide and nearest pieces.

Only text comes back, so it meets the other arms in the measures of drafts, never by loss. What leaves this machine is the guide, the
nearest training pieces and the briefs of some validation pieces. The key is read from the environment, sent to the one address that was
named, never over a plain connection to another machine, and no redirect is followed.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from ..records import Brief, Example

KEYS = ("ADTUNE_OPPONENT_KEY", "OPENAI_API_KEY")   # of the environment, the first that is set
NEAREST = 8               # pieces shown, as to the prompted base
RETRIES = 4               # after a 429, a 5xx or a broken connection
LONGEST_WAIT = 60.0       # seconds that a Retry-After is followed
ANSWER_BYTES = 4 << 20
LOCAL = {"localhost", "127.0.0.1", "::1"}
REFUSAL = re.compile(r"^\W*(?:i['’]?m sorry|i am sorry|sorry|i can(?:['’]?t|not)|i['’]?m (?:not able|unable)|as an ai\b)", re.I)
REFUSAL_WORDS = 60        # a longer text that begins so is a draft


@dataclass
class Spent:
    """What asking took: requests with retries, drafts that came back empty or refused, tokens as the endpoint counts them, seconds."""

    requests: int = 0
    retries: int = 0
    drafts: int = 0
    empty: int = 0
    refused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


class Opponent:
    """Drafts of one model at one endpoint. `ask` raises InputError where nothing can be had of it; `spent` counts."""

    def __init__(self, url: str, model: str, timeout: float = 60.0, sleep: Callable[[float], None] = time.sleep):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("--opponent", f"'{url[:80]}'", "an address such as https://api.example.com/v1",
                             "Name the base of the endpoint.")
        if not model:
            raise InputError("--model", "no model", "the name of the opponent's model", "Say which with --model M.")
        self.key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
        if self.key and parts.scheme == "http" and parts.hostname not in LOCAL:
            raise InputError("--opponent", f"a key for {parts.hostname} over plain http", "https", "Use https, or unset the key.")
        self.url = url.rstrip("/") + ("" if parts.path.rstrip("/").endswith("/chat/completions") else "/chat/completions")
        self.host, self.model, self.timeout, self.sleep = parts.hostname, model, timeout, sleep
        self.spent = Spent()
        self._dropped: set[str] = set()   # parameters that this model does not take
        self._opener = urllib.request.build_opener(_NoRedirect())

    def check(self) -> None:
        """One short request, so that an opponent that is down or refuses the key is known before anything is measured."""
        self._chat([{"role": "user", "content": "Say yes."}], 8, 0)

    def ask(self, briefs: Sequence[Brief], shown: tuple[str, Sequence[Example]], count: int, tokens: int) -> list[list[str]]:
        """`count` drafts to each brief behind the guide and the nearest of the pieces `shown`; an empty answer and a refusal are empty
        drafts."""
        from ..voice.prompt import nearest_examples

        guide, pieces = shown
        begun, found = time.monotonic(), []
        for number, (brief, near) in enumerate(zip(briefs, nearest_examples(briefs, pieces, NEAREST), strict=True)):
            messages = messages_of(brief, guide, near)
            found.append([self._draft(messages, tokens, 1000 * number + n) for n in range(count)])
        self.spent.seconds += time.monotonic() - begun
        return found

    def cost(self, prices: tuple[float | None, float | None]) -> float | None:
        """Cost of a draft at prices a million tokens in and out; None where a price or the endpoint's count is not known."""
        spent = self.spent
        if None in prices or not spent.drafts or not spent.output_tokens:
            return None
        return (spent.input_tokens * prices[0] + spent.output_tokens * prices[1]) / 1e6 / spent.drafts  # type: ignore[operator]

    def told(self) -> dict[str, Any]:
        """What the answer of `advise` holds of it; the key is no part."""
        return {"url": self.url, "model": self.model, **asdict(self.spent)}

    def _draft(self, messages: list[dict[str, str]], tokens: int, seed: int) -> str:
        answer = self._chat(messages, tokens, seed)
        self.spent.drafts += 1
        choice = next(iter(answer.get("choices") or ()), None)
        message = choice.get("message") if isinstance(choice, dict) else None
        text = message.get("content") if isinstance(message, dict) else None
        usage = answer.get("usage") if isinstance(answer.get("usage"), dict) else {}
        for name, key in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")):
            value = usage.get(key)
            setattr(self.spent, name, getattr(self.spent, name) + (value if isinstance(value, int) and value >= 0 else 0))
        text = text.strip() if isinstance(text, str) else ""
        refused = isinstance(choice, dict) and (choice.get("finish_reason") == "content_filter" or (message or {}).get("refusal"))
        if refused or (REFUSAL.match(text) and len(text.split()) <= REFUSAL_WORDS):
            self.spent.refused += 1
            return ""
        self.spent.empty += not text
        return text

    def _chat(self, messages: list[dict[str, str]], tokens: int, seed: int) -> Mapping[str, Any]:
        """One answer; waits and asks again where the endpoint is busy. Raises InputError where it will not answer."""
        given = {"max_tokens": tokens, "temperature": 0.7, "top_p": 0.95, "seed": seed}
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        why = ""
        for tried in range(RETRIES + 1):
            self.spent.requests += 1
            wait = 2.0 ** tried
            kept = {name: value for name, value in given.items() if name not in self._dropped}
            length = {} if "max_tokens" in kept else {"max_completion_tokens": tokens}
            body = {"model": self.model, "messages": messages, **kept, **length}
            try:
                request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)   # noqa: S310 - http or https, checked
                with self._opener.open(request, timeout=self.timeout) as response:
                    return _answer(response.read(ANSWER_BYTES + 1), self.host)
            except urllib.error.HTTPError as error:
                with error:
                    why = f"HTTP {error.code} {_said(error.read(4096))}".strip()
                if error.code in (401, 403):
                    raise self._refused(why, f"a key in ${KEYS[0]} that it takes", f"Set {KEYS[0]} to the endpoint's key.") from None
                if error.code == 400 and (unknown := {name for name in kept if name in why}):
                    self._dropped |= unknown
                    continue
                if error.code != 429 and error.code < 500:
                    raise self._refused(why, "an answer", "Check the address and the name of the model.") from None
                wait = _retry_after(error.headers.get("Retry-After"), wait)
            except (TimeoutError, urllib.error.URLError, HTTPException, OSError) as error:
                why = f"no answer in {self.timeout:g} seconds" if _timed_out(error) else f"no connection ({str(error)[:120]})"
            if tried < RETRIES:
                self.spent.retries += 1
                self.sleep(min(wait, LONGEST_WAIT))
        raise self._refused(f"{why}, {RETRIES + 1} times", "an answer", "Check that it runs, or leave --opponent out.")

    def _refused(self, found: str, expected: str, do: str) -> InputError:
        return InputError(f"--opponent {self.host}", found, expected, do)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it would carry the client's pieces, and the key, to where nobody named."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def messages_of(brief: Brief, guide: str, near: Sequence[Example]) -> list[dict[str, str]]:
    """The conversation that the opponent sees: guide, answered briefs, the brief."""
    from ..voice.prompt import brief_text

    system = "Write the piece that the brief asks for, in the house's own voice, as the examples do. Answer with the piece alone."
    messages = [{"role": "system", "content": f"{system}\n\n{guide}".strip()}]
    for example in near:
        messages += [{"role": "user", "content": brief_text(example.brief) or "…"}, {"role": "assistant", "content": example.text}]
    return [*messages, {"role": "user", "content": brief_text(brief)}]


def _answer(raw: bytes, host: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(raw) if len(raw) <= ANSWER_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("choices"), list):
        raise InputError(f"--opponent {host}", "an answer that is no chat completion", "JSON with `choices`",
                         "Name the base of an endpoint that speaks OpenAI's chat completions.")
    return found


def _said(raw: bytes) -> str:
    """What an error's body says, in few words."""
    try:
        error = json.loads(raw).get("error")
        text = error.get("message") if isinstance(error, dict) else error
    except (ValueError, AttributeError, RecursionError):
        text = None
    return " ".join(str(text).split())[:160] if text else ""


def _retry_after(header: str | None, usual: float) -> float:
    """Seconds of a Retry-After; a date, or rubbish, is answered with the usual wait."""
    try:
        seconds = float(header) if header else usual
    except ValueError:
        return usual
    return seconds if 0 <= seconds < float("inf") else usual


def _timed_out(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
