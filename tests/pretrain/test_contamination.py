"""Contamination: a corpus that holds a client's own sentences is refused by name; common words and single runs are not."""

from __future__ import annotations

import json
import random

import pytest

from adtune.errors import InputError
from adtune.pretrain.contamination import SharedRuns, refuse_shared, shared_runs
from adtune.pretrain.documents import Document, HoldOut, read_documents

rng = random.Random(0)
WORDS = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(60)]


def prose(count, seed):
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def documents(*texts):
    return [Document(text, f"Title {n}", "made", "", False, f"made.jsonl, line {n + 1}") for n, text in enumerate(texts)]


PIECE = prose(200, 1).split()


def test_a_document_that_shares_two_runs_is_found_with_client_and_run():
    run = PIECE[40:54]
    text = prose(30, 2) + " " + run[0].upper() + ", " + "\n".join(run[1:]) + "! " + prose(30, 3)
    clients = {"salt": [prose(300, 6), " ".join(PIECE)], "moss": [prose(99, 7)]}
    found = list(shared_runs(documents(prose(90, 4), text, prose(90, 5)), clients))
    assert [(one.place, one.title, one.source, one.client, one.runs) for one in found] == [
        ("made.jsonl, line 2", "Title 1", "made", "salt", 2)]
    assert found[0].run == run[0].upper() + ", " + "\n".join(run[1:13])  # as it stands in the document


@pytest.mark.parametrize("length, found", [(12, 0), (13, 0), (14, 1), (15, 1), (60, 1)])
def test_one_run_of_thirteen_words_is_none(length, found):
    text = f"{prose(20, 8)} {' '.join(PIECE[30:30 + length])} {prose(20, 9)}"
    assert len(list(shared_runs(documents(text), {"salt": [" ".join(PIECE)]}))) == found


def test_runs_are_counted_once_and_apart_from_each_other():
    one, two, piece = " ".join(PIECE[:13]), " ".join(PIECE[100:113]), " ".join(PIECE)
    assert list(shared_runs(documents(f"{one} zzzzz {one} zzzzz {one}"), {"salt": [piece]})) == []  # one run, three times
    assert [found.runs for found in shared_runs(documents(f"{one} zzzzz {two}"), {"salt": [piece]})] == [2]
    assert list(shared_runs(documents(f"{one} {two}"), {"a": [one], "b": [two]})) == []  # one of each client
    assert [(found.client, found.runs) for found in shared_runs(documents(piece), {"a": [piece], "b": [piece], "c": []})] == [
        ("a", 188), ("b", 188)]


def test_no_run_crosses_from_one_piece_into_the_next():
    assert list(shared_runs(documents(" ".join(PIECE[:24])), {"salt": [" ".join(PIECE[:12]), " ".join(PIECE[12:24])]})) == []


def test_the_length_and_the_limit_can_be_chosen():
    text = documents(f"{prose(20, 8)} {' '.join(PIECE[30:38])} {prose(20, 9)}")
    assert [one.runs for one in shared_runs(text, {"salt": [" ".join(PIECE)]}, words=8, limit=1)] == [1]
    assert list(shared_runs(text, {"salt": [" ".join(PIECE)]}, words=8, limit=2)) == []


def test_agrees_with_sets_of_words_on_random_texts():
    """The hashed, vectorised count against the plain definition, over texts that share stretches of every length."""
    def plain(text, length):
        tokens = text.split()
        return {tuple(tokens[n:n + length]) for n in range(len(tokens) - length + 1)}

    few = ["aa", "bb", "cc"]
    made = [" ".join(random.Random(n).choices(few, k=random.Random(n).randint(0, 40))) for n in range(60)]
    clients = {"one": made[:8], "two": made[8:12]}
    found = {(one.place, one.client): one.runs for one in shared_runs(documents(*made[12:]), clients, words=4, limit=1)}
    expected = {}
    for n, text in enumerate(made[12:]):
        for client, texts in clients.items():
            shared = len(plain(text, 4) & set().union(*(plain(piece, 4) for piece in texts)))
            if shared:
                expected[f"made.jsonl, line {n + 1}", client] = shared
    assert found == expected and len(expected) > 50 and len(set(expected.values())) > 10


def test_clients_without_words_cost_no_pass_over_the_corpus():
    def untouched():
        yield pytest.fail("the corpus was read")

    for clients in ({}, {"salt": []}, {"salt": ["too short"]}):
        assert list(shared_runs(untouched(), clients)) == []


def test_a_refusal_names_file_and_line_client_and_run(tmp_path):
    path = tmp_path / "made.jsonl"
    rows = [{"text": prose(50, 4)}, *({"text": " ".join(PIECE[n:n + 20]) + f" {n}", "title": f"Piece {n}"} for n in range(0, 140, 20))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stream = read_documents([path], HoldOut())
    with pytest.raises(InputError) as caught:
        refuse_shared(shared_runs(stream, {"salt": iter([" ".join(PIECE)])}))
    error = caught.value
    assert error.where == f"{path}, line 2" and f"{path}, line 6 ('Piece 80')" in error.found and "line 7" not in error.found
    assert f"client 'salt', the first \"{' '.join(PIECE[:13])}\"" in error.found and error.found.endswith("and 2 more")
    assert "fewer than 2 runs of 13 words" in error.expected and "Take these documents out" in error.do
    refuse_shared(shared_runs(read_documents([path], HoldOut()), {"moss": [prose(400, 11)]}))
    with pytest.raises(InputError, match="made: found made \\('no title'\\)"):
        refuse_shared([SharedRuns("", "", "made", "salt", 2, "a run")])
