"""Drafts of many briefs at once are the drafts of each brief alone."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch
from made_bases import CONTEXT, pieces
from transformers import GenerationConfig

from adtune.engine.generate import Sampling, generate, pick, sampling_for
from adtune.engine.methods import attach
from adtune.errors import InputError
from adtune.settings import TuneSettings

GREEDY = Sampling(0.0, 1.0, 8)
OPTIONS = asdict(TuneSettings(rank=2, prefix_tokens=4))


def with_method(base, name):
    if name is None:
        return None
    method = attach(name, base, OPTIONS, [0, 30, 40, 50])
    with torch.no_grad():
        for tensor in method.tensors.values():
            tensor.add_(0.1 * torch.randn(tensor.shape))
    return method


def prompts(base, count=3):
    return [base.renderer.brief(piece.brief) for piece in pieces(count)]


def reference(base, method, prompt, steps):
    """Greedy, the whole text through the model again for every token."""
    ids = list(prompt)
    for _ in range(steps):
        cache = method.cache(1) if method is not None else None
        with torch.no_grad():
            out = base.model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=cache is not None)
        ids.append(out.logits[0, -1].argmax().item())
        if ids[-1] == base.renderer.end[-1]:
            break
    return ids[len(prompt):]


@pytest.fixture
def ends_often(base, monkeypatch):
    """A base whose commonest next token ends a draft, so that rows leave the batch at different times."""
    written = [token for prompt in prompts(base) for token in reference(base, None, prompt, 8)[1:]]
    monkeypatch.setattr(base.renderer, "end", [max(sorted(set(written)), key=written.count)])
    return base


@pytest.mark.parametrize("name", [None, "lora", "prefix"])
def test_a_greedy_batch_equals_one_by_one(name, ends_often):
    base = ends_often
    method = with_method(base, name)
    asked = prompts(base)
    assert len({len(p) for p in asked}) > 1
    together = generate(base, method, asked, [0] * len(asked), GREEDY)
    assert together == [reference(base, method, prompt, GREEDY.max_tokens) for prompt in asked]
    assert together == [generate(base, method, [prompt], [0], GREEDY)[0] for prompt in asked]
    if method is not None:
        method.detach()


def test_rows_leave_the_batch_without_changing_the_others(llama, monkeypatch):
    asked, sampling = prompts(llama, 8), Sampling(1.0, 0.9, 12)
    free = generate(llama, None, asked, list(range(8)), sampling)
    end = free[0][5]
    monkeypatch.setattr(llama.renderer, "end", [end])
    cut = generate(llama, None, asked, list(range(8)), sampling)
    for whole, part in zip(free, cut, strict=True):
        assert part == (whole[:whole.index(end) + 1] if end in whole else whole)
    assert len({len(part) for part in cut}) > 1


def test_a_draft_stops_at_the_end_that_was_trained(llama):
    """A base trained on two pieces writes them, end included."""
    from adtune.engine.tasks.drafting import make_rows, row_nats

    learned = [replace(piece, text=piece.text[:16]) for piece in pieces(2)]
    rows, _ = make_rows(llama.renderer, learned, 128)
    method = attach("full", llama, OPTIONS, [])
    optimizer = torch.optim.AdamW(list(method.tensors.values()), lr=1e-2)
    for _ in range(60):
        loss = row_nats(llama, method, rows).sum() / sum(row.targets for row in rows)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.05:
            break
    drafts = generate(llama, method, [llama.renderer.brief(piece.brief) for piece in learned], [0, 0], Sampling(0.0, 1.0, 40))
    assert [draft[-1] for draft in drafts] == llama.renderer.end * 2
    assert [llama.renderer.text(draft) for draft in drafts] == [piece.text for piece in learned]
    method.detach()


def test_the_same_seed_gives_the_same_draft_wherever_the_row_stands(llama):
    asked, sampling = prompts(llama, 4), Sampling(1.0, 0.95, 16)
    first = generate(llama, None, asked, [1, 2, 3, 4], sampling)
    assert first == generate(llama, None, asked, [1, 2, 3, 4], sampling)
    assert first[::-1] == generate(llama, None, asked[::-1], [4, 3, 2, 1], sampling)
    assert first[2] == generate(llama, None, [asked[2]], [3], sampling)[0]
    assert first != generate(llama, None, asked, [5, 6, 7, 8], sampling)
    same = generate(llama, None, [asked[0]] * 3, [1, 2, 1], sampling)
    assert same[0] == same[2] != same[1]


def test_more_rows_than_one_batch_keep_their_order(llama):
    asked = [[0, 20 + n] for n in range(40)]
    together = generate(llama, None, asked, [0] * 40, Sampling(0.0, 1.0, 3))
    assert together == [generate(llama, None, [prompt], [0], Sampling(0.0, 1.0, 3))[0] for prompt in asked]
    assert generate(llama, None, [], [], GREEDY) == []


def test_top_p_keeps_the_smallest_sufficient_set():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(400, 1)
    for top_p, allowed in ((0.0, {0}), (0.4, {0}), (0.5, {0}), (0.79, {0, 1}), (0.9, {0, 1, 2}), (1.0, {0, 1, 2, 3})):
        drawn = pick(logits, Sampling(1.0, top_p, 1), [torch.Generator().manual_seed(n) for n in range(400)])
        assert set(drawn) == allowed, top_p
    drawn = pick(logits, Sampling(1.0, 1.0, 1), [torch.Generator().manual_seed(n) for n in range(400)])
    assert drawn.count(0) / 400 == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("name", [None, "prefix"])
def test_a_brief_that_fills_the_context_is_refused(name, llama):
    method = with_method(llama, name)
    room = CONTEXT - (4 if name else 0)
    with pytest.raises(InputError, match="brief 2"):
        generate(llama, method, [[0, 5], [0] * room], [0, 0], GREEDY)
    longest, short = generate(llama, method, [[0] * (room - 3), [0, 5]], [0, 0], GREEDY)
    assert len(longest) <= 3 and short == generate(llama, method, [[0, 5]], [0], GREEDY)[0]


def test_no_draft_goes_beyond_the_context_of_absolute_positions(base_of):
    base = base_of("gpt2")
    drafts = generate(base, None, [[0] * (CONTEXT - 2), [0, 5, 6]], [0, 1], Sampling(0.0, 1.0, CONTEXT))
    assert len(drafts[0]) <= 2 and len(drafts[1]) <= CONTEXT - 3


@pytest.mark.parametrize("own, asked, expected", [
    ({}, (None, None), (0.7, 0.95)), ({"temperature": 1.0, "top_p": 0.9}, (None, None), (1.0, 0.9)),
    ({"temperature": 1.0}, (0, None), (0.0, 0.95)), ({"temperature": 1.0, "top_p": 0.9}, (0.3, 1.0), (0.3, 1.0))])
def test_what_nobody_asks_for_is_sampled_as_the_base_says(llama, monkeypatch, own, asked, expected):
    monkeypatch.setattr(llama.model, "generation_config", GenerationConfig(**own))
    assert sampling_for(llama, *asked, 9) == Sampling(*expected, 9)
    usual = Sampling(0.7 if asked[0] is None else asked[0], 0.95 if asked[1] is None else asked[1], 9)
    assert sampling_for(None, *asked, 9) == usual


@pytest.mark.parametrize("vocabulary", [200, 3000])
@pytest.mark.parametrize("spread", [0.01, 1.0, 6.0])
def test_a_draw_is_what_multinomial_draws_from_all_in_order(vocabulary, spread):
    """Also where the likeliest do not decide: flat rows, and sets larger than what is looked at."""
    logits = spread * torch.randn(40, vocabulary)
    for top_p in (0.0, 0.5, 0.95, 1.0):
        ordered, places = torch.softmax(logits / 0.8, -1).sort(-1, descending=True)
        beyond = ordered.cumsum(-1) - ordered >= top_p
        beyond[:, 0] = False
        rows = ordered.masked_fill(beyond, 0.0)
        ones, others = ([torch.Generator().manual_seed(n) for n in range(40)] for _ in range(2))
        for _ in range(3):  # the generators go on alike
            expected = [places[n, torch.multinomial(row, 1, generator=ones[n])].item() for n, row in enumerate(rows)]
            assert pick(logits, Sampling(0.8, top_p, 1), others) == expected
