"""Rows of different adapters in one batch write what each of them writes alone, whoever joins and leaves."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_adapters import BASE, alone, some_adapters, write_adapter
from made_bases import CONTEXT, make_base, pieces

from adtune.engine.generate import Sampling, generate
from adtune.engine.serving import AdapterRef, TokenEngine, TokenRequest, adapters, engine, gathered, products
from adtune.errors import BaseModelError, BusyError, InputError, TrainingError


def requests(base, refs, count, seed=0):
    rng = random.Random(seed)
    heads = [base.renderer.brief(piece.brief) for piece in pieces(12, seed=seed)]
    heads.append([*heads[0], *heads[1], *heads[2]])  # a long one, in several blocks and runs
    return [TokenRequest(tuple(rng.choice(heads)), rng.choice(refs), f"client {rng.randrange(3)}", rng.choice([1, 2, 5, 9]),
                         rng.choice([0.0, 0.0, 0.8]), rng.choice([0.9, 1.0]), rng.randrange(100)) for _ in range(count)]


def run(tokens, tickets):
    """Steps in the test's own thread until every ticket is done."""
    with torch.inference_mode():
        for _ in range(3000):
            if all(ticket.done for ticket in tickets):
                return [ticket.result() for ticket in tickets]
            tokens.step()
    raise AssertionError("the engine did not come to an end")


@pytest.fixture
def serve(monkeypatch):
    """Engines that are closed after the test, whose adapters load at once, and whose prompts are read in short runs."""
    opened = []
    monkeypatch.setattr(engine, "ALONE", 24)
    monkeypatch.setattr(engine, "BESIDE", 10)

    def make(base, **options):
        opened.append(TokenEngine(base, **options))
        opened[-1]._adapters._loader.submit = lambda load, *args: load(*args)
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_mixed_rows_write_what_each_writes_alone(base, tmp_path, serve):
    refs = some_adapters(base, tmp_path)
    asked = requests(base, refs, 24)
    expected = [alone(base, request) for request in asked]
    tokens = serve(base, rows=5, adapters=6, cache_tokens=256)
    rng, tickets = random.Random(1), []
    with torch.inference_mode():
        for request in asked:  # they join while others are at any point of theirs
            tickets.append(tokens.submit(request))
            for _ in range(rng.choice([0, 0, 1, 3])):
                tokens.step()
    answers = run(tokens, tickets)
    assert [answer.ids for answer in answers] == expected
    assert [answer.text for answer in answers] == [base.renderer.text(ids) for ids in expected]
    end = base.renderer.end[-1]
    assert [answer.finish_reason for answer in answers] == ["stop" if ids[-1] == end else "length" for ids in expected]
    assert tokens.stats()["adapters"]["evictions"] and not tokens.stats()["failed"]
    assert len({answer.ids for answer in answers}) > 12
    tokens.close()
    assert generate(base, None, [list(asked[0].ids)], [0], Sampling(0.0, 1.0, 4)) == [list(alone(base, replace(
        asked[0], adapter=BASE, temperature=0.0, max_tokens=4)))]


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_the_same_in_every_batch(llama, tmp_path, serve, seed):
    """The property, over drawn traffic: the order, the neighbours, the number of rows and what the caches hold change no token."""
    refs = some_adapters(llama, tmp_path)
    asked = requests(llama, refs, 20, seed + 10)
    expected = [alone(llama, request) for request in asked]
    for rows, kept, cached in ((1, 2, 0), (3, 3, 64), (16, 64, 4096)):
        order = random.Random(seed + rows).sample(range(len(asked)), len(asked))
        tokens = serve(llama, rows=rows, adapters=kept, cache_tokens=cached)
        answers = run(tokens, [tokens.submit(asked[n]) for n in order])
        assert [answer.ids for answer in answers] == [expected[n] for n in order]
        tokens.close()


