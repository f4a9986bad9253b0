"""The brand guide: what is read, where it is cut, what is refused."""

import pytest
from docx import Document

from adtune.curate import read_guide
from adtune.curate.guide import first_words
from adtune.errors import InputError


def sentence(words):
    return " ".join(["word"] * (words - 1) + ["end."])


def test_a_short_guide_is_whole(tmp_path):
    path = tmp_path / "guide.md"
    path.write_bytes("\ufeff# Voice\r\n\r\nBe warm.\r\n".encode())
    assert read_guide(path) == ("# Voice\n\nBe warm.", False)


def test_a_long_guide_keeps_whole_paragraphs_then_sentences(tmp_path):
    path = tmp_path / "guide.txt"
    path.write_text("\n\n".join([sentence(200), f"{sentence(100)} {sentence(40)} {sentence(60)}", sentence(5)]), encoding="utf-8")
    text, cut = read_guide(path)
    assert cut and text == f"{sentence(200)}\n\n{sentence(100)} {sentence(40)}"


def test_exactly_the_limit_is_not_cut():
    assert first_words(sentence(350), 350) == (sentence(350), False)
    assert first_words(f"{sentence(350)}\n\n{sentence(2)}", 350) == (sentence(350), True)


def test_lists_are_cut_between_lines_and_one_endless_sentence_between_words():
    assert first_words("- a b c\n- d e f\n- g h i", 8) == ("- a b c\n- d e f", True)
    assert first_words("word " * 50, 20) == (" ".join(["word"] * 20), True)


def test_word_documents_are_read_with_their_tables(tmp_path):
    document = Document()
    document.add_heading("Voice")
    document.add_paragraph("Be warm.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "say", "you"
    document.save(str(tmp_path / "guide.docx"))
    assert read_guide(tmp_path / "guide.docx") == ("Voice\n\nBe warm.\n\nsay | you", False)


def test_old_encodings_are_read(tmp_path):
    (tmp_path / "old.txt").write_bytes("caf\xe9".encode("cp1252"))
    (tmp_path / "wide.txt").write_text("café", encoding="utf-16")
    assert read_guide(tmp_path / "old.txt")[0] == read_guide(tmp_path / "wide.txt")[0] == "café"


@pytest.mark.parametrize(("name", "content", "found"), [
    ("guide.pdf", b"%PDF", "'.pdf'"), ("none.md", None, "no such file"), ("empty.md", b" \n", "no words"),
    ("broken.docx", b"PK\x03\x04junk", "no Word document"),
    ("plain.docx", b"text", "no Word document"), ("binary.txt", b"a\x00b", "binary data"), ("guide", b"x", "'guide'"),
])
def test_other_files_are_refused(tmp_path, name, content, found):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_guide(tmp_path / name)
    assert found in caught.value.found and caught.value.where == name
