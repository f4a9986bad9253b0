"""A corpus becomes token files once: every token stands where it should, nothing half-written counts, and memory stays flat."""

from __future__ import annotations

import errno
import json
import random
import re
import shutil
import tracemalloc
from collections import Counter, namedtuple

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from adtune import durable
from adtune.errors import InputError, IntegrityError, Interrupted
from adtune.pretrain import documents as documents_module
from adtune.pretrain import store as store_module
from adtune.pretrain import tokens as module
from adtune.pretrain.documents import read_documents
from adtune.pretrain.tokenizer import EOS, train_tokenizer
from adtune.pretrain.tokens import Encoder, StoreWriter, TokenStore, tokenize, write_sequences
from adtune.records import Example
from adtune.voice.prompt import Renderer

WORDS = "river stone bridge market harbour letter winter signal copper engine garden lamp quiet narrow early warm".split()
Usage = namedtuple("Usage", "total used free")


def made(path, count=300, words=30, seed=0):
    rng = random.Random(seed)
    rows = [{"title": f"Book {n // 3} — {n % 3}", "source": name, "text": f"[{name}{n // 3}] café {' '.join(rng.choices(WORDS, k=words))}."
             "\n\nA list:\n- one\n- two 2"} for n, name in zip(range(count), ["wiki2021", "gutenberg"] * count, strict=False)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return made(tmp_path_factory.mktemp("corpus") / "made.jsonl")


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return train_tokenizer((d.text for d in read_documents([corpus])), 380)


@pytest.fixture(scope="module")
def store(corpus, tokenizer, tmp_path_factory):
    return tokenize([corpus], tokenizer, tmp_path_factory.mktemp("store") / "tokens")


def texts(store, tokenizer, source):
    return [tokenizer.decode(store.document(source, n).tolist(), skip_special_tokens=False) for n in range(store.documents[source])]


def test_every_document_is_stored_or_held_out(corpus, tokenizer, store):
    read = list(read_documents([corpus]))
    for source in ("wiki2021", "gutenberg"):
        train = [EOS + d.prompt() + d.text for d in read if d.source == source and not d.held_out]
        assert texts(store, tokenizer, source) == train
        assert len(store.tokens_of(source)) == store.counts[source] == int(store.starts_of(source)[-1])
        assert (store.tokens_of(source) == tokenizer.token_to_id(EOS)).sum() == len(train) == store.documents[source]
    held = store.held_out()
    assert Counter(d.source for d in read if d.held_out) == {source: len(rows) for source, rows in held.items()}
    assert sum(store.documents.values()) + sum(one["kept"] + one["left_out"] for one in store.held_counts.values()) == len(read) == 300
    assert store.tokens_of("gutenberg").dtype == np.uint16 and not store.tokens_of("gutenberg").flags.writeable


def test_held_out_documents_are_never_trained_on(corpus, tokenizer, store):
    read = {(d.source, d.title): d for d in read_documents([corpus]) if d.held_out}
    trained = "".join(text for source in store.sources for text in texts(store, tokenizer, source))
    held = [(source, one) for source, rows in store.held_out().items() for one in rows]
    assert len(held) == len(read) >= 4
    for source, one in held:
        document = read[source, one.title]
        assert one.text == document.text and one.bytes == len(document.text.encode()) > len(document.text)
        assert tokenizer.decode(list(one.ids[:one.prompt_length]), skip_special_tokens=False) == EOS + document.prompt()
        assert tokenizer.decode(list(one.ids[one.prompt_length:])) == document.text
        assert one.text[:one.text.index("]") + 1] not in trained


def test_ids_are_those_that_a_brief_and_its_draft_have(corpus, tokenizer, store):
    from transformers import PreTrainedTokenizerFast

    renderer = Renderer(PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(tokenizer.to_str()), eos_token=EOS))
    train = [d for d in read_documents([corpus]) if d.source == "wiki2021" and not d.held_out]
    for number, document in enumerate(train[:20]):
        brief, text = renderer.example(Example(document.brief(), document.text))
        following = store.document("wiki2021", number + 1)[:1].tolist()
        assert store.document("wiki2021", number).tolist() + following == brief + text


