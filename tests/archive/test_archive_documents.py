"""PDF, workbooks, saved pages and Markdown of other tools: what becomes text, what a field, what is left out and told."""

from __future__ import annotations

import making
import pytest

from adtune.archive import read_archive
from adtune.errors import InputError

PROSE = ("The kettle hums before the street wakes, and that is for us the best part of every working day in the old house by the sea.\n\n"
         "We like it that way, and so do you, because the smell of coffee and the long quiet of the morning belong to each other.")
OTHER = ("Rain came over the harbour early, which nobody minded, for the nets were in and the boats lay still beside the wall.\n\n"
         "By noon the market had opened again and the first of the visitors walked down from the station with their bags.")

THIRD = ("The baker starts at three, long before the others, and the smell of the first loaves fills the lane behind the church.\n\n"
         "Whoever passes then may knock at the back door, where there is always one loaf too many.")


def read(folder, name, raw, mapping=None):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8"))
    return read_archive(path, "acme", mapping)


def page(number: int, text: str, total: int = 3) -> list:
    heading = [(72, 790, 22, "A calm morning")] if number == 1 else []
    return [(72, 815, 9, "Quillmere Quarterly"), *heading, (72, 750, 14, f"Part {number}"), *making.typeset(text, top=720),
            (290, 30, 9, f"Page {number} of {total}")]


def test_a_pdf_has_paragraphs_headings_and_no_running_lines(tmp_path):
    reading = read(tmp_path, "a.pdf", making.pdf([page(1, PROSE), page(2, OTHER), page(3, THIRD)]))
    asset, = reading.assets
    assert (asset.title, asset.source.line) == ("A calm morning", None)
    assert asset.text == f"## Part 1\n\n{PROSE}\n\n## Part 2\n\n{OTHER}\n\n## Part 3\n\n{THIRD}"
    assert reading.notes == ("a.pdf: 6 lines that run over the pages (headers, footers, page numbers) were left out",)


def test_a_chapter_s_header_runs_over_its_pages_only(tmp_path):
    texts = [f"Offer {12 + 7 * number} is for everyone." for number in range(12)]   # alike but for numbers that count nothing
    chapters = ["Chapter one", "Chapter two", "Chapter three"]
    pages = [[(72, 815, 9, f"{number} {chapters[number // 4]}"), (72, 700, 11, text), (72, 30, 9, f"Page {number + 1} of 12")]
             for number, text in enumerate(texts)]
    asset, = read(tmp_path, "a.pdf", making.pdf(pages, "Title")).assets
    assert asset.text == "\n\n".join(texts)


def test_a_sentence_goes_on_over_a_page_and_lists_stay_lists(tmp_path):
    first = [(72, 700, 11, "The kettle hums before the street wakes and the"), (72, 686, 11, "whole of the old house is quiet until the")]
    second = [(72, 790, 11, "first train comes."), (72, 760, 11, "• one point"), (72, 746, 11, "• another point that is"),
              (84, 732, 11, "longer than a line")]
    asset, = read(tmp_path, "a.pdf", making.pdf([first, second])).assets
    assert asset.text == ("The kettle hums before the street wakes and the whole of the old house is quiet until the first train comes.\n\n"
                          "- one point\n- another point that is longer than a line")


@pytest.mark.parametrize(("lines", "text"), [
    (["This is an exam-", "ple of it."], "This is an example of it."),
    (["The well-known way is a well-", "known way."], "The well-known way is a well-known way."),
    (["We met in Stratford-", "Upon-Avon again."], "We met in Stratford-Upon-Avon again.")])
def test_words_that_a_line_end_parts(lines, text, tmp_path):
    placed = [(72, 700 - 14 * number, 11, line) for number, line in enumerate(lines)]
    assert read(tmp_path, "a.pdf", making.pdf([placed])).assets[0].text == text


