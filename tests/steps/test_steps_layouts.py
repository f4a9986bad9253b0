"""Layouts of a prompt: what each shows, that the pieces which choose are no examples, and the loss on terms beside the rest."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from made_base import make_base

from adtune.advise.reasons import CLASSES
from adtune.records import Brief, Example
from adtune.starter import sample_pieces
from adtune.steps import layouts
from adtune.steps.arms import plain_rows
from adtune.steps.layouts import LAYOUTS, Shown, best_layout, layout_prompts, layout_rows
from adtune.steps.target_loss import _letters, spelled_terms, target_classes, target_loss


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    from adtune.engine.bases import load_base

    if not sample_pieces().is_file():
        pytest.skip("no sample client in this installation")
    return load_base(str(make_base(tmp_path_factory.mktemp("base"), 512)))


@pytest.fixture(scope="module")
def pieces():
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()[:24]]
    return [Example(Brief(row["title"], row["category"]), " ".join(row["text"].split()[:30])) for row in rows]


def test_a_layout_shows_the_guide_and_as_many_pieces_as_it_says(base, pieces):
    briefs, renderer = [pieces[0].brief], base.renderer
    for layout in LAYOUTS:
        (ids,) = layout_prompts(base, briefs, Shown(layout, "Be plain and kind.", pieces[1:]), [480])
        text = renderer.tokenizer.decode(ids)
        assert ("Be plain and kind." in text) == layout.guide
        held = sum(piece.text[:40] in text for piece in pieces[1:])
        assert held == layout.nearest if layout.nearest < 8 else 2 < held <= 8
        assert text.rstrip().endswith(f"[{pieces[0].brief.category}]") and len(ids) <= 480


def test_every_layout_counts_the_same_targets(base, pieces):
    plain = plain_rows(base, pieces[:3], 20, 8)
    for layout in LAYOUTS:
        rows = layout_rows(base, pieces[:3], Shown(layout, "Be plain.", pieces[3:]), 20, 8)
        assert [row.ids[row.first:] for row in rows] == [row.ids[row.first:] for row in plain]
        assert all(len(row.ids) <= base.context for row in rows)


def test_the_pieces_that_choose_are_no_examples_of_the_prompt(base, pieces, monkeypatch):
    asked, shown, real = [], [], layout_rows

    def spy(base_, some, what, loss_tokens, taken=0):
        asked.append([piece.brief.title for piece in some])
        shown.append(what)
        return real(base_, some, what, loss_tokens, taken)

    monkeypatch.setattr(layouts, "layout_rows", spy)
    best, losses = best_layout(base, pieces, "Be plain.", 20)
    assert set(losses) == {layout.name for layout in LAYOUTS} and best.name in sorted(losses, key=losses.get)[:2]
    for titles, one in zip(asked, shown, strict=True):
        assert not set(titles) & {piece.brief.title for piece in one.pieces}
    assert len(asked) == len(LAYOUTS) + 2 and asked[-1] == asked[-2] != asked[0]      # the best two meet on other pieces
    _, without = best_layout(base, pieces, "", 20)
    assert set(without) == {layout.name for layout in LAYOUTS if not layout.guide}


def test_the_loss_on_terms_and_elsewhere_is_the_whole_loss(base, pieces):
    from adtune.engine.methods import attach
    from adtune.engine.tasks.drafting import measure
    from adtune.engine.tasks.targets import measure_targets
    from adtune.settings import TuneSettings

    made = [Example(piece.brief, f"{piece.text} The brafenlum holds, and a second quadovzan too.") for piece in pieces]
    general = ["A calm day at the harbour, with tea and bread for all who came by."] * 8
    terms = spelled_terms(base, [piece.text for piece in made], general)
    assert {"brafenlum", "quadovzan"} <= set(terms) and min(terms.values()) >= 3 and "holds" not in terms
    rows = plain_rows(base, made[:4], 384)
    classes = target_classes(base, made[:4], rows, terms)
    assert all(len(some) == row.targets and some[-1] == "layout" for some, row in zip(classes, rows, strict=True))
    before = measure_targets(base, None, rows)
    tuned = attach("lora", base, asdict(TuneSettings(rank=2)), [])
    found = target_loss(classes, before, measure_targets(base, tuned, rows), terms)
    tuned.detach()
    assert set(found.classes) == set(CLASSES) and all(sum(one.tokens) for one in found.classes.values())
    whole = [nats for nats, _ in measure(base, None, rows)]
    assert [sum(nats) for nats in zip(*(one.rival for one in found.classes.values()), strict=True)] == pytest.approx(whole, rel=1e-4)
    assert found.classes["term"].tuned == pytest.approx(found.classes["term"].rival, rel=1e-4)      # an untrained LoRA changes nothing
    assert [sum(counts) for counts in zip(*(one.tokens for one in found.classes.values()), strict=True)] == [row.targets for row in rows]
    assert found.rest("term").tokens[0] + found.classes["term"].tokens[0] == rows[0].targets


def test_letters_are_parted_into_terms_layout_manner_and_topic():
    text = "# Tea\n\n**Worked example: Ada**\n- Start: She has 3 brafenlums, and more."
    letters = _letters(text, {"brafenlums": 4})
    assert {letters[text.index(word)] for word in ("Tea", "Worked", "- S", "Start", "\n")} == {"layout"}
    assert [letters[text.index(word)] for word in ("Ada", "She", "has", "3", "brafenlums", ",", "and")] == [
        "topic", "manner", "manner", "topic", "term", "manner", "manner"]
    assert letters[text.index(" has")] == "" and len(letters) == len(text)
