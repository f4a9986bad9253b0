"""Which adapter a verb means, and that adapter on the base it was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BaseModelError, InputError, with_article

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.devices import Form
    from ..engine.methods.base import AbstractMethod
    from ..workspace import Workspace


def find_adapter(ws: Workspace, client: str, adapter: str | None) -> tuple[str, dict[str, Any]]:
    """(id, record) of the adapter named, else of the client's newest. Raises InputError where there is none or it is another's."""
    ws.require_client(client)
    id = ws.find(adapter) if adapter else ws.newest("adapter", client)
    if id is None:
        raise InputError(f"client {client}", "no adapter", "a tuned adapter", f"Run `adtune tune {client}` first.")
    row = ws.record(id)
    if row["kind"] != "adapter" or row["client"] != client:
        raise InputError(f"--adapter {adapter}", f"{with_article(row['kind'])} of {row['client'] or 'no client'}",
                         f"an adapter of {client}",
                         "See `adtune ls`.")
    return id, row["record"]


def form_of(record: dict[str, Any]) -> Form:
    """The form of the base that an adapter was trained on: quantised alike, on the CPU where that was asked for, else what is here."""
    from ..engine.devices import Form

    settings = record["settings"]
    return Form("cpu" if settings.get("device") == "cpu" else "auto", settings.get("quantise", "none"), settings.get("method") == "full")


def base_of(record: dict[str, Any], form: Form | None = None) -> Base:
    """The base an adapter was trained on, in the form that it was trained on unless another is asked for.

    Raises BaseModelError where its weights, template or tokenizer have changed since.
    """
    from ..engine.bases import load_base

    name, place = record["base"], record.get("base_place")
    if place and not Path(name).expanduser().is_dir():  # the name was said from another folder
        if not Path(place).is_dir():
            raise BaseModelError(f"base {name}", f"nothing at {place}", "the folder that the adapter was tuned on",
                                 "Put the folder, or the disk that holds it, back in its place.")
        name = place
    base = load_base(name, record.get("revision"), form or form_of(record))
    base.name = record["base"]
    if base.hash != record["base_hash"]:
        raise BaseModelError(f"base {record['base']}", f"weights {base.hash[:12]}…", f"weights {record['base_hash'][:12]}…, as trained on",
                             "Put the base back as it was, or tune again on the new one.")
    _check_rendering(base, record.get("rendering"))
    return base


def _check_rendering(base: Base, trained: dict[str, Any] | None) -> None:
    """A brief must become the ids that it was in training. Raises BaseModelError where it does not."""
    found = base.renderer.describe()
    if trained is None or found["golden"] == trained["golden"] and found["chat_template"] == trained["chat_template"]:
        return
    what = "tokenizer" if found["chat_template"] == trained["chat_template"] else "chat template"
    raise BaseModelError(f"base {base.name}", f"another {what} than the adapter was trained with", f"the {what} as trained on",
                         f"Put the base's {what} back as it was (the adapter keeps the template), or tune again.")


@contextmanager
def attached(ws: Workspace, id: str, base: Base) -> Iterator[AbstractMethod]:
    """The adapter's method on `base` for as long as the block runs."""
    from ..engine.methods import attach_saved

    method = attach_saved(base, ws.path(id))
    try:
        yield method
    finally:
        method.detach()
