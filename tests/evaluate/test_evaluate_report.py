"""The report: complete, honest about gaps, hostile text escaped, nothing loaded from anywhere."""

import re
from dataclasses import replace

import pytest
from lxml import etree
from made_material import context, material

from adtune.evaluate import evaluate_report, measure
from adtune.report import Brand, to_markdown
from adtune.settings import EvaluateSettings

HOSTILE = '<script>alert("x")</script>'


def words(html):
    return " ".join(etree.fromstring(html.encode(), etree.HTMLParser()).xpath("//body//text()"))


def test_first_screen_says_what_was_asked_found_and_next(result):
    html = evaluate_report(result, context())
    first = etree.fromstring(html.encode(), etree.HTMLParser()).find(".//section")
    text = " ".join(first.itertext())
    for part in ("What was asked", "What was found", "What to do next", "1,234", "It passed every gate", "16", "adtune draft"):
        assert part in text, part
    assert "starter base" not in text.lower()


def test_every_chapter_is_there(result):
    html = evaluate_report(result, context())
    headings = etree.fromstring(html.encode(), etree.HTMLParser()).xpath("//h2/text()")
    assert headings == ["In short", "The three arms", "The voice on four axes", "Format and terms", "Claims that nobody vouches for",
                        "Drafts side by side", "The training run", "What was forgotten", "What was repeated from training pieces",
                        "Conventions and habits", "Gates", "How it was measured", "Lineage", "Glossary"]
    text = words(html)
    for part in ("b" * 64, "d" * 64, "green-lora-1", "command line", "kept: step 50, epoch 1.25", "speaks to you", "61.2"):
        assert part in text, part
    assert html.count('<div class="columns">') == 3 and html.count("<h3>Published</h3>") == 3
    assert html.count("<dt>") - html.count('<div class="card"><dt>') == 14 and html.count('<div class="card"><dt>') == 5


def test_the_html_is_well_formed_to_the_last_tag(result):
    html = evaluate_report(result, context(brand=Brand("Agency & Sons", "data:image/png;base64,AAAA")))
    tree = etree.fromstring(re.sub(r"<meta[^>]*>|<!DOCTYPE html>|(?<=<img )|<img[^>]*>", "", html))   # XML, but for what HTML never closes
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids)) and all(tree.xpath(f"//*[@id='{place}']") for place in tree.xpath("//@aria-labelledby")[0].split())


def test_an_agency_s_report_has_its_name_and_logo_and_loads_nothing(result):
    html = evaluate_report(result, context(brand=Brand("Agency & Sons", "data:image/png;base64,AAAA")))
    tree = etree.fromstring(html.encode(), etree.HTMLParser())
    assert tree.findtext(".//header/p") == "Agency & Sons" and tree.find(".//header/img").get("src").startswith("data:image/png")
    assert "Made by adtune" not in html and "Agency &amp; Sons." in tree.xpath("string(//footer)").replace("&", "&amp;")
    assert not re.search(r"https?:|src=\"(?!data:)|href=|@import|url\(|<script|<link", html)


def test_the_markdown_tells_the_same(result):
    told = to_markdown(evaluate_report(result, context(client="Green <b> & Co")))
    for part in ("# Evaluation of green-lora-1", "## The voice on four axes", "| Tuned |", "- **Base model**:", "Green &lt;b> & Co",
                 "*Loss by step -", "## Claims that nobody vouches for", "> It passed every gate."):
        assert part in told, part
    assert "<" not in told.replace("&lt;", "") and told.count("\n## ") == 14


def test_a_failed_gate_says_not_yet_and_what_to_do():
    given = material()
    worse = replace(given.arms["tuned"], nats=given.arms["base"].nats)
    text = words(evaluate_report(measure(replace(given, arms={**given.arms, "tuned": worse}), EvaluateSettings()), context()))
    assert "It is not ready: gain said no" in text and "Do not put green-lora-1 live yet" in text and "Collect more approved pieces" in text
    assert "higher than that of the prompted model" in text


