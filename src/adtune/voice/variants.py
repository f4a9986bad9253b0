"""English words that are spelt in two ways, as patterns: British and American, and the verbs in -ise or -ize.

The British use both -ise and -ize, so the two are told apart. Words that one side also writes as the other does (program, check,
dialog) stand on neither; some stand on one side only, because their other form means something else (tyre, cheque).
"""

from __future__ import annotations

import re
from functools import cache

_OUR = ("arm|behavi|cand|clam|col|discol|demean|endeav|fav|disfav|ferv|flav|harb|hon|dishon|hum|lab|neighb|od|parl|ranc|rig|rum|sav|savi|"
        "splend|tum|val|vap|vig")
_OUR_ENDS = "(?:s|ed|ing|ings|able|ably|ful|fully|ite|ites|itism|less|hood|hoods|ly|er|ers|al|ally|ists?|y|some)?"
_RE = "cent|epicent|theat|kilomet|centimet|millimet|lit|millilit|fib|calib|somb|spect|lust|meag|sab|goit|och"
_DOUBLED = ("cancel|travel|label|model|signal|fuel|level|counsel|marvel|quarrel|channel|dial|equal|jewel|initial|tunnel|total|unravel|"
            "shovel|swivel|panel|pencil|rival|spiral|funnel|bevel|chisel|duel|grovel|libel|revel|shrivel|towel|trowel|yodel")
_SINGLE = "fulfi|enro|insti|disti"
_AE = (("anaemi", "anemi"), ("paediatr", "pediatr"), ("haemo", "hemo"), ("haema", "hema"), ("leukaemi", "leukemi"), ("oestro", "estro"),
       ("foet(?=us|al)", "fet(?=us|al)"), ("diarrhoea", "diarrhea"), ("orthopaedi", "orthopedi"), ("gynaecolog", "gynecolog"),
       ("oesophag", "esophag"), ("anaesthe", "anesthe"), ("manoeuvr", "maneuver"), ("coeliac", "celiac"), ("oedema", "edema"),
       ("septicaemi", "septicemi"), ("hypoglycaem", "hypoglycem"), ("hyperglycaem", "hyperglycem"), ("ischaem", "ischem"),
       ("caesarean", "cesarean"), ("faec(?=es|al)", "fec(?=es|al)"), ("sulph(?=ur|ate|ide)", "sulf(?=ur|ate|ide)"))
_WHOLE = (("grey(?:s|er|ed|ish)?", "gray(?:s|er|ed|ish)?"), ("mould(?:s|y|ed|ing)?", "mold(?:s|y|ed|ing)?"),
          ("plough(?:s|ed|ing)?", "plow(?:s|ed|ing)?"), ("sceptic(?:s|al|ally|ism)?", "skeptic(?:s|al|ally|ism)?"),
          ("cos(?:y|ier|iest|ily)", "coz(?:y|ier|iest|ily)"), ("pyjamas?", "pajamas?"), ("moustaches?", "mustaches?"),
          ("aluminium", "aluminum"), ("defences?", "defenses?"), ("offences?", "offenses?"), ("pretences?", "pretenses?"),
          ("jewellery", "jewelry"), ("maths", "math"), ("mums?", "moms?"), ("skilful(?:ly)?", "skillful(?:ly)?"),
          ("wilful(?:ly)?", "willful(?:ly)?"), ("instalments?", "installments?"), ("enrolments?", "enrollments?"),
          ("fulfilment", "fulfillment"), ("counsellors?", "counselors?"), ("catalogue[sd]?", "catalog(?:s|ed)?"),
          ("paralys(?:e|ed|ing)", "paralyz(?:e|es|ed|ing)"), ("analys(?:e|ed|ing|er|ers)", "analyz(?:e|es|ed|ing|er|ers)"),
          ("centring", "centering"))
_BRITISH_ALONE = "tyres?|cheques?|programmes?|licences?|practise[sd]?|practising|kerbs?|whilst|learnt|yoghurts?|storeys?|draughty?"
_STEMS = ("organ|recogn|real|apolog|emphas|special|minim|maxim|optim|summar|priorit|custom|standard|final|familiar|util|categor|author|"
          "memor|normal|general|visual|modern|character|critic|symbol|stabil|steril|token|initial|central|local|global|digit|personal|social|"
          "formal|capital|crystal|energ|fertil|hospital|immun|legal|mobil|neutral|penal|public|rational|revital|sympath|synchron|synthes|"
          "victim|vandal|monet|moistur|pressur|pasteur|caramel|item|idol|jeopard|harmon|fantas|empath|econom|democrat|computer|civil|brutal|"
          "anonym|agon|acclimat|incentiv|serial|random|sensit|subsid|verbal|scrutin|commercial|commod|material|polar|popular|trivial|"
          "weapon|winter|equal|external|internal|industrial|colon|contextual|oxid|terror|theor|tranquil|vital|vocal")
_FRONT = "(?:re|dis|un|de|over|under|pre)?"
_ENDS = "(?:e|es|ed|ing|er|ers|ation|ations)"


def _either(side: int) -> re.Pattern[str]:
    """The words as one side spells them, in lower case: a capital may belong to a name. 0 is British, 1 American."""
    our, re_ending = (("our", "re"), ("or", "er"))[side]
    led = "l(?:ed|ing|er|ers)" if side == 0 else "(?:ed|ing|er|ers)"
    ends = "ls?" if side == 0 else "lls?"
    parts = [f"(?:{_OUR}){our}{_OUR_ENDS}", f"(?:{_RE}){re_ending}(?:s|d)?" if side == 0 else f"(?:{_RE}){re_ending}(?:s|ed)?",
             f"(?:{_DOUBLED}){led}", f"(?:{_SINGLE}){ends}",
             f"(?:{'|'.join(pair[side] for pair in _AE)})[a-z]*", *(pair[side] for pair in _WHOLE)]
    if side == 0:
        parts.append(_BRITISH_ALONE)
    return re.compile("|".join(parts))


_SIDES = {"British": _either(0), "American": _either(1), "-ise": re.compile(rf"{_FRONT}(?:{_STEMS})is{_ENDS}"),
          "-ize": re.compile(rf"{_FRONT}(?:{_STEMS})iz{_ENDS}")}


@cache
def variant_of(word: str) -> str | None:
    """British, American, -ise or -ize for a word in lower case; None where it is spelt in one way, or not known."""
    return next((side for side, pattern in _SIDES.items() if pattern.fullmatch(word)), None)
