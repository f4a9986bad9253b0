"""The messy archive: what its truth says of each piece is so, and nothing else about a piece gives it away."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from adtune import starter
from adtune.starter.defects import THIN_WORDS, iban_remainder, luhn
from adtune.starter.messy import COUNTS, PIECES, TRUTH, messy_archive, write_messy

CATEGORIES = {"saving", "borrowing", "investing", "retirement", "protection", "taxes"}
PHRASES = json.loads(starter.sample_planted().read_text(encoding="utf-8"))
CARD, IBAN = re.compile(r"\b(?:\d{4} ){3}\d{4}\b"), re.compile(r"\bDE\d\d(?: \d{2,4}){5}\b")
HIDDEN = re.compile("[\u200b\u202e\U000e0000-\U000e007f]|display:none|color:#fff|[a-z][\u0430-\u0445]|[\u0430-\u0445][a-z]")
TAGS = re.compile(r"</?[a-z][^<>]*>|\{\{.*?\}\}|\{%.*?%\}|&#?\w+;")
VOWELLESS = re.compile(r"\b[b-df-hj-np-tv-xz]{3,}\b")


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"[\w$%'’.-]*\w", text.lower())


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at:at + length]) for at in range(len(found) - length + 1)}


def likeness(one: str, other: str) -> float:
    """Jaccard similarity of 3-word runs, tags and dressing aside."""
    left, right = (runs(TAGS.sub(" ", text).replace("’", "'"), 3) for text in (one, other))
    return len(left & right) / len(left | right)


def personal(text: str) -> bool:
    cards, ibans = CARD.findall(IBAN.sub("", text)), IBAN.findall(text)
    assert all(luhn(card.replace(" ", "")) == 0 for card in cards)
    assert all(iban_remainder(iban.replace(" ", "")) == 1 for iban in ibans)
    return bool(cards or ibans or re.search(r"\w@example\.(?:com|org|net)", text) or re.search(r"\(\d{3}\) 555-01\d\d", text))


@pytest.fixture(scope="module")
def voices() -> list[dict]:
    return rows(starter.sample_voices())


@pytest.fixture(scope="module")
def own() -> dict[str, dict]:
    return {piece["id"]: piece for piece in rows(starter.sample_pieces())}


@pytest.fixture(scope="module")
def archive() -> tuple[list[dict], list[dict]]:
    return messy_archive(0)


@pytest.fixture(scope="module")
def by_what(archive) -> dict[str, list[tuple[dict, dict]]]:
    found = defaultdict(list)
    for piece, true in zip(*archive, strict=True):
        found[true["what"]].append((piece, true))
    return found


@pytest.fixture(scope="module")
def by_id(archive) -> dict[str, dict]:
    return {piece["id"]: piece for piece in archive[0]}


def test_eight_voices_of_30_pieces_on_every_topic(voices):
    assert len(voices) == 240 and set(Counter(piece["voice"] for piece in voices).values()) == {30}
    assert set(Counter((piece["voice"], piece["category"]) for piece in voices).values()) == {5}
    assert {piece["category"] for piece in voices} == CATEGORIES and len({piece["voice"] for piece in voices}) == 8
    assert all(set(piece) == {"id", "title", "text", "category", "voice"} and all(piece.values()) for piece in voices)
    assert len({piece["id"] for piece in voices}) == len({piece["title"].lower() for piece in voices}) == 240
    assert [piece["id"] for piece in voices if not 80 <= len(words(piece["text"])) <= 260] == []


def test_voices_share_no_long_run_with_the_client_nor_with_each_other(voices, own):
    client = set().union(*(runs(piece["text"], 12) for piece in own.values()))
    assert [piece["id"] for piece in voices if client & runs(piece["text"], 12)] == []
    where = defaultdict(set)
    for piece in voices:
        for run in runs(piece["text"], 8):
            where[run].add(piece["id"])
    assert [" ".join(run) for run, ids in where.items() if len(ids) > 1] == []


def test_voices_share_no_long_run_with_what_the_scorer_learns_from(voices):
    """The contrast pieces and the general text: else a scorer would have seen what it is asked about."""
    seen = set().union(*(runs(row["text"], 8) for path in (starter.sample_contrast(), starter.general_text()) for row in rows(path)))
    assert [piece["id"] for piece in voices if seen & runs(piece["text"], 8)] == []


def test_no_two_pieces_of_a_voice_have_the_same_shape(voices):
    """The kind and length of each line in turn: pieces made from one template would be equal here."""
    def shape(text: str) -> tuple:
        return tuple((re.match(r"\W*", line).group(), len(line.split())) for line in text.split("\n"))
    for voice in {piece["voice"] for piece in voices}:
        shapes = [shape(piece["text"]) for piece in voices if piece["voice"] == voice]
        assert len(set(shapes)) == 30
        openings = Counter(" ".join(words(piece["text"])[:3]) for piece in voices if piece["voice"] == voice)
        assert max(openings.values()) == 1, openings.most_common(2)


def test_titles_of_voices_are_about_what_the_client_writes_about(voices, own):
    """Two in three titles share a word with the client's titles of that category: the topic alone tells little."""
    held = {category: set().union(*({word for word in words(piece["title"]) if len(word) > 3} for piece in own.values()
                                    if piece["category"] == category)) for category in CATEGORIES}
    shared = [bool(held[piece["category"]] & set(words(piece["title"]))) for piece in voices]
    assert sum(shared) / len(shared) > 0.66


