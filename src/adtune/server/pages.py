"""Lists by pages, as OpenAI's clients read them: `limit` entries after the one with the id `after`, and whether there are more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Header, Query

Limit = Annotated[int, Query(ge=1, le=10_000)]
After = Annotated[str | None, Query(max_length=200)]
IdempotencyKey = Annotated[str | None, Header(alias="idempotency-key", max_length=128)]  # whoever heard no answer asks again with it


def page(rows: Sequence[dict[str, Any]], after: str | None, limit: int) -> dict[str, Any]:
    """The page of `rows` behind `after`; an id that is not there begins at the first."""
    ids = [row["id"] for row in rows]
    first = ids.index(after) + 1 if after in ids else 0
    shown = list(rows[first:first + limit])
    return {"object": "list", "data": shown, "has_more": first + limit < len(rows), "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None}
