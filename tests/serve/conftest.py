"""A workspace with versions that may go live: adapters with evaluations, and advice; nothing is trained."""

import pytest

from adtune.records import hash_of
from adtune.workspace import Workspace


@pytest.fixture
def ws(tmp_path):
    with Workspace.open(tmp_path / "ws") as workspace:
        workspace.ensure_client("acme")
        workspace.ensure_client("other")
        yield workspace


@pytest.fixture
def adapter(ws):
    """Publishes an adapter without weights, evaluated where `passed` says so."""

    def make(number: int = 1, client: str = "acme", passed: bool | None = True) -> str:
        id = ws.publish("adapter", client, {"adapter.txt": str(number).encode()}, {"base": "starter", "number": number})
        if passed is not None:
            gates = {"gain": {"passed": passed, "value": 0.1, "limit": 0.0, "reason": ""},
                     "forgetting": {"passed": None, "value": None, "limit": 0.15, "reason": "not measured"}}
            ws.publish("report", client, {"report.txt": id.encode()}, {"adapter": id, "gates": gates, "passed": passed}, [id])
        return id

    return make


@pytest.fixture
def advice(ws):
    """Publishes advice about a dataset."""

    def make(verdict: str, client: str = "acme", dataset: str = "d") -> str:
        record = {"dataset": hash_of(dataset), "base": "starter", "base_hash": "0" * 64, "method": verdict, "reason": "", "settings": {}}
        return ws.publish("plan", client, {"plan.txt": verdict.encode()}, record)

    return make
