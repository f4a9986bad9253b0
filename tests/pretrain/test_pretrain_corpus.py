"""From documents to token files: groups are held out whole, every drawn token is written once, broken files are named."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pyarrow as pa
import pytest

from adtune.errors import InputError
from adtune.pretrain.corpus import HOLD_OUT_SHARE, Document, draw, read_documents, tokenize, weight_of
from adtune.pretrain.text import prepare
from adtune.pretrain.tokenizer import EOS, PAD, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return train_tokenizer((d.text for d in read_documents([corpus])), 400)


@pytest.fixture
def files(corpus, tokenizer, tmp_path):
    return tokenize([corpus], tokenizer, tmp_path / "tokens", 10**9, 0)


def decode(tokenizer, ids):
    return tokenizer.decode([int(i) for i in ids], skip_special_tokens=False)


def test_a_document_is_rendered_like_a_brief():
    text = {Document("text", f"Title {n}", "wiki2021", False).prompt() for n in range(20)}
    assert {re.sub(r"\d+", "N", prompt) for prompt in text} == {"# Title N\n\n", "# Title N\n[encyclopedia]\n\n"}
    assert Document("text", "", "unknown", False).prompt() == ""
    assert Document("text", "A", "unknown", False).prompt() == "# A\n\n"


def test_chapters_of_one_book_stand_together(corpus):
    sides = {}
    for document in read_documents([corpus]):
        sides.setdefault((document.source, document.title.split(" - ")[0]), set()).add(document.held_out)
    assert all(len(side) == 1 for side in sides.values())
    assert 0 < sum(side == {True} for side in sides.values()) < 0.06 * len(sides) and HOLD_OUT_SHARE == 0.01


def test_held_out_documents_are_never_trained_on(corpus, tokenizer, files):
    words = decode(tokenizer, files.tokens("train"))
    documents = list(read_documents([corpus]))
    held = [d for d in documents if d.held_out]
    assert held and not any(d.text in words for d in held)
    assert all(d.text in words for d in documents if not d.held_out)
    groups = {(d.source, re.search(r"\[book\d+\]", d.text)[0]) for d in held}
    trained = {(d.source, re.search(r"\[book\d+\]", d.text)[0]) for d in documents if d.text in words}
    assert not groups & trained
    kept = {decode(tokenizer, ids) for rows in files.held_out().values() for ids, _ in rows}
    assert kept == {d.prompt() + d.text for d in held}
    assert all(size == len(decode(tokenizer, ids).encode()) for rows in files.held_out().values() for ids, size in rows)


def test_every_token_is_counted_and_every_document_ends(corpus, tokenizer, files):
    train = [d for d in read_documents([corpus]) if not d.held_out]
    ids = files.tokens("train")
    assert sum(files.counts.values()) == len(ids) == sum(len(tokenizer.encode(d.prompt() + d.text).ids) + 1 for d in train)
    assert (ids == tokenizer.token_to_id(EOS)).sum() == len(train) and (ids == tokenizer.token_to_id(PAD)).sum() == 0
    assert len(files.tokens("long")) == 0 and ids.max() < 400


def test_tokenising_is_done_once_and_is_the_same_every_time(corpus, tokenizer, files, tmp_path):
    again = tokenize([corpus], tokenizer, tmp_path / "again", 10**9, 0)
    assert (again.tokens("train") == files.tokens("train")).all() and again.held_out() == files.held_out()
    other = tokenize([corpus], tokenizer, tmp_path / "other", 10**9, 1)
    assert (other.tokens("train") != files.tokens("train")).any()
    kept = tokenize([], tokenizer, files.folder, 5, 7)  # reads nothing again
    assert kept.counts == files.counts


def test_a_draw_is_weighted_limited_and_without_replacement():
    documents = [Document(f"{n} " + "x" * 371, "", "m365" if n % 2 else "gutenberg", False) for n in range(600)]
    taken = draw(documents, 15_000, random.Random(0))
    assert 145 <= len(taken) <= 155 and len({d.text for d in taken}) == len(taken)
    counts = Counter(d.source for d in taken)
    assert counts["m365"] / counts["gutenberg"] > 4 and weight_of("m365_community") / weight_of("gutenberg") == 10
    assert len(draw(documents, 10**9, random.Random(0))) == 600 and weight_of("anything") == 1.0


def test_compressed_and_plain_files(corpus, tmp_path):
    packed, plain = tmp_path / "made.jsonl.zst", tmp_path / "notes.txt"
    with pa.CompressedOutputStream(pa.OSFile(str(packed), "wb"), "zstd") as stream:
        stream.write(corpus.read_bytes())
    plain.write_text("Some notes — ä.", encoding="utf-8")
    assert list(read_documents([packed])) == list(read_documents([corpus]))
    assert [(d.text, d.title, d.source) for d in read_documents([plain])] == [("Some notes — ä.", "", "notes")]


@pytest.mark.parametrize("line", ["{", "", "[]", "3", "null", '{"title": "a"}', '{"text": null}', '{"text": 5}', '{"text": "\\ud800"}'])
def test_a_broken_line_is_named(line, tmp_path):
    path = tmp_path / "made.jsonl"
    path.write_text(json.dumps({"text": "a"}) + "\n" + line + "\n" + json.dumps({"text": "b"}) + "\n")
    with pytest.raises(InputError) as caught:
        list(read_documents([path]))
    assert caught.value.where == f"{path}, line 2"


def test_odd_titles_and_sources_do_not_matter(tmp_path):
    path = tmp_path / "made.jsonl"
    path.write_text('{"text": "a", "title": 5, "source": null}\n{"text": "b", "title": null, "source": 7, "path": 3}\n')
    assert [(d.title, d.source) for d in read_documents([path])] == [("5", "made"), ("", "7")]


@pytest.mark.parametrize("name, content", [("a.jsonl", b'{"text": "caf\xe9"}'), ("a.txt", b"caf\xe9"), ("a.jsonl.zst", b"not compressed"),
                                           ("missing.jsonl", None), ("missing.txt", None)])
def test_a_file_that_cannot_be_read_is_named(name, content, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(name)):
        list(read_documents([tmp_path / name]))


def test_an_empty_corpus(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_text("")
    for paths in ([], [tmp_path / "a.jsonl"]):
        with pytest.raises(InputError, match="no documents"):
            tokenize(paths, tokenizer, tmp_path / "tokens", 10**6, 0)


def test_a_corpus_that_is_too_small_says_how_much_is_needed_and_leaves_nothing_behind(corpus, settings, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(corpus.read_text().splitlines()[:12]))
    with pytest.raises(InputError, match="at least 2,560 tokens"):
        prepare([few], settings, tmp_path / "work", lambda *_: None)
    tokenizer, files = prepare([corpus], settings, tmp_path / "work", lambda *_: None)
    assert len(files.tokens("train")) > 2560 and tokenizer.get_vocab_size() > 330