def test_the_counts_of_the_docstring(archive, by_what):
    pieces, truth = archive
    assert len(pieces) == len(truth) == 3000 and [piece["id"] for piece in pieces] == [true["id"] for true in truth]
    told = {"clean": 300, "near_duplicate_of": 600, **{f"defect:{name}": count for name, count in COUNTS.items()}}
    counted = {what: len(found) for what, found in by_what.items()}
    assert {what: count for what, count in counted.items() if not what.startswith("voice:")} == told
    assert [count for what, count in counted.items() if what.startswith("voice:")] == [128] * 8
    assert Counter(piece["approval"] for piece, _ in by_what["clean"]) == {"gold": 30, "approved": 270}
    assert sum("rights_until" in piece for piece, _ in by_what["clean"]) == 15


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    first, again, other = (write_messy(tmp_path / name, seed) for name, seed in (("a/b", 5), ("c", 5), ("d", 6)))
    assert first == tmp_path / "a" / "b" / PIECES
    for name in (PIECES, TRUTH):
        assert first.with_name(name).read_bytes() == again.with_name(name).read_bytes() != other.with_name(name).read_bytes()
    assert len(rows(first)) == len(rows(first.with_name(TRUTH))) == 3000


def test_clean_pieces_are_the_clients_own_word_by_word(by_what, own):
    for piece, true in by_what["clean"]:
        assert true["twin"] is None
        assert {name: piece[name] for name in ("title", "text", "category")} == {name: own[true["origin"]][name]
                                                                                for name in ("title", "text", "category")}
    assert len({true["origin"] for _, true in by_what["clean"]}) == 300


def test_near_duplicates_are_alike_and_not_equal(by_what, by_id):
    twins = Counter(true["twin"] for _, true in by_what["near_duplicate_of"])
    assert set(twins) == {piece["id"] for piece, _ in by_what["clean"]} and set(twins.values()) == {2}
    for piece, true in by_what["near_duplicate_of"]:
        twin = by_id[true["twin"]]
        assert (piece["title"], piece["text"]) != (twin["title"], twin["text"])
        assert likeness(piece["text"], twin["text"]) > 0.5, piece["title"]
    kinds = [piece["text"] for piece, _ in by_what["near_duplicate_of"]]
    assert (sum("<p>" in text for text in kinds), sum(text.startswith("# ") for text in kinds), sum("•" in text for text in kinds)) \
        == (100, 100, 100)


def test_no_text_of_another_voice_stands_twice(by_what, by_id, voices):
    written = {piece["id"]: piece["text"] for piece in voices}
    pieces = [pair for what, found in by_what.items() if what.startswith("voice:") for pair in found]
    texts = Counter(piece["text"] for piece, _ in pieces)
    assert max(texts.values()) == 1
    assert Counter(true["twin"] is None for _, true in pieces) == {True: 240, False: 784}
    for piece, true in pieces:
        assert (piece["text"] == written[true["origin"]]) == (true["twin"] is None)
        assert true["what"] == f"voice:{true['origin'].rpartition('-')[0]}"
        assert true["twin"] is None or by_id[true["twin"]]["category"] == piece["category"]


def test_nothing_but_the_writing_tells_what_a_piece_is(archive):
    """Every kind of piece but drafts has the same fields, authors, categories, types and years, and stands anywhere."""
    pieces, truth = archive
    kinds = defaultdict(list)
    for place, (piece, true) in enumerate(zip(pieces, truth, strict=True)):
        kinds[true["what"].partition(":")[0]].append((place, piece))
    for found in kinds.values():
        assert {piece["category"] for _, piece in found} == CATEGORIES
        assert {piece["author"] for _, piece in found} == set(PHRASES["authors"])
        assert len({piece["content_type"] for _, piece in found}) == 4
        assert {piece["date"][:4] for _, piece in found} >= {"2023", "2024", "2025"}
        assert min(place for place, _ in found) < 30 and max(place for place, _ in found) > 2970
        assert {name for _, piece in found for name in piece} - {"approval", "rights_until"} \
            == {"id", "title", "text", "category", "content_type", "date", "author"}
    approved = {kind: sum(piece.get("approval") == "approved" for _, piece in found) / len(found) for kind, found in kinds.items()}
    assert 0.4 < approved["voice"] < 0.6 and approved["near_duplicate_of"] > 0.6


