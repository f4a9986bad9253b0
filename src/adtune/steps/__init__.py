"""The Python API: one function a verb, each taking a Workspace and giving the JSON object of the command line.

    from adtune import Workspace
    from adtune.steps import import_archive, tune

Each is loaded when it is first used; stages meet here and nowhere else.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_VERBS = {
    "import_archive": "archive", "curate": "curation", "advise": "advice", "tune": "tuning", "evaluate": "evaluation",
    "compare": "comparison", "rate": "rating", "draft": "drafting", "export": "exporting", "pretrain_text": "pretraining",
    "show": "catalogue", "ls": "catalogue", "doctor": "health",
    "demo": "demonstration", "demo_media": "media_demo",
    "tune_response": "response", "evaluate_response": "response_evaluation", "advise_response": "response_advice", "predict": "predicting",
    "pretrain_response": "response_pretraining",
    "go_live": "ladder", "go_live_profile": "ladder", "go_live_rules": "ladder", "rollback": "ladder",
    "create_key": "keys", "list_keys": "keys", "revoke_key": "keys", "rotate_key": "keys", "limit_client": "keys",
}
__all__ = [*_VERBS]


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'adtune.steps' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_VERBS[name]}"), name)
