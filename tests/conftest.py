"""What holds for every test: no network, no hub cache of the person who runs it, no workspace but its own, the same made-up examples."""

from __future__ import annotations

import os
import socket
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.pop("ADTUNE_WORKSPACE", None)

import pytest  # noqa: E402 - the environment above must stand before anything loads a hub client
from hypothesis import settings

settings.register_profile("the same examples in every run", derandomize=True, database=None)
settings.load_profile("the same examples in every run")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine fails the test that opened it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address):  # noqa: ANN001, ANN202
        if self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost"):
            return connect(self, address)
        raise AssertionError(f"a test reached for the network: {address}")

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The local test beds beside the checkout; tests that need them are skipped where they are absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared test beds are not on this machine")
    return folder
