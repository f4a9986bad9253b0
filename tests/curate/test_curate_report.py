"""The curation report: its counts add up, its examples are bounded and escaped."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from adtune.curate import Dropped, curate, curate_report
from adtune.curate.dataset import REASONS
from adtune.curate.report import EXPLAINED, to_collect
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
        if tag in ("td", "th"):
            self.inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

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
    assert re.sub(r"(?s)<details>.*?</details>", "", html).count("alert(") == 10 and html.count("alert(") == 10 + 13
    assert "pieces.csv, line 101" in html and "The first 10 are shown" in html and "Open all of them (13)" in html


def test_the_page_is_self_contained_and_names_the_hash(curated):
    html = curate_report(curated)
    assert curated.dataset.hash in html
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)


def test_every_reason_is_explained():
    assert set(REASONS) <= set(EXPLAINED) and all(EXPLAINED.values())


def test_what_to_collect_is_told_in_numbers(archive):
    assets = [archive.asset(archive.text(n), n, category="tips" if n < 36 else "news", content_type="e-mail" if n % 2 else "article")
              for n in range(40)]
    told = to_collect(curate(assets, "acme", CurateSettings()))
    assert "6 more pieces of news: it has 4 of 40 kept pieces." in told
    assert any(line.startswith("160 more pieces in all") for line in told) and any("10 more gold pieces" in line for line in told)
    mixed = to_collect(curate(assets, "acme", CurateSettings(keep=30, mix="e-mail=90,article=10", briefs="Helium blades")))
    assert "7 more e-mails: 20 of the 27 that the mix asks for are kept." in mixed
    assert any("Helium blades" in line for line in mixed)


def test_every_dropped_piece_is_one_click_away_and_the_file_can_be_sent(archive):
    found = [Dropped(archive.asset(f"piece{n}x " + '"A & B" ' * 400, n), "near_duplicate", f"91% like 'Title {n}'", 0.91)
             for n in range(3000)]
    dataset = curate(archive.assets(12), "acme", CurateSettings())
    html = curate_report(dataclasses.replace(dataset, dropped=tuple(found)))
    assert len(html.encode()) < 5_000_000 and html.count("<details>") >= 1 and "Open all of them (3000)" in html
    assert all(f"piece{n}x " in html for n in range(0, 3000, 77)) and "Texts are shortened to" in html
    more = curate_report(dataclasses.replace(dataset, dropped=tuple(found * 3)))
    assert "stand in dropped.jsonl" in more and len(more.encode()) < 8_000_000


def test_counts_lead_to_the_pieces(curated):
    html = curate_report(curated)
    links = set(re.findall(r'href="#([^"]+)"', html))
    assert links and links <= set(re.findall(r'id="([^"]+)"', html))


def test_the_voice_is_told_in_sentences_and_the_curve_where_there_is_one(curated):
    html = curate_report(curated)
    assert "What sets it apart" in html and "Likeness to the voice is not measured" in html and "Not measured. The rule of thumb" in html
    curve = {"points": [{"pieces": 50, "loss": 3.2}, {"pieces": 100, "loss": 3.0}], "examples_needed": 340,
             "examples_needed_interval": [250, 480], "gain_of_100": 0.04, "gain_of_100_interval": [0.01, 0.07], "gain_of_100_share": 0.013,
             "power": {"a": 2.0, "b": 0.5, "c": 2.8}, "distance": {"difference": 0.31}, "reason": None}
    measured = curate_report(curated, curve)
    assert "250 to 480" in measured and "Not measured. The rule" not in measured and "held-out loss" in measured
    assert "fitted" in measured and "0.31 nats a token more than general text" in measured
    none = {**curve, "points": [], "examples_needed": None, "gain_of_100": None, "reason": "12 training pieces are too few."}
    assert "Not measured: 12 training pieces are too few." in curate_report(curated, none)
