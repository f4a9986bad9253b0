"""Figures in a text: prices, percentages, dates, times, telephone numbers, names with titles and plain numbers, each with one value.

A value is the same however it is written: `$1,200` and `1200 dollars`, `9 am` and `09:00`, `3 May 2024` and `2024-05-03`. Digits within
words (`A1C`), addresses of pages and the numbers of lists are none. Commas part thousands where three digits follow, else decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

MONEY, PERCENT, DATE, YEAR, TIME, PHONE, NAME, NUMBER = "money", "percent", "date", "year", "time", "phone", "name", "number"
_MONTHS = ("jan(?:uary|uar|vier)?|ene(?:ro)?|gennaio|januari", "feb(?:ruary|ruar)?|f[eé]vrier|febrero|febbraio|februari",
           "mar(?:ch|s|zo)?|märz|maart", "apr(?:il|ile)?|avril|abril", "may|mai|mayo|maggio|mei",
           "june?|juni|juin|junio|giugno", "july?|juli|juillet|julio|luglio",
           "aug(?:ust|ustus)?|ao[uû]t|agosto", "sep(?:t|tember|tiembre)?|septembre|settembre", "o[ck]t(?:ober|obre|ubre)?|ottobre",
           "nov(?:ember|embre|iembre)?", "de[cz](?:ember)?|d[eé]cembre|diciembre|dicembre")
_MONTH = "|".join(_MONTHS)
_NUM = r"\d{1,3}(?:[,'\u202f\u00a0]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d+(?:[.,]\d+)?"
_SCALE = r"thousand|million|billion|trillion|mn|bn|[kmKM](?!\w)"
_COINS = {"$": "$", "us$": "$", "usd": "$", "dollar": "$", "€": "€", "eur": "€", "euro": "€", "£": "£", "gbp": "£", "pound": "£",
          "chf": "chf", "franc": "chf", "franken": "chf", "cent": "¢", "¢": "¢", "pence": "p", "¥": "¥", "yen": "¥"}
_SCALES = {"thousand": 3, "k": 3, "million": 6, "m": 6, "mn": 6, "billion": 9, "bn": 9, "trillion": 12}
_WORDS = {word: n for n, word in enumerate(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), 2)}
_TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_WORD = rf"(?:{'|'.join(_TENS)})(?:[- ](?:one|{'|'.join(list(_WORDS)[:8])}))?|{'|'.join(_WORDS)}"
_UNITS = r"(?=(?:ml|cl|dl|l|g|kg|mg|oz|lbs?|cm|mm|km|m|mi|min|h|hrs?|s|kB|MB|GB|TB|kW|W|[CF])\b|\b|°)"
_PERSON = r"[A-Z][\w'’-]*[a-z][\w'’-]*(?:\s+(?:(?:van|von|de|der|la|bin|al)\s+)?[A-Z][\w'’-]*[a-z][\w'’-]*){0,2}"
_ROLE = (r"(?:(?:deputy|vice|senior|chief|managing|executive|general|regional|acting|founding|assistant|associate)[ -]){0,2}(?:president|"
         r"director|manager|editor|founder|chair(?:man|woman|person)?|officer|executive|secretary|head|minister|mayor|principal|curator|"
         r"C[EFTOM]O)(?: (?:of|for) (?:the |our )?[\w-]+(?: (?:and )?[a-z][\w-]+)?)?")
_PHONE = (r"\+\d{1,3}[ .-]?(?:\(0\)[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,5}){1,4}|"
          r"\(\d{2,5}\)[ .-]?\d{2,5}(?:[ .-]\d{2,5}){0,3}"
          r"|(?:1[ .-])?\d{3}[.-]\d{3}[.-]\d{4}|0\d{1,4}[ /-]\d{3,}(?:[ -]\d{2,}){0,3}|\d{3}-\d{4}")
_LINK = r"(?P<link>https?://\S+|www\.\S+|\S+@\S+|`[^`\n]*`|\]\([^)\s]*\))"
_CORE = r"(?=[\d$€£¥+(-]|\b[A-Z]{1,3}[ $]|\b[JFMASONDEGjfmasondeg][\w.]+ \d|\b[nm][oi])(?:" + "|".join((
    rf"(?P<date>\d{{4}}-\d\d-\d\d|(?i:\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of |de )?(?:{_MONTH})\b(?:\.?,? (?:de |of )?\d{{4}}\b)?|"
    rf"\b(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}}\b)?|\b(?:{_MONTH})\.?,? \d{{4}}\b)|"
    r"(?<![\d./])\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d\d)(?![\d./]))",
    rf"(?<![\w.-])(?P<phone>{_PHONE})(?![\w-])",
    r"(?P<time>(?<![\d:.])\d{1,2}(?:[:.][0-5]\d)? ?(?:[ap]\.m\.|[AaPp][Mm]\b|o['’]clock\b|Uhr\b)|(?<![\d:.])[0-2]?\d:[0-5]\d(?![\d:])|"
    r"\b(?:noon|midnight)\b)",
    rf"(?P<money>(?:\b(?:US|A|C|NZ)?\$|\$|€|£|¥|\b(?:USD|EUR|GBP|CHF) ) ?(?:{_NUM})(?:[ -]?(?:{_SCALE}))?|"
    rf"(?<![\w.,])(?:{_NUM})(?: (?:{_SCALE}))? ?(?:€|£|¢|\b(?:dollars?|euros?|pounds?(?! of)|cents?|pence|francs?|Franken|yen|USD|EUR|"
    r"GBP|CHF)\b))",
    rf"(?P<percent>(?<![\w.,])(?:{_NUM}) ?(?:%|(?i:per ?cent|Prozent|pour cent|por ciento)\b))",
    rf"(?P<number>(?<![\w.,'’°#/-])-?(?:{_NUM})(?:[ -](?:thousand|million|billion|trillion)\b)?{_UNITS}(?!\.\w))")) + ")"
_TITLED = "|".join((
    rf"\b(?:(?:Dr|Prof|Mr|Mrs|Ms|Rev|Sen|Rep|Capt|Sgt)\.?|Professor|Doctor|Sir|Dame|Judge)\s+(?P<titled>{_PERSON})",
    rf"\b(?i:{_ROLE}),? (?P<headed>{_PERSON.replace('{0,2}', '{1,2}')})",
    rf"\b(?P<called>{_PERSON.replace('{0,2}', '{1,2}')}),? (?:(?:our|the|an?) )?(?=(?i:{_ROLE})\b)"))
_WORDED = rf"(?P<share>\b(?i:{_WORD}) per ?cent\b)|(?P<worded>\b(?i:{_WORD})\b)"
# what the slower parts of the pattern need, looked for first
_LINKED = re.compile(r"://|www\.|@|`|\]\(")
_DIGIT = re.compile(r"\d|noon\b|midnight\b")
_OFFICES = frozenset("dr prof mr mrs ms rev sen rep capt sgt doctor professor sir dame judge president director manager editor founder "
                     "chair chairman chairwoman chairperson officer executive secretary head minister mayor principal curator ceo cfo cto "
                     "coo cmo".split())
_SPELT = frozenset((*_WORDS, *_TENS))
_LETTERS = re.compile("[a-z]+")
_LIST_MARK = re.compile(r"^[\s>#*+•‣–-]*(?:(?:\d{1,3}[.)]|\(?(?:\d{1,2}|[a-z])[.)])\s+)?")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a text: its kind, its value in one form, and where it stands."""

    kind: str
    value: str
    start: int
    end: int


