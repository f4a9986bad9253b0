"""Mark-up rubbish: measured shares, real archives, hostile texts."""

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adtune.curate.markup import _markup, letter_share, markup_share

BRANDS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "brands"
ARCHIVES = sorted(BRANDS.glob("*.jsonl*")) if BRANDS.is_dir() else []


@pytest.mark.parametrize(("text", "marked"), [
    ("<b>bold</b>", 7), ("a<br />b", 6), ("x<!-- note -->", 13), ("AT &amp; T", 5), ("&#8217;s", 7), ("Dear {{first_name}},", 14),
    ("{% if x %}y", 10), ("<|im_start|>user", 12), ("[gallery ids=12] z", 16), ("[b]b[/b]", 7), (".a { color: red }", 17),
    ("<style>p { x }</style>", 22), ("A" * 100, 100), ("```\ncode\n```", 12),
    ("5 < 6 and 7 > 3", 0), ("[a](https://example.com/?a=1&b=2)", 0), ("# Head\n**bold** _it_ `x`", 0), ("<https://example.com>", 0),
    ("AT&T", 0),
])
def test_marked_characters(text, marked):
    assert markup_share(text) == pytest.approx(marked / len(text))


@given(st.lists(st.sampled_from(["<b>", "</b>", "<|x|>", "[/INST]", "[a x=y]", "[b]", "&amp;", "{{x}}", "{a: b}", "```\n", "\n", "~~~",
                                 "word ", "class='x'", "A" * 90, "<script>", "</script>", "<!-- -->", "[", "{", "<", "="]), max_size=8))
def test_what_a_text_cannot_hold_is_left_out_of_the_pattern_without_a_difference(parts):
    text = "".join(parts)
    whole = sum(len(match.group()) for match in _markup("<[&{`~=").finditer(text))
    assert markup_share(text) == pytest.approx(whole / max(1, len(text)))


def test_letters():
    assert letter_share("ab 12") == 0.5
    assert letter_share("") == markup_share("") == 0
    assert letter_share("नमस्ते") == 1


@pytest.mark.parametrize("text", ["<script>" * 5000, "{{" * 20000, "<!--" * 5000, "a_" * 30000, "<a " * 20000, "[a x=y" + " x=y" * 20000])
def test_hostile_texts_take_no_time(text):
    began = time.process_time()
    markup_share(text)
    assert time.process_time() - began < 2


@pytest.mark.skipif(not ARCHIVES, reason="the shared archives are not here")
@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.name.split(".")[0])
def test_real_archives_are_hardly_ever_flagged(path):
    with (gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")) as file:
        texts = [json.loads(line)["text"] for line in file][::3]
    flagged = sum(markup_share(text) > 0.15 or letter_share(text) < 0.5 for text in texts)
    assert flagged <= 0.02 * len(texts)
