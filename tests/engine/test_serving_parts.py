"""The parts of the token engine by themselves: text as it comes, adapters in memory, prompts that were read before, draws."""

from __future__ import annotations

import random
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_adapters import write_adapter
from made_bases import tokenizer_object

from adtune.engine.generate import Sampling, pick
from adtune.engine.serving import AdapterRef, TokenRequest, adapters
from adtune.engine.serving.adapters import Adapters
from adtune.engine.serving.prompts import BLOCK, Prompts, block_names
from adtune.engine.serving.sampling import draw
from adtune.engine.serving.speech import BROKEN, Speech
from adtune.errors import BaseModelError


def said(ids, stop=()):
    """(text, ids that were fed) of an answer told piece by piece, and the pieces."""
    speech, pieces = Speech(decode, stop), []
    for n, id in enumerate(ids):
        text, found = speech.feed(id)
        pieces.append(text)
        if found:
            return "".join(pieces), n + 1, pieces
    text, found = speech.rest()
    return "".join([*pieces, text]), len(ids), pieces


def decode(ids):
    return tokenizer_object().decode(list(ids), skip_special_tokens=True)


WORDS = st.text(st.sampled_from("aeins roß–€😀漢\n"), max_size=12)


@given(WORDS, st.lists(st.integers(2, 399), max_size=6))
@settings(max_examples=150, deadline=None)
def test_the_pieces_of_a_text_are_the_text(text, noise):
    ids = [*tokenizer_object().encode(text).ids, *noise, *tokenizer_object().encode(text).ids]
    whole, count, pieces = said(ids)
    assert whole == decode(ids) and count == len(ids)
    if not noise:
        assert not any(BROKEN in piece for piece in pieces)