@pytest.mark.parametrize(("title", "found"), [("The stated title", "The stated title"), ("Microsoft Word - draft7.docx", "A first line"),
                                              ("layout_final.indd", "A first line"), (None, "A first line")])
def test_the_title_of_a_pdf(title, found, tmp_path):
    placed = [(72, 740, 11, "A first line"), *making.typeset(PROSE, top=700)]
    asset, = read(tmp_path, "a.pdf", making.pdf([placed], title)).assets
    assert asset.title == found
    assert asset.text == (PROSE if title != "The stated title" else f"A first line\n\n{PROSE}")


def test_pdfs_without_text_say_why(tmp_path):
    for raw, word in ((making.pdf([[], []], picture=True), "a scan"), (making.pdf([making.typeset(PROSE)], encrypted=True), "password"),
                      (making.pdf([[], []]), "empty"), (making.pdf([making.typeset(PROSE)])[:400], "not a PDF")):
        gone, = read(tmp_path, "a.pdf", raw).rejected
        assert word in gone.reason and gone.where == "a.pdf"


def test_a_pdf_with_some_scanned_pages_names_them(tmp_path):
    reading = read(tmp_path, "a.pdf", making.pdf([making.typeset(PROSE), [], making.typeset(OTHER)], picture=True))
    assert len(reading.assets) == 1 and reading.notes == ("a.pdf: pages that hold pictures without text were not read: 2",)


def test_a_workbook_s_header_dates_merged_cells_and_sheets(tmp_path):
    rows = [["Quillmere content plan"], [], ["Headline", "Body copy", "Section", "Date", "Status", None],
            ["One", "First text", "Saving", ("date", 45443), "Final", "aside"], ["Two", "Second text", None, ("date", 45444.5), "WIP"],
            [None] * 5, ["Three", None, "x"], ["Four", 12]]
    raw = making.xlsx({"Copy": rows, "Lists": [["a", "b"], ["x", "y"]], "Old": [["text"], ["old"]], "Empty": []}, "C4:C5", ["Old"])
    reading = read(tmp_path, "a.xlsx", raw, {"text": "Body copy"})
    assert [(a.source.file, a.source.line, a.title, a.text, a.category, a.date, a.approval) for a in reading.assets] == [
        ("a.xlsx/Copy", 4, "One", "First text", "Saving", "2024-05-31", "approved"),
        ("a.xlsx/Copy", 5, "Two", "Second text", "Saving", "2024-06-01", "draft")]
    assert [(gone.where, gone.reason.split(";")[0]) for gone in reading.rejected] == [
        ("a.xlsx/Copy, line 7", "the text ('Body copy') is empty"),
        ("a.xlsx/Copy, line 8", "the text ('Body copy') is a number, not a string"),
        ("a.xlsx/Old", "the sheet is hidden"), ("a.xlsx/Lists", "found no column 'Body copy'")]
    assert reading.read == 6


def test_a_workbook_of_one_sheet_has_plain_lines_and_one_without_text_says_what_to_map(tmp_path):
    reading = read(tmp_path, "a.xlsx", making.xlsx({"S": [["title", "text"], ["One", "First"], ["Two", ""]], "Sheet2": []}))
    assert ([(a.source.file, a.source.line) for a in reading.assets], reading.rejected[0].where) == ([("a.xlsx", 2)], "line 3")
    with pytest.raises(InputError, match=r"Kopf, Treść.*--map text=COLUMN"):
        read(tmp_path, "b.xlsx", making.xlsx({"S": [["Kopf", "Treść"], ["a", "b"]]}))
    assert read(tmp_path, "b.xlsx", making.xlsx({"S": [["Kopf", "Treść"], ["a", "b"]]}), {"text": "Treść"}).assets[0].text == "b"


