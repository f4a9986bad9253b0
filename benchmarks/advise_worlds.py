"""Archives with a known truth about which way pays: made by code from the sample client, from lists of words, and from shared archives.

A world is what an agency would have on its desk: pieces, a brand guide, titles of coming briefs, pieces a month. `WORLDS` names
each with the verdict that is true of it and why; the same seed gives the same pieces. Worlds whose sources are not on this machine are
None, and the benchmark says so.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from adtune.starter import general_text, sample_foreign, sample_guide, sample_pieces, sample_voices

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
Piece = dict[str, Any]
TUNE = ("prefix", "lora", "full")


@dataclass(frozen=True)
class World:
    """`guide` and `briefs` are texts; `curate` are settings of curation that the situation is about."""

    pieces: list[Piece]
    guide: str = ""
    briefs: str = ""
    volume: float | None = None
    curate: dict[str, Any] = field(default_factory=dict)


def sample(seed: int, count: int) -> list[Piece]:
    """`count` pieces of the sample client, drawn evenly; the approval left out unless a world wants it."""
    rows = _rows(sample_pieces())
    return [{key: row[key] for key in ("id", "title", "text", "category", "content_type", "summary")}
            for row in Random(f"sample/{seed}").sample(rows, count)]


def conventions(seed: int) -> World:
    """Quillmere: four conventions and many habits that a guide of 350 words cannot carry."""
    return World(sample(seed, 150), sample_guide().read_text(encoding="utf-8"))


COINED = "bra dov fen gri hul jax kel lum mor nib ost pli qua rud sel tor ulm vek wex zan".split()


def vocabulary(seed: int) -> World | None:
    """Plain encyclopedic prose in which the 90 commonest nouns and verbs of the field have names that only this house uses."""
    pieces = mix(seed, "wiki2014", 150)
    if pieces is None:
        return None
    chance = Random(f"words/{seed}")
    counts = Counter(word for piece in pieces for word in set(re.findall(r"[a-z]{5,}", piece["text"])))
    names = {word: "".join(chance.sample(COINED, 3)) for word, _ in counts.most_common(90)}
    found = re.compile(rf"\b(?:{'|'.join(names)})\b")
    return World([{**piece, "text": found.sub(lambda match: names[match.group()], piece["text"])} for piece in pieces])


def layout(seed: int) -> World | None:
    """Recipes: times and servings, a numbered method, a list of ingredients, each in its place and form."""
    rows = brand("based_cooking")
    return rows and World(Random(f"layout/{seed}").sample([row for row in rows if 60 <= len(row["text"].split()) <= 320], 130))


def volume(seed: int, month: float) -> World | None:
    """One dry author whose voice tuning gains a little on: what that is worth is a question of how many pieces a month."""
    rows = brand("swcarpentry_gvwilson")
    fit = rows and [row for row in rows if 80 <= len(row["text"].split()) <= 260]
    return World(Random(f"volume/{seed}").sample(fit, min(120, len(fit))), volume=month) if fit else None


def known(source: str) -> Callable[[int], World | None]:
    """Prose of a kind that the starter was pre-trained on: it writes so already, and there is nothing to gain."""
    def make(seed: int) -> World | None:
        pieces = mix(seed, source, 120)
        return pieces and World(pieces)

    return make


def few(seed: int) -> World:
    return World(sample(seed, 18), sample_guide().read_text(encoding="utf-8"))


def unrepresentative(seed: int) -> World:
    """An archive about two topics, and coming briefs that are mostly about others."""
    rows = [row for row in sample(seed, 380) if row["category"] in ("saving", "borrowing")][:110]
    foreign = [row["title"] for row in _rows(general_text())]
    briefs = [row["title"] for row in rows[:4]] + Random(f"briefs/{seed}").sample(foreign, 16)
    return World(rows, sample_guide().read_text(encoding="utf-8"), "\n".join(briefs))


def noisy(seed: int) -> World:
    """Most of the export is rubbish: cut off, garbled, in another language, doubled, drafts; what is left is little."""
    chance = Random(f"noisy/{seed}")
    good = sample(seed, 70)
    spoilt: list[Piece] = [{**row, "text": row["text"][:len(row["text"]) // 3], "title": f"{row['title']} (2)"} for row in good[:25]]
    spoilt += [{**row, "text": " ".join(chance.sample(row["text"].split(), len(row["text"].split())))} for row in good[25:50]]
    spoilt += [{**row, "title": f"Copy of {row['title']}"} for row in good[:20]]
    spoilt += [{**row, "text": re.sub(r"[aeiou]", lambda m: chance.choice("aeiouxq"), row["text"])} for row in good[40:60]]
    spoilt += [{key: row[key] for key in ("title", "text", "category")} for row in _rows(sample_foreign())]
    rows = good[50:70] + [{**row, "approval": chance.choice(("draft", "approved"))} for row in spoilt]
    chance.shuffle(rows)
    return World(_numbered(rows))


def contaminated(seed: int) -> World:
    """Two clients' pieces under one name, about as many of each, and no word of which are approved."""
    others = [row for row in _rows(sample_voices()) if row["voice"] in ("legalese", "startup", "tabloid")]
    rows = sample(seed, 60) + [{key: row[key] for key in ("title", "text", "category")} for row in others[:60]]
    Random(f"mixed/{seed}").shuffle(rows)
    return World(_numbered(rows))


