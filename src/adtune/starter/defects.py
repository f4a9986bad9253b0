"""The defects of the messy archive, each one function and one row of DEFECTS.

A defect takes a piece, the number of its form (they take turns), the phrases of `sample/planted.json` and a random generator, and gives
the fields that change. People, addresses and account numbers are invented; telephone numbers and mail domains are reserved for
examples, and numbers that carry a check digit carry the right one.
"""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from .rewrites import EXAMPLE, SENTENCE, Piece, blocks, swapped

Phrases = Mapping[str, Any]
Defect = Callable[[Piece, int, Phrases, Random], dict[str, str]]

THIN_WORDS = 20
TYPO_SHARE = 0.15        # of the longer words
_LONGER = re.compile(r"\b[a-z]{4,}\b")
_HOMOGLYPHS = str.maketrans("aceopxy", "асеорху")   # Latin to Cyrillic
_TAGS = 0xE0000          # Unicode's invisible copy of ASCII
_KEYS = "asdfghjklqwertyuiopzxcvbnm"
_MONEY = re.compile(r"\$(\d{1,3}(?:,\d{3})+|\d+)(?![\d,.]*\d)")
_NUMBER = re.compile(r"(?<![\d,.])(\d{2,})(?![\d,.]*\d)")


def draft(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """An earlier version: without the worked example, half of it, with notes to oneself, or nearly what was printed."""
    parts, note = blocks(piece["text"]), chance.choice(phrases["draft_notes"])
    if form % 4 == 0:
        parts = [note if EXAMPLE.match(part) else part for part in parts]
    elif form % 4 == 1:
        parts = [*parts[:len(parts) // 2], note]
    elif form % 4 == 2:
        at = chance.randrange(1, len(parts) - 1)
        parts = [*parts[:at], f"{parts[at]} {note}", *parts[at + 1:]]
    text = "\n\n".join(parts)
    return {"text": swapped(text, phrases["swaps"]) if form % 4 == 3 else text,
            "approval": phrases["draft_words"][form % len(phrases["draft_words"])]}


def cut_off(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """Ends within a sentence, within a word, in a mark for more, or where a list was to begin."""
    text = piece["text"]
    if form % 4 == 3:
        return {"text": text[:text.index("\n", EXAMPLE.search(text).start())]}
    words = [match for match in re.finditer(r"[a-z]{6,}(?= [a-z])", text) if 0.4 * len(text) < match.start() < 0.75 * len(text)]
    word = chance.choice(words)
    if form % 4 == 1:
        return {"text": text[:word.start() + len(word.group()) // 2]}
    return {"text": text[:word.end()] + (chance.choice(phrases["more"]) if form % 4 == 2 else "")}


def boilerplate(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """Two paragraphs of the piece among what every page of a site carries: mostly page furniture."""
    menu, cookies, *below = phrases["boilerplate"]
    above = [menu] if form % 3 == 0 else [cookies] if form % 3 == 1 else [menu, cookies]
    return {"text": "\n\n".join([*above, *blocks(piece["text"])[:2], *below])}


def markup(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """What a page builder, a template or an office file leaves around a text and within it."""
    wrap = phrases["shortcodes"][form % len(phrases["shortcodes"])]
    styled = [f'<p class="q-p" style="margin:0 0 1em;font-size:16px;line-height:1.5"><span data-id="{at}">{part}</span></p>'
              for at, part in enumerate(re.split(r"\n+", piece["text"].replace("'", "&#39;").replace('"', "&quot;")), 1)]
    return {"text": wrap.format(body="&nbsp;\n".join(styled))}


def gibberish(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """Words of the piece's own three-letter runs, a cipher of it, or keys struck at random, in its layout."""
    text = piece["text"]
    if form % 3 == 1:
        return {"text": codecs.encode(text, "rot13")}
    if form % 3 == 2:
        return {"text": re.sub("[a-z]", lambda match: chance.choice(_KEYS), text.lower())}
    follows = defaultdict(list)
    for word in re.findall(r"[a-z]+", text.lower()):
        for at in range(len(word)):
            follows[word[max(0, at - 1):at]].append(word[at])
    def made(match: re.Match[str]) -> str:
        word = ""
        while len(word) < len(match.group()):
            word += chance.choice(follows.get(word[-1:]) or follows[""])
        return word
    return {"text": re.sub(r"[A-Za-z]+", made, text)}


def shuffled(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """The words of the whole piece in any order, or those of each paragraph."""
    parts = [piece["text"]] if form % 2 else blocks(piece["text"])
    mixed = [part.split() for part in parts]
    for words in mixed:
        chance.shuffle(words)
    return {"text": "\n\n".join(" ".join(words) for words in mixed)}


def typos(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """Letters exchanged, left out, doubled or mistaken in one longer word of seven."""
    def slip(match: re.Match[str]) -> str:
        word, at = match.group(), chance.randrange(1, len(match.group()) - 1)
        if chance.random() >= TYPO_SHARE:
            return word
        slips = [word[:at] + word[at + 1] + word[at] + word[at + 2:], word[:at] + word[at + 1:], word[:at] + word[at] + word[at:],
                 word[:at] + chance.choice(_KEYS) + word[at + 1:]]
        return chance.choice(slips)
    return {"text": _LONGER.sub(slip, piece["text"])}


def personal_data(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    name, mail, address = phrases["people"][form % len(phrases["people"])]
    phone = f"({chance.randrange(201, 990)}) 555-01{chance.randrange(100):02d}"
    said = phrases["personal"][form % len(phrases["personal"])]
    return {"text": _with_part(piece["text"], said.format(name=name, mail=mail, address=address, phone=phone, card=_card(chance),
                                                          iban=_iban(chance)), form)}


def planted_instruction(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    return {"text": _with_part(piece["text"], phrases["instructions"][form % len(phrases["instructions"])], form // 2)}


def control_tokens(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """One token between two sentences, or at the end."""
    token, parts = phrases["control_tokens"][form % len(phrases["control_tokens"])], SENTENCE.split(blocks(piece["text"])[0])
    if form % 2 or len(parts) < 2:
        return {"text": f"{piece['text']}{token}"}
    return {"text": piece["text"].replace(parts[1], f"{token} {parts[1]}", 1)}


def hidden_text(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """Tag characters, blanks of no width, reversed writing, white on white, text that is not displayed, letters that only look Latin."""
    text, said = piece["text"], phrases["hidden"][form % len(phrases["hidden"])]
    ways = form % 6
    if ways == 0:
        return {"text": _with_part(text, f"{''.join(chr(_TAGS + ord(letter)) for letter in said)} ", 1)}
    if ways == 1:
        spaced = _LONGER.sub(lambda match: "\u200b".join(match.group()) if chance.random() < 0.2 else match.group(), text)
        return {"text": spaced}
    if ways == 2:
        return {"text": _with_part(text, f"\u202e{said[::-1]}\u202c", 1)}
    if ways == 3:
        return {"text": _with_part(text, f'<span style="color:#fff;background:#fff">{said}</span>', 1)}
    if ways == 4:
        return {"text": _with_part(text, f'<div style="display:none">{said}</div>', 0)}
    return {"text": _LONGER.sub(lambda match: match.group().translate(_HOMOGLYPHS) if chance.random() < 0.3 else match.group(), text)}


def rights_expired(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """The rights ended one to six months after the piece appeared, in 2025 at the latest."""
    return {"rights_until": (date.fromisoformat(piece["date"]) + timedelta(chance.randrange(30, 181))).isoformat()}


def inconsistent_facts(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    """The first figure of the worked example is another one wherever it stands, so that it differs from the twin's and the sum is wrong."""
    text = piece["text"]
    example = EXAMPLE.search(text).start()
    found = _MONEY.search(text, example) or _NUMBER.search(text, example)
    value = int(found[1].replace(",", ""))
    other = value + max(1, round(value * chance.choice((0.2, 0.3, 0.4))))
    shown = f"{other:,}" if other > 9999 or "," in found[1] else str(other)
    return {"text": re.sub(rf"(?<![\d,.]){re.escape(found[1])}(?![\d,.]*\d)", shown, text)}


def thin(piece: Piece, form: int, phrases: Phrases, chance: Random) -> dict[str, str]:
    first = min(SENTENCE.split(piece["text"])[:2], key=len)
    said = phrases["thin"][form % len(phrases["thin"])]
    return {"text": " ".join(said.format(title=piece["title"], category=piece["category"], first=first).split(" ")[:THIN_WORDS - 1])}


DEFECTS: dict[str, Defect] = {
    "draft": draft, "cut_off": cut_off, "boilerplate": boilerplate, "markup": markup, "gibberish": gibberish, "shuffled": shuffled,
    "typos": typos, "personal_data": personal_data, "planted_instruction": planted_instruction, "control_tokens": control_tokens,
    "hidden_text": hidden_text, "rights_expired": rights_expired, "inconsistent_facts": inconsistent_facts, "thin": thin,
}


def luhn(digits: str) -> int:
    """The sum of ISO/IEC 7812-1 modulo 10; 0 where the last digit is the right check digit."""
    doubled = [2 * int(digit) for digit in digits[-2::-2]]
    return (sum(map(int, digits[::-2])) + sum(value // 10 + value % 10 for value in doubled)) % 10


def iban_remainder(iban: str) -> int:
    """The remainder of ISO 7064 MOD 97-10; 1 where the check digits are right."""
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


def _card(chance: Random) -> str:
    start = f"40000012{chance.randrange(10**7):07d}"
    number = start + str(-luhn(f"{start}0") % 10)
    return " ".join(number[at:at + 4] for at in range(0, 16, 4))


def _iban(chance: Random) -> str:
    account = f"99999999{chance.randrange(10**10):010d}"      # no bank has this code
    number = f"DE{98 - iban_remainder(f'DE00{account}'):02d}{account}"
    return " ".join(number[at:at + 4] for at in range(0, len(number), 4))


def _with_part(text: str, part: str, form: int) -> str:
    """`part` as a paragraph of its own in the middle, at the end of a paragraph, or last."""
    parts = blocks(text)
    if form % 3 == 0:
        return "\n\n".join([*parts[:2], part, *parts[2:]])
    if form % 3 == 1:
        return "\n\n".join([parts[0], f"{parts[1]} {part}", *parts[2:]])
    return f"{text}\n\n{part}"
