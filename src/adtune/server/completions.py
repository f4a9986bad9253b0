"""POST /v1/completions: a text goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from ..steps.serving import Wanted
from .answering import Conversation, reason, streamed
from .auth import Serves
from .errors import ApiError
from .shapes import CompletionRequest

if TYPE_CHECKING:
    from ..engine.serving import Logprob

router = APIRouter(tags=["completions"])
MOST_PROMPTS = 64


def prompts_of(body: CompletionRequest) -> list[str | list[int]]:
    """Each prompt in words or ids. Raises ApiError for none, and for an empty one in ids."""
    given = body.prompt
    if isinstance(given, str):
        return [given]
    found: list[str | list[int]] = [list(given)] if given and isinstance(given[0], int) else list(given)  # type: ignore[arg-type]
    if not found or len(found) > MOST_PROMPTS or any(one == [] for one in found):
        raise ApiError(400, f"Invalid 'prompt': 1 to {MOST_PROMPTS} prompts, none of them empty.", "invalid_value", "prompt")
    return found


@router.post("/v1/completions")
async def complete(request: Request, body: CompletionRequest, caller: Serves) -> Any:
    """Go on from a text."""
    body.check_built()
    if body.best_of not in (None, 1, body.n):
        raise ApiError(400, "Unsupported parameter: 'best_of' is not supported with this model.", "unsupported_parameter", "best_of")
    heat, share = (1.0 if value is None else value for value in (body.temperature, body.top_p))
    most = 16 if body.max_tokens is None else body.max_tokens  # as OpenAI has it
    asked = Wanted(most, heat, share, body.seed, body.stops(), body.logprobs, None, body.n or 1)
    talk = Conversation(caller, body.model)
    await talk.begin(prompts_of(body), asked)
    id = f"cmpl-{caller.request.removeprefix('req_')}"
    base = {"id": id, "object": "text_completion", "created": talk.created, "model": body.model, "system_fingerprint": talk.fingerprint}
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return streamed(talk, _chunks(talk, {**base, **({"usage": None} if usage else {})}, usage, asked.logprobs is not None))
    await talk.whole(request)
    choices = [{"index": n, "text": part.text, "logprobs": _told(talk, part.logprobs) if asked.logprobs is not None else None,
                "finish_reason": reason(part.finish)} for n, part in enumerate(talk.parts)]
    return {**base, "choices": choices, "usage": talk.usage()}


async def _chunks(talk: Conversation, base: dict[str, Any], usage: bool, logprobs: bool) -> AsyncIterator[dict[str, Any]]:
    async for place, event in talk.events():
        told = _told(talk, event.logprobs) if logprobs and event.logprobs else None
        if event.text or told or event.finish_reason is not None:
            choice = {"index": place, "text": event.text, "logprobs": told, "finish_reason": reason(event.finish_reason)}
            yield {**base, "choices": [choice]}
    if usage:
        yield {**base, "choices": [], "usage": talk.usage()}


def _told(talk: Conversation, logprobs: Sequence[Logprob]) -> dict[str, Any]:
    words, offset, places = [talk.word(one.id) for one in logprobs], 0, []
    for word in words:
        places.append(offset)
        offset += len(word)
    return {"tokens": words, "token_logprobs": [one.logprob for one in logprobs], "text_offset": places,
            "top_logprobs": [{talk.word(id): value for id, value in one.top} for one in logprobs]}
