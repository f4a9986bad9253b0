"""The sample client's second archive: 3,000 pieces as they lie in a folder that nobody has tidied, and the truth about each.

    300  clean                the client's approved pieces, all 30 gold ones among them; 15 have usage rights that last
    600  near_duplicate_of    two of each clean piece, in the six forms of `rewrites.FORMS`, 100 of each form
  1,024  voice:<name>         eight other voices on the same topics, 128 pieces each: 30 as they were written, 98 small rewrites
    252  defect:draft         earlier versions, not approved
     60  each of              cut_off, boilerplate, markup, shuffled, typos, personal_data, planted_instruction, hidden_text,
                              rights_expired, inconsistent_facts, off_brand, thin
     40  each of              gibberish, control_tokens
     24  defect:wrong_language

The 80 approved pieces that are not among the clean ones are the stock of half of the defects: those have no good twin in the archive. The
other half are spoilt copies of clean pieces. Inconsistent facts all have a clean twin, whose figure is another one. Off-brand pieces are
approved and look it: half are in another voice under a title of the client's, half begin in the client's voice and go on in another.

What is clean or off-brand is marked approved or gold, and so are half of the other voices and three quarters of the rest; what carries no
approval counts as approved. Ids, order, authors and fields don't tell what a piece is, and no piece has a summary, since only the
client's own were written with one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from . import sample_foreign, sample_pieces, sample_planted, sample_voices
from .defects import DEFECTS
from .rewrites import FORMS, Piece, blocks, other_voice

CLEAN, LASTING_RIGHTS, COPIES, IN_VOICE = 300, 15, 2, 128
CLEAN_NAME, NEAR, VOICE, DEFECT = "clean", "near_duplicate_of", "voice:", "defect:"
COUNTS = {"draft": 252, "cut_off": 60, "boilerplate": 60, "markup": 60, "gibberish": 40, "shuffled": 60, "typos": 60, "personal_data": 60,
          "planted_instruction": 60, "control_tokens": 40, "hidden_text": 60, "rights_expired": 60, "inconsistent_facts": 60, "thin": 60,
          "wrong_language": 24, "off_brand": 60}
PIECES, TRUTH = "pieces.jsonl", "truth.jsonl"
_FIELDS = ("title", "text", "category", "content_type", "date", "author")
_APPROVED_VOICES, _APPROVED_OTHERS = 0.5, 0.75
_TYPES = {"article": 60, "e-mail": 20, "social post": 10, "product copy": 10}    # about as often as among the client's own
_FIRST, _DAYS = date(2023, 1, 1), 900


@dataclass(frozen=True)
class Planted:
    """A piece of the archive before it has an id: its fields, what it is, the shipped piece it was made of, and whether it is that
    piece as it was written."""

    fields: dict[str, Any]
    what: str
    origin: str
    as_written: bool = False


def write_messy(folder: Path, seed: int = 0) -> Path:
    """Write `pieces.jsonl` and `truth.jsonl` into `folder`, made where missing, and give the path of the first.

    A row of truth is {id, what, twin, origin}: `what` as the module tells; `twin` the id of the piece of this archive that it is a
    version of, as that one was written, or null; `origin` the id of the shipped piece it was made of. The same seed gives the same bytes.
    Raises OSError.
    """
    pieces, truth = messy_archive(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in ((PIECES, pieces), (TRUTH, truth)):
        lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        (folder / name).write_bytes(lines.encode("utf-8"))
    return folder / PIECES


def messy_archive(seed: int = 0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The pieces and the truth about them, in the same order."""
    phrases = json.loads(sample_planted().read_text(encoding="utf-8"))
    own, voices, foreign = _rows(sample_pieces()), _rows(sample_voices()), _rows(sample_foreign())
    gold = [piece for piece in own if piece["approval"] == "gold"]
    others = [piece for piece in own if piece["approval"] != "gold"]
    drawn = {piece["id"] for piece in [*gold, *_chance(seed, CLEAN_NAME).sample(others, CLEAN - len(gold))]}
    clean = [piece for piece in own if piece["id"] in drawn]
    rest = [piece for piece in own if piece["id"] not in drawn]
    planted = [*_clean(clean, _chance(seed, CLEAN_NAME)), *_near(clean, phrases, _chance(seed, NEAR)),
               *_others(voices, rest, phrases, seed), *_defects(clean, rest, phrases, seed),
               *_foreign(foreign, phrases, _chance(seed, "wrong_language"))]
    _chance(seed, "order").shuffle(planted)
    ids = [f"piece-{number:04d}" for number in range(1, len(planted) + 1)]
    as_written = {one.origin: id for one, id in zip(planted, ids, strict=True) if one.as_written}
    twins = [None if one.as_written else as_written.get(one.origin) for one in planted]
    return ([{"id": id, **one.fields} for id, one in zip(ids, planted, strict=True)],
            [{"id": id, "what": one.what, "twin": twin, "origin": one.origin} for id, one, twin in zip(ids, planted, twins, strict=True)])


def _clean(clean: Sequence[Piece], chance: Random) -> Iterator[Planted]:
    lasting = set(chance.sample(range(len(clean)), LASTING_RIGHTS))
    for at, piece in enumerate(clean):
        rights = {"rights_until": "2099-12-31"} if at in lasting else {}
        yield Planted({**_own(piece), "approval": piece["approval"], **rights}, CLEAN_NAME, piece["id"], as_written=True)