@given(WORDS, st.lists(st.text(st.sampled_from("aeins ro€"), min_size=1, max_size=4), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_nothing_is_told_from_a_stop_sequence_on(text, stops):
    ids = tokenizer_object().encode(text).ids
    begun = [decode(ids[:n + 1]).rstrip(BROKEN) for n in range(len(ids))]  # what stands there after each token
    found = next((n for n, sofar in enumerate(begun) if any(stop in sofar for stop in stops)), None)
    whole, count, _ = said(ids, stops)
    if found is None:
        assert whole == text and count == len(ids)
    else:
        assert whole == begun[found][:min(place for stop in stops if (place := begun[found].find(stop)) >= 0)] and count == found + 1


def test_endless_broken_bytes_are_told_sooner_or_later():
    broken = tokenizer_object().encode("漢").ids[:1] * 60
    _, _, pieces = said(broken)
    assert len("".join(pieces)) > 30 and "".join(pieces) in decode(broken)


def loads(monkeypatch, base):
    """Adapters that are loaded one by one when the test lets them; what was asked for."""
    asked, let = [], threading.Semaphore(0)

    def load(base, ref):
        let.acquire()
        asked.append(ref.key)
        if ref.key == "bad":
            raise BaseModelError("x", "y", "z", "w")
        return adapters.Loaded(ref.key, 1)

    monkeypatch.setattr(adapters, "load", load)
    return asked, let


def test_memory_holds_so_many_adapters_and_never_loses_a_claimed_one(llama, tmp_path, monkeypatch):
    asked, let = loads(monkeypatch, llama)
    came = threading.Semaphore(0)
    memory = Adapters(llama, 3, came.release)

    def ref(name):
        return AdapterRef(name, tmp_path)

    def claim(name):
        let.release()
        assert memory.claim(ref(name))
        came.acquire()

    assert memory.get(AdapterRef("base", None)).lora == {} and memory.claim(AdapterRef("base", None))
    assert memory.claim(ref("a")) and memory.get(ref("a")) is None  # still loading
    let.release()
    came.acquire()
    assert memory.get(ref("a")).key == "a"
    claim("b"), claim("c")
    assert not memory.claim(ref("d"))               # all three are in use
    assert memory.claim(ref("b"))                   # a second claim
    memory.release(ref("b")), memory.release(ref("c"))
    claim("d")                                      # b has a claim left: c goes
    assert [memory.get(ref(name)).key for name in "abd"] == ["a", "b", "d"]
    memory.release(ref("a")), memory.release(ref("d"))
    claim("c")                                      # a was claimed longest ago
    assert asked == ["a", "b", "c", "d", "c"]
    stats = memory.stats()
    assert (stats["in_memory"], stats["evictions"], stats["loads"], stats["hits"], stats["hit_rate"]) == (3, 2, 5, 1, 1 / 6)
    memory.release(ref("c"))
    claim("bad")
    with pytest.raises(BaseModelError):
        memory.get(ref("bad"))
    memory.release(ref("bad"))
    claim("bad")                                    # tried again, since it was asked for again
    assert memory.stats()["failures"] == 2
    memory.close()


def test_a_scale_is_another_adapter(llama, tmp_path):
    ref = write_adapter(llama, tmp_path, "lora", 1)
    whole, half = adapters.load(llama, ref), adapters.load(llama, AdapterRef(ref.key, ref.folder, 0.5))
    name = sorted(whole.lora)[0]
    assert torch.equal(whole.lora[name][0], half.lora[name][0]) and torch.allclose(whole.lora[name][1], 2 * half.lora[name][1])
    assert whole.bytes == half.bytes == sum(a.numel() + b.numel() for a, b in whole.lora.values()) * 4


def test_the_least_lately_used_end_of_a_prompt_is_forgotten_first():
    prompts, held = Prompts(6 * BLOCK), torch.arange(5 * BLOCK).float().view(1, 1, 1, -1, 1).expand(2, 2, 1, -1, 3)
    first, second = [block_names(TokenRequest(tuple(range(n, n + 4 * BLOCK + 1)), AdapterRef("a", None), "c", 1)) for n in (0, 9)]
    assert len(first) == 4 and not set(first) & set(second)
    prompts.keep(first, held, 5)
    prompts.keep(second, held, 0)
    assert (prompts.known(first), prompts.known(second)) == (2, 4)
    into = torch.zeros(2, 2, 1, 4 * BLOCK, 3)
    assert prompts.fill(first, into, 3) == 2 * BLOCK
    assert torch.equal(into[0, 0, 0, 3:3 + 2 * BLOCK, 0], torch.arange(5, 5 + 2 * BLOCK).float()) and not into[..., :3, :].any()
    prompts.keep(block_names(TokenRequest(tuple(range(100, 164)), AdapterRef("a", None), "c", 1)), held, 0)
    assert (prompts.known(first), prompts.stats()["tokens"]) == (2, 6 * BLOCK)
    nothing = Prompts(0)
    nothing.keep(first, held, 0)
    assert nothing.known(first) == 0 and nothing.stats()["hit_rate"] is None


def test_blocks_have_the_names_of_all_that_decides_them():
    ids = tuple(range(40))
    asked = TokenRequest(ids, AdapterRef("a", None), "c", 1)
    others = [TokenRequest(ids, AdapterRef("b", None), "c", 1), TokenRequest(ids, AdapterRef("a", None, 0.5), "c", 1),
              TokenRequest(ids, AdapterRef("a", None), "d", 1), TokenRequest((1, *ids[1:]), AdapterRef("a", None), "c", 1),
              TokenRequest(ids, AdapterRef("ac", None), "", 1)]
    names = [block_names(one) for one in (asked, *others)]
    assert all(len(one) == 2 for one in names) and len({name for one in names for name in one}) == 12
    assert block_names(TokenRequest((*ids[:20], *ids[:20]), asked.adapter, "c", 1))[0] == names[0][0]
    assert block_names(TokenRequest(ids[:BLOCK], asked.adapter, "c", 1)) == []


def test_rows_are_drawn_as_drafts_are():
    """The same seed gives the same text from the command line and from the server."""
    logits = torch.randn(6, 300, generator=torch.Generator().manual_seed(1))
    heat, share = [0.3, 0.7, 1.0, 1.5, 0.7, 2.0], [0.0, 0.5, 0.95, 1.0, 1.0, 0.9]
    rng = random.Random(0)
    seeds = [rng.randrange(1000) for _ in heat]
    together = draw(logits, torch.tensor(heat), torch.tensor(share), [torch.Generator().manual_seed(seed) for seed in seeds])
    single = [pick(logits[n:n + 1], Sampling(heat[n], share[n]), [torch.Generator().manual_seed(seeds[n])])[0] for n in range(6)]
    assert together == single
