"""Feeds, WordPress exports and mail: entries, posts and messages as pieces; all else is told."""

from __future__ import annotations

import making
import pytest

from adtune.archive import read_archive

LETTER = """<html><body><div style="display:none">Preview &zwnj;&nbsp;&zwnj;</div><p><a href="x">View this email
in your browser</a></p><h1>May news</h1><p>Dear reader, we have <b>news</b>.</p><p>Ann moved her shop, and you can read how
online.</p><img src="https://t/p.gif" width="1"><p>You are receiving this email because you signed up.</p>
<p><a>Unsubscribe</a> | <a>Privacy</a></p><p>Acme Ltd, 1 High Street</p></body></html>"""


def read(folder, name, raw):
    path = folder / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8"))
    return read_archive(path, "acme")


def test_rss_entries(tmp_path):
    reading = read(tmp_path, "a.rss", making.rss([
        {"title": "A &amp; B", "link": "https://x/1", "description": "Short <b>one</b>", "category": "Saving", "dc:creator": "Ann Lee",
         "content:encoded": "<p>Full <b>text</b> here.</p><script>x</script>", "pubDate": "Fri, 31 May 2024 23:30:00 -0500"},
        {"title": "Two", "description": "Only this & that < 5"}, {"title": "Three"}]))
    one, two = reading.assets
    assert (one.title, one.text, one.summary) == ("A & B", "Full **text** here.", "Short **one**")
    assert (one.category, one.author) == ("Saving", "Ann Lee")
    assert (one.date, one.source.id, one.source.line, one.language) == ("2024-05-31", "https://x/1", 3, "en")
    assert (two.text, two.source.line) == ("Only this & that < 5", 4)
    assert [(gone.where, gone.reason) for gone in reading.rejected] == [("line 5", "the text ('text') is empty")]


def test_atom_in_a_file_of_any_name(tmp_path):
    for name in ("a.atom", "a.xml", "a.rss", "feed"):
        asset, = read(tmp_path, name, making.atom("One", "First.\n\nSecond.")).assets
        assert (asset.title, asset.text, asset.date) == ("One", "First.\n\nSecond.", "2024-05-31")


def test_a_cut_feed_loses_its_last_entry_only(tmp_path):
    whole = making.rss([{"title": "One", "description": "Full"}, {"title": "Two", "description": "Half of it"}])
    reading = read(tmp_path, "a.rss", whole[:whole.index("of it")])
    assert [asset.text for asset in reading.assets] == ["Full"]
    assert [(gone.where, gone.reason) for gone in reading.rejected] == [("line 4", "the feed is cut short within or behind this entry")]


@pytest.mark.parametrize("raw", ["<?xml version='1.0'?><catalog><item>1</item></catalog>", "<rss", "<rss><channel></channel></rss>",
                                 "words", "<a>" * 50_000])
def test_xml_of_other_kinds_is_rejected(raw, tmp_path):
    reading = read(tmp_path, "a.xml", raw)
    assert (reading.read, reading.assets) == (1, ())


def test_entities_of_xml_reach_no_file_and_do_not_grow(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret", encoding="utf-8")
    layers = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    declared = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY l0 "ha">{layers}]>'
    wxr = making.wxr([{"title": "One", "wp:status": "publish", "wp:post_type": "post"}])
    for raw in (making.rss([{"title": "One", "description": "Text"}]), wxr):
        hostile = raw.replace("<rss", f"{declared}<rss").replace("<title>Blog", "<title>&x;&l11;")
        hostile = hostile.replace("</item>", "<description>&x;</description></item>")
        reading = read(tmp_path, "a.xml", hostile)
        assert all("a secret" not in asset.text and len(asset.text) < 100 for asset in reading.assets)


def test_wordpress_posts_and_pages(tmp_path):
    reading = read(tmp_path, "a.xml", making.wxr([
        {"title": "One &amp; two", "content:encoded": "Para one\nline two\n\n<h2>Head</h2>\n\nWords [gallery ids=\"1\"]here",
         "excerpt:encoded": "Short", "dc:creator": "ann", "wp:post_id": "7", "wp:post_date": "2024-05-31 10:00:00",
         "wp:status": "publish", "wp:post_type": "post", "categories": [("post_tag", "a tag"), ("category", "Saving")]},
        {"title": "Two", "content:encoded": "<!-- wp:paragraph --><p>Block</p><!-- /wp:paragraph -->", "wp:status": "draft",
         "wp:post_type": "page", "wp:post_date": "0000-00-00 00:00:00",
         "categories": [("category", "Uncategorized"), ("post_tag", "a tag")]},
        {"title": "logo", "wp:post_type": "attachment", "wp:status": "inherit"},
        {"title": "x", "wp:post_type": "nav_menu_item", "wp:status": "publish"},
        {"title": "gone", "wp:post_type": "post", "wp:status": "trash", "content:encoded": "x"},
        {"title": "bare", "wp:post_type": "post", "wp:status": "publish", "content:encoded": ""},
        {"title": "odd", "wp:post_type": "post", "wp:status": "publish", "content:encoded": "with \x0b a control"}]))
    one, two, odd = reading.assets
    assert (one.title, one.text, one.summary) == ("One & two", "Para one\nline two\n\n## Head\n\nWords here", "Short")
    assert (one.author, one.date, one.category, one.approval, one.source.id, one.source.line) == (
        "Ann Lee", "2024-05-31", "Saving", "approved", "7", 4)
    assert (two.text, two.approval, two.content_type, two.date, two.category) == ("Block", "draft", "page", None, "a tag")
    assert odd.text == "with a control" and reading.notes == ("a.xml: control characters that XML forbids were left out: 1",)
    assert [(gone.where, gone.reason) for gone in reading.rejected] == [
        ("line 11", "a WordPress attachment ('logo'), not a post or page"),
        ("line 12", "a WordPress nav_menu_item ('x'), not a post or page"),
        ("line 13", "it is in WordPress's trash"), ("line 14", "the text ('text') is empty")]
    assert reading.read == 7


