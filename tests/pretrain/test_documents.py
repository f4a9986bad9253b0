"""Documents of a corpus: broken files are named, parts of one whole stand together, and every source of some size is measured."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from adtune.errors import InputError
from adtune.pretrain import documents as module
from adtune.pretrain.documents import (
    HOLD_OUT_SHARE,
    KINDS,
    WEIGHTS,
    Document,
    HoldOut,
    fraction,
    group_of,
    kind_of,
    read_documents,
    survey,
    weight_of,
    whole_of,
)

MIX = Path(__file__).resolve().parents[3] / "shared" / "data" / "pretrain" / "mix-0.jsonl.zst"


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(groups, parts=1, source="made"):
    return [{"text": f"text of {group} {part}", "title": f"Book {group} — Chapter {part}", "source": source}
            for group in range(groups) for part in range(parts)]


@pytest.mark.parametrize("whole, titles", [
    ("the salt road", ["The Salt Road (3)", "The Salt Road (12)", "The Salt Road", "The Salt Road [2/4]", "The Salt Road (continued)"]),
    ("the salt road", ["The Salt Road — II (2)", "The Salt Road — Chapter XXIII—In The House. (8)", "The Salt Road - chapter 4"]),
    ("the salt road", ["The Salt Road, Volume 6_ 1862-1863 — Dear Father:", "The Salt Road, Vol. 10 (of 12) — A Charge. (2)",
                       "The Salt Road Volume I (1st edition) — On Roads", "The Salt Road, Volume 2, Essay 1, Walking"]),
    ("how to mend a net", ["How to mend a net, part 2", "How to mend a net: Part 1", "How to Mend a Net (Part 3)",
                           "How to mend a net part 3: knots", "How to mend a net – Part 01", "How to mend a net — Part Two"]),
    ("supply and demand", ["Supply and Demand", "Supply and Demand: Four Steps", "Supply and Demand: Four Steps: Prices"]),
    ("stiff knees", ["What is Stiff Knees?", "What is (are) Stiff Knees ?",
                     "What are the symptoms of stiff knees?", "Is stiff knees inherited?",
                     "Who is at risk for Stiff Knees??", "How many people are affected by stiff knees?", "How to prevent Stiff Knees?",
                     "What research (or clinical trials) is being done for Stiff Knees?", "What to do for Stiff Knees?",
                     "What are the genetic changes related to stiff knees?"]),
    ("our story", ["Our Story: a reader of 17", "Our story - mending nets"]),
])
def test_parts_of_one_whole_have_its_title(whole, titles):
    assert {title: whole_of(title) for title in titles} == dict.fromkeys(titles, whole)


@pytest.mark.parametrize("title", ["HMS Otter (1805)", "HMS Otter (1831)", "The Absentee (1915 film)", "Elland, West Riding",
                                   "A part of it", "Book 3", "Well-known books", "Volumes of air", "The web part", "How nets are mended"])
def test_a_title_that_names_no_part_stays_whole(title):
    assert whole_of(title) == re.sub(r"\W+", " ", title).strip().casefold()


def test_pages_and_files_group_by_their_place_where_the_title_names_no_part():
    def group(place, title="", source="site"):
        return group_of(source, title, "text", place)

    assert len({group(f"https://e.example/guide{end}") for end in ("", "/", "#top", "?page=2", "/page/3", "/part-2", "/chapter/7/")}) == 1
    assert group("https://e.example/guide") != group("https://e.example/other")
    ends = ("/chapter-01.txt", "/ch2.md", "/part_3.xhtml", "/004.txt", "-12.txt", "_003.txt")
    assert len({group(f"books/emma{end}") for end in ends}) == 1
    assert group("books/emma/ch1.txt") != group("books/persuasion/ch1.txt")
    assert len({group(f"a/{n}.txt", f"Emma — {n}") for n in "xy"}) == 1  # the title says more
    assert len({group(f"a/{n}.txt", "Emma") for n in "xy"}) == 2
    assert len({group(f"books/emma/{n}.txt", f"Chapter {n}") for n in (1, 2)}) == 1  # a title of a part alone says nothing
    assert group_of("s", "", "one") != group_of("s", "", "two") == group_of("s", "", "two")
    assert group_of("wiki2014", "Salt", "a") == group_of("wiki2021", "Salt", "b") != group_of("gutenberg", "Salt", "b")


@pytest.mark.parametrize("mark", ["-", "?", "(", " part ", "1.", "is ", "/1", "— ", "["])
def test_an_endless_title_or_place_costs_no_time(mark):
    began = time.process_time()
    group_of("made", mark * 100_000 + "x", "text", "p" + mark * 100_000 + "!")
    assert time.process_time() - began < 0.5


def test_groups_stand_on_one_side_and_about_one_in_a_hundred_is_held_out(tmp_path):
    sides = {}
    for document in read_documents([written(tmp_path / "a.jsonl", rows(1500, 2))]):
        sides.setdefault(document.group, []).append(document.held_out)
    assert len(sides) == 1500 and all(len(side) == 2 and len(set(side)) == 1 for side in sides.values())
    assert 10 <= sum(all(side) for side in sides.values()) <= 30
    held = sum(HoldOut().covers(f"s/{n}") for n in range(20_000))
    assert abs(held / 20_000 - HOLD_OUT_SHARE) < 0.003


@pytest.mark.parametrize("groups, least", [(19, 0), (20, 1), (70, 3), (100, 5), (400, 10)])
def test_a_small_source_is_held_out_too(groups, least, tmp_path):
    path = written(tmp_path / "a.jsonl", rows(groups, 3))
    held = {d.group for d in read_documents([path]) if d.held_out}
    smallest = sorted({group_of("made", row["title"], "") for row in rows(groups)}, key=fraction)
    assert set(smallest[:least]) <= held and held == set(smallest[:max(least, sum(fraction(g) < HOLD_OUT_SHARE for g in smallest))])
    assert {d.group for d in read_documents(written(tmp_path / f"{n}.jsonl", one) for n, one in
                                            enumerate((rows(groups, 3)[::2], rows(groups, 3)[1::2]))) if d.held_out} == held


def test_a_group_that_is_most_of_a_small_source_is_trained_on(tmp_path):
    """Its hash may be the smallest, but then nearly all would be held out, or nothing but one group would be measured."""
    names = sorted((f"Book {n}" for n in range(30)), key=lambda name: fraction(group_of("made", name, "")))
    made = [{"text": f"{name} {n}", "title": name, "source": "made"} for name in names for n in range(40 if name == names[0] else 1)]
    held = Counter(d.title for d in read_documents([written(tmp_path / "a.jsonl", made)]) if d.held_out)
    assert fraction(group_of("made", names[0], "")) >= HOLD_OUT_SHARE and held == {names[1]: 1}
    large = [{"text": f"{name} {n}", "title": name, "source": "made"} for name in names[:20] for n in range(9)]
    assert len({d.title for d in read_documents([written(tmp_path / "b.jsonl", large)]) if d.held_out}) == 1


def test_a_survey_counts_what_is_read(tmp_path):
    made = [*rows(30, 2), *rows(3, 1, "other"), {"text": "caf\u00e9", "title": "\u00e9", "source": "third"}]
    path = written(tmp_path / "a.jsonl", made)
    found = survey([path])
    assert {s: one.documents for s, one in found.sources.items()} == {"made": 60, "other": 3, "third": 1}
    assert found.sources["third"].bytes == 7 and found.sources["third"].samples == ("café",)
    assert list(read_documents([path], found.hold_out)) == list(read_documents([path]))
    assert len(found.sources["made"].samples) == 20 and list(read_documents([])) == []


def test_a_document_is_rendered_like_a_brief():
    shown = {Document("text", f"Title {n}", "wiki2021", "", False).prompt() for n in range(20)}
    assert {re.sub(r"\d+", "N", prompt) for prompt in shown} == {"# Title N\n\n", "# Title N\n[encyclopedia]\n\n"}
    assert Document("text", "", "wiki2021", "", False).prompt() == ""
    assert Document("text", "A", "unknown", "", False).prompt() == "# A\n\n"
    assert kind_of("gutenberg") == "book" and kind_of("unknown") == "" and weight_of("unknown") == 1.0
    assert weight_of("m365_community") / weight_of("gutenberg") == 10 and set(WEIGHTS) <= set(KINDS)


def test_compressed_and_plain_files_and_marks_of_encoding(tmp_path):
    path, packed = written(tmp_path / "made.jsonl", rows(40)), tmp_path / "packed.jsonl.zst"
    with pa.CompressedOutputStream(pa.OSFile(str(packed), "wb"), "zstd") as stream:
        stream.write(path.read_bytes())
    assert list(read_documents([packed])) == list(read_documents([path]))
    assert [d.place for d in read_documents([path])][:2] == [f"{path}, line 1", f"{path}, line 2"]
    marked, notes = tmp_path / "marked.jsonl", tmp_path / "notes.txt"
    marked.write_bytes(b"\xef\xbb\xbf" + b'{"text": "a"}\r\n{"text": "b", "title": "c\\n d"}')
    notes.write_bytes(b"\xef\xbb\xbf" + "Some notes — ä.".encode())
    assert [(d.text, d.title, d.source) for d in read_documents([marked])] == [("a", "", "marked"), ("b", "c d", "marked")]
    assert [(d.text, d.title, d.source, d.group) for d in read_documents([notes])] == [("Some notes — ä.", "", "text", "text/notes")]


def test_a_long_plain_file_is_read_in_parts_of_one_group(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_CHARACTERS", 1000)
    text = "\n\n".join(f"Paragraph {n} " + "word " * 30 for n in range(60)) + "x" * 3000 + "\n"
    (tmp_path / "book.txt").write_text(text)
    parts = list(read_documents([tmp_path / "book.txt"]))
    assert "".join(d.text for d in parts) == text and 8 < len(parts) < 20 and max(len(d.text) for d in parts) <= 3000
    assert all(d.text.startswith("Paragraph") for d in parts[:8]) and {d.group for d in parts} == {"text/book"}
    monkeypatch.setattr(module, "STRETCH_CHARACTERS", 5000)
    assert {d.group for d in read_documents([tmp_path / "book.txt"])} == {"text/book", "text/book#1", "text/book#2"}


@pytest.mark.parametrize("line", ["{", "", "[]", "3", "null", '{"title": "a"}', '{"text": null}', '{"text": 5}', '{"text": "\\ud800"}',
                                  '{"text": " \\n"}', '{"text": "a", "title": "\\ud800"}', '{"text": "a", "source": "\\udfff"}',
                                  "[" * 100_000, '{"text": ' + "1" * 5000 + "}", '{"text": "café"}'.encode("latin-1"), b"\x00\xff\xfe"])
def test_a_broken_line_is_named(line, tmp_path):
    path = tmp_path / "made.jsonl"
    path.write_bytes(b'{"text": "a"}\n' + (line if isinstance(line, bytes) else line.encode()) + b'\n{"text": "b"}\n')
    with pytest.raises(InputError) as caught:
        list(read_documents([path]))
    assert caught.value.where == f"{path}, line 2" and caught.value.found and "JSON object" in caught.value.expected


def test_a_line_without_end_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LINE_BYTES", 1000)
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a" * 2000}))
    with pytest.raises(InputError, match="line 1: found a line of more than"):
        list(read_documents([tmp_path / "a.jsonl"]))


def test_odd_titles_and_sources_do_not_matter(tmp_path):
    path = tmp_path / "made.jsonl"
    path.write_text('{"text": "a", "title": 5, "source": null}\n{"text": "b", "title": null, "source": 7, "path": 3}\n')
    assert [(d.title, d.source) for d in read_documents([path])] == [("5", "made"), ("", "7")]


@pytest.mark.parametrize("name, content", [
    ("a.txt", b"caf\xe9"), ("a.txt", b"\xff\xfec\x00a\x00"), ("a.txt", b"PK\x03\x04\x00\x00 text"), ("a.txt", b""), ("a.txt", b" \n\n"),
    ("a.jsonl", b""), ("a.jsonl.zst", b""), ("a.jsonl.zst", b"not compressed"), ("missing.jsonl", None), ("missing.txt", None)])
def test_a_file_that_cannot_be_read_is_named(name, content, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(name)):
        list(read_documents([tmp_path / name]))


def test_a_folder_and_a_cut_archive_are_named(tmp_path):
    path, cut = written(tmp_path / "made.jsonl", rows(400)), tmp_path / "cut.jsonl.zst"
    with pa.CompressedOutputStream(pa.OSFile(str(tmp_path / "whole.zst"), "wb"), "zstd") as stream:
        stream.write(path.read_bytes())
    content = (tmp_path / "whole.zst").read_bytes()
    cut.write_bytes(content[:len(content) // 2])
    (tmp_path / "folder").mkdir()
    for wrong in (cut, tmp_path / "folder"):
        with pytest.raises(InputError, match=re.escape(str(wrong))):
            list(read_documents([wrong]))


@pytest.mark.skipif(not MIX.is_file(), reason="needs ../shared/data/pretrain")
def test_windows_of_128_mb_are_read():
    """The mix is packed with them; its first lines are documents of a known form."""
    stream = read_documents([MIX], HoldOut())
    first = [next(stream) for _ in range(50)]
    assert all(len(d.text.split()) >= 50 and d.title and d.place.endswith(f"line {n}") for n, d in enumerate(first, 1))