def test_an_adapter_leaves_nothing_behind_in_its_slot(llama, tmp_path, serve):
    """Adapters that change other layers come into slots where another one was."""
    both = [write_adapter(llama, tmp_path, "lora", 1, targets="mlp", size=2.0),
            write_adapter(llama, tmp_path, "lora", 2, targets="attention", size=2.0)]
    prompt = tuple(llama.renderer.brief(pieces(1)[0].brief))
    asked = [TokenRequest(prompt, ref, "c", length)
             for length, ref in ((2, both[0]), (6, both[1]), (3, both[0]), (9, both[1]), (4, both[0]))]
    expected = [alone(llama, request) for request in asked]
    tokens = serve(llama, rows=2)
    assert [answer.ids for answer in run(tokens, [tokens.submit(request) for request in asked])] == expected
    assert tokens.stats()["adapters_in_use"] == 0


def test_no_client_finds_what_another_left(llama, tmp_path, serve):
    ref = write_adapter(llama, tmp_path, "lora", 1)
    secret = tuple(random.Random(0).choices(range(20, 300), k=100))
    mine = TokenRequest(secret, ref, "a", 3)
    cold = serve(llama, cache_tokens=0)
    expected = run(cold, [cold.submit(mine)])[0]
    cold.close()
    tokens = serve(llama)
    found = {}
    for name, request in (("first", mine), ("again", mine), ("other client", replace(mine, client="b")),
                          ("other adapter", replace(mine, adapter=BASE)),
                          ("other scale", replace(mine, adapter=replace(ref, scale=0.5))),
                          ("other version", replace(mine, adapter=replace(ref, key="v2"))),
                          ("begins alike", replace(mine, ids=secret[:70]))):
        answer = run(tokens, [tokens.submit(request)])[0]
        found[name] = answer.usage.cached_tokens
        if request == mine:
            assert answer.ids == expected.ids
        assert answer.usage.prompt_tokens == len(request.ids) and answer.usage.completion_tokens == len(answer.ids)
    kinds = ("client", "adapter", "scale", "version")
    assert found == {"first": 0, "again": 96, "begins alike": 64} | {f"other {kind}": 0 for kind in kinds}
    three = run(tokens, [tokens.submit(replace(mine, ids=secret[::-1], seed=n, temperature=0.9)) for n in range(3)])
    assert sorted(answer.usage.cached_tokens for answer in three) == [0, 96, 96]  # asked for at once, read once


def test_the_scale_is_a_dial(llama, tmp_path, serve):
    ref = write_adapter(llama, tmp_path, "lora", 1, size=0.3)
    prompt = tuple(llama.renderer.brief(pieces(1)[0].brief))
    tokens = serve(llama)
    asked = [TokenRequest(prompt, one, "c", 12) for one in (BASE, replace(ref, scale=0.0), ref, replace(ref, scale=2.0))]
    base, off, full, loud = [answer.ids for answer in run(tokens, [tokens.submit(request) for request in asked])]
    assert base == off != full and loud not in (base, full)


def test_cancelling_frees_the_row_within_a_step(llama, serve):
    tokens = serve(llama, rows=2)
    prompt = tuple(llama.renderer.brief(pieces(1)[0].brief))
    tickets = [tokens.submit(TokenRequest(prompt, BASE, "c", 100, seed=n, temperature=1.0)) for n in range(3)]
    with torch.inference_mode():
        for _ in range(4):
            tokens.step()
        assert (tokens.stats()["writing"], tokens.stats()["waiting"]) == (2, 1)
        tickets[0].cancel()
        tokens.step()
        assert tickets[0].done and tokens.stats()["waiting"] == 0
        tickets[1].cancel(), tickets[2].cancel()
        tokens.step()
    assert [list(ticket)[-1].finish_reason for ticket in tickets] == ["cancelled"] * 3
    stats = tokens.stats()
    assert (stats["writing"], stats["reading"], stats["cancelled"]) == (0, 0, 3)


