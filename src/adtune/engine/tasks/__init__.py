"""The table of tasks: examples become rows, rows become batches, batches a loss. A task is a module of five functions.

`plan_epoch` and `split_by_budget` make steps and parts of rows, `row_nats` gives each row's summed nats, `measure` the same with its
targets and without a gradient, `ceiling` the loss beyond three times which a run has exploded. A row has `ids`, `first`, `targets`,
`piece` and `general`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from . import drafting, response

TASKS: dict[str, ModuleType] = {"drafting": drafting, "response": response}


def task_of(base: Any) -> ModuleType:
    """The task that a base is for: drafting, where it does not say."""
    return TASKS[getattr(base, "task", "drafting")]
