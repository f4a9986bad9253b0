"""A wrong value of `adtune tune` is the user's: exit code 1 and four parts, whatever the task."""

from __future__ import annotations

import pytest

from adtune.workspace import Workspace


@pytest.fixture
def client(tmp_path):
    with Workspace.open(tmp_path / "ws") as workspace:
        workspace.ensure_client("acme")
    return "acme"


@pytest.mark.parametrize("task", [(), ("--task", "drafting"), ("--task", "response")])
@pytest.mark.parametrize(("words", "where", "found"), [
    (("--set", "rank=0"), "--set rank", "rank = 0"), (("--set", "dropout=2"), "--set dropout", "dropout = 2.0"),
    (("--set", "patience=-1"), "--set patience", "patience = -1"), (("--set", "clip=0"), "--set clip", "clip = 0.0"),
    (("--set", "precision=fp9"), "--set precision", "precision = 'fp9'"), (("--set", "window_tokens=1"), "--set window_tokens", "= 1"),
    (("--seed", "-3"), "--seed", "seed = -3"), (("--method", "loraa"), "--method", "method = 'loraa'")])
def test_a_value_that_cannot_be_is_refused_with_four_parts(adtune, client, task, words, where, found):
    said = adtune("--json", "tune", client, *task, *words)
    error = said.object["error"]
    assert said.code == 1 and error["where"] == where and found in error["found"] and error["expected"] and error["do"]


def test_an_unknown_method_names_all_of_them(adtune, client):
    error = adtune("--json", "tune", client, "--method", "loraa").object["error"]
    assert error["expected"] == "one of auto, full, head, lora, prefix" and error["do"] == "Did you mean 'lora'?"