def _near(clean: Sequence[Piece], phrases: Mapping[str, Any], chance: Random) -> Iterator[Planted]:
    """Each form as often as the others; a copy is dated up to two months before or after its twin."""
    forms = list(FORMS.values())
    for at, piece in enumerate(clean):
        for copy in range(COPIES):
            form = forms[(at + copy * 3) % len(forms)]
            day = date.fromisoformat(piece["date"]) + timedelta(chance.randrange(-60, 61))
            changed = {**form(piece, phrases, chance), "date": day.isoformat()}
            yield Planted({**_own(piece), **_approval(_APPROVED_OTHERS, chance), **changed}, NEAR, piece["id"])


def _others(voices: Sequence[Piece], rest: Sequence[Piece], phrases: Mapping[str, Any], seed: int) -> Iterator[Planted]:
    """The other voices, and what is off-brand; no text stands twice among them."""
    seen = {piece["text"] for piece in voices}
    yield from _voices(voices, phrases, seen, _chance(seed, VOICE))
    chance, half = _chance(seed, "off_brand"), COUNTS["off_brand"] // 2
    for at, piece in enumerate(chance.sample(rest, 2 * half)):
        other = chance.choice([one for one in voices if one["category"] == piece["category"]])
        if at < half:
            text, origin = _in_other_words(other, 4, voices, phrases, seen, chance)["text"], other["id"]
        else:
            parts = blocks(other["text"])
            text, origin = "\n\n".join([*blocks(piece["text"])[:2], *parts[len(parts) // 3:]]), piece["id"]
        yield Planted({**_own(piece), "text": text, "approval": "approved"}, DEFECT + "off_brand", origin)


def _voices(voices: Sequence[Piece], phrases: Mapping[str, Any], seen: set[str], chance: Random) -> Iterator[Planted]:
    """Every piece as it is, then rewrites in turn until a voice has IN_VOICE pieces."""
    for name in dict.fromkeys(piece["voice"] for piece in voices):
        written = [piece for piece in voices if piece["voice"] == name]
        for number in range(-len(written), IN_VOICE - len(written)):
            piece = written[number % len(written)]
            changed = _in_other_words(piece, number // len(written), voices, phrases, seen, chance) if number >= 0 else {}
            fields = {**_dressed(piece, phrases, chance), **_approval(_APPROVED_VOICES, chance), **changed}
            yield Planted(fields, VOICE + name, piece["id"], as_written=number < 0)


def _defects(clean: Sequence[Piece], rest: Sequence[Piece], phrases: Mapping[str, Any], seed: int) -> Iterator[Planted]:
    """Half of each defect on pieces without a clean twin, as far as they go, the others on copies of clean pieces."""
    for name, plant in DEFECTS.items():
        chance, count = _chance(seed, name), COUNTS[name]
        alone = 0 if name == "inconsistent_facts" else min(len(rest), count // 2)
        hosts = [*chance.sample(rest, alone), *chance.sample(clean, count - alone)]
        chance.shuffle(hosts)
        for form, piece in enumerate(hosts):
            fields = {**_own(piece), **_approval(_APPROVED_OTHERS, chance), **plant(piece, form, phrases, chance)}
            yield Planted(fields, DEFECT + name, piece["id"])


def _foreign(foreign: Sequence[Piece], phrases: Mapping[str, Any], chance: Random) -> Iterator[Planted]:
    """Every text as it is, and once more with its last paragraph second."""
    for again in range(COUNTS["wrong_language"] // len(foreign)):
        for piece in foreign:
            first, *middle, last = blocks(piece["text"])
            text = "\n\n".join([first, last, *middle]) if again else piece["text"]
            fields = {**_dressed(piece, phrases, chance), **_approval(_APPROVED_OTHERS, chance), "text": text}
            yield Planted(fields, DEFECT + "wrong_language", piece["id"], as_written=not again)


def _in_other_words(piece: Piece, rewrite: int, voices: Sequence[Piece], phrases: Mapping[str, Any], seen: set[str],
                    chance: Random) -> dict[str, str]:
    """A rewrite that is not among `seen`: amounts times 2, 3, 4 ..., other names and order; behind every other one, and behind each without
    amounts, a second piece of the same voice and category."""
    voice = [one for one in voices if one["voice"] == piece["voice"] and one is not piece]
    same = [one for one in voice if one["category"] == piece["category"]]
    double = rewrite % 2 == 1 or "$" not in piece["text"]
    changed = other_voice(piece, rewrite + 2, chance.choice(same) if double else None, phrases, chance)
    while changed["text"] in seen:     # the five pieces of a category may have no amounts to change, so any of the voice goes behind
        changed = other_voice(piece, rewrite + 2, chance.choice(voice), phrases, chance)
    seen.add(changed["text"])
    return changed


def _approval(share: float, chance: Random) -> dict[str, str]:
    return {"approval": "approved"} if chance.random() < share else {}


def _own(piece: Piece) -> dict[str, Any]:
    return {name: piece[name] for name in _FIELDS}


def _dressed(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, Any]:
    """The fields of a piece of another hand, those that the client's own have."""
    kind = chance.choices(list(_TYPES), list(_TYPES.values()))[0]
    day = _FIRST + timedelta(chance.randrange(_DAYS))
    return {"title": piece["title"], "text": piece["text"], "category": piece["category"], "content_type": kind, "date": day.isoformat(),
            "author": chance.choice(phrases["authors"])}


def _chance(seed: int, part: str) -> Random:
    """A generator for each part, so that a change of one leaves the others as they were."""
    return Random(f"messy\0{seed}\0{part}")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