def test_a_saved_page_loses_its_furniture_and_its_folder_is_no_piece(tmp_path):
    html = """<html><body><div class="site-nav">Menu</div><div role="banner">Banner</div><div id="content"><h1>The title</h1>
              <p>The real text of this page is here, and it is long enough to be it.</p></div>
              <div class="cookie-banner">We use cookies</div><div class="footer">Foot</div></body></html>"""
    (tmp_path / "page_files").mkdir()
    (tmp_path / "page_files" / "frame.html").write_text("<p>An advert</p>", encoding="utf-8")
    (tmp_path / "page_files" / "a.css").write_text("p{}", encoding="utf-8")
    (tmp_path / "Seite-Dateien").mkdir()
    (tmp_path / "Seite-Dateien" / "x.js").write_text("x", encoding="utf-8")
    (tmp_path / "Seite.htm").write_text(html, encoding="utf-8")
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    (tmp_path / "notes_files").mkdir()
    (tmp_path / "notes_files" / "a.txt").write_text("A note of its own.", encoding="utf-8")
    reading = read_archive(tmp_path, "acme")
    assert [asset.source.file for asset in reading.assets] == ["Seite.htm", "notes_files/a.txt", "page.html"]
    assert reading.assets[0].text == "The real text of this page is here, and it is long enough to be it."
    assert [(gone.where, gone.reason) for gone in reading.rejected] == [
        ("Seite-Dateien", "its files (1) are parts of the saved page Seite.htm, not pieces"),
        ("page_files", "its files (2) are parts of the saved page page.html, not pieces")]


@pytest.mark.parametrize(("html", "text"), [
    ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a | b\nc | d"),
    ("<table><tr><td><p>a</p><td><p>b</p><tr><td><p>c</p><td><p>d</p></table>", "a | b\nc | d"),
    ("<table><tr><td><table><tr><td><p>One.</p><p>Two.</p></td></tr></table></td><td></td></tr><tr><td>Three.</td></tr></table>",
     "One.\n\nTwo.\n\nThree."),
    ("<table role=presentation><tr><td>Left</td><td>Right</td></tr></table>", "Left\n\nRight"),
    ("<table><tr><td>Only<br>one</td></tr><tr><td>column</td></tr></table>", "Only\none\n\ncolumn"),
    ("<table><tr><td><h2>Part</h2>Words</td><td>Side</td></tr></table>", "## Part\n\nWords\n\nSide"),
    ("<table><caption>Our teas</caption><thead><tr><th>Name</th><th>Price</th></tr></thead><tbody><tr><td><b>Tea</b></td><td>3</td></tr>"
     "</tbody></table>", "Our teas\n\nName | Price\nTea | 3")])
def test_tables_of_data_and_tables_that_lay_a_page_out(html, text, tmp_path):
    assert read(tmp_path, "a.html", f"<html><body>{html}</body></html>").assets[0].text == text


def test_any_property_may_be_mapped(tmp_path):
    text = "# P\n\nStatus: Done\nOwner: Ann\nTopic area: saving\n\nThe body.\n"
    asset, = read(tmp_path, f"P {NOTION}.md", text, {"author": "owner", "category": "Topic area"}).assets
    assert (asset.author, asset.category, asset.text) == ("Ann", "saving", "The body.")
    item = {"title": "T", "content:encoded": "<p>x</p>", "wp:status": "publish", "wp:post_type": "post",
            "categories": [("category", "A"), ("post_tag", "B")]}
    assert read(tmp_path, "a.xml", making.wxr([item]), {"category": "tags"}).assets[0].category == "B"


def test_a_class_does_not_take_away_most_of_a_page(tmp_path):
    html = f'<html><body><div class="related"><p>{PROSE}</p></div><p>End.</p></body></html>'
    assert "kettle" in read(tmp_path, "a.html", html).assets[0].text


def test_a_page_in_one_file_has_its_address_and_no_frames(tmp_path):
    asset, = read(tmp_path, "a.mhtml", making.mhtml("The title", "The text.")).assets
    assert (asset.title, asset.text, asset.source.id) == ("The title", "The text.", "https://example.com/page")


