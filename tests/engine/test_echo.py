"""Targets drawn from the base's own predictions: as likely as it says, always the same for a seed, and what the loss then counts."""

import numpy as np
import pytest
import torch
from made_bases import pieces

from adtune.engine.packing import pack
from adtune.engine.tasks.drafting import make_rows, measure, row_nats
from adtune.engine.tasks.echo import KEPT, read_echo


@pytest.fixture
def rows(llama):
    return make_rows(llama.renderer, pieces(3, 8, 4), 128, True)[0]


def predictions(base, row):
    with torch.no_grad():
        logits = base.model(input_ids=torch.tensor([row.ids])).logits[0]
    return torch.softmax(logits.float(), -1)[max(row.first, 1) - 1:-1].numpy()


def test_what_the_base_foretells_is_kept(llama, rows):
    echo = read_echo(llama, rows)
    for n, row in enumerate(rows):
        told, expected = echo.tokens[n], predictions(llama, row)
        assert told.shape == (len(row.learned), min(KEPT, expected.shape[1])) and np.allclose(echo.summed[n][:, -1], 1)
        assert (told[:, 0] == expected.argmax(1)).mean() > 0.9  # but for ties
        kept = np.take_along_axis(expected, told, 1)
        shares = np.diff(echo.summed[n], axis=1, prepend=0)
        assert np.allclose(shares, kept / kept.sum(1, keepdims=True), atol=1e-4)


def test_draws_are_as_likely_as_the_base_says_and_the_same_for_a_seed(llama, rows):
    echo = read_echo(llama, rows)
    drawn = np.array([echo.of(rows[1], 1, f"x{n}").labels for n in range(400)])
    assert echo.of(rows[1], 1, "x7") == echo.of(rows[1], 1, "x7") != echo.of(rows[1], 1, "x8")
    likeliest, first = echo.tokens[1][:, 0], echo.summed[1][:, 0]
    assert np.abs((drawn == likeliest).mean(0) - first).max() < 0.12
    assert all(set(drawn[:, n]) <= set(echo.tokens[1][n]) for n in range(drawn.shape[1]))


def test_the_loss_counts_what_was_drawn(llama, rows):
    made = read_echo(llama, rows).of(rows[0], 0, "x")
    chances = predictions(llama, rows[0])
    expected = -np.log(chances[np.arange(len(made.labels)), list(made.labels)]).sum()
    assert measure(llama, None, [made])[0] == (pytest.approx(expected, rel=1e-4), len(rows[0].learned))
    assert float(row_nats(llama, None, [rows[1], made])[1]) == pytest.approx(expected, rel=1e-4)
    packed = pack([made, rows[1]], 256, torch.device("cpu"))
    assert tuple(packed.targets.tolist()) == (*made.labels, *rows[1].learned)


def test_drawn_targets_hold_a_base_where_it_is(llama, rows):
    """The gradient of the loss, averaged over draws, is small beside that of the text itself: nothing is learned by heart."""
    echo, head = read_echo(llama, rows), llama.model.get_output_embeddings().weight
    before = head.requires_grad
    head.requires_grad_(True)

    def gradient(made):
        return torch.autograd.grad(row_nats(llama, None, made).sum(), head)[0]

    text = gradient(rows)
    mean = sum(gradient([echo.of(row, n, f"{k}/{n}") for n, row in enumerate(rows)]) for k in range(60)) / 60
    head.requires_grad_(before)
    assert float(mean.norm()) < 0.5 * float(text.norm())