def figures(text: str, names: bool = True) -> Iterator[Figure]:
    """The figures of a line or sentence from left to right; a number that opens a list line is none."""
    held = _LETTERS.findall(text.lower())
    wanted = (bool(_DIGIT.search(text)), names and not _OFFICES.isdisjoint(held), not _SPELT.isdisjoint(held))
    if not any(wanted):
        return
    first = _LIST_MARK.match(text)
    for match in _pattern(bool(_LINKED.search(text)), *wanted).finditer(text, first.end() if first else 0):
        kind = match.lastgroup
        if kind is None or kind == "link":
            continue
        start, end = match.span(kind)
        said = match.group(kind)
        kind = _KINDS.get(kind, kind)
        if kind == PHONE and sum(map(str.isdigit, said)) < 7:
            continue
        if kind == NUMBER and re.fullmatch(r"(?:19|20)\d\d", said):
            kind = YEAR
        yield Figure(kind, _VALUE[kind](said), start, end)


@cache
def _pattern(*wanted: bool) -> re.Pattern[str]:
    """The pattern of the parts that are wanted: links, digits, names with titles, numbers as words."""
    parts = (_LINK, _CORE, _TITLED, _WORDED)
    return re.compile("|".join(part for part, take in zip(parts, wanted, strict=True) if take))