def test_a_page_may_say_its_own_encoding(tmp_path):
    reading = read(tmp_path, "a.html", b"<html><head><meta charset='windows-1252'></head><body><p>caf\xe9</p></body></html>")
    assert reading.assets[0].text == "café" and "which the page itself says" in reading.notes[0]
    assert "not recognised" in read(tmp_path, "b.html", b"<html><body><p>caf\xe9</p></body></html>").rejected[0].reason


def test_google_docs_html_keeps_bold_and_loses_comments(tmp_path):
    html = ('<html><head><style>.c1{font-weight:700}.c2{color:red}.c3{font-style:italic}</style></head><body class="doc-content">'
            '<p class="c5 title"><span>The title</span></p><p><span class="c2">Some </span><span class="c1">bold</span> '
            '<span class="c3">words</span><sup><a href="#cmnt1" id="cmnt_ref1">[a]</a></sup></p>'
            '<div class="c7"><p><a href="#cmnt_ref1" id="cmnt1">[a]</a>'
            "<span>Needs legal</span></p></div></body></html>")
    asset, = read(tmp_path, "a.html", html).assets
    assert (asset.title, asset.text) == ("The title", "Some **bold** *words*")


NOTION = "0123456789abcdef0123456789abcdef"


def test_a_notion_page_has_its_properties_as_fields(tmp_path):
    text = "# My page\n\nStatus: Done\nTags: saving, basics\nCreated: May 31, 2024 10:00 AM\nOwner: Ann\n\nThe body.\n\nNote: it stays.\n"
    asset, = read(tmp_path, f"My page {NOTION}.md", text).assets
    assert (asset.title, asset.category, asset.date, asset.approval) == ("My page", "saving", "2024-05-31", "approved")
    assert asset.source.id == NOTION and asset.text == "The body.\n\nNote: it stays."
    asset, = read(tmp_path, f"Other {NOTION}.md", "Just a body: no properties.\n\nMore.\n").assets
    assert (asset.title, asset.text) == ("Other", "Just a body: no properties.\n\nMore.")
    asset, = read(tmp_path, "plain.md", text).assets
    assert asset.text.startswith("Status: Done")   # only Notion writes properties there


def test_a_notion_page_as_html(tmp_path):
    html = ('<html><body><article class="page sans"><header><h1 class="page-title">My page</h1><table class="properties"><tbody>'
            "<tr><th>Status</th><td>In progress</td></tr><tr><th>Tags</th><td>saving</td></tr></tbody></table></header>"
            "<p>The body.</p></article></body></html>")
    asset, = read(tmp_path, f"My page {NOTION}.html", html).assets
    assert (asset.title, asset.text, asset.approval, asset.category) == ("My page", "The body.", "draft", "saving")
    assert asset.source.id == NOTION


@pytest.mark.parametrize(("front", "approval", "date"), [
    ("+++\ntitle = 'T'\ndate = 2024-05-31T10:00:00Z\ndraft = true\n+++\n", "draft", "2024-05-31"),
    ("+++\ntitle = 'T'\ndate = 2024-05-31\ndraft = false\ntags = ['a']\n+++\n", None, "2024-05-31"),
    ("---\ntitle: T\npublished: false\n---\n", "draft", None), ("---\ntitle: T\npublished: true\n---\n", "approved", None),
    ("---\ntitle: T\npublished: 2024-05-31\n---\n", None, "2024-05-31"), ("---\ntitle: T\nstatus: gold\ndraft: true\n---\n", "gold", None)])
def test_front_matter_of_site_generators(front, approval, date, tmp_path):
    reading = read(tmp_path, "a.md", f"{front}Body\n")
    asset, = reading.assets
    assert (asset.title, asset.text, asset.approval, asset.date, reading.notes) == ("T", "Body", approval, date, ())


def test_broken_toml_is_named_by_its_line(tmp_path):
    gone, = read(tmp_path, "a.md", "+++\ntitle = \n+++\nBody\n").rejected
    assert "not TOML" in gone.reason and gone.where == "line 2"
