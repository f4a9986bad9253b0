"""What can serve a result is known before training, with what a start must say or why not."""

from __future__ import annotations

import pytest

from adtune.engine import gguf_file, servable
from adtune.settings import TuneSettings


def found(method, base, **settings):
    return {one.engine: one for one in servable.servable(method, TuneSettings(**settings), base)}


def test_every_engine_answers_for_every_method(base):
    for method in ("lora", "prefix", "full"):
        answer = found(method, base)
        assert list(answer) == ["peft", "vllm", "transformers", "gguf"]
        assert all(one.needs or one.reason for one in answer.values())
        assert all(one.reason for one in answer.values() if not one.servable)


@pytest.mark.parametrize("rank, flag", [(4, ""), (16, ""), (17, "--max-lora-rank 32"), (64, "--max-lora-rank 64"),
                                        (200, "--max-lora-rank 256"), (512, "--max-lora-rank 512")])
def test_a_rank_over_vllms_default_names_the_flag(rank, flag, llama):
    one = found("lora", llama, rank=rank)["vllm"]
    assert one.servable is True and one.needs.endswith(flag or "--enable-lora")


def test_what_vllm_refuses(base_of):
    assert found("lora", base_of("llama"), rank=513)["vllm"].servable is False
    assert found("prefix", base_of("llama"))["vllm"].servable is False
    assert found("full", base_of("llama"))["vllm"].needs == "export --to merged"
    assert found("lora", base_of("gpt2"))["vllm"].servable is False and found("full", base_of("gpt2"))["vllm"].servable is True


def test_a_model_type_that_we_do_not_know_is_not_known_rather_than_refused(llama, monkeypatch):
    monkeypatch.setattr(servable, "VLLM_LORA", ())
    assert found("lora", llama)["vllm"].servable is None


def test_gguf_says_what_is_missing(base_of, monkeypatch):
    assert found("lora", base_of("qwen3"))["gguf"].needs == "export --to gguf"
    assert "gemma2" in found("lora", base_of("gemma2"))["gguf"].reason
    monkeypatch.setattr(gguf_file.importlib.util, "find_spec", lambda name: None)
    assert "pip install" in found("lora", base_of("llama"))["gguf"].needs


def test_only_a_whole_model_is_no_adapter(llama):
    assert found("full", llama)["peft"].servable is False
    assert found("lora", llama)["peft"].servable is found("prefix", llama)["peft"].servable is True