def _number(said: str) -> str:
    """A number without its thousands marks, its decimals after a point, without empty decimals; words as digits."""
    said = said.strip().lower()
    scale = re.search(r"[ -]?(thousand|million|billion|trillion|mn|bn|k|m)$", said)
    bare = said[:scale.start()] if scale else said
    if bare[:1].isalpha():
        parts = re.split("[- ]", bare)
        return str(sum(_TENS.get(part, _WORDS.get(part, 1)) for part in parts))
    bare = re.sub(r"(?<=\d)[,'\u202f\u00a0](?=\d{3}(?!\d))", "", bare)
    bare = bare.replace(".", "").replace(",", ".") if bare.count(".") > 1 else bare.replace(",", ".")
    bare = bare.lstrip("0") or "0"
    if "." in bare:
        bare = bare.rstrip("0").rstrip(".") or "0"
    return f"{bare}e{_SCALES[scale.group(1)]}" if scale else bare


def _money(said: str) -> str:
    lowered = said.lower()
    number = re.search(_NUM, lowered)
    around = lowered.replace(number.group(), " ", 1) if number else lowered
    coin = next((mark for word, mark in _COINS.items() if word in around), "")
    scale = re.search(rf"(?<![a-z])({'|'.join(_SCALES)})\b", around)
    return coin + _number((number.group() if number else "") + (f" {scale.group(1)}" if scale else ""))


def _percent(said: str) -> str:
    return _number(re.sub(r"\s*(?:%|per ?cent|prozent|pour cent|por ciento)$", "", said, flags=re.I)) + "%"


def _date(said: str) -> str:
    """YEAR-MONTH-DAY, with `-` where one is not told; a date in figures alone whose order nobody knows stays as it is."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        return said
    month = next((n for n, names in enumerate(_MONTHS, 1) if re.search(rf"\b(?:{names})\b", said, re.I)), None)
    if month is None:
        return "/".join(part.lstrip("0") for part in re.split("[./]", said))
    year = re.search(r"\d{4}", said)
    day = re.search(r"\d{1,2}", said.replace(year.group(), "") if year else said)
    return f"{year.group() if year else ''}-{month:02d}-{int(day.group()):02d}" if day else f"{year.group() if year else ''}-{month:02d}-"


def _time(said: str) -> str:
    lowered = said.lower().replace(".m.", "m").replace(".", ":")
    if lowered in ("noon", "midnight"):
        return "12:00" if lowered == "noon" else "00:00"
    found = re.match(r"(\d{1,2})(?::(\d\d))?", lowered)
    assert found
    hour, minute = int(found.group(1)), found.group(2) or "00"
    if "pm" in lowered and hour < 12:
        hour += 12
    if "am" in lowered and hour == 12:
        hour = 0
    return f"{hour:02d}:{minute}"


_KINDS = {"titled": NAME, "headed": NAME, "called": NAME, "share": PERCENT, "worded": NUMBER}
_VALUE = {MONEY: _money, PERCENT: _percent, DATE: _date, TIME: _time, NUMBER: _number, YEAR: str, NAME: lambda said: " ".join(said.split()),
          PHONE: lambda said: re.sub(r"\D", "", said).removeprefix("00").lstrip("0")}
