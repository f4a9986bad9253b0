"""Every setting of `tune` has its range: what cannot be is refused before anything is loaded, and what is usual passes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from adtune.errors import SettingError
from adtune.settings import TUNE_LIMITS, TuneSettings, resolve
from adtune.steps.fine_tuning import check_request
from adtune.steps.response import tune_response
from adtune.steps.tuning import tune
from adtune.workspace import Workspace

BAD = [
    ("base", ""), ("base", "  "), ("epochs", 0), ("epochs", -1), ("seed", -1), ("seed", 2**64), ("rank", 0), ("rank", -4), ("alpha", 0),
    ("alpha", -1), ("targets", "heads"), ("dropout", -0.1), ("dropout", 1.0), ("dropout", 2), ("prefix_tokens", 0), ("rate", 0.0),
    ("rate", -1), ("batch_tokens", 0), ("batch_tokens", -1), ("micro_tokens", 0), ("window_tokens", 1), ("window_tokens", 64),
    ("warmup_share", -0.1), ("warmup_share", 3), ("clip", 0), ("clip", -1.0), ("evaluations", 0), ("patience", 0), ("patience", -1),
    ("peak", "brand"), ("replay", -0.1), ("replay", 1.5), ("dial", -0.5), ("dial", 1.1), ("forgetting_limit", -0.1), ("loss_tokens", 0),
    ("precision", "fp9"), ("device", "tpu"), ("compile", "maybe"), ("quantise", "int3"), ("checkpoint_seconds", -1), ("method", "loraa"),
    ("method", "")]
GOOD = [
    ("epochs", 1), ("epochs", 50), ("seed", 0), ("seed", 2**63 - 1), ("rank", 1), ("rank", 256), ("alpha", 1), ("dropout", 0),
    ("dropout", 0.5), ("prefix_tokens", 1), ("rate", None), ("rate", 1e-9), ("rate", 1), ("batch_tokens", 1), ("micro_tokens", 1),
    ("window_tokens", 65), ("warmup_share", 0), ("warmup_share", 1), ("clip", 0.1), ("clip", 1e9), ("evaluations", 1), ("patience", 1),
    ("patience", 99), ("replay", None), ("replay", 0), ("replay", 1), ("dial", None), ("dial", 0), ("dial", 1), ("forgetting_limit", 0),
    ("loss_tokens", 1), ("checkpoint_seconds", 0)]


@pytest.fixture
def ws(tmp_path):
    with Workspace.open(tmp_path / "ws") as workspace:
        workspace.ensure_client("Q")
        yield workspace


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_a_setting_cannot_be_is_refused_before_a_run_is_made(ws, name, value):
    for step in (tune, tune_response):
        with pytest.raises(SettingError) as refused:
            step(ws, "Q", {name: value})
        said = refused.value.as_dict()
        assert name in said["where"] and said["found"].startswith(f"{name} = ") and all(said.values())
    assert not ws.runs("Q")


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_a_setting_can_be_passes(name, value):
    assert getattr(resolve(TuneSettings, ("option", {name: value}))[0], name) == value


def test_every_default_and_every_word_passes():
    defaults = {one.name: one.default for one in fields(TuneSettings)}
    assert resolve(TuneSettings, ("option", defaults))[0] == TuneSettings()
    for name, limit in TUNE_LIMITS.items():
        for word in getattr(limit, "words", ()):
            assert getattr(resolve(TuneSettings, ("option", {name: word}))[0], name) == word


def test_every_setting_that_is_no_switch_has_its_limits():
    assert set(TUNE_LIMITS) == {one.name for one in fields(TuneSettings) if one.type != "bool"}
    assert {name for name, _ in BAD} == set(TUNE_LIMITS)


def test_the_words_are_those_of_the_engine():
    from adtune.engine import devices, quantised
    from adtune.engine.methods import METHODS, lora
    from adtune.engine.tasks.drafting import OVERLAP_TOKENS
    from adtune.tune.brand_peak import PEAKS

    words = {name: set(limit.words) for name, limit in TUNE_LIMITS.items() if hasattr(limit, "words")}
    assert words == {"method": {"auto", *METHODS}, "device": set(devices.KINDS), "quantise": set(quantised.KINDS), "peak": set(PEAKS),
                     "targets": {"all", *lora.BLOCKS}, "precision": {"auto", "fp32", "bf16"}, "compile": {"auto", "on", "off"}}
    assert TUNE_LIMITS["window_tokens"].least == OVERLAP_TOKENS + 1


@pytest.mark.parametrize(("options", "said"), [
    ({"recipe": "axolotl.yml"}, "recipe axolotl.yml: found rank = 0; expected 1 or more. Change rank there: the default is 16."),
    ({"rank": 0}, "--set rank: found rank = 0; expected 1 or more. The default is 16."),
    ({"rate": -1}, "--set rate: found rate = -1.0; expected above 0. Leave rate out to have it found by measuring."),
    ({"dropout": 2}, "--set dropout: found dropout = 2.0; expected from 0 to under 1. The default is 0.0."),
    ({"seed": -1}, "--seed: found seed = -1; expected from 0 to 9223372036854775807. The default is 0."),
    ({"precision": "fp9"}, "--set precision: found precision = 'fp9'; expected one of auto, bf16, fp32. Did you mean 'fp32'?")])
def test_a_refusal_names_where_the_value_came_from(tmp_path, ws, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "axolotl.yml").write_text("base_model: starter\nlora_r: 0\n", encoding="utf-8")
    with pytest.raises(SettingError) as refused:
        tune(ws, "Q", options)
    assert str(refused.value) == said


def test_the_least_window_is_told(ws):
    with pytest.raises(SettingError, match="window_tokens = 1; expected 65 or more, and more by the longest brief"):
        tune(ws, "Q", {"window_tokens": 1})


def test_an_unknown_method_is_told_with_auto_and_the_nearest(ws):
    with pytest.raises(SettingError, match="^--method: found method = 'loraa'; expected one of auto, full, head, lora, prefix. "
                                           "Did you mean 'lora'?"):
        tune(ws, "Q", {"method": "loraa"})


def test_a_method_that_campaign_rows_have_not_is_told_with_auto(ws):
    with pytest.raises(SettingError, match="'prefix' for response; expected one of auto, head, lora, full"):
        tune_response(ws, "Q", {"method": "prefix"})


def test_a_job_with_such_a_value_is_refused_before_it_is_queued():
    with pytest.raises(SettingError, match="rank = 0"):
        check_request({"base": "starter", "adtune": {"rank": 0}})


def test_refusals_come_before_torch(tmp_path):
    (tmp_path / "nine.jsonl").write_text("".join(f'{{"text": "{chr(97 + n) * 9} is piece {n} of nine"}}\n' for n in range(9)))
    code = ("import sys\nfrom adtune.cli.main import main\n"
            "from adtune.workspace import Workspace\nWorkspace.open(sys.argv[1] + '/ws').ensure_client('Q')\n"
            "assert main(['--workspace', sys.argv[1] + '/ws', 'import', sys.argv[1] + '/nine.jsonl', '--client', 'nine']) == 0\n"
            "for words in (['tune', 'nine'], ['draft', 'nine', 'A brief'], ['draft', 'nobody', 'A brief'],\n"
            "              ['tune', 'Q', '--base', 'gone'], ['tune', 'Q', '--task', 'response', '--base', 'lost']):\n"
            "    assert main(['--workspace', sys.argv[1] + '/ws', *words]) == 1\n"
            "for words in (['--set', 'rank=0'], ['--method', 'loraa'], ['--task', 'response', '--set', 'clip=0'], ['--method', 'head']):\n"
            "    assert main(['--workspace', sys.argv[1] + '/ws', 'tune', 'Q', *words]) == 1\n"
            "assert 'torch' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "good pieces of 9 read" in done.stderr and "found no adapter" in done.stderr and "'nobody'" in done.stderr
    assert "--base gone: found neither" in done.stderr and "--base lost: found no config.json" in done.stderr
    assert "rank = 0" in done.stderr and "loraa" in done.stderr and "clip = 0" in done.stderr