def planted(name: str, piece: dict, twin: dict) -> bool:
    """Whether a piece carries this defect; `twin` is the shipped piece that it was made of."""
    text = piece["text"]
    found = {
        "draft": lambda: piece.get("approval") in PHRASES["draft_words"],
        "cut_off": lambda: not re.search(r"[.!?][\"”)]*$|\nQuillmere$", text) or text.endswith(("...", "…")),
        "boilerplate": lambda: sum(len(words(part)) for part in PHRASES["boilerplate"] if part in text) > 0.5 * len(words(text)),
        "markup": lambda: sum(map(len, TAGS.findall(text))) > 0.3 * len(text),
        "gibberish": lambda: len(set(words(text)) & set(words(twin["text"]))) < 0.35 * len(set(words(text)))
        or len(VOWELLESS.findall(text.lower())) > 20,
        "shuffled": lambda: sorted(text.split()) == sorted(twin["text"].split()) and likeness(text, twin["text"]) < 0.1,
        "typos": lambda: len(set(words(text)) - set(words(twin["text"]))) >= 6,
        "personal_data": lambda: personal(text) or any(person[2] in text for person in PHRASES["people"]),
        "planted_instruction": lambda: any(said in text for said in PHRASES["instructions"]),
        "control_tokens": lambda: any(token in text for token in PHRASES["control_tokens"]),
        "hidden_text": lambda: bool(HIDDEN.search(text)),
        "rights_expired": lambda: piece.get("rights_until", "9999") < "2026",
        "inconsistent_facts": lambda: re.sub(r"[\d,]+", "0", text) == re.sub(r"[\d,]+", "0", twin["text"]) and text != twin["text"],
        "thin": lambda: len(text.split()) <= THIN_WORDS,
        "wrong_language": lambda: len({"the", "and", "is", "you"} & set(words(text))) == 0 and len(words(text)) > 60,
        "off_brand": lambda: "**Worked example:" not in text and piece["approval"] == "approved" and len(words(text)) > 60,
    }[name]
    return found()


@pytest.mark.parametrize("name", COUNTS)
def test_every_defect_is_there_and_no_clean_piece_carries_it(name, by_what, own, voices):
    shipped = {**own, **{piece["id"]: piece for piece in voices}, **{piece["id"]: piece for piece in rows(starter.sample_foreign())}}
    assert [piece["title"] for piece, true in by_what[f"defect:{name}"] if not planted(name, piece, shipped[true["origin"]])] == []
    assert [piece["title"] for piece, true in by_what["clean"] if planted(name, piece, shipped[true["origin"]])] == []


def test_half_of_the_defects_have_no_clean_twin(by_what, by_id):
    clean = {piece["id"] for piece, _ in by_what["clean"]}
    for name, count in COUNTS.items():
        with_twin = sum(true["twin"] in clean for _, true in by_what[f"defect:{name}"])
        expected = {"inconsistent_facts": count, "wrong_language": 0, "off_brand": 0, "draft": count - 80}.get(name, count // 2)
        assert with_twin == expected, name


def test_every_form_of_a_defect_takes_its_turn(by_what):
    for name, marks in (("planted_instruction", PHRASES["instructions"]), ("control_tokens", PHRASES["control_tokens"]),
                        ("boilerplate", PHRASES["boilerplate"])):
        texts = [piece["text"] for piece, _ in by_what[f"defect:{name}"]]
        assert all(sum(mark in text for text in texts) >= 2 for mark in marks), name
    assert Counter(piece["approval"] for piece, _ in by_what["defect:draft"]).keys() == set(PHRASES["draft_words"])


def test_off_brand_pieces_leave_the_voice_by_the_clients_own_conventions(by_what):
    from adtune.voice.conventions import load_conventions

    conventions = load_conventions(starter.sample_conventions())
    kept = [piece["title"] for piece, _ in by_what["defect:off_brand"] if all(one.holds(piece["text"]) for one in conventions)]
    assert kept == []


def test_texts_in_three_languages_are_detected_as_such():
    from adtune.archive.language import detect

    foreign = rows(starter.sample_foreign())
    assert Counter(row["language"] for row in foreign) == {"de": 4, "fr": 4, "es": 4}
    assert [row["id"] for row in foreign if detect(row["text"]) != row["language"]] == []


def test_every_piece_can_be_imported(archive, tmp_path):
    """Nothing is rejected: each defect reaches curation, hidden text with its characters."""
    from adtune.archive import Stream

    path = write_messy(tmp_path, 0)
    stream = Stream(path, "quillmere")
    assets = list(stream)
    assert (stream.kept, stream.rejected) == (3000, 0)
    hidden = {piece["id"] for piece, true in zip(*archive, strict=True) if true["what"] == "defect:hidden_text"}
    assert all(HIDDEN.search(asset.text) for asset in assets if asset.source.id in hidden)
    assert len({asset.id for asset in assets}) == 3000