def test_words_that_look_like_special_tokens_stay_text(tokenizer):
    encoder = Encoder(tokenizer)
    ids = encoder.texts([f"a {EOS} b"])[0]
    assert tokenizer.token_to_id(EOS) not in ids and tokenizer.decode(ids.tolist()) == f"a {EOS} b"
    assert tokenizer.encode(EOS).ids == [tokenizer.token_to_id(EOS)]  # the caller's own tokenizer is as it was


def test_a_long_text_has_the_ids_of_the_whole(tokenizer, monkeypatch):
    rng = random.Random(0)
    text = "".join(rng.choice(WORDS) + rng.choice([" ", ". ", "\n\n", " 12 ", "  ", "'s ", " — "]) for _ in range(800))
    whole = Encoder(tokenizer).texts([text])[0]
    monkeypatch.setattr(module, "PIECE_CHARACTERS", 50)
    assert Encoder(tokenizer).texts([text, "", "x" * 500])[0].tolist() == whole.tolist()
    assert [tokenizer.decode(ids.tolist()) for ids in Encoder(tokenizer).texts(["", "x" * 501])] == ["", "x" * 501]


def test_held_out_documents_beyond_the_most_are_not_trained_on(corpus, tokenizer, store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HELD_DOCUMENTS", 2)
    few = tokenize([corpus], tokenizer, tmp_path / "few")
    assert few.counts == store.counts and few.documents == store.documents
    for source, rows in few.held_out().items():
        there = [one.title for one in store.held_out()[source]]
        assert [one.title for one in rows] == there[:2]
        assert few.held_counts[source] == {"kept": len(rows), "left_out": len(there) - len(rows)}
    assert sum(one["left_out"] for one in few.held_counts.values()) > 0


def test_tokens_are_made_once_for_a_corpus_a_tokenizer_and_a_rendering(corpus, tokenizer, store, tmp_path, monkeypatch):
    folder, file = tmp_path / "tokens", tmp_path / "made.jsonl"
    shutil.copy(corpus, file)
    told = []
    first = tokenize([file], tokenizer, folder, lambda label, done, total, note="": told.append((label, done, total)))
    assert first.fingerprint == store.fingerprint  # of the contents, wherever they lie
    assert told[-1] == ("tokenise", told[-1][2], told[-1][2]) and told[-1][1] == sum(
        len(d.text.encode()) + len(d.title.encode()) for d in read_documents([file]))
    content = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "survey", lambda paths: pytest.fail("read again"))
        assert tokenize([file], tokenizer, folder).fingerprint == first.fingerprint
    file.write_bytes(content.replace(b"river", b"rivet", 1))  # as long as before
    other = tokenize([file], tokenizer, folder)
    assert other.fingerprint != first.fingerprint and TokenStore.open(folder).fingerprint == other.fingerprint
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tokens.")]
    file.write_bytes(content)
    smaller = train_tokenizer(["a b c"], 330)
    assert tokenize([file], smaller, folder).fingerprint not in (first.fingerprint, other.fingerprint)
    with monkeypatch.context() as patch:
        patch.setattr(documents_module, "KINDS", {"gutenberg": "novel"})
        assert tokenize([file], tokenizer, folder).fingerprint != first.fingerprint
    again = tokenize([file], tokenizer, folder)
    assert again.fingerprint == first.fingerprint and again.held_out() == store.held_out()
    assert all((again.tokens_of(source) == store.tokens_of(source)).all() for source in store.sources)


def few_files(tmp_path):
    return made(tmp_path / "small.jsonl", 60, 5)


