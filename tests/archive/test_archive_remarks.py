"""Columns in other languages, columns that serve nothing, lists under any name, Excel's `sep=`, broken letters, and what to do."""

from __future__ import annotations

import json

import pytest

from adtune.archive import Stream, read_archive
from adtune.errors import InputError


def read(folder, name: str, text: str | bytes, mapping=None):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_archive(path, "acme", mapping)


@pytest.mark.parametrize("header", [
    "Titel;Text;Rubrik;Datum;Autor;Freigabe;Sprache;Zusammenfassung;Kennung",
    "Titre;Texte;Rubrique;Date;Auteur;Statut;Langue;Résumé;Identifiant",
    "Título;Texto;Categoría;Fecha;Autor;Estado;Idioma;Resumen;Identificador",
    "Titolo;Testo;Categoria;Data;Autore;Stato;Lingua;Riassunto;ID",
    "Titel;Tekst;Rubriek;Datum;Auteur;Goedkeuring;Taal;Samenvatting;ID", "Título;Conteúdo;Categoria;Data;Autor;Aprovado;Idioma;Resumo;ID"])
def test_columns_in_other_languages(header, tmp_path):
    reading = read(tmp_path, "a.csv", f"{header}\nHallo;Die Wörter.;Sparen;2024-05-31;Ann;approved;de;Kurz.;7\n")
    one, = reading.assets
    assert (one.title, one.text, one.category, one.date, one.author) == ("Hallo", "Die Wörter.", "Sparen", "2024-05-31", "Ann")
    assert (one.approval, one.language, one.summary, one.source.id) == ("approved", "de", "Kurz.", "7")
    assert reading.notes == ()


@pytest.mark.parametrize(("word", "kind"), [("freigegeben", "approved"), ("Entwurf", "draft"), ("Publié", "approved"),
                                            ("brouillon", "draft"), ("Borrador", "draft"), ("Approvato", "approved"),
                                            ("afgekeurd", "rejected"), ("não", "draft")])
def test_approvals_in_other_languages(word, kind, tmp_path):
    assert read(tmp_path, "a.csv", f"Text;Status\nDie Wörter.;{word}\n").assets[0].approval == kind


@pytest.mark.parametrize("value", ['{"x": 1}', "12", '"some words"'])
def test_a_column_data_that_is_no_date_is_none(value, tmp_path):
    reading = read(tmp_path, "a.jsonl", f'{{"body": "The words.", "data": {value}}}\n')
    assert reading.assets[0].date is None
    assert reading.notes == ("columns not used: data; name them with --map, such as --map date=data",)


def test_columns_that_serve_nothing_are_told_once(tmp_path):
    text = "Nadpis;Text;Cena;Leer\nEins;Die Wörter.;3,20;\nZwei;Mehr Wörter.;;\n"
    reading = read(tmp_path, "a.csv", text)
    assert reading.notes == ("columns not used: Nadpis, Cena; name them with --map, such as --map title=Nadpis",)
    assert read(tmp_path, "a.csv", text, {"title": "Nadpis", "category": "Cena"}).notes == ()
    assert read(tmp_path, "b.csv", "headlines;text\nEins;Die Wörter.\n").notes[0].endswith("such as --map title=headlines")
    assert read(tmp_path, "c.csv", "Mein Kopf;text\nEins;Die Wörter.\n").notes[0].endswith('such as --map "title=Mein Kopf"')
    # second choices of a field are known columns
    assert read(tmp_path, "d.jsonl", '{"text": "a", "category": "x", "tags": ["y"], "id": 1, "slug": "s"}\n').notes == ()


def test_any_single_list_of_objects_is_the_pieces(tmp_path):
    for name in ("posts", "products", "Seiten"):
        made = {"version": 2, "meta": {"n": [1]}, name: [{"text": "One."}, {"text": "Two."}], "tags": [1]}
        reading = read(tmp_path, "a.json", json.dumps(made, indent=1))
        assert ([one.text for one in reading.assets], reading.rejected) == (["One.", "Two."], ())
        assert [one.source.line for one in reading.assets][0] == 9
    cut = read(tmp_path, "a.json", '{"posts": [{"text": "One."}, {"text": "Tw')
    assert ([one.text for one in cut.assets], len(cut.rejected)) == (["One."], 1)


