"""The growing cache holds what transformers' own holds, whatever joins, leaves or is taken twice."""

import pytest
import torch
from transformers import DynamicCache

from adtune.engine.generate import Sampling, generate
from adtune.engine.growing import ROOM, growing


def states(rows, tokens, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, 2, tokens, 8, generator=generator) for _ in range(2)]


def test_it_holds_what_the_usual_cache_holds():
    ours, theirs, rows = growing(), DynamicCache(), 3
    for step, tokens in enumerate((5, 1, 1, ROOM, 1, 2 * ROOM + 3, 1)):
        if step in (3, 5):
            index = torch.tensor([0, 2, 2, 1]) if step == 3 else torch.tensor([1, 3])
            ours.batch_select_indices(index)
            theirs.batch_select_indices(index)
            rows = len(index)
        for layer in range(2):
            some = states(rows, tokens, 10 * step + layer)
            found, expected = ours.update(*some, layer), theirs.update(*some, layer)
            assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])
        assert ours.get_seq_length() == theirs.get_seq_length()


def test_a_token_moves_no_other():
    cache = growing()
    cache.update(*states(2, 4, 0), 0)
    place = cache.layers[0].keys.data_ptr()
    for seed in range(ROOM):
        cache.update(*states(2, 1, seed), 0)
        assert cache.layers[0].keys.data_ptr() == place
    cache.update(*states(2, 1, 9), 0)
    assert cache.layers[0].keys.data_ptr() != place


def test_it_begins_with_given_states_and_leaves_them_alone():
    start = DynamicCache()
    start.update(*states(2, 3, 0), 0)
    kept = start.layers[0].keys.clone()
    cache = growing(start)
    cache.update(*states(2, 1, 1), 0)
    assert cache.get_seq_length() == 4 and torch.equal(start.layers[0].keys, kept)


@pytest.mark.parametrize("heat", (0.0, 0.9))
def test_a_prompt_of_several_rows_is_read_once_and_drafted_as_if_each_had_read_it(llama, heat, monkeypatch):
    prompts = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 8], [5, 6, 7, 8], [9, 10]]
    alone = [generate(llama, None, [prompt], [seed], Sampling(heat, 0.9, 12))[0] for seed, prompt in enumerate(prompts)]
    sizes, forward = [], type(llama.model).forward

    def watched(model, **given):
        sizes.append(len(given["input_ids"]))
        return forward(model, **given)

    monkeypatch.setattr(type(llama.model), "forward", watched)
    assert generate(llama, None, prompts, range(5), Sampling(heat, 0.9, 12)) == alone
    assert sizes[0] == 2 and sizes[1] > 2
