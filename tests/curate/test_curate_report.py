"""The curation report: its counts add up, its examples are bounded and escaped."""

import re
from html.parser import HTMLParser

import pytest

from adtune.curate import curate, curate_report
from adtune.curate.dataset import REASONS
from adtune.curate.report import EXPLAINED
from adtune.settings import CurateSettings


class Cells(HTMLParser):
    """Collects the rows of all tables."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.inside = [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def curated(archive):
    shorts = [archive.asset(f"Short <script>alert({n})</script> & done", 100 + n) for n in range(13)]
    drafts = [archive.asset(archive.text(300 + n), 300 + n, approval="draft") for n in range(2)]
    return curate([*archive.assets(30), *shorts, *drafts], "acme", CurateSettings())


def test_counts_add_up(curated):
    rows = Cells(curate_report(curated)).rows
    table = {row[0]: int(row[1]) for row in rows if row[0] in ("kept", "read", *(r.replace("_", " ") for r in REASONS))}
    assert (table["kept"], table["too short"], table["not approved"], table["read"]) == (30, 13, 2, 45)
    assert sum(table.values()) == 2 * table["read"]
    splits = {row[0]: int(row[1]) for row in rows if row[0] in ("train", "validation", "test", "all")}
    assert splits["all"] == splits["train"] + splits["validation"] + splits["test"] == 30
    assert [row[-1] for row in rows if re.fullmatch(r"c\d", row[0])] == ["10", "10", "10"]


def test_examples_are_escaped_and_at_most_ten(curated):
    html = curate_report(curated)
    assert "<script" not in html and "&lt;script&gt;alert(0)" in html
    assert html.count("alert(") == 10
    assert "pieces.csv, line 101" in html and "The first 10 are shown" in html


def test_the_page_is_self_contained_and_names_the_hash(curated):
    html = curate_report(curated)
    assert curated.dataset.hash in html
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)


def test_every_reason_is_explained():
    assert set(REASONS) <= set(EXPLAINED) and all(EXPLAINED.values())