def test_loading_an_adapter_stalls_nobody(llama, tmp_path, monkeypatch):
    """Through threads: while an adapter can't be loaded, others are served; then it is served too."""
    ref, let = write_adapter(llama, tmp_path, "lora", 1), threading.Event()
    load = adapters.load
    monkeypatch.setattr(adapters, "load", lambda base, one: let.wait(30) and load(base, one))
    prompt = tuple(llama.renderer.brief(pieces(1)[0].brief))
    expected = alone(llama, TokenRequest(prompt, ref, "a", 5))
    with TokenEngine(llama, rows=2) as tokens:
        slow = tokens.submit(TokenRequest(prompt, ref, "a", 5))
        for n in range(4):
            assert tokens.submit(TokenRequest(prompt, BASE, f"c{n}", 3)).result().ids
        assert not slow.done
        let.set()
        assert slow.result().ids == expected


def test_an_adapter_that_can_not_be_served_says_why(llama, base_of, tmp_path, serve):
    prompt = tuple(llama.renderer.brief(pieces(1)[0].brief))
    good = write_adapter(llama, tmp_path / "good", "lora", 1)
    other = write_adapter(base_of("gpt2"), tmp_path / "other", "lora", 1)
    full = write_adapter(llama, tmp_path / "full", "full", 1, size=0.0)
    broken = write_adapter(llama, tmp_path / "broken", "lora", 2, size=float("inf"))
    prefix = replace(write_adapter(llama, tmp_path / "prefix", "prefix", 1), scale=0.5)
    tokens = serve(llama)
    for ref, words in ((AdapterRef("gone", tmp_path / "gone"), "adapter_config"), (other, "a layer"), (full, "base of its own"),
                       (broken, "not finite"), (prefix, "no dial")):
        fine, wrong = (tokens.submit(TokenRequest(prompt, one, "c", 3)) for one in (good, ref))
        with pytest.raises(BaseModelError, match=words):
            run(tokens, [wrong])
        assert run(tokens, [fine])[0].ids == alone_ids(tokens, llama, prompt, good)
    assert tokens.stats()["adapters"]["failures"] == 5 and tokens.stats()["adapters"]["in_memory"] == 1


def alone_ids(tokens, base, prompt, ref):
    return run(tokens, [tokens.submit(TokenRequest(prompt, ref, "c", 3))])[0].ids


def test_what_can_not_be_meant_is_refused_at_once(llama, serve):
    tokens = serve(llama, queue=2)
    good = TokenRequest((0, 30), BASE, "c", 3)
    for change in ({"ids": ()}, {"ids": (0,) * CONTEXT}, {"ids": (9999,)}, {"ids": (-1,)}, {"max_tokens": 0}, {"temperature": -1.0},
                   {"temperature": float("nan")}, {"top_p": 1.5}, {"seed": -1}, {"stop": ("",)}, {"stop": ("x",) * 20}, {"logprobs": 21},
                   {"schema": "no json"}, {"schema": '{"type": "nothing"}'}, {"adapter": replace(BASE, scale=float("inf"))}):
        with pytest.raises(InputError):
            tokens.submit(replace(good, **change))
    assert tokens.stats()["requests"] == 0
    tickets = [tokens.submit(good), tokens.submit(replace(good, ids=(0,) * (CONTEXT - 2), max_tokens=50))]
    with pytest.raises(BusyError, match="waiting requests"):
        tokens.submit(good)
    assert len(run(tokens, tickets)[1].ids) <= 2 and tokens.stats()["row_bytes"] > 0
    with torch.inference_mode():
        assert not tokens.step() and tokens.stats()["row_bytes"] == 0  # idle: what a long row took is given back
    waiting = tokens.submit(good)
    tokens.close()
    assert list(waiting)[-1].finish_reason == "cancelled"
    with pytest.raises(BusyError):
        tokens.submit(good)


def test_a_failed_step_ends_its_rows_and_no_others(llama, serve, monkeypatch):
    tokens, good = serve(llama), TokenRequest((0, 30, 40), BASE, "c", 4)
    expected = run(tokens, [tokens.submit(good)])[0].ids
    with monkeypatch.context() as patch:
        patch.setattr(engine, "forward", lambda *given: 1 / 0)
        with pytest.raises(TrainingError, match="ZeroDivisionError"):
            run(tokens, [tokens.submit(good)])
    assert run(tokens, [tokens.submit(good)])[0].ids == expected and tokens.stats()["failed"] == 1


