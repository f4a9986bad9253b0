"""POST /v1/chat/completions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from ..steps.serving import Wanted
from .answering import Conversation, reason, streamed
from .auth import Serves
from .errors import ApiError
from .shapes import ChatRequest

if TYPE_CHECKING:
    from ..engine.serving import Logprob

router = APIRouter(tags=["completions"])
COMPACT = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}


def wanted(body: ChatRequest) -> Wanted:
    """How the caller wants it. Raises ApiError."""
    body.check_built()
    if body.top_logprobs is not None and not body.logprobs:
        raise ApiError(400, "'top_logprobs' asks for 'logprobs' to be true.", "invalid_value", "top_logprobs")
    schema = None
    if body.response_format is not None and body.response_format.type != "text":
        given = body.response_format.json_schema
        if body.response_format.type == "json_schema" and (given is None or given.schema_ is None):
            raise ApiError(400, "Missing required parameter: 'response_format.json_schema.schema'.", "missing_required_parameter",
                           "response_format")
        asked = given.schema_ if given is not None and body.response_format.type == "json_schema" else {"type": "object"}
        schema = json.dumps({**(asked or {}), **COMPACT})  # a schema is written without blanks that say nothing, as OpenAI writes it
    heat, share = (1.0 if value is None else value for value in (body.temperature, body.top_p))
    return Wanted(body.max_completion_tokens or body.max_tokens, heat, share, body.seed, body.stops(),
                  (body.top_logprobs or 0) if body.logprobs else None, schema, body.n or 1)


@router.post("/v1/chat/completions")
async def complete(request: Request, body: ChatRequest, caller: Serves) -> Any:
    """Answer a conversation."""
    asked = wanted(body)
    talk = Conversation(caller, body.model)
    await talk.begin([[message.model_dump() for message in body.messages]], asked)
    id = f"chatcmpl-{caller.request.removeprefix('req_')}"
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return streamed(talk, _chunks(talk, id, usage, asked.logprobs is not None))
    await talk.whole(request)
    choices = [{"index": n, "message": {"role": "assistant", "content": part.text, "refusal": None},
                "logprobs": _told(talk, part.logprobs) if asked.logprobs is not None else None, "finish_reason": reason(part.finish)}
               for n, part in enumerate(talk.parts)]
    return {"id": id, "object": "chat.completion", "created": talk.created, "model": body.model, "choices": choices, "usage": talk.usage(),
            "system_fingerprint": talk.fingerprint, "service_tier": "default"}


async def _chunks(talk: Conversation, id: str, usage: bool, logprobs: bool) -> AsyncIterator[dict[str, Any]]:
    base = {"id": id, "object": "chat.completion.chunk", "created": talk.created, "model": talk.model,
            "system_fingerprint": talk.fingerprint, **({"usage": None} if usage else {})}

    def chunk(place: int, delta: dict[str, Any], finish: str | None = None, told: Any = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": place, "delta": delta, "logprobs": told, "finish_reason": finish}]}

    for place in range(len(talk.parts)):
        yield chunk(place, {"role": "assistant", "content": "", "refusal": None})
    async for place, event in talk.events():
        told = _told(talk, event.logprobs or ()) if logprobs and event.logprobs else None
        if event.text or told:
            yield chunk(place, {"content": event.text}, None, told)
        if event.finish_reason is not None:
            yield chunk(place, {}, reason(event.finish_reason))
    if usage:
        yield {**base, "choices": [], "usage": talk.usage()}


def _told(talk: Conversation, logprobs: Sequence[Logprob]) -> dict[str, Any]:
    def one(id: int, value: float) -> dict[str, Any]:
        word = talk.word(id)
        return {"token": word, "logprob": max(value, -9999.0), "bytes": list(word.encode())}

    return {"content": [{**one(each.id, each.logprob), "top_logprobs": [one(*pair) for pair in each.top]} for each in logprobs],
            "refusal": None}
