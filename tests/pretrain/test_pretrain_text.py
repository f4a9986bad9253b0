"""A tiny pre-training run: it learns, stops, goes on, and writes a base that plain transformers loads."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from adtune.engine.bases import load_base
from adtune.engine.tasks.drafting import make_rows, measure
from adtune.errors import InputError, Interrupted
from adtune.pretrain import text
from adtune.pretrain.card import model_card
from adtune.pretrain.corpus import TokenFiles
from adtune.pretrain.model import SIZES, build_model
from adtune.pretrain.text import PretrainRun, Schedule, bits_per_byte, overall, prepare, run, write_base
from adtune.records import Brief, Example


@pytest.fixture(autouse=True)
def no_compiling(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function: function)


@pytest.fixture(scope="session")
def prepared(corpus, tmp_path_factory):
    from adtune.pretrain.text import PretrainSettings

    work = tmp_path_factory.mktemp("work")
    settings = PretrainSettings(size="tiny", vocabulary=400, context=64, row_tokens=32, batch_tokens=128, token_limit=100_000)
    return prepare([corpus], settings, work, lambda *_: None)


class Clock:
    """A clock that every look moves by a tenth of a second, so that a run has the same steps on every machine."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 0.1
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(text, "time", Clock())  # a step takes 0.1 s: 0.02 minutes are 12 steps


@pytest.fixture
def started(prepared, settings, clock, tmp_path):
    def start(**changes):
        return PretrainRun(replace(settings, **changes), prepared[1], tmp_path / "work")

    return start


def quiet(state):
    pass


def test_a_run_learns_evaluates_and_saves(started, tmp_path):
    one, told = started(minutes=0.0499, evaluate_minutes=0.01), []
    before = overall(bits_per_byte(one.model, one.files.held_out()), one.files.counts)
    log = run(one, told.append, lambda: False)
    assert one.step == 30 and one.tokens == 30 * 128 and one.seconds == pytest.approx(3.0, abs=0.11)
    assert len(log) >= 4 and log[-1]["bits_per_byte"] < before - 0.3
    assert set(log[-1]["by_source"]) == set(one.files.held_out()) and log[-1]["step"] <= one.step
    assert (tmp_path / "work" / "checkpoints" / "step-00000030").is_dir() and list((tmp_path / "work" / "constant").iterdir())
    assert [state["step"] for state in told] == sorted(state["step"] for state in told)


def test_a_run_stopped_goes_on_where_it_was(started):
    whole = started()
    losses = [whole.advance() for _ in range(12)]
    first = started()
    with pytest.raises(Interrupted, match="step 5"):
        run(first, quiet, lambda: first.step == 5)
    again = started()
    assert again.restore()
    assert (again.step, again.tokens, again.seconds, again.cursors, again.started_at) == (5, 640, first.seconds, first.cursors, 5)
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), again.model.parameters(), strict=True))
    assert again.model.lm_head.weight is again.model.model.embed_tokens.weight
    again.started_at = -100  # without the new warm-up, the losses are those of a run that never stopped
    first.started_at = -100
    assert [first.advance() for _ in range(4)] == [again.advance() for _ in range(4)]
    assert len(losses) == 12 and losses[-1] < losses[0]
    run(again, quiet, lambda: False)
    assert again.step == whole.step and again.share >= 1.0


def test_nothing_to_go_on_from(started):
    assert not started().restore()


@pytest.mark.parametrize("changes", [{"size": "3m"}, {"vocabulary": 500}])
def test_going_on_with_another_model_is_refused(changes, started):
    started().save()
    with pytest.raises(InputError, match="as the run was started"):
        started(**changes).restore()


def test_a_small_corpus_has_no_long_documents_and_trains_to_the_end(started):
    one = started(long_share=0.5)
    assert len(one.files.tokens("long")) == 0
    run(one, quiet, lambda: False)
    assert one.cursors["long"] == 0 and one.step == 12


