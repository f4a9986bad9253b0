"""/v1/adtune: versions and the ladder, drafts, the client's own log and usage, edits that come back and the minutes they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from ..records import Brief
from ..steps.returning import edits_back
from ..steps.serving import Wanted
from ..steps.tuning import STARTER_NOTE
from ..voice.prompt import brief_text
from .answering import Conversation
from .auth import Admins, Caller, Reads, Serves, Writes, threaded
from .errors import ApiError, api_error, missing, unknown_model
from .pages import After, Limit, page
from .shapes import Body

if TYPE_CHECKING:
    from ..serve.registry import Target

router = APIRouter(prefix="/v1/adtune", tags=["adtune"])
OtherMinutes = Annotated[float | None, Query(ge=0, le=100_000)]


async def done(work: Any, *words: Any) -> Any:
    """The result of blocking work. Raises ApiError."""
    try:
        return await threaded(work, *words)
    except Exception as error:
        raise api_error(error) from error


def who(name: str, caller: Caller) -> str:
    """The person and the key that said it. Raises ApiError for no name."""
    if not name.strip():
        raise ApiError(400, "Invalid value for 'by': say who answers for it.", "invalid_value", "by")
    return f"{name.strip()} (key {caller.key.id})"


def own(caller: Caller, id: str, *beginnings: str) -> str:
    """The id of a client's own artifact, which an `ft:` name may stand for. Raises ApiError, the same for what is another's."""
    named = caller.service.ws.ladder.named(caller.client, id)
    found = named.version if named else id
    if not found.startswith(beginnings or "") or caller.service.ws.owned(found, caller.client) is None:
        raise unknown_model(id)
    return found


async def scored(caller: Caller, target: Target, texts: list[str]) -> list[float | None]:
    """How like the voice of a version each text is, told away from the loop. Raises ApiError."""
    return await done(lambda: caller.service.checks(target).scores(texts))


class Live(Body):
    """Which version is to answer."""

    version: str = Field(max_length=200)
    by: str = Field(max_length=200)
    share: float | None = Field(None, gt=0, lt=1)
    reason: str | None = Field(None, max_length=2000)


class Back(Body):
    """Who goes back, and why."""

    by: str = Field(max_length=200)
    reason: str | None = Field(None, max_length=2000)


class Edit(Body):
    """One draft and what became of it; `draft` is its text, `draft_id` its id in the client's log."""

    final: str = Field(max_length=1_000_000)
    draft: str | None = Field(None, max_length=1_000_000)
    draft_id: str | None = Field(None, max_length=100)
    minutes: float | None = Field(None, ge=0)
    editor: str | None = Field(None, max_length=200)
    rounds: int | None = Field(None, ge=0)
    client_rounds: int | None = Field(None, ge=0)
    date: str | None = Field(None, max_length=40)
    brief: str | None = Field(None, max_length=100_000)


class Edits(Body):
    edits: list[Edit] = Field(min_length=1, max_length=1000)


class Wish(Body):
    """Whether the client may be learned from."""

    learn: bool


@router.get("/versions")
async def versions(caller: Reads) -> Any:
    """The client's versions, which one is live, and every step of the ladder."""
    from ..steps.ladder import versions as told

    return await done(told, caller.service.ws, caller.client)


@router.post("/live")
async def live(body: Live, caller: Admins) -> Any:
    """Make a version live, on passed gates; `passed` is false where a gate says no, and nothing has changed."""
    from ..steps.ladder import go_live

    id = await done(own, caller, body.version)
    return await done(go_live, caller.service.ws, id, who(body.by, caller), body.share, body.reason)


@router.post("/rollback")
async def back(body: Back, caller: Admins) -> Any:
    """Go back to the version that was live before."""
    from ..steps.ladder import rollback

    return await done(rollback, caller.service.ws, caller.client, who(body.by, caller), body.reason)


@router.get("/usage")
async def usage(caller: Reads) -> Any:
    """What the client used this month, and may use."""
    from ..steps.keys import used

    return {"client": caller.client, **await done(used, caller.service.ws, caller.client)}