def test_numbers_that_are_none_end_their_own_row_only(llama, tmp_path, serve):
    ref = write_adapter(llama, tmp_path, "lora", 1, size=1e18)
    tokens = serve(llama, rows=3)
    good = TokenRequest((0, 30, 40, 50), BASE, "c", 8)
    expected = alone(llama, good)
    tickets = [tokens.submit(good), tokens.submit(replace(good, adapter=ref)), tokens.submit(good)]
    with pytest.raises(BaseModelError, match="not finite"):
        run(tokens, [tickets[1]])
    answers = run(tokens, [tickets[0], tickets[2], *(tokens.submit(good) for _ in range(4))])
    assert [answer.ids for answer in answers] == [expected] * 6


def test_one_client_does_not_crowd_out_another(llama, serve):
    tokens = serve(llama, rows=2)
    flood = [tokens.submit(TokenRequest((0, 30, n + 20), BASE, "loud", 4)) for n in range(12)]
    quiet = tokens.submit(TokenRequest((0, 30), BASE, "quiet", 4))
    run(tokens, [quiet])
    assert sum(ticket.done for ticket in flood) <= 4
    run(tokens, flood)


def test_a_listener_hears_every_event_and_one_that_fails_ends_its_row(llama, serve):
    tokens, heard = serve(llama), []
    request = TokenRequest((0, 30, 40), BASE, "c", 6)
    ticket = tokens.submit(request, heard.append)
    deaf = tokens.submit(request, lambda event: 1 / 0)
    with torch.inference_mode():
        while tokens.step():
            pass
    assert ticket.done and deaf.done and deaf.cancelled
    assert tuple(id for event in heard for id in event.ids) == alone(llama, request)
    assert [event.finish_reason is None for event in heard] == [True] * (len(heard) - 1) + [False]


def test_logprobs_are_the_base_s_own(llama, serve):
    tokens = serve(llama)
    request = TokenRequest((0, 30, 40), BASE, "c", 5, 1.3, 0.8, 7, logprobs=3)
    answer = run(tokens, [tokens.submit(request)])[0]
    with torch.no_grad():
        ids = torch.tensor([[*request.ids, *answer.ids]])
        known = llama.model(input_ids=ids).logits[0, 2:-1].log_softmax(-1)
    assert len(answer.logprobs) == len(answer.ids)
    for row, id, told in zip(known, answer.ids, answer.logprobs, strict=True):
        best = row.topk(3)
        assert told.id == id and told.logprob == pytest.approx(row[id].item(), abs=1e-4)
        assert [one for one, _ in told.top] == best.indices.tolist()
        assert [value for _, value in told.top] == pytest.approx(best.values.tolist(), abs=1e-4)
    none = run(tokens, [tokens.submit(replace(request, logprobs=None))])[0]
    assert none.logprobs is None and none.ids == answer.ids
    assert all(one.top == () for one in run(tokens, [tokens.submit(replace(request, logprobs=0))])[0].logprobs)


SCHEMA = json.dumps({"type": "object", "required": ["name", "count", "kind"], "additionalProperties": False, "properties": {
    "name": {"type": "string", "maxLength": 8}, "kind": {"enum": ["ad", "mail"]},
    "count": {"type": "integer", "maximum": 99, "minimum": 0}}})


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_schema_is_obeyed_by_random_bases_too(llama, serve, temperature):
    tokens = serve(llama)
    bound = [tokens.submit(TokenRequest((0, 30 + n), BASE, "c", 90, temperature, seed=n, schema=SCHEMA)) for n in range(4)]
    free = tokens.submit(TokenRequest((0, 30), BASE, "c", 8))
    answers = run(tokens, [*bound, free])
    for answer in answers[:-1]:
        assert answer.finish_reason == "stop"
        found = json.loads(answer.text)
        assert set(found) == {"name", "count", "kind"} and len(found["name"]) <= 8 and 0 <= found["count"] <= 99
    assert answers[-1].ids == alone(llama, free.request)


