"""Rows: every target trained once; loss: the same whatever the batches, the padding and the way to the logits."""

from __future__ import annotations

import random
import re
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_bases import pieces, sentence, tokenizer_object

from adtune.engine.methods import attach
from adtune.engine.packing import MASKED
from adtune.engine.tasks import drafting
from adtune.engine.tasks.drafting import (
    OVERLAP_TOKENS,
    Row,
    held_out_rows,
    make_rows,
    measure,
    plan_epoch,
    row_nats,
    rows_of,
    split_by_budget,
    stepped,
)
from adtune.errors import InputError
from adtune.records import Brief, Example
from adtune.settings import TuneSettings

END = 5


class Numbers:
    """Renders an Example whose text is 'prompt length/target length' to ids that say where they stand."""

    context = None

    def example(self, example):
        prompt, targets = map(int, example.text.split("/"))
        return list(range(100, prompt + 100)), [*range(10_000, 10_000 + targets - 1), END]


def numbered(prompt, targets):
    return Example(Brief("t"), f"{prompt}/{targets}")


@given(st.integers(1, 200), st.integers(1, 700), st.integers(90, 264))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_windows_train_every_target_once_and_the_end_last(prompt, targets, limit):
    if prompt > limit - OVERLAP_TOKENS:
        with pytest.raises(InputError):
            rows_of(Numbers(), numbered(prompt, targets), 3, limit)
        return
    rows = rows_of(Numbers(), numbered(prompt, targets), 3, limit)
    head, text = Numbers().example(numbered(prompt, targets))
    assert [token for row in rows for token in row.ids[row.first:]] == text
    assert [END in row.ids for row in rows] == [False] * (len(rows) - 1) + [True]
    assert rows[-1].ids[-1] == END and rows[-1].first < len(rows[-1].ids)
    for row in rows:
        assert len(row.ids) <= limit and list(row.ids[:prompt]) == head and row.piece == 3 and not row.general
    at = 0
    for row in rows:  # what is shown again is what came directly before
        shown = list(row.ids[prompt:row.first])
        assert shown == text[at - len(shown):at] and len(shown) <= OVERLAP_TOKENS
        at += row.targets


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 500)), min_size=1, max_size=12), st.integers(130, 300))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_ledger_adds_up(lengths, limit):
    rows, ledger = make_rows(Numbers(), [numbered(*pair) for pair in lengths], limit)
    assert ledger.pieces == len(lengths) and ledger.windows == len(rows)
    assert ledger.read_tokens == ledger.trained_tokens == sum(targets for _, targets in lengths) == sum(row.targets for row in rows)
    assert ledger.lost_tokens == 0
    assert sorted({row.piece for row in rows}) == list(range(len(lengths)))


def test_masked_targets_are_read_and_not_learned(llama):
    text = f"{sentence(random.Random(3), 260)} then 4711 0815 and 4711 0815"
    spans = [(match.start(), match.end()) for match in re.finditer("4711 0815", text)]
    rows, ledger = make_rows(llama.renderer, [Example(Brief("Roses"), text)], 128, masked=[spans])
    plain, whole = make_rows(llama.renderer, [Example(Brief("Roses"), text)], 128)
    assert [row.ids for row in rows] == [row.ids for row in plain] and len(rows) > 1
    assert ledger.lost_tokens == 0 < ledger.masked_tokens == whole.trained_tokens - ledger.trained_tokens
    learned = [token for row in rows for token in row.learned]
    told = llama.renderer.text([token for token in learned if token != MASKED])
    assert "4711" not in told and "0815" not in told and "then" in told and learned[-1] == llama.renderer.end[-1]
    hidden = {token for row in rows for token, label in zip(row.ids[row.first:], row.learned, strict=True) if label == MASKED}
    assert set("4710815") >= set(llama.renderer.tokenizer.decode(sorted(hidden)).replace(" ", "").replace("\u0120", ""))