@router.put("/wishes")
async def wishes(body: Wish, caller: Admins) -> Any:
    """Whether what comes back by this interface may be learned from."""
    allowed = await done(caller.service.ws.keys.allow, caller.client, {"learn": body.learn})
    return {"client": caller.client, "learn": allowed.learn}


class Asked(Body):
    """A brief, and how its drafts are sampled; what is left open is as `adtune draft` has it."""

    brief: str = Field(min_length=1, max_length=10_000)
    category: str | None = Field(None, max_length=200)
    format: str | None = Field(None, max_length=200)
    summary: str | None = Field(None, max_length=10_000)
    facts: list[str] = Field(default_factory=list, max_length=200)
    model: str = Field("live", max_length=200)
    n: int = Field(1, ge=1, le=16)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    seed: int | None = None


@router.post("/drafts")
async def write(request: Request, body: Asked, caller: Serves) -> Any:
    """Drafts for a brief, each with its on-brand score and the id under which it stands in the client's log."""
    if not body.brief.strip():
        raise ApiError(400, "Invalid value for 'brief': say what to write about.", "invalid_value", "brief")
    brief = Brief(body.brief.strip(), body.category, body.format, body.summary, tuple(body.facts))
    target = await done(caller.service.target, caller.client, body.model, caller.request)
    if target.kind == "base":
        raise unknown_model(body.model)
    heat, share = await done(caller.service.sampling, target, body.temperature, body.top_p)
    talk = Conversation(caller, body.model)
    await talk.begin([[{"role": "user", "content": brief_text(brief)}]], Wanted(body.max_tokens, heat, share, body.seed, n=body.n))
    await talk.whole(request)
    texts = [part.text.strip() for part in talk.parts]
    made = talk.begun[0].target
    told = [{"id": id, "text": text, "adapter": made.id, "on_brand": score, "effort": None}
            for id, text, score in zip(talk.logged, texts, await scored(caller, made, texts), strict=True)]
    return {"drafts": told, **({"note": STARTER_NOTE} if made.record.get("starter") else {})}


@router.get("/drafts")
async def drafts(caller: Reads, after: After = None, limit: Limit = 100) -> Any:
    """The client's own log: who was served what, the newest first."""
    return page((await done(caller.service.ws.drafts, caller.client))[::-1], after, limit)


@router.get("/drafts/{id}")
async def draft(id: str, caller: Reads) -> Any:
    """One entry of the client's log."""
    found = next((one for one in await done(caller.service.ws.drafts, caller.client) if one["id"] == id), None)
    if found is None:
        raise missing("draft", id)
    return found


@router.post("/edits")
async def edits(body: Edits, caller: Writes) -> Any:
    """What writers made of drafts: minutes are learned from them by `adtune rate`. Each row is kept or rejected with its reason."""
    return await done(edits_back, caller.service.ws, caller.client, [one.model_dump(exclude_none=True) for one in body.edits])


@router.get("/minutes")
async def minutes(caller: Reads, other_minutes: OtherMinutes = None) -> Any:
    """What the client's log of edits tells: minutes a piece of each arm, what is saved, and the change of throughput where
    `other_minutes`, the work on a piece beside editing, is told."""
    from ..steps.minutes import told

    return {"client": caller.client, **await done(told, caller.service.ws, caller.client, other_minutes)}


class Check(Body):
    """Texts to score against the client's voice."""

    texts: list[str] = Field(min_length=1, max_length=400)
    model: str = "live"


@router.post("/on_brand")
async def on_brand(body: Check, caller: Serves) -> Any:
    """How like the client's voice each text is: a probability, null where the version has too few pieces to tell by."""
    target = await done(caller.service.target, caller.client, body.model)
    if target.kind == "base":
        raise unknown_model(body.model)
    return {"model": body.model, "version": target.id, "on_brand": await scored(caller, target, body.texts)}
