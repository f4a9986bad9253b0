"""GET /v1/models, GET and DELETE /v1/models/{id}, and POST /v1/embeddings."""

from __future__ import annotations

import base64
import sys
from array import array
from datetime import datetime
from typing import Any

from fastapi import APIRouter

from ..steps.serving import MOST_INPUTS
from .auth import Admins, Reads, Serves, threaded
from .errors import ApiError, api_error, unknown_model
from .shapes import EmbeddingRequest

router = APIRouter(tags=["models"])


def seconds_of(moment: str) -> int:
    """Seconds since 1970 of a moment in ISO 8601; 0 for none."""
    return int(datetime.fromisoformat(moment).timestamp()) if moment else 0


@router.get("/v1/models")
async def models(caller: Reads) -> Any:
    """The bases, and the client's own versions."""
    listed = await threaded(caller.service.registry.listing, caller.client)
    return {"object": "list", "data": [{"id": one.name, "object": "model", "created": seconds_of(one.created), "owned_by": one.owner}
                                       for one in listed]}


@router.get("/v1/models/{id:path}")
async def model(id: str, caller: Reads) -> Any:
    """One model."""
    found = await threaded(caller.service.registry.find, caller.client, id)
    if found is None:
        raise unknown_model(id)
    owner = "adtune" if found.kind == "base" else caller.client
    return {"id": id, "object": "model", "created": seconds_of(found.created), "owned_by": owner}


@router.delete("/v1/models/{id:path}")
async def delete(id: str, caller: Admins) -> Any:
    """Take a version out of service, for good; a live one first has to be replaced."""
    found = await threaded(caller.service.registry.find, caller.client, id)
    if found is None or found.kind == "base":
        raise unknown_model(id)
    from ..steps.ladder import withdraw

    try:
        await threaded(withdraw, caller.service.ws, caller.client, found.id, f"key {caller.key.id}")
    except Exception as error:
        raise api_error(error) from error
    return {"id": id, "object": "model", "deleted": True}


@router.post("/v1/embeddings")
async def embeddings(body: EmbeddingRequest, caller: Serves) -> Any:
    """The mean of the base's last hidden states over each text, as a unit vector; base64 by default, as the SDK asks for it."""
    given = body.input
    inputs: list[Any] = [given] if isinstance(given, str) else [list(given)] if given and isinstance(given[0], int) else list(given)
    if not 0 < len(inputs) <= MOST_INPUTS or any(not one for one in inputs):
        raise ApiError(400, f"Invalid 'input': 1 to {MOST_INPUTS} texts, none of them empty.", "invalid_value", "input")
    try:
        target = await threaded(caller.service.target, caller.client, body.model, caller.request)
        if target.kind == "rules":
            raise unknown_model(body.model)  # no model runs for it
        vectors, read = await threaded(caller.service.embed, target, inputs)
    except Exception as error:
        raise api_error(error) from error
    if body.dimensions not in (None, len(vectors[0])):
        raise ApiError(400, f"This model has {len(vectors[0])} dimensions.", "invalid_value", "dimensions")
    packed = body.encoding_format == "base64"
    return {"object": "list", "model": body.model, "usage": {"prompt_tokens": read, "total_tokens": read},
            "data": [{"object": "embedding", "index": n, "embedding": _packed(one) if packed else one} for n, one in enumerate(vectors)]}


def _packed(vector: list[float]) -> str:
    """Little-endian float32 in base64."""
    values = array("f", vector)
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