def test_several_lists_are_named(tmp_path):
    text = '{"posts": [{"text": "a [ \\" }"}, {"text": "b"}], "products": [{"text": "c"}], "tags": [{"name": "x"}]}'
    reading = read(tmp_path, "a.json", text)
    assert reading.assets == () and "the object holds 2 lists: 'posts' (2), 'products' (1)" in reading.rejected[0].reason
    assert [one.text for one in read(tmp_path, "b.json", '{"posts": [{"text": "a"}], "items": [{"text": "c"}]}').assets] == ["c"]


@pytest.mark.parametrize("text", [
    '{"text": "One.", "images": [{"src": "x"}]}', '{"images": [{"src": "x"}], "text": "One."}',
    '{"images": [{"src": "x"}], "text": "One."}\n{"images": [{"src": "x"}], "text": "Two."}',
    '{"messages": [{"role": "user", "content": "Ask"}, {"role": "assistant", "content": "One."}]}'])
def test_an_object_that_is_a_piece_stays_one(text, tmp_path):
    assert read(tmp_path, "a.json", text).assets[0].text == "One."


@pytest.mark.parametrize("mark", [";", ",", "\t", "|", "~"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_excels_first_line_names_the_delimiter(mark, name, tmp_path):
    if name == "a.txt" and mark == "~":
        return
    for start in ("", "\ufeff"):
        reading = read(tmp_path, name, f"{start}sep={mark}\r\nTitle{mark}Text\r\nOne{mark}The words\r\n")
        assert [(one.title, one.text, one.source.line) for one in reading.assets] == [("One", "The words", 3)]


def test_utf8_that_was_read_as_windows_1252_is_told_and_kept(tmp_path):
    rows = [{"text": "Liebe GrÃ¼ÃŸe aus KÃ¶ln"}, {"text": "It is what weâ€™re for"}, {"text": "Grüße, „Ä“ … CONCLUSÃO, 20 °C, Â und â"}]
    reading = read(tmp_path, "a.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    assert [one.text for one in reading.assets] == [row["text"] for row in rows]
    note, = reading.notes
    assert note.startswith("2 pieces look like UTF-8 that was read as Windows-1252 and saved again, such as “GrÃ¼ÃŸe” in a.jsonl for "
                           "“Grüße”; the text was not changed")
    assert "Ð¿Ñ€Ð¸Ð²ÐµÑ‚" in read(tmp_path, "b.txt", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚ and more words").notes[0]


@pytest.mark.parametrize(("name", "raw", "advice"), [
    ("a.rtf", b"{\\rtf1 words}", "Save it as .docx and import that"), ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Save it as .docx"),
    ("a.txt", b"{\\rtf1 words}", "Save it as .docx"), ("a.csv", b"", "nothing in it"), ("a.jsonl", b"\n \n", "nothing in it"),
    ("a.xml", b"<catalog><x/></catalog>", "Export RSS"), ("a.xml", b"", "nothing in it"),
    ("a.csv", bytes(range(256)) * 40, "as .docx, .txt"), ("a.docx", b"PK\x03\x04 cut", "damaged or cut short"),
    ("a.json", b'[{"text": "On', "damaged or cut short"),
    ("a.pdf", b"%PDF-1.4 cut", "damaged or cut short"), ("a.png", b"\x89PNG", "Save the texts as"),
    ("a.csv", b'<?xml version="1.0"?>\n<rows><row>x</row></rows>\n', "Save it as .csv or .xlsx in the program")])
def test_the_advice_fits_what_was_found(name, raw, advice, tmp_path):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError) as error:
        list(Stream(tmp_path / name, "acme"))
    assert advice in error.value.do and "--map" not in str(error.value)


def test_the_advice_on_columns_stays_where_rows_were_read(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"words": "x"}\n', encoding="utf-8")
    assert "--map text=COLUMN" in list(Stream(tmp_path / "a.jsonl", "acme"))[0].reason
