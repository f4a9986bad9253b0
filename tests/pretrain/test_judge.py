"""The judge's figures against slow references and by hand: bytes are exact, arms have the same targets, nothing is left out in silence."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from transformers import PreTrainedTokenizerFast

from adtune.engine.bases import Base, load_base
from adtune.engine.generate import Sampling
from adtune.pretrain import judge, judge_drafts
from adtune.pretrain.documents import Document
from adtune.pretrain.judge import (
    JudgeSettings,
    Page,
    bits_per_byte,
    equal_bytes,
    in_context_gain,
    judge_base,
    mean_of,
    modern,
    spread,
    text_bytes,
    title_steers,
)
from adtune.pretrain.judge_drafts import has_loop, repetition
from adtune.pretrain.judge_quick import QuickRow, quick, quick_rows
from adtune.pretrain.model import build_model
from adtune.pretrain.tokenizer import EOS, PAD, train_tokenizer
from adtune.records import Brief, Interval

WORDS = "river stone bridge market harbour letter winter signal copper engine garden lamp quiet narrow early warm café naïve".split()
CONTEXT = 256
SMALL = JudgeSettings(documents=30, pieces=6, titles=12, drafts=4, draft_tokens=12, text_tokens=64, loss_tokens=16, context=CONTEXT)


def made(count, source, seed=0, words=(8, 30)):
    rng = random.Random(f"{source}{seed}")
    return [Page(f"{source} {n} {rng.choice(WORDS)}", " ".join(rng.choices(WORDS, k=rng.randint(*words))) + ".", source)
            for n in range(count)]


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    tokenizer = train_tokenizer((page.title + "\n\n" + page.text for page in made(60, "wiki")), 320)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD, clean_up_tokenization_spaces=False,
                                   split_special_tokens=True)
    return Base("made", build_model("tiny", 320, CONTEXT).float(), fast, "0")


@pytest.fixture(scope="module")
def knows_nothing(base):
    """The same base with weights of zero: every token is equally likely."""
    model = build_model("tiny", 320, CONTEXT)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return Base("zero", model, base.tokenizer, "1")


def slow_nats(model, prompt, text):
    """One text at a time, every logit made."""
    ids = torch.tensor([[*prompt, *text]])
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    return F.cross_entropy(logits[len(prompt) - 1:], ids[0, len(prompt):], reduction="sum").item()


def copies(_, method, rows):
    """A stand-in for `measure`: a nat for each target that its context has not shown."""
    return [(float(sum(token not in row.ids[:row.first] for token in row.ids[row.first:])), row.targets) for row in rows]


def test_bits_of_a_model_that_knows_nothing_are_those_of_its_tokens(knows_nothing):
    pages = made(5, "blog") + made(5, "wiki2021")
    figures = bits_per_byte(knows_nothing, pages, SMALL)
    for source in ("blog", "wiki2021"):
        mine, tokens, size = [page for page in pages if page.source == source], 0, 0
        for page in mine:
            prompt, ids = knows_nothing.renderer.brief(page.brief), knows_nothing.renderer.encode(page.text)
            room = 64 - len(prompt)
            while len(ids) > room and "\ufffd" in knows_nothing.tokenizer.decode(ids[:room]):
                room -= 1
            tokens += min(len(ids), room)
            size += len(knows_nothing.tokenizer.decode(ids[:room]).encode())
        score = figures["by_source"][source]
        assert score["value"] == pytest.approx(tokens * math.log2(320) / size, rel=1e-5)
        assert score["bytes"] == size and score["documents"] == 5 and score["interval"][0] <= score["value"] <= score["interval"][1]
    assert figures["modern"]["value"] == figures["by_source"]["blog"]["value"] and figures["left_out"] == 0
    assert figures["all"]["value"] == pytest.approx(sum(one["value"] for one in figures["by_source"].values()) / 2)


def test_bits_are_those_of_one_text_at_a_time(base):
    pages = made(6, "blog")
    whole = replace(SMALL, text_tokens=CONTEXT)
    nats = sum(slow_nats(base.model, base.renderer.brief(page.brief), base.renderer.encode(page.text)) for page in pages)
    expected = nats / math.log(2) / sum(len(page.text.encode()) for page in pages)
    assert bits_per_byte(base, pages, whole)["by_source"]["blog"]["value"] == pytest.approx(expected, rel=1e-5)
    assert equal_bytes(base, pages, whole)["by_source"]["blog"]["value"] == pytest.approx(expected, rel=1e-5)


def test_every_byte_of_a_long_text_is_counted_once(knows_nothing):
    (page,) = made(1, "blog", words=(300, 300))
    tokens = len(knows_nothing.renderer.encode(page.text))
    assert tokens > 2 * CONTEXT
    figure = equal_bytes(knows_nothing, [page], replace(SMALL, text_tokens=CONTEXT))["by_source"]["blog"]
    assert figure["value"] == pytest.approx(tokens * math.log2(320) / len(page.text.encode()), rel=1e-5)
    assert figure["bytes"] == len(page.text.encode()) and figure["interval"] is None
    crowded = equal_bytes(knows_nothing, [replace(page, title="river " * 100)], replace(SMALL, text_tokens=100))["by_source"]["blog"]
    assert crowded["value"] == pytest.approx(figure["value"], rel=1e-5) and crowded["bytes"] == figure["bytes"]


def test_a_character_that_the_cut_divides_is_given_up(base):
    text = "a Žluťoučký kůň"
    ids = base.renderer.encode(text)
    found = {taken: text_bytes(base.tokenizer.decode, text, ids, taken) for taken in range(1, len(ids) + 3)}
    for taken, (tokens, size) in found.items():
        assert tokens <= taken and text.encode()[:size].decode() == base.tokenizer.decode(ids[:tokens])  # decodes: no character is cut
    assert any(tokens < taken <= len(ids) for taken, (tokens, _) in found.items())
    assert found[len(ids) + 2] == (len(ids), len(text.encode()))


def test_pages_without_text_or_room_are_counted(base):
    pages = [Page("river " * 200, "stone", "blog"), Page("stone", "", "blog"), Page("", "stone bridge", "blog")]
    assert bits_per_byte(base, pages, replace(SMALL, text_tokens=20))["left_out"] == 2
    figures = bits_per_byte(base, pages[:2], replace(SMALL, text_tokens=20))
    assert figures["by_source"] == {} and figures["modern"] == {"value": None, "interval": None}


def test_titles_are_told_apart(base, monkeypatch):
    monkeypatch.setattr(judge, "measure", copies)
    pages = [Page(word, f"{word} {word} {word}", source) for source in ("blog", "wiki") for word in WORDS[:8]]
    pages.append(Page("alone", "alone", "single"))
    figures = title_steers(base, pages, replace(SMALL, titles=100))
    assert figures["own_better"]["value"] == 1.0 and figures["pages"] == 16 and figures["left_out"] == 1
    assert figures["difference"]["value"] > 0 and figures["difference"]["interval"][0] > 0
    monkeypatch.setattr(judge, "measure", lambda *given: [(-nats, tokens) for nats, tokens in copies(*given)])
    turned = title_steers(base, pages, replace(SMALL, titles=100))
    assert turned["own_better"]["value"] == 0.0 and turned["difference"]["value"] == pytest.approx(-figures["difference"]["value"])


def test_the_other_title_is_of_the_same_source_and_of_another_group(base, monkeypatch):
    seen = []
    monkeypatch.setattr(judge, "measure", lambda b, method, rows: seen.extend(rows) or [(0.0, row.targets) for row in rows])
    pages = [Page(f"{source} {book} {part}", "river stone", source, f"{source}{book}")
             for source in ("old", "new") for book in ("garden", "lamp") for part in "abc"]
    title_steers(base, pages, replace(SMALL, titles=100))
    shown = [base.tokenizer.decode(list(row.ids[:row.first])).removeprefix(EOS).split()[1:] for row in seen]
    assert len(seen) == 24
    for own, other, first, second in zip(shown[::2], shown[1::2], seen[::2], seen[1::2], strict=True):
        assert own[0] == other[0] and own[1] != other[1] and first.ids[first.first:] == second.ids[second.first:]


def archives():
    return {name: [Page(f"{n}", " ".join([word] * (8 + 5 * n)) + f" {n}", name) for n in range(7)]
            for name, word in zip(("a", "b", "c"), ("river", "lamp", "copper"), strict=True)}


def test_in_context_gain_compares_equal_targets_after_as_many_tokens(base, monkeypatch):
    seen = []
    monkeypatch.setattr(judge, "measure", lambda b, method, rows: seen.append(rows) or copies(b, method, rows))
    figures = in_context_gain(base, archives(), SMALL)
    assert set(figures["archives"]) == {"a", "b", "c"} and (figures["measured"], figures["positive"], figures["beyond_noise"]) == (3, 3, 3)
    for (name, pieces), rows in zip(archives().items(), seen, strict=True):
        figure = figures["archives"][name]
        assert figure["pieces"] == 6 and figure["left_out"] == 0 and 60 < figure["context_tokens"] < CONTEXT
        word = pieces[0].text.split()[0]
        for own, other in zip(rows[::2], rows[1::2], strict=True):
            assert own.ids[own.first:] == other.ids[other.first:] and abs(own.first - other.first) <= 8
            assert max(len(own.ids), len(other.ids)) <= CONTEXT
            shown = [base.tokenizer.decode(list(row.ids[:row.first])) for row in (own, other)]
            assert shown[0].count(word) >= 9 and word not in shown[1]
            title = shown[0].rpartition("# ")[2].strip()
            assert all(text.count(EOS) == 4 for text in shown) and f"# {title}\n\n{word}" not in shown[0]  # never the piece itself


def test_context_that_is_too_short_or_archives_too_small_are_not_measured(base):
    figures = in_context_gain(base, archives(), replace(SMALL, context=64))
    assert all(one["value"] is None and one["left_out"] == 6 for one in figures["archives"].values()) and figures["measured"] == 0
    assert in_context_gain(base, {"a": archives()["a"]}, SMALL)["archives"]["a"]["value"] is None
    assert in_context_gain(base, {}, SMALL) == {"archives": {}, "measured": 0, "positive": 0, "beyond_noise": 0}


def test_pages_are_spread_over_sources():
    pages = made(50, "a") + made(3, "b") + made(50, "c")
    chosen = spread(pages, 31, 0)
    assert Counter(page.source for page in chosen) == {"a": 14, "b": 3, "c": 14} and len(set(chosen)) == 31
    assert chosen == spread(pages, 31, 0) != spread(pages, 31, 1) and len(spread(pages, 1000, 0)) == 103 and spread([], 5, 0) == []
    assert [modern(source) for source in ("wiki2014", "gutenberg", "openstax")] == [False, False, True]


def test_the_mean_of_figures_has_the_limits_of_independent_ones():
    mean = mean_of([Interval(1.0, 0.7, 1.3), Interval(2.0, 1.6, 2.4)])
    assert (mean.value, mean.low, mean.high) == pytest.approx((1.5, 1.25, 1.75))
    assert mean_of([Interval(1.0), Interval(3.0, 2.0, 4.0), Interval(None)]) == Interval(2.0) and mean_of([]) == Interval(None)


def test_repetition_is_counted_by_hand():
    line = "one two three four five six seven eight".split()
    assert not has_loop(line * 2) and has_loop(line * 3) and not has_loop([])
    figures = repetition([" ".join(line * 3), "too short", "Every word of this one differs from others"], 0)
    assert figures["loops"] == pytest.approx(1 / 3) and figures["too_short"] == 1 and figures["words"] == pytest.approx(34 / 3)
    assert figures["repeated_4grams"] == pytest.approx((1 - 8 / 21) / 2)


def test_endings_and_copies_of_drafts(base, monkeypatch):
    secret = "river stone bridge market harbour letter winter signal copper engine"
    drafts = [*[base.renderer.encode(secret) + base.renderer.end] * 3, base.renderer.encode("lamp " * 5)]
    monkeypatch.setattr(judge_drafts, "generate", lambda *given: drafts)
    answered = [(Brief("quiet"), "an answer of people " * 50)] * 4
    figures = judge_drafts.judge_drafts(base, answered, ["early " + secret, "warm"], Sampling(max_tokens=12), 0)
    assert figures["ended"] == 0.75 and figures["tokens"] == sum(map(len, drafts)) and figures["tokens_per_second"] > 0
    copied = figures["memorised"]
    assert copied["drafts"]["longest_run_words"] == 10 and copied["searched_words"] == 12 and copied["people"]["longest_run_words"] == 0
    assert figures["people"]["words"] < 20  # as long as the drafts
    assert judge_drafts.judge_drafts(base, answered, [], Sampling(max_tokens=12), 0)["memorised"] is None


def test_all_figures_of_a_base(base):
    pages = made(8, "blog") + made(8, "wiki")
    figures = judge_base(base, pages, archives(), [page.text for page in made(8, "blog", seed=1)], SMALL)
    told = json.loads(json.dumps(figures))
    assert told["parameters"] * 2 == told["bf16_bytes"] and told["drafts"]["drafts"] == 4 and told["title"]["pages"] == 12
    assert set(told["archives"]["by_source"]) == {"a", "b", "c"} and told["in_context"]["measured"] == 3
    again = judge_base(base, pages, archives(), [], SMALL)
    assert {key: again[key] for key in ("bits_per_byte", "archives", "title", "in_context")} == \
        {key: figures[key] for key in ("bits_per_byte", "archives", "title", "in_context")}


def test_nothing_to_judge_is_not_measured(base):
    figures = judge_base(base, [], {}, [], SMALL)
    assert figures["bits_per_byte"]["modern"]["value"] is None and figures["title"]["own_better"]["value"] is None
    assert figures["drafts"]["ended"] is None and figures["drafts"]["tokens_per_second"] is None


def held_out(base, pages):
    found = {}
    for page in pages:
        prompt, text = base.renderer.brief(page.brief), base.renderer.encode(page.text)
        found.setdefault(page.source, []).append(
            SimpleNamespace(ids=[*prompt, *text], prompt_length=len(prompt), title=page.title, text=page.text))
    return found


def test_quick_figures_are_those_of_one_text_at_a_time(base):
    rows = quick_rows(held_out(base, made(6, "blog") + made(3, "wiki")), base.tokenizer.decode, each=4, tokens=24)
    assert Counter(row.source for row in rows) == {"blog": 4, "wiki": 3} and max(len(row.text) for row in rows) <= 24
    assert rows == quick_rows(held_out(base, made(6, "blog") + made(3, "wiki")), base.tokenizer.decode, each=4, tokens=24)
    base.model.train()
    figures = quick(base.model, rows, torch.float32)
    assert base.model.training
    base.model.eval()
    blog = [row for row in rows if row.source == "blog"]
    nats = sum(slow_nats(base.model, row.prompt, row.text) for row in blog)
    assert figures["by_source"]["blog"] == pytest.approx(nats / math.log(2) / sum(row.size for row in blog), rel=1e-5)
    better = sum(slow_nats(base.model, row.prompt, row.text) < slow_nats(base.model, row.other, row.text) for row in rows)
    assert figures["own_title_better"] == better / 7 and figures["titles"] == 7 and figures["modern"] == figures["by_source"]["blog"]


def test_quick_rows_count_the_bytes_of_their_tokens(base):
    for row in quick_rows(held_out(base, made(9, "blog")), base.tokenizer.decode, each=9, tokens=11):
        assert row.size == len(base.tokenizer.decode(list(row.text)).encode()) and row.other != row.prompt


def test_quick_without_documents_measures_nothing(base):
    assert quick(base.model, []) == {"by_source": {}, "modern": None, "documents": 0, "own_title_better": None, "titles": 0}
    alone = quick(base.model, [QuickRow("wiki", (0,), (20, 21), 2)])
    assert alone["own_title_better"] is None and alone["modern"] is None and alone["by_source"]["wiki"] > 0


def test_a_base_with_another_tokenizer(shared):
    stories = load_base(str(shared / "bases" / "stories260k"))
    page = Page("A day", "Once upon a time there was a little girl who liked to play in the park with her dog.", "blog")
    figure = bits_per_byte(stories, [page], replace(SMALL, text_tokens=400))["by_source"]["blog"]
    assert figure["bytes"] == len(page.text) and 0.3 < figure["value"] < 1.5


@pytest.fixture(scope="module")
def bench():
    place = Path(__file__).resolve().parents[2] / "benchmarks" / "starter.py"
    module = module_from_spec(found := spec_from_file_location("bench_starter", place))
    found.loader.exec_module(module)
    return module


def test_training_text_is_drawn_by_weight_and_held_out_text_is_kept(bench):
    documents = [Document("x" * 100, f"{source} {n}", source, f"{source}/{n}", n % 50 == 0)
                 for n in range(1000) for source in ("openstax", "gutenberg")]
    held, drawn, total = bench.sampled(iter(documents), 20_000)
    assert len(held) == 40 and total == 196_000 and len(drawn) == 200 and not any(document.held_out for document in drawn)
    shares = Counter(document.source for document in drawn)
    assert shares["openstax"] > 4 * shares["gutenberg"] > 0  # weights 4.0 and 0.4
    assert drawn == bench.sampled(iter(documents), 20_000)[1] and bench.sampled([], 100) == ([], [], 0)


def test_the_page_shows_every_figure_and_what_falls_short(bench, base):
    pages = made(8, "blog") + made(8, "wiki")
    judged = judge_base(base, pages, archives(), [page.text for page in pages], SMALL)
    whole = replace(SMALL, text_tokens=CONTEXT)
    scale = bench.scale({"made": base}, [bench.cut(page) for page in pages], made(9, "blog", seed=1), whole) | {"note": "A note."}
    names = ["3-gram of tokens", "3-gram of bytes", "6-gram of bytes", "xz", "gzip"]
    assert list(scale["columns"]) == ["made", *names] and scale["columns"]["made"]["by_source"]["blog"]["bytes"] == scale["bytes"]["blog"]
    tried = {"command": "python benchmarks/starter.py", "machine": "", "bases": {"made": judged}, "scale": scale,
             "notes": bench.notes(SMALL, ["mix-9"], {"made": judged})}
    page = bench.markdown(tried)
    assert "Skipped: mix-9 is not there." in page and all(name in page for name in (*names, "| a |", "| **mean over modern sources** |"))
    reached = {row[0]: row[3] for row in bench.measures(judged)}
    assert reached["held-out bits per byte, mean over modern sources"] is False and reached["weights in bf16, MB"] is True
    assert reached["parameters"] is None and "| **no** |" in page and "| yes |" in page
    nothing = bench.markdown(tried | {"bases": {"made": judge_base(base, [], {}, [], SMALL)}, "scale": {}})
    assert "| drafts that end | >= 0.95 |  | not measured |" in nothing


def test_bases_of_one_name_stand_side_by_side(bench, tmp_path):
    (tmp_path / "text").mkdir()
    assert bench.label(str(tmp_path / "text")) == "text" and bench.label(str(tmp_path / "text"), {"text": None}) == "text-2"
    assert bench.label("starter") == "starter"
