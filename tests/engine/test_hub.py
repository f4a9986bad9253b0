"""Bases by hub id, without a network: the client's own exceptions become one sentence that says what to do."""

from __future__ import annotations

import errno
import json
import shutil

import huggingface_hub
import pytest
from huggingface_hub import errors as hub
from made_bases import write_model

from adtune.engine.bases import load_base
from adtune.errors import BaseModelError

NAME, COMMIT = "someone/small-llama", "0123456789abcdef0123456789abcdef01234567"


class FakeResponse:
    """Just what the client's exceptions look at."""

    def __init__(self, status):
        self.status_code, self.headers, self.request = status, {}, None


def made(kind, status=None):
    if status is None:
        return kind("what the client said")
    return kind("what the server said", response=FakeResponse(status))


@pytest.fixture
def raises(monkeypatch):
    def set_up(error):
        def download(*arguments, **named):
            raise error

        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)

    return set_up


@pytest.mark.parametrize("error, found, do", [
    (made(hub.GatedRepoError, 403), "gated", "HF_TOKEN"), (made(hub.GatedRepoError, 401), "gated", "Ask for access"),
    (made(hub.RepositoryNotFoundError, 404), "no base of this name", "Check the name"),
    (made(hub.RepositoryNotFoundError, 401), "no base of this name", "HF_TOKEN"), (made(hub.HfHubHTTPError, 401), "no base", "HF_TOKEN"),
    (made(hub.RevisionNotFoundError, 404), "no revision", "revision that exists"),
    (made(hub.DisabledRepoError, 403), "disabled", "local directory"),
    (made(hub.HfHubHTTPError, 503), "answered 503", "Try again later"), (made(hub.HfHubHTTPError, 429), "answered 429", "Try again"),
    (made(hub.LocalEntryNotFoundError), "no connection", "HF_HUB_OFFLINE"), (made(hub.OfflineModeIsEnabled), "no connection", "Connect"),
    (made(hub.HFValidationError), "no hub id", "OWNER/NAME"), (ConnectionResetError("reset by peer"), "reset by peer", "Try again"),
    (TimeoutError("slow"), "slow", "Try again"), (OSError(errno.ENOSPC, "No space left"), "no space", "HF_HOME"),
    (RuntimeError(""), "RuntimeError", "Try again"),
], ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None)
def test_what_the_client_raises_becomes_a_sentence(error, found, do, raises):
    raises(error)
    with pytest.raises(BaseModelError) as caught:
        load_base(NAME)
    assert found in caught.value.found and do in caught.value.do and caught.value.where == f"--base {NAME}"
    assert "\n" not in str(caught.value) and caught.value.__cause__ is error


@pytest.fixture
def online(monkeypatch, tmp_path):
    """A hub that holds one base; notes what was asked of it."""
    source = write_model("llama", tmp_path / "source")
    (source / "README.md").write_text("---\nlicense: other\nlicense_name: made-up\n---\n", encoding="utf-8")
    place, asked = tmp_path / "cache" / COMMIT, []

    def download(name, *, revision, allow_patterns, ignore_patterns):
        asked.append((name, revision, allow_patterns))
        place.mkdir(parents=True, exist_ok=True)
        for pattern in allow_patterns:
            for path in source.glob(pattern):
                shutil.copyfile(path, place / path.name)
        return str(place)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return source, asked


def test_a_base_from_the_hub_is_pinned_and_keeps_its_licence(online):
    _, asked = online
    base = load_base(NAME)
    assert (base.name, base.revision, base.licence, base.place) == (NAME, COMMIT, "made-up (other)", None)
    assert [revision for _, revision, _ in asked] == [None, COMMIT]  # the weights of the very commit whose settings were looked at
    assert load_base(NAME, "main").hash == base.hash and [revision for _, revision, _ in asked[2:]] == ["main", COMMIT]


def test_weights_of_a_base_with_code_of_its_own_are_not_downloaded(online):
    source, asked = online
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(BaseModelError, match="own code"):
        load_base(NAME)
    assert not any("*.safetensors" in patterns for _, _, patterns in asked)


def test_no_pickle_is_asked_for(online):
    _, asked = online
    load_base(NAME)
    assert not any(pattern.endswith((".bin", ".pt", ".pth", ".py", "*")) for _, _, patterns in asked for pattern in patterns)