def test_starter_is_named_as_such(result):
    assert "not for publishable copy" in words(evaluate_report(result, context(starter=True)))


def test_hostile_text_stays_text():
    given = material()
    drafts = {name: (HOSTILE,) * len(given.briefs) for name in ("base", "prompted", "tuned", "published")}
    hostile = replace(given, briefs=(HOSTILE,) * len(given.briefs), train_texts=(HOSTILE,),
                      arms={name: replace(arm, drafts=drafts[name]) for name, arm in given.arms.items()})
    html = evaluate_report(measure(hostile, EvaluateSettings()), context(
        client=HOSTILE, adapter=HOSTILE, base=HOSTILE, base_hash=HOSTILE, dataset_hash=HOSTILE, method=HOSTILE, briefs=hostile.briefs,
        drafts=drafts, settings={HOSTILE: (HOSTILE, HOSTILE)}, pieces={HOSTILE: 1}))
    assert "<script" not in html and "&lt;script&gt;" in html


def test_nothing_is_loaded_from_anywhere(result):
    html = evaluate_report(result, context())
    assert not re.search(r"https?:|//[a-z]|src=|href=|@import|url\(|<script|<link", html)


@pytest.mark.parametrize("changes", [{"pieces": 3}, {"pieces": 1}, {"pieces": 0, "arms": {}, "train_texts": (), "general_before": (),
                                                                   "general_after": (), "conventions": (), "contrast_texts": ()}])
def test_gaps_read_not_measured(changes):
    result = measure(material(**changes), EvaluateSettings())
    html = evaluate_report(result, context(evaluations=(), best=None, settings={}, seconds=None, briefs=(), drafts={}, pieces={}))
    text = words(html)
    assert "not measured" in text and "No drafts were made" in text and "nan" not in text.lower().split()
    assert not re.search(r"\bNone\b", text)


def test_unmeasured_gates_are_named():
    result = measure(material(general_before=(), general_after=()), EvaluateSettings())
    text = words(evaluate_report(result, context()))
    assert "Nothing that was measured speaks against it" in text and "Not measured: forgetting." in text and "--general-text" in text


def test_memorised_run_is_quoted():
    given = material()
    text = measure(replace(given, train_texts=(given.arms["tuned"].drafts[0],)), EvaluateSettings())
    quote = etree.fromstring(evaluate_report(text, context()).encode(), etree.HTMLParser()).findtext(".//blockquote")
    assert quote == text["memorised"]["text"] and len(quote.split()) > 20


def test_without_a_measured_gate_nothing_is_said_for_it():
    bare = material(pieces=0, arms={}, train_texts=(), general_before=(), general_after=(), test_texts=())
    text = words(evaluate_report(measure(bare, EvaluateSettings()), context()))
    assert "No gate could be measured" in text and "whether tuning gained anything is not known" in text
    assert "write with it" not in text


def test_both_peaks_are_shown_where_the_voice_decided(result):
    evaluations = tuple({"step": step, "epoch": step / 10, "validation_loss": loss, "noise_floor": 0.01}
                        for step, loss in ((0, 3.0), (10, 2.0), (20, 2.2)))
    curve = [{"step": step, "on_brand": score, "interval": None} for step, score in ((0, 0.2), (10, 0.6), (20, 0.9))]
    peaks = {"kept": "on-brand", "loss": 10, "on_brand": 20, "scorer_auc": 0.97, "curve": curve, "reason": None}
    told = words(evaluate_report(result, context(evaluations=evaluations, best=evaluations[2], peaks=peaks)))
    assert "The lowest loss is at step 10; kept is step 20" in told and "peak kept: step 20" in told and "0.97" in told
    failed = {**peaks, "kept": "loss", "on_brand": None, "curve": [], "reason": "3 validation briefs with a title, where 4 are needed"}
    told = words(evaluate_report(result, context(evaluations=evaluations, best=evaluations[1], peaks=failed)))
    assert "could not: 3 validation briefs" in told and "the evaluation with the lowest is what you get" in told