STREETS = "Alder Mill Station Bridge Harbour Orchard Castle Abbey Quarry Meadow Tanner Chapel Willow Foundry".split()
KINDS = ("Road", "Lane", "Street", "Terrace", "Close", "Walk")
AREAS = ("Northgate", "Riverside", "the Old Docks", "Eastfield", "Kingsholm", "Upper Weir", "Saltmarsh", "Fairhaven",
         "Longmoor", "Westbury")
FEATURES = ("a south-facing balcony", "a small walled garden", "a bay window over the park", "an open-plan kitchen", "original floorboards",
            "a parking space", "a study with built-in shelves", "a new boiler", "a shared courtyard", "high ceilings", "a wood-burning "
                                                                                                                       "stove")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
NAMES = ("Amara Obi", "Lena Fischer", "Tom Hale", "Priya Nair", "Jonas Berg", "Ruth Adler", "Mina Sato", "Carlos Vega", "Eve Marsh",
         "Omar Haddad",          "Nora Quist", "Felix Brandt", "Ivy Chen", "Paul Okafor", "Greta Lund")
SUBJECTS = ("bread without kneading", "reading old maps", "repairing bicycles", "night photography", "keeping bees", "small-boat sailing",
            "drawing birds", "growing tomatoes indoors", "bookbinding", "the history of glass", "writing short stories", "folk fiddle",
            "choosing a telescope", "mending clothes", "city moths", "making cheese")
PLACES = ("the Corn Hall", "Room 3 of the library", "the Boat House", "the Old Forge", "the Assembly Rooms", "St Anne's School", "the "
                                                                                                                                 "Glass "
                                                                                                                                 "Studio")


def lettings(seed: int) -> World:
    """Property particulars: one form for flats, one for houses, everything that changes stands in the brief."""
    chance, rows = Random(f"lettings/{seed}"), []
    for _ in range(110):
        beds, flat = chance.randint(1, 5), chance.random() < 0.6
        street = f"{chance.choice(STREETS)} {chance.choice(KINDS)}"
        fact = {"Bedrooms": str(beds), "Street": street, "Area": chance.choice(AREAS), "Rent": f"${chance.randint(14, 48) * 50:,}",
                "Feature": chance.choice(FEATURES), "Free from": f"{chance.randint(1, 28)} {chance.choice(MONTHS)}",
                "Agent": chance.choice(NAMES)}
        kind = "flat" if flat else "house"
        opening = (f"To let in {fact['Area']}: a {beds}-bedroom flat on {street}." if flat
                   else f"A {beds}-bedroom house on {street}, {fact['Area']}, is ready for its next family.")
        text = (f"{opening} It has {fact['Feature']}.\n\nThe rent is {fact['Rent']} a month, and the {kind} is free from "
                f"{fact['Free from']}. "
                f"Pets are welcome by agreement.\n\nTo see it, call {fact['Agent']} at Marlow Lettings. "
                + ("Viewings take fifteen minutes." if flat else "Please allow half an hour for the tour."))
        text += chance.choice(("", "", "", " We answer within the day.", " Bring a tape measure if you like."))
        rows.append({"title": f"{beds}-bedroom {kind}, {street}", "text": text, "category": kind, "facts": _facts(fact)})
    return World(_numbered(rows))


