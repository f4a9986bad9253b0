"""A tiny pre-training run: it learns, stops, goes on to the bit, is cooled down and goes on from its constant part."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from adtune.engine.attention import Documents
from adtune.errors import InputError, Interrupted, SettingError, TrainingError
from adtune.pretrain import text
from adtune.pretrain.model import SIZES, build_model
from adtune.pretrain.schedule import Trapezoid
from adtune.pretrain.text import PretrainRun, row_nats, run
from adtune.settings import PretrainSettings

SMALL = PretrainSettings(size="tiny", steps=12, vocabulary=400, context=64, row_tokens=32, batch_tokens=128, micro_tokens=128,
                         warmup_steps=3, precision="fp32", evaluate_minutes=1e9, checkpoint_minutes=1e9)


class Made:
    """Rows of counted-up tokens with a document's end in the middle; every call goes on where the last one ended."""

    def __init__(self, start=0):
        self.at, self.widths = start, []

    def rows(self, count, width):
        self.widths.append((count, width))
        first = torch.arange(self.at, self.at + count)[:, None] * 7
        self.at += count
        numbers = (torch.arange(width + 1) >= width // 2).int().expand(count, width + 1)
        return (first + torch.arange(width + 1)) % 50 + 20, numbers

    def state(self):
        return {"at": self.at}

    def restore(self, state):
        self.at = state["at"]


class Clock:
    """A clock that every look moves by a tenth of a second, so that a run has the same steps on every machine."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 0.1
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(text, "time", Clock())  # a step takes 0.1 s


@pytest.fixture
def start(tmp_path):
    def started(briefs=None, **changes):
        return PretrainRun(replace(SMALL, **changes), Made(), briefs, tmp_path / "work", {"the corpus": "abc"})

    return started


def to_the_end(one, stop=lambda: False):
    return run(one, lambda _: {"bits_per_byte": 1.0}, lambda _: None, stop)


def weights(one):
    return [p.detach().clone() for p in one.model.parameters()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def test_a_run_learns_evaluates_and_saves(start, clock, tmp_path):
    told = []
    one = start(steps=None, minutes=0.0499, evaluate_minutes=0.01, checkpoint_minutes=0.005)
    first = one.advance()
    log = run(one, lambda _: {"bits_per_byte": 1.0}, lambda state: told.append(state.step), lambda: False)
    assert one.schedule.total == one.step and 28 <= one.step <= 32 and one.tokens == one.step * 128 and one.smooth < first - 1
    assert [entry["step"] for entry in log] == sorted(entry["step"] for entry in log) and len(log) >= 4
    assert log[-1]["bits_per_byte"] == 1.0 and told[-1] == one.step
    assert (tmp_path / "work" / "checkpoints" / f"step-{one.step:08d}").is_dir()
    assert (tmp_path / "work" / "constant" / f"step-{one.schedule.cool_from:08d}").is_dir()


@pytest.mark.parametrize("changes", [{}, {"optimizer": "adamw"}, {"ramp_tokens": 900}])
@pytest.mark.parametrize("at", [2, 9, 11])
def test_a_run_stopped_anywhere_ends_with_the_same_weights(start, tmp_path, changes, at):
    whole = PretrainRun(replace(SMALL, **changes), Made(), Made(500), tmp_path / "whole")
    to_the_end(whole)
    first = start(Made(500), **changes)
    with pytest.raises(Interrupted, match=f"step {at}"):
        to_the_end(first, lambda: first.step == at)
    again = start(Made(500), **changes)
    assert again.restore() and again.step == at and same(first, again)
    assert again.model.lm_head.weight is again.model.model.embed_tokens.weight
    to_the_end(again)
    assert again.step == whole.step == 12 and again.tokens == whole.tokens and same(whole, again)


def test_a_cool_down_that_the_clock_started_goes_on_by_steps(start, clock):
    one = start(steps=None, minutes=0.0199)
    with pytest.raises(Interrupted):
        to_the_end(one, lambda: one.schedule.cool_from is not None)
    again = start(steps=None, minutes=0.0199)
    assert again.restore() and again.schedule.state() == one.schedule.state() and again.schedule.total is not None
    again.seconds = 0.0  # whatever the clock says now
    to_the_end(again)
    assert again.step == one.schedule.total


def test_a_longer_run_goes_on_from_the_constant_part(start, tmp_path):
    short = start()
    to_the_end(short)
    longer = start(steps=20)
    assert longer.restore() and longer.step == short.schedule.cool_from == 8 and longer.schedule.cool_from == 13
    to_the_end(longer)
    whole = PretrainRun(replace(SMALL, steps=20), Made(), None, tmp_path / "whole")
    to_the_end(whole)
    assert same(longer, whole)


def test_a_longer_run_is_refused_where_its_constant_part_is_gone(start, tmp_path):
    to_the_end(start())
    for path in (tmp_path / "work" / "constant").glob("*/MANIFEST.json"):
        path.write_text("{}")
    with pytest.raises(InputError, match="constant part"):
        start(steps=20).restore()


def test_nothing_to_go_on_from(start):
    assert not start().restore()


@pytest.mark.parametrize("changes", [{"size": "3m"}, {"vocabulary": 500}, {"muon_rate": 0.02}, {"row_tokens": 64}, {"seed": 1}])
def test_going_on_with_other_settings_is_refused_by_name(changes, start):
    start().save()
    with pytest.raises(InputError, match=next(iter(changes))):
        start(**changes).restore()


def test_going_on_with_another_corpus_is_refused_by_name(start, tmp_path):
    start().save()
    with pytest.raises(InputError, match="the corpus"):
        PretrainRun(SMALL, Made(), None, tmp_path / "work", {"the corpus": "other"}).restore()
    assert start(minutes=5.0, micro_tokens=64, checkpoint_minutes=9.0).restore()  # these decide nothing of the result


@pytest.mark.parametrize(("changes", "named"), [({"size": "8n"}, "8m"), ({"optimizer": "sgd"}, "muon"), ({"minutes": 0.0}, "minutes"),
                                                ({"brief_share": 0.9}, "brief_share"), ({"vocabulary": 70_000}, "vocabulary"),
                                                ({"steps": 0}, "steps"), ({"row_tokens": 128}, "row_tokens"),
                                                ({"precision": "fp8"}, "fp32")])
def test_impossible_settings_are_refused(changes, named, start):
    with pytest.raises(SettingError, match=named):
        start(**changes)


def test_the_last_stage_has_briefs_at_the_full_context(start):
    briefs = Made(500)
    one = start(briefs, steps=20, brief_share=0.2)
    to_the_end(one)
    assert briefs.widths == [(2, 64)] * 4 and one.sources["plain"].widths == [(4, 32)] * 16 and one.tokens == 20 * 128


def test_the_batch_grows_from_a_quarter(start):
    one = start(ramp_tokens=300, steps=16)
    to_the_end(one)
    counts = [count for count, _ in one.sources["plain"].widths]
    assert counts[0] == 1 and counts[-1] == 4 and counts == sorted(counts) and one.tokens == 32 * sum(counts)


def test_micro_batches_change_nothing(start, tmp_path):
    whole, parts = start(), PretrainRun(replace(SMALL, micro_tokens=32), Made(), None, tmp_path / "parts")
    assert whole.advance() == pytest.approx(parts.advance(), rel=1e-6)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(weights(whole), weights(parts), strict=True))


def test_documents_of_a_row_are_trained_as_if_alone(start):
    """The nats of a packed row are those of its documents, each by itself."""
    one = start()
    ids, numbers = Made().rows(2, 32)
    packed = row_nats(one.model, ids, numbers, torch.float32).view(2, 32)
    first = row_nats(one.model, ids[:, :17], torch.zeros(2, 17, dtype=torch.int32), torch.float32).view(2, 16)
    second = row_nats(one.model, ids[:, 16:], torch.zeros(2, 17, dtype=torch.int32), torch.float32).view(2, 16)
    assert torch.allclose(packed[:, :16], first, atol=1e-5) and torch.allclose(packed[:, 16:], second, atol=1e-5)
    with torch.no_grad():
        logits = one.model(input_ids=ids[:, :16], use_cache=False).logits
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:17].flatten(), reduction="none")
    assert torch.allclose(first.flatten(), expected, atol=1e-5)
    assert isinstance(Documents(numbers).blocks, list)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(start, tmp_path):
    one = start()
    one.save()
    with torch.no_grad():
        one.model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="step 1"):
        one.advance()
    assert start().restore()


def test_a_run_can_start_from_the_weights_of_a_base(start, tmp_path):
    torch.manual_seed(5)
    given = build_model("tiny", 400, 64)
    given.to(torch.bfloat16).save_pretrained(tmp_path / "base")
    one = start(start_from=str(tmp_path / "base"))
    assert all(torch.equal(a, b.float()) for a, b in zip(one.model.parameters(), given.parameters(), strict=True))
    build_model("tiny", 500, 64).save_pretrained(tmp_path / "other")
    for folder in (tmp_path / "other", tmp_path / "none"):
        with pytest.raises(InputError, match="start_from"):
            start(start_from=str(folder))


def test_the_schedule_is_a_trapezoid():
    schedule = Trapezoid(replace(SMALL, steps=100, warmup_steps=10, cool_down_share=0.4, brief_share=0.1))
    assert [schedule.factor(step) for step in (0, 4, 9, 59)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert [schedule.factor(step) for step in (60, 80, 99)] == pytest.approx([40 / 41, 20 / 41, 1 / 41])
    assert not schedule.on_briefs(89) and schedule.on_briefs(90) and not schedule.done(99) and schedule.done(100)
    assert json.loads(json.dumps(schedule.state())) == {"cool_from": 60, "total": 100}
    flat = Trapezoid(replace(SMALL, steps=10, warmup_steps=0, cool_down_share=0.0, brief_share=0.0))
    assert [flat.factor(step) for step in range(10)] == [1.0] * 10 and flat.done(10)


def test_the_schedule_by_the_clock():
    schedule = Trapezoid(replace(SMALL, steps=None, minutes=1.0, cool_down_share=0.25))
    schedule.look(10, 44.0)
    assert schedule.cool_from is None and schedule.share(10, 30.0) == 0.5 and not schedule.done(10**9)
    schedule.look(12, 45.0)
    schedule.look(13, 50.0)
    assert schedule.state() == {"cool_from": 12, "total": 16} and schedule.share(14, 0.0) == 14 / 16


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
