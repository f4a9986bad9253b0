"""What a report tells beside the measured figures: who, from what, with which settings, and the drafts themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..report.brand import Brand
from ..report.page import UNBRANDED

PUBLISHED = "published"


@dataclass(frozen=True)
class ReportContext:
    """The lineage of an evaluated adapter.

    `pieces` counts the dataset's pieces by split. `evaluations` are the run's, as the JSON of `tune` gives them ({step, epoch,
    validation_loss, train_loss, general_loss, noise_floor}), and `best` is the one whose weights were kept; `peaks` as `tune`
    gives it, where the voice was asked which. `settings` holds
    (value, where it came from) by name. `drafts` holds, by arm, the answers to `briefs` (titles), and under `published` the client's own.
    `brand` is whose report it is.
    """

    client: str
    adapter: str
    base: str
    base_hash: str
    starter: bool
    dataset_hash: str
    pieces: Mapping[str, int]
    method: str
    evaluations: tuple[Mapping[str, Any], ...] = ()
    best: Mapping[str, Any] | None = None
    peaks: Mapping[str, Any] | None = None
    settings: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    seconds: float | None = None
    briefs: tuple[str, ...] = ()
    drafts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    brand: Brand = UNBRANDED
