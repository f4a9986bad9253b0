"""Pages: escaped, self-contained, well formed, and honest about what was not measured."""

import re

import pytest
from lxml import etree

from adtune.records import Interval
from adtune.report import Page, bars, escape, intervals, lines, shown
from adtune.report.words import percent, percents

HOSTILE = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "</title></style>", "a\x00b\x1b\ud800c", "\u202eevil", "&lt;"]


def parsed(html: str):
    parser = etree.HTMLParser(recover=True)
    return etree.fromstring(html.encode("utf-8"), parser)


@pytest.mark.parametrize(("value", "text"), [
    (None, "not measured"), (float("nan"), "not measured"), (0.0, "0"), (3.14159, "3.14"), (0.00123456, "0.00123"), (12345.6, "12,346"),
    (99.96, "100"), (-2.0, "-2.00"), (7, "7"), (12000, "12,000"), (True, "yes"), (False, "no"), ("word", "word"),
    (Interval(0.5, 0.4, 0.6), "0.500 (0.400 to 0.600)"), (Interval(None), "not measured"), (Interval(0.5), "0.500"),
    (float("inf"), "unbounded"),
])
def test_values_are_shown(value, text):
    assert shown(value) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_everywhere(text):
    page = Page(text, text)
    page.section(text, page.table([text, "n"], [[text, 1]]), page.paragraph(text), page.heading(text), page.items([text]), page.note(text),
                 page.quote(text), page.terms([(text, text)]), page.columns([(text, text)]), page.cards([(text, text, text)]),
                 page.figure(bars([(text, 1.0)], unit=text), text), intervals([(text, 1.0, 0.5, 2.0)], unit=text),
                 lines([(text, [(0, 1), (1, 2)])], text, text, mark=(0, 1, text)))
    html = page.render()
    tree = parsed(html)
    for tag in ("script", "img", "iframe", "link", "object"):
        assert not tree.findall(f".//{tag}"), tag
    assert not [name for node in tree.iter() for name in node.attrib if name.startswith("on")]
    assert len(tree.findall(".//style")) == 1
    assert not re.search("[\x00\x1b\ud800\u202e]", html)
    assert tree.findtext(".//h1").replace("\ufffd", "") == re.sub("[\x00\x1b\ud800\u202e]", "", text)


def test_table_aligns_numbers_and_names_what_was_not_measured():
    tree = parsed(_rendered(Page.table(["arm", "loss", "note"], [["base", 3.14159, None], ["tuned", None, "x"]])))
    cells = [(td.text, td.get("class")) for td in tree.findall(".//td")]
    assert cells == [("base", None), ("3.14", "n"), ("not measured", "none"), ("tuned", None), ("not measured", "n none"), ("x", None)]


def test_empty_table_says_so():
    assert "Nothing to list" in Page.table(["a"], [])


def test_columns_keep_white_space():
    assert parsed(_rendered(Page.columns([("base", "a\n  b")]))).findtext(".//pre") == "a\n  b"


def test_page_is_one_file_without_scripts_or_addresses():
    html = _rendered(bars([("a", 1.0)]))
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://|@import|url\(|<script|<link|src=", html)
    assert "default-src 'none'" in html and "prefers-color-scheme" in html and "@media print" in html and "width=device-width" in html


def test_page_tags_balance():
    tree = etree.fromstring(re.sub(r"<meta[^>]*>|<!DOCTYPE html>", "", _rendered(Page.paragraph("x"), Page.cards([("a", 1, "b")]))))
    assert tree.tag == "html"


def test_escape_keeps_ordinary_text():
    assert escape("Größe – 5 €, 😀\n\tok") == "Größe – 5 €, 😀\n\tok"


def _rendered(*blocks: str) -> str:
    page = Page("Title")
    page.section("Section", *blocks)
    return page.render()


@pytest.mark.parametrize(("share", "text"), [(None, "not measured"), (0.1234, "12.3\u00a0%"), (0.0, "0\u00a0%"), (1.0, "100\u00a0%")])
def test_shares_read_as_percent(share, text):
    assert percent(share) == text
    assert percents(share, None) == text


def test_percents_show_both_ends():
    assert percents(0.5, [0.25, 0.75]) == "50\u00a0% (25\u00a0% to 75\u00a0%)"
