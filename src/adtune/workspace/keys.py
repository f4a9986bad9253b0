"""API keys as the workspace keeps them: an id, a client, scopes and a sha256; and what each client may use and has used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from ..errors import InputError, did_you_mean
from .archive import now
from .database import Database, draft
from .tables_serving import allowance, api_key, usage


@dataclass(frozen=True)
class Key:
    """What is kept of an API key. `digest` is the sha256 of the whole key; moments are ISO 8601 in UTC, None where there is none."""

    id: str
    client: str
    digest: str
    scopes: tuple[str, ...]
    label: str | None = None
    per_minute: int | None = None
    concurrent: int | None = None
    created: str = ""
    expires: str | None = None
    revoked: str | None = None
    replaces: str | None = None

    def live(self, moment: str) -> bool:
        """Whether the key opens anything at `moment`: neither revoked (from that moment on) nor expired."""
        return not (self.revoked and self.revoked <= moment) and not (self.expires and self.expires <= moment)


@dataclass(frozen=True)
class Allowance:
    """What a client may use: tokens read and written in a calendar month (None is no limit), and whether it is learned from."""

    monthly_tokens: int | None = None
    learn: bool = True


@dataclass(frozen=True)
class Usage:
    """What a client used in one calendar month (UTC)."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def this_month() -> str:
    """The calendar month in UTC, such as 2026-11."""
    return datetime.now(UTC).strftime("%Y-%m")


class Keys:
    """Rows of the tables api_key, allowance and usage."""

    def __init__(self, database: Database):
        self.database = database

    def add(self, key: Key, old: str | None = None, old_until: str | None = None) -> None:
        """Keeps a new key; where it takes the place of `old`, that one stops opening anything at `old_until`, in one transaction."""
        with self.database.write() as connection:
            connection.execute(insert(api_key), {**vars(key), "scopes": list(key.scopes), "created": key.created or now()})
            if old is not None:
                connection.execute(update(api_key).where(api_key.c.id == old).values(revoked=old_until))

    def get(self, id: str) -> Key | None:
        """The key of this id."""
        with self.database.read() as connection:
            row = connection.execute(select(api_key).where(api_key.c.id == id)).first()
        return None if row is None else _key(row)

    def require(self, word: str) -> Key:
        """The key that `word` is, or uniquely begins. Raises InputError."""
        found = [key for key in self.all() if key.id.startswith(word)] if word else []
        exact = [key for key in found if key.id == word] or found
        if len(exact) != 1:
            raise InputError(f"key '{word}'", f"{len(exact)} keys that begin so" if exact else "no key of this id",
                             "the id of one key, as `adtune keys ls` shows it", did_you_mean(word, [key.id for key in self.all()][:20]))
        return exact[0]

    def all(self, client: str | None = None) -> list[Key]:
        """All keys, or a client's, the oldest first."""
        query = select(api_key).order_by(api_key.c.created, api_key.c.id)
        with self.database.read() as connection:
            return [_key(row) for row in connection.execute(query if client is None else query.where(api_key.c.client == client))]

    def any(self) -> bool:
        """Whether there is a key that opens something now."""
        moment = now()
        return any(key.live(moment) for key in self.all())

    def revoke(self, id: str) -> None:
        """From now on the key opens nothing; one that was to end later ends now."""
        moment = now()
        with self.database.write() as connection:
            later = api_key.c.revoked.is_(None) | (api_key.c.revoked > moment)
            connection.execute(update(api_key).where(api_key.c.id == id, later).values(revoked=moment))

    def allow(self, client: str, values: Mapping[str, Any]) -> Allowance:
        """Sets fields of a client's allowance, and gives it."""
        with self.database.write() as connection:
            connection.execute(self.database.insert_or_ignore(allowance), {"client": client, **vars(Allowance())})
            if values:
                connection.execute(update(allowance).where(allowance.c.client == client).values(**values))
        return self.allowance(client)

    def allowance(self, client: str) -> Allowance:
        """What the client may use."""
        with self.database.read() as connection:
            row = connection.execute(select(allowance).where(allowance.c.client == client)).first()
        return Allowance() if row is None else Allowance(row.monthly_tokens, row.learn)

    def used(self, client: str, month: str | None = None) -> Usage:
        """What the client used in a month, this one by default."""
        query = select(usage).where(usage.c.client == client, usage.c.month == (month or this_month()))
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return Usage() if row is None else Usage(row.requests, row.prompt_tokens, row.completion_tokens)

    def use(self, client: str, prompt_tokens: int, completion_tokens: int, drafts: Sequence[Mapping[str, Any]] = ()) -> None:
        """Adds one request to this month's usage, and in the same transaction what was served to the client's log (`logs.draft_row`)."""
        month = this_month()
        with self.database.write() as connection:
            connection.execute(self.database.insert_or_ignore(usage), {"client": client, "month": month, **vars(Usage())})
            connection.execute(update(usage).where(usage.c.client == client, usage.c.month == month).values(
                requests=usage.c.requests + 1, prompt_tokens=usage.c.prompt_tokens + prompt_tokens,
                completion_tokens=usage.c.completion_tokens + completion_tokens))
            if drafts:
                connection.execute(insert(draft), list(drafts))


def _key(row: Row[Any]) -> Key:
    return Key(**{**row._mapping, "scopes": tuple(row.scopes)})
