"""The files under deploy/ say what adtune understands, and a copy made while the workspace is written to is whole."""

import configparser
import importlib.util
import shlex
import threading
from pathlib import Path

import pytest
import yaml

from adtune.cli.app import build
from adtune.cli.words import read_sets
from adtune.settings import ServeSettings, resolve
from adtune.workspace import Workspace

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def understood(words: list[str]) -> ServeSettings:
    """The settings that a command line of `adtune` would serve with; the line is read by the door itself."""
    command = build().commands[words[0]]
    said = command.make_context("adtune", words[1:]).params
    given = {"host": said["host"], "port": said["port"], "engine": said["engine"]}
    return resolve(ServeSettings, ("option", read_sets(said["set"], given)))[0]


def test_the_compose_file():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    settings = understood(services["server"]["command"])
    assert settings.host == "0.0.0.0" and settings.workers == 0
    assert services["server"]["ports"] == ["127.0.0.1:8700:8700"] and settings.port == 8700
    assert services["worker"]["entrypoint"] == ["python", "-m", "adtune.worker"] and services["worker"]["command"] == ["/data"]
    assert all(service["volumes"] == ["workspace:/data"] and service["cap_drop"] == ["ALL"] for service in services.values())
    assert "8700/ready" in services["server"]["healthcheck"]["test"][-1]


def test_the_image():
    text = (DEPLOY / "Dockerfile").read_text()
    assert "USER adtune" in text and understood(["serve", "--host", "0.0.0.0", "--set", "workers=0"]).workers == 0
    assert all((DEPLOY.parent / name).exists() for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "NOTICE", "src"))


@pytest.mark.parametrize("name", ["adtune", "adtune-worker"])
def test_the_systemd_units(name):
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str
    unit.read_string((DEPLOY / f"{name}.service").read_text())
    service = unit["Service"]
    words = shlex.split(service["ExecStart"])
    if name == "adtune":
        assert words[0].endswith("/bin/adtune") and understood(words[1:]).host == "127.0.0.1"
    else:
        assert words[1:] == ["-m", "adtune.worker", "/var/lib/adtune"]
    assert service["User"] == "adtune" and service["NoNewPrivileges"] == "true" and int(service["TimeoutStopSec"]) >= 20


def test_a_copy_made_while_it_is_written_to_is_whole(tmp_path):
    spec = importlib.util.spec_from_file_location("backup", DEPLOY / "backup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root, copy, done = tmp_path / "ws", tmp_path / "copy", threading.Event()
    with Workspace.open(root) as ws:
        ws.ensure_client("acme")
        ws.uploads.add("acme", "a.jsonl", "fine-tune", [b"x"])

        def write():
            number = 0
            while not done.is_set() or number < 20:
                ws.publish("adapter", "acme", {"a.txt": str(number).encode() * 100}, {"number": number})
                ws.log_draft("acme", None, {}, f"draft {number}", {})
                number += 1

        thread = threading.Thread(target=write)
        thread.start()
        module.backup(root, copy)
        done.set()
        thread.join()
        before = {row["id"]: row["hash"] for row in ws.listing()}
    with Workspace.open(copy) as restored:
        rows = {row["id"]: row["hash"] for row in restored.listing()}
        assert rows.items() <= before.items() and len(restored.uploads.all("acme")) == 1
        for id in rows:
            restored.path(id)  # every byte is checked
        assert restored.uploads.path(restored.uploads.all("acme")[0]).read_bytes() == b"x"
        restored.log_draft("acme", None, {}, "after", {})
    module.backup(root, copy)
    with Workspace.open(copy) as restored:
        assert {row["id"]: row["hash"] for row in restored.listing()} == before