def test_a_base_that_rows_can_not_run_through_is_refused(tmp_path, monkeypatch):
    base = make_base("llama", tmp_path)
    before = base.model.config._attn_implementation
    norm = base.model.model.norm.forward
    with monkeypatch.context() as patch:  # looks at its neighbours
        patch.setattr(base.model.model.norm, "forward", lambda x: norm(x) + norm(x).mean(1, keepdim=True))
        with pytest.raises(BaseModelError, match="differ by"):
            TokenEngine(base)
    with monkeypatch.context() as patch:
        patch.setattr(base.model, "_can_set_attn_implementation", lambda: False)
        with pytest.raises(BaseModelError, match="can't be exchanged"):
            TokenEngine(base)
    assert base.model.config._attn_implementation == before
    base.model.config.sliding_window = 100  # which no layer keeps
    tokens = TokenEngine(base)
    assert tokens.context == 100
    tokens.close()
    base.model.config.rope_parameters = base.model.config.rope_parameters | {"rope_type": "dynamic", "original_max_position_embeddings": 64}
    tokens = TokenEngine(base)
    assert tokens.context == 64
    tokens.close()
    assert base.model.config._attn_implementation == before


def test_without_room_for_copies_the_weights_are_parts_of_one_tensor(base, tmp_path, serve, monkeypatch):
    monkeypatch.setattr(products, "SHARE", 0.0)
    asked = requests(base, some_adapters(base, tmp_path)[:3], 4, 3)
    expected = [alone(base, request) for request in asked]
    tokens = serve(base)
    assert all(stack.product.packed is None for stack in tokens._bank.stacks)
    assert any(stack.product.weight is not None for stack in tokens._bank.stacks) == (base.model.config.model_type != "gpt2")
    assert [answer.ids for answer in run(tokens, [tokens.submit(request) for request in asked])] == expected
    tokens.close()
    places = {module.weight.untyped_storage().data_ptr() for module in base.linears.values()}
    assert len(places) == len(base.linears)  # each has its own again


def test_a_row_that_finds_no_memory_ends_alone(llama, tmp_path, serve, monkeypatch):
    ref, good = write_adapter(llama, tmp_path, "lora", 1), TokenRequest((0, 30, 40), BASE, "c", 3)
    tokens = serve(llama)
    with monkeypatch.context() as patch:
        patch.setattr(gathered.Stack, "reserve", lambda *given: 1 / 0)
        fine, wrong = tokens.submit(good), tokens.submit(replace(good, adapter=ref))
        with pytest.raises(TrainingError, match="ZeroDivisionError"):
            run(tokens, [wrong])
    after = tokens.submit(replace(good, adapter=ref))
    assert [answer.ids for answer in run(tokens, [fine, after])] == [alone(llama, good), alone(llama, after.request)]


def test_the_base_can_be_asked_beside_the_rows(base, serve):
    """Its hidden states, say, from another thread, padded as ever: what rows need changes nothing of it."""
    ids = torch.tensor([[0, 30, 40, 50, 60], [0, 31, 41, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.no_grad():
        before = base.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        tokens = serve(base)
        tokens._bank.current.mix = None
        during = base.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    for row, count in enumerate((5, 3)):
        assert torch.allclose(before[row, :count], during[row, :count], atol=1e-4)


def test_no_answer_has_another_client_s_marker(llama, monkeypatch):
    """The short form of `benchmarks/gate_serve.py`: 200 requests of 16 clients, through threads, over four adapters in memory."""
    folder = str(Path(__file__).resolve().parents[2] / "benchmarks")
    monkeypatch.syspath_prepend(folder)
    import gate_serve

    tally, stats, wrong = gate_serve.check(llama, 200, 1, drawn=False)
    assert not wrong and tally.answers == 200 and len(tally.versions) > 40 and stats["adapters"]["evictions"] > 20