def events(seed: int) -> World:
    """Announcements of three kinds of evenings, each with its own form, a sentence on the fee only where there is one."""
    chance, rows = Random(f"events/{seed}"), []
    forms = {"talk": "{Speaker} speaks about {Subject} at {Place} on {Date}. Doors open at {Hour}.\n\nThe talk takes an hour, with time "
                     "for "
                     "questions after it.",
             "workshop": "Spend a day on {Subject} with {Speaker}. We meet at {Place} on {Date} at {Hour}, and nobody needs to know "
                         "anything "
                         "beforehand.\n\nTools and lunch are there; bring an apron.",
             "course": "Six evenings of {Subject}: {Speaker} teaches a small group at {Place}, from {Date} on, always at {Hour}.\n\nThe "
                       "course "
                       "is full at twelve people."}
    for _ in range(120):
        kind, fee = chance.choice(list(forms)), chance.choice((None, 5, 8, 12, 20, 45))
        fact = {"Speaker": chance.choice(NAMES), "Subject": chance.choice(SUBJECTS), "Place": chance.choice(PLACES),
                "Date": f"{chance.randint(1, 28)} {chance.choice(MONTHS)}",
                "Hour": f"{chance.randint(4, 8)}.{chance.choice(('00', '15', '30'))} pm",
                **({"Fee": f"${fee}"} if fee else {})}
        text = forms[kind].format(**fact) + (f" A place costs {fact['Fee']}; members come free." if fee else " There is no charge.")
        text += "\n\nBook at the desk or by telephone." if chance.random() < 0.9 else "\n\nPlaces are few this time, so book soon."
        rows.append({"title": f"{fact['Subject'].capitalize()}, {fact['Date']}", "text": text, "category": kind,
                     "facts": _facts(fact)})
    return World(_numbered(rows))


def products(seed: int) -> World:
    """Product copy of which all but a name, a colour, a size and a price is the same: curation takes it for one text, told 140 times."""
    chance, rows = Random(f"products/{seed}"), []
    goods = ("jug", "bowl", "vase", "plate", "beaker", "teapot", "dish", "candlestick", "planter", "tumbler")
    colours = ("slate", "moss", "ochre", "chalk", "indigo", "rust", "sand", "plum", "sea green", "charcoal")
    for _ in range(140):
        fact = {"Name": f"{chance.choice(STREETS)} {chance.choice(goods)}", "Colour": chance.choice(colours),
                "Height": f"{chance.randint(8, 40)} cm", "Price": f"${chance.randint(12, 160)}"}
        text = ("The {Name} in {Colour} is {Height} high and costs {Price}.\n\nEvery piece is thrown by hand in our workshop, dried for "
                "two "
                "weeks and fired twice, so that no two are quite alike. The glaze is free of lead and safe for food. It may be washed in "
                "the "
                "machine, but it lasts longer when it is washed by hand. Small marks and changes of shade belong to the making and are no "
                "faults.\n\nWe pack each piece in paper from old maps and send it within three days. If it breaks on the way, tell us "
                "within "
                "a week and we send another one at our cost. You may return any piece within thirty days, unused, in the box that it came "
                "in, and we pay you back without asking why.").format(**fact)
        rows.append({"title": f"{fact['Name']}, {fact['Colour']}", "text": text, "category": "pottery", "facts": _facts(fact)})
    return World(_numbered(rows))


