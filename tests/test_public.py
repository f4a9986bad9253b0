"""The public names equal one list, each can be had, and the version is the package's."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import adtune
from adtune import steps

NAMES = {
    "AdtuneError", "AdviseSettings", "Asset", "Brief", "CurateSettings", "Dataset", "DraftSettings", "EvaluateSettings", "Example",
    "Finding", "InputError", "Interrupted", "Interval", "Progress", "Rejected", "TunePlan", "TuneSettings", "Workspace", "__version__"}
VERBS = {
    "advise", "advise_response", "demo_media", "evaluate_response", "predict", "pretrain_response", "tune_response",
    "compare", "create_key", "curate", "demo", "doctor", "draft", "evaluate", "export", "go_live", "go_live_profile",
    "go_live_rules", "import_archive", "limit_client", "list_keys", "ls", "pretrain_text", "rate", "revoke_key", "rollback",
    "rotate_key", "show", "tune"}


def test_the_public_names_are_these():
    assert set(adtune.__all__) == NAMES
    assert set(steps.__all__) == VERBS


def test_each_public_name_can_be_had_in_a_fresh_interpreter():
    # twice, because loading a stage must not put a module in the place of a verb
    code = ("import adtune, adtune.steps\nfor _ in 1, 2:\n"
            "    for place in adtune, adtune.steps:\n        for n in place.__all__: print(n, callable(getattr(place, n)))")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in out if line.endswith("False")] == ["__version__ False"] * 2
    assert {line.split()[0] for line in out} == NAMES | VERBS


def test_the_version_is_the_package_s():
    project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == adtune.__version__
