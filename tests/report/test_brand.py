"""White label: a logo is embedded when it is a picture of a sane size, and refused with a reason when it is not."""

import base64

import pytest

from adtune.errors import InputError
from adtune.report import Page, load_brand, path

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


@pytest.mark.parametrize(("content", "kind"), [
    (PNG, "png"), (b"\xff\xd8\xff\xe0", "jpeg"), (b"GIF89a..", "gif"), (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "svg+xml")])
def test_pictures_are_embedded_by_their_content(tmp_path, content, kind):
    (tmp_path / "logo").write_bytes(content)
    brand = load_brand("A", str(tmp_path / "logo"))
    assert brand.logo == f"data:image/{kind};base64,{base64.b64encode(content).decode()}" and brand.agency == "A"
    page = Page("T", brand=brand)
    assert f'<img class="logo" src="data:image/{kind};base64,' in page.render() and "<script" not in page.render()


@pytest.mark.parametrize(("content", "word"), [
    (b"<html><script>", "no picture"), (PNG + b"\x00" * 500_000, "bytes"), (None, "no such file")])
def test_what_is_no_logo_is_refused(tmp_path, content, word):
    if content is not None:
        (tmp_path / "logo").write_bytes(content)
    with pytest.raises(InputError, match=word):
        load_brand(None, str(tmp_path / "logo"))


def test_without_a_brand_the_page_is_ours():
    assert load_brand(None, None).logo is None and "Made by adtune. Everything" in Page("T").render()
    assert "Everything in this file" in Page("T", brand=load_brand("B", None)).render()


def test_marked_parts_stay_text():
    html = Page.marked_columns([("a", [("<b>", "cut"), (" x ", ""), ("y", "claim"), ("z", "new")])])
    assert "<del>&lt;b&gt;</del> x <mark>y</mark><ins>z</ins>" in html


def test_a_path_goes_through_its_points_in_their_order():
    from lxml import etree

    drawn = etree.fromstring(path([(0.0, 0.0, "0"), (0.1, 0.2, "0.5"), (None, 1.0, "gone"), (0.3, 0.25, "1")], "lost", "gain"))
    places = [float(circle.get("cx")) for circle in drawn.findall("circle")]
    assert len(places) == 3 and places == sorted(places) and "0.5: lost 0.100, gain 0.200" in drawn.findtext("desc")
    assert "Not measured" in path([(None, None, "x")], "a", "b")
