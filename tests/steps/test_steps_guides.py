"""Brand guides: which files are read and how, what is told of a cut, and the draft that is made without one."""

import json

import pytest
from docx import Document

from adtune.errors import InputError
from adtune.starter import sample_pieces
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate, read_dataset
from adtune.steps.guides import read_brand_guide, write_draft

OBJECTS = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
           "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>", "",
           "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]


def pdf(*lines: str) -> bytes:
    """One page with a line of text each."""
    stream = "BT /F1 12 Tf 72 720 Td 16 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [*OBJECTS[:3], f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream", OBJECTS[4]]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    return out + (f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
                  f"startxref\n{len(out)}\n%%EOF\n").encode()


def test_text_is_read_in_its_encoding(tmp_path):
    (tmp_path / "guide.md").write_bytes("\ufeff# Voice\r\n\r\nBe warm.\r\n".encode())
    (tmp_path / "old.txt").write_bytes("caf\xe9".encode("cp1252"))
    (tmp_path / "wide.txt").write_text("café", encoding="utf-16")
    assert read_brand_guide(tmp_path / "guide.md") == ("# Voice\n\nBe warm.", [])
    assert read_brand_guide(tmp_path / "old.txt")[0] == read_brand_guide(tmp_path / "wide.txt")[0] == "café"


def test_a_word_document_is_read_with_its_headings_lists_and_tables(tmp_path):
    document = Document()
    document.add_heading("Voice", 1)
    document.add_paragraph("Be warm.")
    document.add_paragraph("Say you.", style="List Bullet")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "say", "you"
    document.save(str(tmp_path / "guide.docx"))
    assert read_brand_guide(tmp_path / "guide.docx")[0] == "# Voice\n\nBe warm.\n\n- Say you.\n\nsay | you"


def test_a_pdf_is_read(tmp_path):
    (tmp_path / "guide.pdf").write_bytes(pdf("Voice and tone", "Use short sentences and plain words.", "Never shout at a reader."))
    text, notes = read_brand_guide(tmp_path / "guide.pdf")
    assert "Use short sentences and plain words." in text and "Never shout" in text and notes == []


def test_a_long_guide_says_what_is_used_of_it(tmp_path):
    path = tmp_path / "guide.md"
    path.write_text("# Logo\n\n" + "Keep the logo clear. " * 200 + "\n\n# Tone\n\nWrite in plain words. Avoid jargon.\n", encoding="utf-8")
    text, notes = read_brand_guide(path)
    assert text == "# Tone\n\nWrite in plain words. Avoid jargon."
    assert notes == ["guide.md has 810 words; the 8 of them that say most about how to write are used. Nothing is used of: Logo."]


@pytest.mark.parametrize(("name", "content", "found"), [
    ("guide.pptx", b"x", "'.pptx'"), ("none.md", None, "no such file"), ("empty.md", b" \n", "no words"),
    ("marks.md", b"# --- #", "no words"), ("broken.pdf", b"%PDF", ""),
    ("broken.docx", b"PK\x03\x04junk", ""), ("plain.docx", b"text that is long enough to be prose, of some words", ""),
    ("binary.txt", b"a\x00b", "binary data"), ("guide", b"x", "'guide'"),
])
def test_other_files_are_refused(tmp_path, name, content, found):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_brand_guide(tmp_path / name)
    assert found in caught.value.found and caught.value.where == name and ".docx, .pdf" in caught.value.expected


def test_without_a_guide_a_draft_stands_beside_the_report(ws, tmp_path):
    rows = sample_pieces().read_text(encoding="utf-8").splitlines()
    (tmp_path / "some.jsonl").write_text("\n".join(rows[:120]) + "\n", encoding="utf-8")
    import_archive(ws, tmp_path / "some.jsonl", "quillmere")
    answer = curate(ws, "quillmere")
    draft = ws.path(answer["dataset"]) / "guide_draft.md"
    assert answer["guide_draft"] == str(draft) and answer["rebrand"]["date"] is None and answer["rebrand"]["gone"] == []
    text = draft.read_text(encoding="utf-8")
    assert text.startswith("# How quillmere writes\n\nA draft from ") and len(text.split()) <= 350
    assert "No exclamation marks (100% of" in text and "The currency sign before the number: »$" in text
    house = {one["habit"]: one for one in answer["house"]}
    assert house["exclamation marks"]["choice"] == "none" and house["exclamation marks"]["interval"][0] >= 0.8
    dataset = read_dataset(ws, answer["dataset"])
    assert dataset.guide == ""                       # a draft is used only when a person hands it in
    held = [item.example.text.split("\n\n")[0] for item in dataset.items if item.split != "train"]
    examples = [line[2:] for line in text.splitlines() if line.startswith("> ")]
    assert examples and not [one for one in examples for opening in held if opening.startswith(one)]
    edited = tmp_path / "mine.md"
    write_draft(answer["guide_draft"], edited)
    assert edited.read_text(encoding="utf-8") == text
    with pytest.raises(InputError, match="which is there"):
        write_draft(answer["guide_draft"], edited)
    given = curate(ws, "quillmere", brand_guide=edited)
    assert given["guide_draft"] is None and read_dataset(ws, given["dataset"]).guide == text.strip() and given["notes"] == answer["notes"]
    with pytest.raises(InputError, match="without a guide"):
        write_draft(given["guide_draft"], tmp_path / "again.md")


def test_a_rebrand_is_told_in_the_answer(ws, tmp_path):
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()][:80]
    for number, row in enumerate(rows):
        name = "Norvale" if number < 40 else "Brightwell"
        row |= {"date": f"{2018 + number // 16}-{number % 12 + 1:02d}-11", "text": row["text"].replace(". ", f". Ask at {name} first. ", 1)}
    rows.sort(key=lambda row: row["date"])
    for number, row in enumerate(rows):
        row["text"] = row["text"].replace("Brightwell", "Norvale") if number < 40 else row["text"].replace("Norvale", "Brightwell")
    path = tmp_path / "archive.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_archive(ws, path, "bank")
    answer = curate(ws, "bank")
    told = answer["rebrand"]
    assert told["gone"][0]["name"] == "Norvale" and told["new"] == [{"name": "Brightwell", "before": 0.0, "after": 1.0}]
    assert rows[36]["date"] <= told["last"] < told["date"] <= rows[43]["date"]
    assert any("The house changed between" in note and "drop_also=before_rebrand" in note for note in answer["notes"])
    assert sum(one["reason"] == "before_rebrand" for one in answer["findings"]) in range(34, 44)
    report = (ws.path(answer["dataset"]) / "report.html").read_text(encoding="utf-8")
    assert "The house changed between" in report and "Habits of spelling and form" in report