class Fails:
    """Stands in `durable.watch` and raises at its n-th call."""

    def __init__(self, at, error):
        self.at, self.error, self.calls = at, error, []

    def __call__(self, call, path):
        self.calls.append((call, path.name))
        if len(self.calls) - 1 == self.at:
            raise self.error


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else None


def test_a_kill_at_any_call_leaves_nothing_that_is_taken_for_finished(tokenizer, tmp_path, monkeypatch):
    """A killed process cleans nothing up, so cleaning is off while it dies. An older store stays until the new one is whole."""
    corpus, folder = few_files(tmp_path), tmp_path / "work" / "tokens"
    older = contents(tokenize([made(tmp_path / "older.jsonl", 40, 3)], tokenizer, tmp_path / "older").folder)
    monkeypatch.setattr(store_module, "PENDING_BYTES", 2000)
    shutil.copytree(tmp_path / "older", folder)
    monkeypatch.setattr(durable, "watch", watch := Fails(-1, None))
    expected = contents(tokenize([corpus], tokenizer, folder).folder)
    calls = [call for call, _ in watch.calls]
    renamed = calls.index("rename")
    assert calls.count("write") > 8 and "write" not in calls[renamed:] and calls.count("rename") == 2
    assert {name for call, name in watch.calls[:renamed] if call == "fsync"} == {*expected, "tokens.partial"}
    for at in range(len(calls)):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "older", folder)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(durable, "watch", Fails(at, KeyboardInterrupt()))
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)
            tokenize([corpus], tokenizer, folder)
        assert contents(folder) in (older, expected, None) and (contents(folder) == older or at > renamed)
        tokenize([corpus], tokenizer, folder)
        assert contents(folder) == expected
        for left in ("tokens.partial", "tokens.old"):  # nothing needs clearing away where the new store was whole
            shutil.rmtree(folder.with_name(left), ignore_errors=True)