def test_the_loss_of_a_row_is_that_of_what_is_learned(base):
    text = f"{sentence(random.Random(4), 30)} 4711 0815 {sentence(random.Random(5), 9)}"
    start = text.index("4711")
    row = make_rows(base.renderer, [Example(Brief("Roses"), text)], 256, masked=[[(start, start + 9)]])[0][0]
    every = replace(row, labels=None)
    nats, owner = drafting.target_nats(base, None, [every])
    kept = torch.tensor([label != MASKED for label in row.learned])
    assert row.targets == int(kept.sum()) < len(kept)
    assert torch.allclose(row_nats(base, None, [row, every]), torch.stack([nats[kept].sum(), nats.sum()]), atol=1e-4)


def test_a_brief_longer_than_the_window_is_an_input_error(llama):
    long = Example(Brief("Roses", summary=sentence(random.Random(0), 300)), "Short.")
    for make in (lambda: make_rows(llama.renderer, [long], 128), lambda: held_out_rows(llama.renderer, [long], 384, 128)):
        with pytest.raises(InputError, match="Roses.*128"):
            make()


def test_the_window_that_is_told_holds_every_brief():
    briefs = [numbered(70, 4), numbered(200, 4), numbered(90, 4)]
    with pytest.raises(InputError, match=f"window_tokens={200 + OVERLAP_TOKENS}"):
        make_rows(Numbers(), briefs, 100)
    make_rows(Numbers(), briefs, 200 + OVERLAP_TOKENS)
    with pytest.raises(InputError, match="window_tokens=201"):
        held_out_rows(Numbers(), briefs, 384, 100)
    held_out_rows(Numbers(), briefs, 384, 201)


def test_a_window_beyond_the_base_s_context_is_not_advised(llama):
    context = llama.context
    long = Example(Brief("Roses", summary=sentence(random.Random(0), 4 * context)), "Short.")
    for make in (lambda: make_rows(llama.renderer, [long], context), lambda: held_out_rows(llama.renderer, [long], 384, context),
                 lambda: rows_of(llama.renderer, long, 0, context)):
        with pytest.raises(InputError) as error:
            make()
        assert "window_tokens" not in error.value.do and f"the base's context of {context} tokens" in error.value.do


def test_a_piece_without_a_title_is_plain_text(llama):
    row, = rows_of(llama.renderer, Example(Brief(category="advice", summary="s"), "Roses."), 0, 128)
    assert list(row.ids) == [0, *llama.renderer.encode("Roses."), 0] and row.first == 1


def test_held_out_rows_hold_the_first_targets(llama):
    examples = pieces(6, words=60)
    for example, row in zip(examples, held_out_rows(llama.renderer, examples, 20, 256), strict=True):
        prompt, targets = llama.renderer.example(example)
        assert list(row.ids) == prompt + targets[:20] and row.first == len(prompt) and row.targets == min(20, len(targets))


