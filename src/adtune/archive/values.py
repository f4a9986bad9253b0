"""The words of single fields: approval, content type, language, lists of facts, plain one-line fields."""

from __future__ import annotations

import re
from typing import Any

from ..records import Approval, ContentType
from . import dates, normal

APPROVALS = {
    Approval.GOLD: "gold, exemplary, gold standard, best",
    Approval.APPROVED: "approved, final, published, publish, live, accepted, signed off, done, yes, true, "
                       "freigegeben, genehmigt, veröffentlicht, erteilt, ja, wahr, approuvé, approuvée, validé, validée, publié, publiée, "
                       "oui, vrai, aprobado, aprobada, publicado, publicada, sí, verdadero, approvato, approvata, pubblicato, pubblicata, "
                       "sì, vero, "
                       "goedgekeurd, gepubliceerd, definitief, aprovado, aprovada, sim, verdadeiro",
    Approval.DRAFT: "draft, wip, work in progress, in progress, pending, in review, not started, to do, todo, no, false, "
                    "entwurf, in arbeit, in bearbeitung, offen, ausstehend, nicht freigegeben, nein, falsch, brouillon, en cours, "
                    "en attente, non, faux, borrador, pendiente, en curso, en revisión, falso, bozza, in attesa, in revisione, "
                    "concept, in behandeling, nee, onwaar, rascunho, pendente, em revisão, não",
    Approval.REJECTED: "rejected, declined, refused, withdrawn, killed, abgelehnt, zurückgezogen, rejeté, rejetée, refusé, refusée, "
                       "rechazado, rechazada, rifiutato, rifiutata, respinto, afgekeurd, afgewezen, rejeitado, rejeitada, "
                       "recusado, recusada",
}
YES, NO = {"yes", "y", "true", "1", "x", "withdrawn"}, {"no", "n", "false", "0", "restored"}   # of a column `withdrawn`
CONTENT_TYPES = {
    ContentType.ARTICLE: "article, blog post, blog, blog article, blogpost, news article",
    ContentType.EMAIL: "e mail, email, newsletter, mailing, e newsletter",
    ContentType.SOCIAL: "social post, social, social media post, tweet, x post, linkedin, linkedin post, facebook, facebook post, "
                        "instagram, instagram post",
    ContentType.SEARCH_AD: "search ad, ad, google ad, text ad, ppc ad, responsive search ad",
    ContentType.PRODUCT: "product copy, product description, product text, product page",
}
_APPROVAL = {word.strip(): kind.value for kind, words in APPROVALS.items() for word in words.split(",")}
_CONTENT_TYPE = {word.strip(): kind.value for kind, words in CONTENT_TYPES.items() for word in words.split(",")}
BULLET = re.compile(r"^\s*(?:[-*•]\s+|\d+[.)]\s+)")


def plain(value: Any) -> str | None:
    """A one-line field; None where it is empty. Raises ValueError where it is no word or number."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"is {kind_of(value)}, not words")
    return normal.line_of(value) or None


def first_of(value: Any, split: bool = False) -> str | None:
    """The first of a list, or of words with commas between them where `split`, as a one-line field."""
    if isinstance(value, str) and split:
        value = re.split(r"[,;|]", value)
    if isinstance(value, list):
        value = next((item for item in value if item not in (None, "")), None)
    return plain(value)


def approval(value: Any) -> str | None:
    """Raises ValueError for a word that is not known: what it allows would be a guess."""
    word = plain(str(value) if isinstance(value, bool) else value)
    if word is None:
        return None
    known = _APPROVAL.get(_spaced(word))
    if known is None:
        raise ValueError(f"'{word[:40]}' is not known; expected gold, approved, draft or rejected")
    return known


def withdrawn(value: Any) -> bool | None:
    """Yes, no, or a day since when; None where the file does not say. Raises ValueError for other words: what they allow is a guess."""
    if isinstance(value, bool) or value is None:
        return value
    word = (plain(value) or "").casefold()
    if not word or word in YES or word in NO:
        return word in YES if word else None
    try:
        dates.iso_day(word)
    except ValueError:
        raise ValueError(f"withdrawn is '{word[:40]}'; expected yes, no or a day") from None
    return True


def content_type(value: Any) -> str | None:
    """The known content type that the word means; any other word as it stands."""
    word = plain(value)
    return None if word is None else _CONTENT_TYPE.get(_spaced(word), word)


def facts(value: Any) -> tuple[str, ...]:
    """Facts from a list, or from text with line feeds or semicolons between them; list marks are dropped."""
    if isinstance(value, str):
        value = re.split(r"[\n;]", value.replace("\r", "\n"))
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"is {kind_of(value)}, not a list or text")
    stated = (plain(BULLET.sub("", item) if isinstance(item, str) else item) for item in value)
    return tuple(fact for fact in stated if fact)


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number",
             type(None): "nothing"}
    return names.get(type(value), type(value).__name__)


def _spaced(word: str) -> str:
    return " ".join(re.sub(r"[_\-]+", " ", word.casefold()).split())