def notices(seed: int) -> World:
    """Works notices of a water company: the brief holds only a title, so that somebody has to fill the fields in, but nobody has to "
      "write."""
    chance, rows = Random(f"notices/{seed}"), []
    for _ in range(100):
        street, area = f"{chance.choice(STREETS)} {chance.choice(KINDS)}", chance.choice(AREAS)
        day, first, hours = f"{chance.randint(1, 28)} {chance.choice(MONTHS)}", chance.randint(6, 11), chance.randint(2, 8)
        text = (f"We are replacing {chance.randint(40, 900)} metres of pipe on {street} in {area}. On {day} your water will be off from "
                f"{first} am "
                f"for about {hours} hours.\n\nPlease fill a kettle and a bucket beforehand. When the water comes back it may look "
                "cloudy; let the "
                f"tap run until it is clear.\n\n" + chance.choice(("Parking is closed on both sides.", "One lane stays open to cars.",
                                                                  "The bus stops one street away.")) +
                f" Questions? Ask for {chance.choice(NAMES)} at the works office.")
        rows.append({"title": f"Water off on {street}, {day}", "text": text, "category": "notice"})
    return World(_numbered(rows))


def _facts(fact: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in fact.items()]


def _numbered(rows: list[Piece]) -> list[Piece]:
    return [{**row, "id": f"piece-{n:03d}"} for n, row in enumerate(rows, 1)]


def _rows(path: Path) -> list[Piece]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def brand(name: str) -> list[Piece] | None:
    """Pieces of a shared archive, None where it is not here."""
    path = SHARED / "brands" / f"{name}.jsonl"
    return [{key: row.get(key) for key in ("id", "title", "text", "category")} for row in _rows(path)] if path.is_file() else None


def mix(seed: int, source: str, count: int) -> list[Piece] | None:
    """Pieces of 80 to 260 words from one source of the pre-training mix, each its first paragraphs; None where the mix is not here."""
    path = SHARED / "pretrain" / f"mix-{seed % 3}.jsonl.zst"
    if not path.is_file():
        return None
    found = []
    for row in _documents(path):
        if row["source"] == source and 80 <= len(row["text"].split()) <= 260 and row["title"]:
            found.append({"title": row["title"], "text": row["text"].replace("__NOTOC__", "").strip()})
            if len(found) == 4 * count:
                break
    return _numbered(Random(f"{source}/{seed}").sample(found, min(count, len(found))))


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as packed, io.BufferedReader(packed, 1 << 20) as stream:
        for line in stream:
            yield json.loads(line)


WORLDS: dict[str, tuple[tuple[str, ...], str, Callable[[int], World | None]]] = {
    "conventions": (TUNE, "many subtle conventions", conventions), "vocabulary": (TUNE, "a vocabulary that the base lacks", vocabulary),
    "format": (TUNE, "a precise format", layout),
    "much work": (TUNE, "a small gain, 3,000 pieces a month", lambda seed: volume(seed, 3000)),
    "encyclopedia": (("prompt",), "the base writes so already", known("wiki2014")),
    "health questions": (("prompt",), "the base writes so already", known("medquad_nih")),
    "old books": (("prompt",), "the base writes so already", known("gutenberg")),
    "little work": (("prompt",), "a small gain, 2 pieces a month", lambda seed: volume(seed, 2)),
    "few": (("collect",), "18 pieces", few),
    "unrepresentative": (("collect",), "16 of 20 coming briefs are about other things", unrepresentative),
    "noisy": (("collect",), "most of the export is rubbish", noisy),
    "contaminated": (("collect",), "other voices among the client's", contaminated),
    "lettings": (("rules",), "two forms, all that changes is in the brief", lettings),
    "events": (("rules",), "three forms with an optional sentence", events),
    "products": (("rules",), "one text, 140 times", products), "notices": (("rules",), "one form with fields to fill in", notices),
}