@given(st.lists(st.integers(2, 90), min_size=1, max_size=300), st.integers(1, 400), st.integers(0, 5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_an_epoch_covers_every_row_once_within_the_budget(lengths, budget, epoch):
    rows = [Row(tuple(range(length)), 1, n) for n, length in enumerate(lengths)]
    steps = plan_epoch(rows, budget, 1, epoch)
    assert sorted(i for step in steps for i in step) == list(range(len(rows)))
    assert all(len(step) == 1 or len(step) * max(lengths[i] for i in step) <= budget for step in steps)
    assert steps == plan_epoch(rows, budget, 1, epoch)


def test_epochs_and_seeds_differ_in_order():
    rows = [Row(tuple(range(n % 9 + 2)), 1, n) for n in range(40)]
    plans = [plan_epoch(rows, 40, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert plans[0] != plans[1] and plans[0] != plans[2]


def test_split_by_budget_keeps_the_order():
    rows = [Row(tuple(range(n)), 1, 0) for n in (5, 5, 9, 2, 40, 3)]
    assert split_by_budget(rows, [0, 1, 2, 3, 4, 5], 20) == [[0, 1], [2, 3], [4], [5]]


def reference_nats(base, method, row):
    """One row alone, through the model's own logits, with log-softmax."""
    cache = method.cache(1) if method is not None else None
    logits = base.model(input_ids=torch.tensor([row.ids]), past_key_values=cache, use_cache=cache is not None).logits[0]
    chances = torch.log_softmax(logits.double(), -1)
    return -sum(chances[place - 1, row.ids[place]] for place in range(max(row.first, 1), len(row.ids)))


@pytest.mark.parametrize("name", [None, "lora", "prefix"])
def test_row_nats_equal_the_rows_alone(name, base):
    """Padding and the short way to the logits change nothing; Gemma 2, whose logits are bent, takes the long way."""
    method = attach(name, base, asdict(TuneSettings(rank=2, prefix_tokens=3)), [0, 30, 40]) if name else None
    rows = [*make_rows(base.renderer, pieces(4), 128)[0], Row((0, 21, 22, 23), 0, 9)]
    assert base.plain_head == (base.model.config.model_type != "gemma2")
    with torch.no_grad():
        expected = torch.stack([reference_nats(base, method, row) for row in rows]).float()
        assert torch.allclose(row_nats(base, method, rows), expected, rtol=1e-5)
    found = measure(base, method, rows, budget=64)
    assert [nats for nats, _ in found] == pytest.approx(expected.tolist(), rel=1e-5)
    assert [count for _, count in found] == [*(row.targets for row in rows[:-1]), 3]  # nothing predicts a first token
    if method is not None:
        method.detach()


def test_widths_are_few_and_little_is_padded():
    lengths = range(256, 2049)
    widths = [stepped(length) for length in lengths]
    assert all(width >= length for width, length in zip(widths, lengths, strict=True)) and widths == sorted(widths)
    assert len(set(widths)) == 9 + 8 + 8 and widths[-1] == 2048
    for first, last in ((256, 512), (513, 1024), (1025, 2048)):
        assert sum(map(stepped, range(first, last + 1))) < 1.06 * sum(range(first, last + 1))


@pytest.mark.parametrize("longest", [200, 201, 255])
def test_the_width_of_a_batch_changes_no_loss(longest, llama, monkeypatch):
    rows = [Row(tuple(n % 50 + 6 for n in range(length)), 3, 0) for length in (longest, 30, 120)]
    found = row_nats(llama, None, rows)
    monkeypatch.setattr(drafting, "stepped", lambda length: length)
    assert torch.allclose(found, row_nats(llama, None, rows), atol=1e-3, rtol=1e-6)


def test_both_ways_to_the_logits_give_the_same_loss_and_gradients(llama, monkeypatch):
    rows = make_rows(llama.renderer, pieces(4), 128)[0]
    found = []
    for plain in (True, False):
        monkeypatch.setitem(llama.__dict__, "plain_head", plain)
        torch.manual_seed(1)
        method = attach("lora", llama, asdict(TuneSettings(rank=2)), [])
        nats = row_nats(llama, method, rows)
        nats.sum().backward()
        found.append([nats.detach(), *(t.grad for t in method.tensors.values())])
        method.detach()
    assert all(torch.allclose(a, b, atol=1e-4, rtol=1e-4) for a, b in zip(*found, strict=True))


def test_the_tokenizer_of_these_tests_knows_every_byte():
    text = "naïve — 12 €, \u2028 <|endoftext|>\n\n"
    tokenizer = tokenizer_object()
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_the_longest_brief_allowed_still_makes_progress_in_every_window():
    rows = rows_of(Numbers(), numbered(64, 300), 0, 64 + OVERLAP_TOKENS)
    assert sum(row.targets for row in rows) == 300 and min(row.targets for row in rows[:-1]) >= OVERLAP_TOKENS // 2