def test_long_documents_are_read_at_the_full_context_at_the_end(started, tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    np.arange(1000, dtype=np.uint16).tofile(folder / "train.bin")
    np.arange(2000, 3000, dtype=np.uint16).tofile(folder / "long.bin")
    one = started()
    one.files = TokenFiles(folder, {})
    rows = one.batch()
    assert rows.shape == (4, 32) and rows.flatten().tolist() == list(range(128))
    one.seconds = 60 * one.settings.minutes * 0.95
    rows = one.batch()
    assert rows.shape == (2, 64) and rows[0, 0] == 2000
    assert one.batch()[0, 0] == 2128
    one.cursors["long"] = 900
    assert one.batch()[0, 0] == 2000  # from the start again


def test_the_schedule_is_a_trapezoid(settings):
    schedule = Schedule(replace(settings, warmup_steps=10, cool_down_share=0.4))
    assert [schedule.factor(0.1, step) for step in (0, 4, 9, 50)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert [schedule.factor(share, 99) for share in (0.5, 0.6, 0.8, 1.0, 1.2)] == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])
    assert schedule.factor(0.99, 3) == pytest.approx(0.4 * 0.025) and Schedule(replace(settings, cool_down_share=0)).factor(1.0, 99) == 1.0
    assert not schedule.is_long(0.89) and schedule.is_long(0.91)


def test_bits_per_byte_of_a_model_that_knows_nothing():
    model = build_model("tiny", 256, 64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    ids = list(range(10, 60))  # one token a byte, each of 256 equally likely: 8 bits a byte
    assert bits_per_byte(model, {"a": [(ids, 50)], "b": [(ids, 100)]}) == pytest.approx({"a": 8.0, "b": 4.0}, rel=1e-5)
    assert bits_per_byte(model, {"a": [(ids, 50)]}, context=25) == pytest.approx({"a": 8.0}, rel=1e-5)


def test_what_was_not_measured_is_not_zero():
    assert overall({"a": 2.0, "b": 4.0}, {"a": 300, "b": 100, "c": 5}) == 2.5
    assert overall({}, {"a": 300}) is None and overall({"z": 2.0}, {"a": 300}) is None
    figures = {"parameters": 5, "tokens": 5, "seconds": 60.0, "bits_per_byte": None, "by_source": {}, "drawn_tokens": {"a": 10},
               "settings": {"context": 64, "muon_rate": 1, "adamw_rate": 1, "seed": 0}}
    assert "mix: not measured" in model_card(figures) and "| a | as the corpus states | 100.0% | not measured |" in model_card(figures)


def test_a_finished_base_loads_everywhere(started, prepared, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    one = started(minutes=0.01)
    run(one, quiet, lambda: False)
    figures = write_base(one, prepared[0], tmp_path / "base", model_card)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path / "base"), AutoTokenizer.from_pretrained(tmp_path / "base")
    assert model.dtype == torch.bfloat16 and model.config.model_type == "qwen3" and model.config.max_position_embeddings == 64
    assert figures["parameters"] == sum(p.numel() for p in model.parameters()) and figures["tokens"] == one.tokens
    assert json.loads((tmp_path / "base" / "figures.json").read_text())["bits_per_byte"] == figures["bits_per_byte"] > 0
    card = (tmp_path / "base" / "README.md").read_text()
    assert f"{figures['parameters']:,}" in card and "not for publishable copy" in card and "Project Gutenberg" in card
    sample = "# A bridge\n\nThe river — quiet. <|endoftext|>"
    assert tokenizer.decode(tokenizer(sample)["input_ids"]) == sample and tokenizer.model_max_length == 64
    base = load_base(str(tmp_path / "base"))
    rows, _ = make_rows(base.renderer, [Example(Brief(None), "river stone")], base.context + 10)
    assert all(parameter.dtype == torch.float32 for parameter in base.model.parameters()) and measure(base, None, rows)[0][0] > 0


@pytest.mark.parametrize("size", SIZES)
def test_the_sizes_are_what_their_names_say(size):
    width, layers, inner, heads, kv_heads = SIZES[size]
    assert width % 64 == 0 and heads % kv_heads == 0
    with torch.device("meta"):
        model = build_model(size, 8192, 2048)
    count = sum(p.numel() for p in model.parameters())
    attention, norms = 64 * width * (2 * heads + 2 * kv_heads), 2 * width + 2 * 64
    assert count == 8192 * width + layers * (attention + 3 * width * inner + norms) + width
    if size != "tiny":
        assert count / 1e6 == pytest.approx(float(size[:-1]), rel=0.35)
