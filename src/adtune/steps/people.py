"""What people said of an adapter's drafts, for its evaluation: minutes from the log of edits, and the newest blind ratings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .minutes import arm_minutes, editing_minutes
from .rating import rated

if TYPE_CHECKING:
    from ..evaluate import Material
    from ..evaluate.people import People
    from ..workspace import Workspace


def said_by_people(ws: Workspace, client: str, adapter: tuple[str, Mapping[str, Any]], material: Material,
                   other_minutes: float | None) -> People:
    """What is known of an adapter (id, record) whose drafts `material` holds."""
    from ..evaluate.people import People

    id, record = adapter
    arms, model = arm_minutes(ws, client, id, record["method"], material)
    editing, throughput = editing_minutes(arms, model, other_minutes)
    return People(editing, throughput, rated(ws, client, id))