def test_what_a_kill_left_is_cleared_before_the_next(tokenizer, tmp_path):
    corpus, folder = few_files(tmp_path), tmp_path / "tokens"
    for rest in ("tokens.partial", "tokens.old"):
        (tmp_path / rest).mkdir()
        (tmp_path / rest / "0.bin").write_bytes(b"half")
    store = tokenize([corpus], tokenizer, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.jsonl", "tokens"] and sum(store.counts.values()) > 100


def test_a_disk_that_fills_at_any_write_is_told_with_the_bytes_needed(tokenizer, tmp_path, monkeypatch):
    corpus, folder = few_files(tmp_path), tmp_path / "work" / "tokens"
    monkeypatch.setattr(store_module, "PENDING_BYTES", 2000)
    monkeypatch.setattr(durable, "watch", watch := Fails(-1, None))
    tokenize([corpus], tokenizer, tmp_path / "whole")
    last = [call for call, _ in watch.calls].index("rename")
    for at, (call, name) in enumerate(watch.calls[:last + 1]):
        if call == "remove":
            continue
        monkeypatch.setattr(durable, "watch", Fails(at, OSError(errno.ENOSPC, "No space left on device", name)))
        with pytest.raises(InputError, match=r"no space left on the disk; expected room for about 1,\d{3},\d{3} bytes"):
            tokenize([corpus], tokenizer, folder)
        assert list(folder.parent.iterdir()) == []
    monkeypatch.setattr(durable, "watch", Fails(3, OSError(errno.EACCES, "Permission denied", "there")))
    with pytest.raises(InputError, match="there: found Permission denied"):
        tokenize([corpus], tokenizer, folder)


def test_a_disk_without_room_is_refused_before_anything_is_written(corpus, tokenizer, store, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    with pytest.raises(InputError, match=r"found 1,000 bytes free on the disk; expected room for about") as caught:
        tokenize([corpus], tokenizer, tmp_path / "tokens")
    needed = int("".join(c for c in caught.value.expected if c.isdigit()))
    taken = sum(path.stat().st_size for path in store.folder.iterdir())
    assert taken < needed < 1.5 * taken + 2**20 and list(tmp_path.iterdir()) == []


def test_a_stop_leaves_nothing(corpus, tokenizer, tmp_path):
    with pytest.raises(Interrupted, match="tokenising"):
        tokenize([corpus], tokenizer, tmp_path / "tokens", stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_store_is_named_and_made_anew(tokenizer, tmp_path):
    corpus, folder = few_files(tmp_path), tmp_path / "tokens"
    store = tokenize([corpus], tokenizer, folder)
    expected = (folder / "0.bin").read_bytes()
    for name, content in (("0.bin", b"12"), ("1.idx", None), ("store.json", b"{"), ("held_out.jsonl", b"")):
        (folder / name).write_bytes(content) if content is not None else (folder / name).unlink()
        with pytest.raises(IntegrityError, match="tokens"):
            TokenStore.open(folder)
        assert tokenize([corpus], tokenizer, folder).counts == store.counts and (folder / "0.bin").read_bytes() == expected
    with pytest.raises(InputError, match="no token files"):
        TokenStore.open(tmp_path / "none")


def test_a_folder_of_other_files_is_left_alone(corpus, tokenizer, tmp_path):
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="a folder of other files"):
        tokenize([corpus], tokenizer, tmp_path / "tokens")
    assert (tmp_path / "tokens" / "mine.txt").read_text() == "mine"


def test_an_empty_corpus(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(InputError, match="an empty file"):
        tokenize([tmp_path / "a.jsonl"], tokenizer, tmp_path / "tokens")
    with pytest.raises(InputError, match="no documents to train on"):
        tokenize([], tokenizer, tmp_path / "tokens")
    with pytest.raises(InputError, match="missing"):
        tokenize([tmp_path / "missing.jsonl"], tokenizer, tmp_path / "tokens")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_vocabulary_that_two_bytes_do_not_hold_is_refused(corpus, tmp_path):
    large = Tokenizer(models.WordLevel({EOS: 0} | {f"w{n}": n for n in range(1, 65_537)}, unk_token=EOS))
    with pytest.raises(InputError, match="65,537 entries"):
        tokenize([corpus], large, tmp_path / "tokens")
    with pytest.raises(InputError, match=re.escape(f"no {EOS}")):
        tokenize([corpus], Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), tmp_path / "tokens")


def test_ready_sequences_are_written_like_documents(tmp_path):
    rows = [("b", [0, 1, 65_535]), ("a", np.array([0, 2])), ("b", [0])]
    store = write_sequences(rows, tmp_path / "ready", "f" * 64)
    assert store.sources == ("b", "a") and store.counts == {"b": 4, "a": 2} and store.documents == {"b": 2, "a": 1}
    assert [store.document("b", n).tolist() for n in range(2)] == [[0, 1, 65_535], [0]] and store.held_out() == {}
    assert write_sequences(iter(()), tmp_path / "ready", "f" * 64).counts == store.counts  # nothing is read again
    for wrong in ([], [-1], [65_536], np.array([0, 70_000])):
        with pytest.raises(InputError, match="token ids"):
            write_sequences([("a", [0]), ("a", wrong)], tmp_path / "wrong", "f")
    with pytest.raises(InputError, match="no sequences"):
        write_sequences([], tmp_path / "wrong", "f")
    with pytest.raises(IndexError):
        store.document("b", 2)
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_memory_does_not_grow_with_the_corpus(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "PENDING_BYTES", 20_000)
    monkeypatch.setattr(module, "BATCH_CHARACTERS", 10_000)
    peaks = []
    for times in (2, 8):
        path = made(tmp_path / f"{times}.jsonl", 300 * times)
        tracemalloc.start()
        tokenize([path], tokenizer, tmp_path / f"tokens{times}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_a_writer_that_fails_shows_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), StoreWriter(tmp_path / "tokens", "f") as writer:
        writer.add("a", [0, 1])
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