def test_a_cut_wordpress_export_keeps_what_came_before(tmp_path):
    items = [{"title": str(number), "content:encoded": f"<p>Text {number}</p>", "wp:status": "publish", "wp:post_type": "post"}
             for number in range(5)]
    whole = making.wxr(items)
    reading = read(tmp_path, "a.xml", whole[:whole.index("Text 3")])
    assert [asset.text for asset in reading.assets] == ["Text 0", "Text 1", "Text 2"]
    gone, = reading.rejected
    assert gone.where.startswith("line ") and "the rest of the file is lost" in gone.reason


def test_lines_of_a_long_export(tmp_path):
    items = [{"title": str(number), "content:encoded": "x\n" * 400, "wp:status": "publish", "wp:post_type": "post"}
             for number in range(200)]
    raw = making.wxr(items)
    lines = [number for number, line in enumerate(raw.split("\n"), start=1) if line.startswith("<item>")]
    assert lines[-1] > 65_535
    assert [asset.source.line for asset in read(tmp_path, "a.xml", raw).assets] == lines


def test_a_newsletter_keeps_its_copy(tmp_path):
    reading = read(tmp_path, "a.eml", making.mail("The subject", "plain", LETTER, ["offer.pdf"]).as_bytes())
    asset, = reading.assets
    assert asset.text == "# May news\n\nDear reader, we have **news**.\n\nAnn moved her shop, and you can read how online."
    assert (asset.title, asset.author, asset.date, asset.content_type) == ("The subject", "Ann Lee", "2024-05-31", "e-mail")
    assert asset.source.id == "one@example.com"
    assert reading.notes == ("a.eml: 1 attachment is not read: offer.pdf", "a.eml: the lines about the browser and the list were left out")


def test_a_plain_mail_loses_its_tracking_links(tmp_path):
    text = ("Hello there.\n\nRead it <https://example.com/a?utm_source=news&utm_campaign=may&x=1234567890> now, at https://example.com/blog.\n\n"
            "To unsubscribe, reply.")
    asset, = read(tmp_path, "a.eml", making.mail("S", text).as_bytes()).assets
    assert asset.text == "Hello there.\n\nRead it now, at https://example.com/blog."


def test_a_mailbox_has_lines_and_keeps_from_within_the_text(tmp_path):
    mails = [making.mail("One", "Text one.\n\nFrom here on."), making.mail("Two", "p", LETTER, ["a.pdf"]), making.mail("Three", "")]
    raw = making.mbox(mails)
    starts = [number for number, line in enumerate(raw.split(b"\n"), start=1) if line.startswith(b"From ann@")]
    reading = read(tmp_path, "a.mbox", raw)
    assert [(asset.title, asset.source.line) for asset in reading.assets] == [("One", starts[0]), ("Two", starts[1])]
    assert reading.assets[0].text == "Text one.\n\nFrom here on."
    assert [gone.where for gone in reading.rejected] == [f"line {starts[2]}"]
    assert len(reading.notes) == 2 and all(note.startswith("a.mbox: the ") for note in reading.notes)


@pytest.mark.parametrize(("charset", "encoded", "kept"), [
    ("iso-8859-1", "café für alle".encode("latin-1"), True), ("utf-8", "café für alle".encode("latin-1"), False),
    ("x-unknown", "café für alle".encode(), True), ("utf-7", "café für alle".encode(), True)])
def test_a_mail_s_encoding_is_vouched_for(charset, encoded, kept, tmp_path):
    head = f"From: a@example.com\nSubject: S\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    reading = read(tmp_path, "a.eml", head.encode() + encoded)
    assert [asset.text for asset in reading.assets] == (["café für alle"] if kept else [])
    assert kept or "encoding not recognised" in reading.rejected[0].reason


def test_an_encrypted_mail_is_rejected(tmp_path):
    raw = b"From: a@example.com\nSubject: S\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\nabc\n--x--\n"
    assert "encrypted" in read(tmp_path, "a.eml", raw).rejected[0].reason


def test_headers_are_decoded(tmp_path):
    raw = ("From: =?utf-8?q?Lee=2C_Ann_=28Caf=C3=A9=29?= <ann@example.com>\nSubject: =?utf-8?b?R3LDvMOfZQ==?= aus\n"
           " =?iso-8859-1?q?K=F6ln?=\nDate: soon\nTo: x@example.com\n\nThe text.\n")
    reading = read(tmp_path, "a.eml", raw)
    asset, = reading.assets
    assert (asset.title, asset.author, asset.date) == ("Grüße aus Köln", "Lee, Ann (Café)", None)
    assert "the date 'soon'" in reading.notes[0]
    eight_bit = "From: Jörg <j@example.com>\nSubject: Grüße =?utf-8?q?broken\nTo: x@example.com\n\nThe text.\n"
    asset, = read(tmp_path, "b.eml", eight_bit.encode()).assets
    assert (asset.title, asset.author) == ("Grüße =?utf-8?q?broken", "Jörg")
    asset, = read(tmp_path, "c.eml", eight_bit.encode("latin-1")).assets
    assert (asset.title, asset.author) == (None, None)   # bytes that say nothing of their encoding are no words
