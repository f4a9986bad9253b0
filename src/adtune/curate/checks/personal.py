"""Personal data: addresses, numbers and secrets of persons, found by form and checksum, less what the house itself publishes.

docs/decisions/0009 says why these are patterns with checksums and not presidio.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from ..pieces import Piece
from .finding import Found, Judge, excerpt
from .secrets import secrets_of
from .sentences import NORMAL_SHARE

PUBLISHED = 3            # families that hold the same address, number or name: the house publishes it
NAMED = 5                # letters of a mailbox that may be named as one of the house's domains
OWN_DOMAIN = 0.01        # share of the families whose links or addresses name a domain, from which it is one of the house's own
EMAIL = re.compile(r"(?<![\w.+%@-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![\w-])")
DOMAIN = re.compile(r"(?:https?://|www\.|@)((?:[\w-]{1,63}\.){1,4}[A-Za-z]{2,24})(?![\w-])", re.I)
NUMBER = re.compile(r"(?<![\w.,/$€£#%=-])(?:\+\d{1,3}|\(?\d)[\d\s().\-/\u2011\u2013]{6,24}\d(?![\w%/]|[.,]\d)")
NORTH_AMERICAN = re.compile(r"(?:\+?1[-. ]?)?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}")
CARD = re.compile(r"(?<![\w.,+-])[2-6](?:[ -]?\d){12,18}(?![\w-]|[.,]\d)")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
SOCIAL = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
# each behind what it holds one of, looked for first
_STREETS = (
    (("St", "Ave", "Road", "Rd", "Lane", "Ln", "Dr", "Court", "Ct", "Boulevard", "Blvd", "Terrace", "Way", "Pl", "Close", "Crescent",
      "Parkway", "Pkwy", "Square"),
     r"(?<![\w.,/-])\d{1,5}[A-Za-z]?\s+(?:(?:N|S|E|W|North|South|East|West)\.?\s+)?(?:[A-Z][a-z’'-]+\s+|\d{1,3}(?:st|nd|rd|th)\s+){1,3}"
     r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Boulevard|Blvd|Terrace|Way|Place|Pl|Close|Crescent|Parkway|Pkwy|Square)\b\.?"),
    (("stra", "str.", "weg", "gasse", "allee", "platz"),
     r"\b[A-ZÄÖÜ][a-zäöüß-]+(?:straße|strasse|str\.|weg|gasse|allee|platz)\s+\d{1,4}[a-z]?\b"),
    (("rue", "avenue", "boulevard", "place", "chemin", "impasse"),
     r"\b\d{1,4}(?:bis|ter)?,?\s+(?:rue|avenue|boulevard|place|chemin|impasse)\s+(?:de\s+|du\s+|des\s+|la\s+|l['’])*[A-ZÉÈ][\w’'-]+"),
    (("Calle", "Avenida", "Plaza", "Via", "Piazza"),
     r"\b(?:Calle|Avenida|Plaza|Via|Viale|Piazza)\s+(?:de\s+|del\s+|la\s+)*[A-Z][\w’'-]+,?\s+\d{1,4}\b"))
# what every number of a card or phone, and every IBAN, holds
_RUN = re.compile(r"\d[\d\s().\-/\u2011\u2013]{6,}\d")
_DIGIT = re.compile(r"\d")
_IBAN_HEAD = re.compile(r"[A-Z][A-Z]\d\d")
DATES = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{4} ?[-–] ?\d{4}")
POSTCODE = re.compile(r"\b(?:[A-Z]{2}\s+\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}|\d{5}\s+[A-ZÄÖÜÉ][\w’'-]+)\b")
PERSON = re.compile(r"[a-z]+[._][a-z]+\d{0,4}$|[a-z]{1,2}[._-][a-z]{3,}\d{0,4}$")    # a mailbox named as a person: first.last, f.last
ROLES = frozenset("info hello hi contact contacts press media help helpdesk support service sales admin administrator office team mail "
                  "email news newsletter editor editors editorial marketing privacy legal jobs careers hr recruiting feedback enquiries "
                  "inquiries webmaster postmaster hostmaster noreply no-reply donotreply billing accounts orders shop events membership "
                  "kontakt presse redaktion service-team bonjour hola ciao training workshops community web notifications notification "
                  "challenges challenge developer developers government list lists submissions submit group staff board committee org "
                  "facilitator facilitators security abuse api bot bots notify updates digest apply applications registration "
                  "register partner partners partnerships sponsors".split())
FREE_MAIL = frozenset("gmail.com googlemail.com yahoo.com yahoo.co.uk hotmail.com outlook.com live.com icloud.com me.com aol.com msn.com "
                      "gmx.de gmx.net gmx.com web.de t-online.de proton.me protonmail.com mail.com orange.fr free.fr laposte.net libero.it "
                      "fastmail.com zoho.com yandex.com mail.ru qq.com 163.com".split())
MADE_UP = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$")
REGIONS = {"en": ("US", "GB"), "de": ("DE", "AT", "CH"), "fr": ("FR", "BE", "CH"), "es": ("ES", "MX"), "it": ("IT",), "nl": ("NL", "BE"),
           "pt": ("PT", "BR"), "pl": ("PL",), "sv": ("SE",), "da": ("DK",), "no": ("NO",)}
OFFICE, SECRET = "phone number to call", "access code or password"
SURE = {"e-mail address of a person": 0.9, "e-mail address": 0.55, "phone number": 0.8, OFFICE: 0.8, SECRET: 0.85,
        "card number": 0.97, "IBAN": 0.98, "social security number": 0.85, "postal address": 0.65, "street address": 0.4,
        "name of an author": 0.3}
# no house's way, however many pieces hold one; a number that a reader is asked to call may be
NEVER_USUAL = ("card number", "IBAN", "social security number", "phone number", SECRET)
TO_CALL = re.compile(r"\b(?:call|phone|tel|telephone|fax|mobile|contact|hotline|reach|ring|dial|office|press|media|bookings?|reservations?|"
                     r"enquiries|inquiries|text|sms|whatsapp|telefon|rufen|tél|appelez|llame|chiama)\b[^\n!?]{0,40}$", re.I)
Hit = tuple[str, str, int, int]      # kind, what is compared between pieces, start, end


def personal_data(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """The surest personal datum of each piece, with how many there are.

    What three families hold is published by the house, and so is an address on one of its own domains or of an office (`info@`). A
    street without a town and an author's name are only shown, and what a quarter of the house's pieces hold is the house's way, but for
    NEVER_USUAL.
    """
    authors = _authors(judge.pieces)
    hits = {piece.order: list(hits_of(piece.body, judge.language(piece) or "en", authors)) for piece in judge.pieces}
    holders: dict[str, set[int]] = defaultdict(set)
    for piece in judge.pieces:
        for _, value, _, _ in hits[piece.order]:
            holders[value].add(judge.family[piece.content])
    domains = _own_domains(judge)
    private = {order: [hit for hit in found if len(holders[hit[1]]) < PUBLISHED and not ("@" in hit[1] and _ours(hit[1], domains))]
               for order, found in hits.items()}
    usual = Counter(kind for piece in judge.house for kind in {hit[0] for hit in private[piece.order]})
    house = {piece.order for piece in judge.house}
    found = {}
    for piece in pieces:
        rated = [(_confidence(hit[0], usual, len(house), piece.order in house), hit) for hit in private[piece.order]]
        if rated:
            sure, (kind, _, start, end) = max(rated, key=lambda one: (one[0], -one[1][2]))
            more = f" and {len(rated) - 1} more" if len(rated) > 1 else ""
            if sure > 0:
                found[piece.order] = Found(f"{kind}{more}: {excerpt(piece.body, start, end)}", sure)
    return found


def hits_of(text: str, language: str, authors: Mapping[str, str]) -> Iterator[Hit]:
    """What has the form, and the checksum where there is one, of a personal datum; no place is told twice."""
    if "@" in text:
        for match in EMAIL.finditer(text):
            address = match.group().casefold()
            local, _, domain = address.partition("@")
            person = PERSON.match(local) or domain in FREE_MAIL
            yield "e-mail address of a person" if person else "e-mail address", address, *match.span()
    taken: list[tuple[int, int]] = []
    for value, start, end in secrets_of(text):
        taken.append((start, end))
        yield SECRET, value, start, end
    for sign, numbers in _NUMBERS if _DIGIT.search(text) else ():
        for kind, pattern, holds in numbers if sign.search(text) else ():
            for match in pattern.finditer(text):
                if not any(start < match.end() and match.start() < end for start, end in taken) and holds(match.group(), language):
                    taken.append(match.span())
                    to_call = kind == "phone number" and TO_CALL.search(text, max(0, match.start() - 60), match.start())
                    yield OFFICE if to_call else kind, re.sub(r"\W", "", match.group()).upper(), *match.span()
    for match in _streets(text):
        town = POSTCODE.search(text, match.end(), match.end() + 60)
        yield ("postal address" if town else "street address"), " ".join(match.group().casefold().split()), match.start(), \
            town.end() if town else match.end()
    for name in authors:
        place = text.find(name)
        if place >= 0:
            yield "name of an author", name.casefold(), place, place + len(name)


def _streets(text: str) -> Iterator[re.Match[str]]:
    kinds = tuple(place for place, (signs, _) in enumerate(_STREETS) if any(sign in text for sign in signs)) if _DIGIT.search(text) else ()
    return _street_pattern(kinds).finditer(text) if kinds else iter(())


@cache
def _street_pattern(kinds: tuple[int, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_STREETS[kind][1] for kind in kinds))


def _confidence(kind: str, usual: Mapping[str, int], house: int, own: bool) -> float:
    share = (usual[kind] - own) / max(1, house - own) if kind not in NEVER_USUAL else 0.0
    return SURE[kind] * (1 - share / NORMAL_SHARE)


def _authors(pieces: Sequence[Piece]) -> dict[str, str]:
    """Names of persons in the author field: two to four words with capitals."""
    names = {piece.asset.author for piece in pieces if piece.asset.author}
    return {name: name for name in sorted(names) if re.fullmatch(r"(?:[^\W\d_a-z][\w.’'-]*\s+){1,3}[^\W\d_a-z][\w’'-]+", name)}


def _own_domains(judge: Judge) -> frozenset[str]:
    """Domains that many families name in links and addresses, by their last two parts, less the ones where anyone has a mailbox."""
    holders: dict[str, set[int]] = defaultdict(set)
    for piece in judge.pieces:
        if "@" in piece.body or "www." in piece.body or "://" in piece.body:
            for domain in DOMAIN.findall(piece.body):
                holders[_site(domain)].add(judge.family[piece.content])
    least = max(PUBLISHED, OWN_DOMAIN * len(set(judge.family.values())))
    return frozenset(domain for domain, numbers in holders.items() if len(numbers) >= least and domain not in FREE_MAIL)


def _site(domain: str) -> str:
    parts = domain.casefold().split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and parts[-2] in ("co", "ac", "gov", "org", "com") and len(parts[-1]) == 2 else parts[-2:])


def _ours(address: str, domains: frozenset[str]) -> bool:
    """Whether the address belongs to an office, the house or a manual."""
    local, _, domain = address.partition("@")
    parts = {local, *re.split(r"[+._-]", local)}
    named = {site.partition(".")[0] for site in domains}       # carpentries@some.university where carpentries.org is the house's
    office = not parts.isdisjoint(ROLES) or any(len(part) >= NAMED and part in named for part in parts)
    return office or _site(domain) in domains or bool(MADE_UP.search(domain))


def _is_card(run: str, language: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", run)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn.is_valid(digits)


def _is_iban(run: str, language: str) -> bool:
    from stdnum import iban

    return iban.is_valid(run)


def _is_social(run: str, language: str) -> bool:
    from stdnum.us import ssn

    return ssn.is_valid(run)


@cache
def _is_phone(run: str, language: str) -> bool:
    """Whether the digits are the number of a person's or a firm's phone, and no freephone or service number."""
    import phonenumbers
    from phonenumbers import PhoneNumberType as Kind

    digits = re.sub(r"\D", "", run)
    if not 8 <= len(digits) <= 15 or "\n" in run or DATES.fullmatch(run):
        return False
    for region in REGIONS.get(language, (None,)) if not run.startswith("+") else (None,):
        try:
            number = phonenumbers.parse(run, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and re.search(r"[\s().\-/]", run.strip("+")):
            return phonenumbers.number_type(number) not in (Kind.TOLL_FREE, Kind.PREMIUM_RATE, Kind.SHARED_COST, Kind.UAN)
    return bool(NORTH_AMERICAN.fullmatch(run)) and not re.match(r"\+?1?[-. ]?\(?8(?:00|33|44|55|66|77|88)", run)


_Holds = Callable[[str, str], bool]
_NUMBERS: tuple[tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str], _Holds], ...]], ...] = (
    (_IBAN_HEAD, (("IBAN", IBAN, _is_iban),)),
    (_RUN, (("card number", CARD, _is_card), ("social security number", SOCIAL, _is_social), ("phone number", NUMBER, _is_phone))))
