"""Texts that speak to a model instead of a reader: control tokens and planted instructions (knowledge of prompt injection, P1)."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence

from ..pieces import Piece
from .finding import INVISIBLE, Found, Judge, by_order, excerpt
from .hidden import LOOKALIKES

TOKENS = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|<[|｜][^<>\n]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|"
    r"</?(?:start|end)_of_turn>|<(?:bos|eos|pad|unk|sep|cls|mask)>|\[(?:BOS|EOS|PAD|CLS|SEP|MASK)\]|"
    r"<(?:end_of_text|begin_of_text|endoftext)>|"
    r"</?(?:tool_call|tool_response|think|im_start|im_end)>|</s>")
STRUCK = re.compile(r"<s>[^<>]{0,400}</s>")         # struck through, in HTML
ROLES = re.compile(r"^[ \t>*_#]*(?:###\s*)?(system|assistant|user|human|instruction|response)(?: prompt| message)?[*_]*\s*:", re.I | re.M)
_ORDERS = (r"(?:instructions?|prompts?|directives|guardrails|anweisungen|vorgaben|consignes|instructions|instrucciones|istruzioni|"
           r"instru[cç][oõ]es|instructies)")
_OBJECT = (r"(?:instructions?|prompts?|directives|guardrails|rules|guidelines|directions|context|commands?|messages?|training|constraints|"
           r"anweisungen|vorgaben|regeln|consignes|r[eè]gles|instrucciones|reglas|istruzioni|regole|instru[cç][oõ]es|instructies)")
_BEFORE = (r"(?:previous(?:ly given)?|prior|above|earlier|preceding|foregoing|existing|original|initial|system|safety|"
           r"vorherigen?|bisherigen?|obigen?|pr[eé]c[eé]dentes?|ci-dessus|anteriores|previas|precedenti|vorige|eerdere)")
_ALL = r"(?:all|any|every|your|the|these|those|of|other|alle|toutes?|les|todas|las|tutte|le)"
_IGNORE = r"\b(?:ignor(?:e|iere|ez|a|i)|disregard|forget|override|bypass|vergiss|oubliez|olvida|dimentica|negeer)"
_MODEL = (r"(?:ai|a\.i\.|llms?|language models?|(?:ai|virtual|digital) assistants?|chatbots?|gpt|(?:ai|language|automated) "
          r"(?:systems?|models?|tools?|agents?|readers?))")
_IGNORED = ("ignor", "disregard", "forget", "overrid", "bypass", "vergiss", "oublie", "olvida", "dimentica", "negeer")
# each behind what such a phrase holds, looked for first: the patterns take a hundred times as long
INSTRUCTIONS = tuple((signs, re.compile(pattern, re.I | re.S)) for signs, pattern in (
    (_IGNORED, rf"{_IGNORE}\s+(?:{_ALL}\s+){{0,3}}{_BEFORE}\s+(?:(?:{_ALL}|{_BEFORE})\s+){{0,2}}{_OBJECT}\b"),
    (_IGNORED, rf"{_IGNORE}\s+(?:{_ALL}\s+){{1,3}}{_ORDERS}\b"),
    (_IGNORED,
     rf"{_IGNORE}\s+(?:{_ALL}\s+){{0,2}}{_OBJECT}\s+(?:pr[eé]c[eé]dentes|ant[eé]rieures|anteriores|previas|precedenti|above|before)\b"),
    (_IGNORED,
     r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:you (?:were|have been|are) (?:told|given|trained)|"
     r"(?:that (?:was|came) )?(?:above|before|prior)\b)"),
    (("follow", "obey", "heed"),
     rf"\b(?:do not|don['’]t|never|stop|no longer) (?:follow|obey|heed)(?:ing)? (?:{_ALL} ){{0,2}}{_BEFORE} {_OBJECT}\b"),
    (("from now on", "henceforth"),
     r"\b(?:from now on|henceforth),? (?:you (?:will|must) (?:only |always |never )?(?:answer|respond|reply|say|act|write|recommend|"
     r"praise)|always (?:answer|respond|reply|say))\b"),
    (("you are now", "you are no longer"),
     r"\byou are (?:now|no longer) (?:an? |in |the |bound )?(?:\w+ ){0,3}(?:ai|assistant|model|chatbot|bot|mode|dan|restricted|"
     r"unrestricted|developer)\b"),
    (("prompt", "instruction"),
     r"\b(?:reveal|print|repeat|output|show|leak|expose|display) (?:me )?(?:your|the|this) (?:\w+ ){0,2}(?:system prompt|hidden prompt|"
     r"instructions (?:above|verbatim)|initial prompt)\b"),
    (("system ", "instruction"),
     r"\b(?:begin|start|end|new|updated|override) (?:of )?(?:system (?:prompt|message|instructions?|override)|"
     r"instructions? (?:for|to) the (?:ai|assistant|model))\b"),
    (("note to", "note for", "message to", "message for", "instruction", "attention to", "attention for", "notice to",
      "notice for", "memo to", "memo for"),
     rf"\b(?:note|message|instructions?|attention|notice|memo) (?:to|for) (?:the |any |all |every )?(?:{_MODEL}|models?|assistants?)\b"),
    (_IGNORED, rf"{_IGNORE}\s+(?:{_ALL}\s+)?(?:brand|style|house|safety|content) (?:guides?|guidelines|rules|policy|policies)\b"),
    (("your real", "your true", "your actual", "your new"),
     r"\byour (?:real|true|actual|new) (?:task|job|goal|purpose|objective|instructions?) (?:is|are) (?:now )?to\b"),
    (("when asked", "when prompted", "when told", "when requested", "when you are "),
     r"\bwhen (?:you are )?(?:asked|prompted|told|requested) (?:to |about |for )?(?:\w+ ){0,6}?\w+, "
     r"(?:always )?(?:say|answer|respond|reply|claim|state|output|write)\b"),
    (("you are a", "you are now a"),
     r"\byou are (?:now )?an? (?:\w+ ){0,2}(?:ai|assistant|chatbot|language model|bot)"
     r"(?: (?:without|with no|that|who|named|called)\b|\.)"),
    ((" reply with", " answer with", " response with", " output with"),
     r"\b(?:begin|start|end|confirm by beginning) (?:your|every|each) (?:next )?(?:reply|answer|response|output) with\b"),
    (("only with", "exclusively with"), r"\b(?:respond|reply|answer|output) (?:only|exclusively) with\b.{0,40}(?:\"|“|')"),
    (("do not tell", "do not inform", "do not mention", "do not reveal"),
     r"\bdo not (?:tell|inform|mention (?:this|it) to|reveal (?:this|it) to) the (?:user|reader|human)\b"),
    (("language model", "ai assistant", "ai model"),
     r"\b(?:as an?|i am an?|i'm an?) (?:ai|artificial intelligence|large)? ?(?:language model|ai assistant|ai model)\b"),
    (("if you are a",), r"\bif you are an? (?:ai|llm|language model|assistant|chatbot)\b"),
    (("whenever",),
     r"\bwhenever (?:you are|someone|anyone|a user|the user) (?:asks?|asked|writes?|mentions?)\b.{0,80}\b(?:say|answer|respond|"
     r"reply|recommend|mention)\b"),
    (("jailbreak", "dan mode", "developer mode", "god mode", "prompt injection"),
     r"\b(?:jailbreak|dan mode|developer mode (?:enabled|on)|god mode enabled|prompt injection payload)\b"),
))
_DISGUISE = re.compile("[\u00ad\u0370-\u03ff\u0400-\u04ff\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\uff01-\uff5e"
                       "\U0001d400-\U0001d7ff\U000e0000-\U000e007f]")
_SPELLED = re.compile(r"\b(?:[^\W\d_][ .\-_*]){5,}[^\W\d_]\b")
_LETTERS_APART = re.compile(r"\b(?:[^\W\d_][ .\-_*])+[^\W\d_]\b")     # where so much is spelled out, shorter words are too
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}(?![A-Za-z0-9+/=])")
_CODE = re.compile(r"`[^`\n]{1,200}`|^(?P<fence>```|~~~).*?^(?P=fence)", re.M | re.S)
IN_CODE = 0.4            # a token that is quoted as code is told of, most likely, not planted


def control_tokens(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Tokens that steer a model (`<|im_end|>`, `[INST]`, `</s>`), or lines that give a text to two roles of a conversation."""
    return by_order((piece, _tokens(piece.body)) for piece in pieces)


def planted_instructions(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Phrases that give orders to a model, also behind invisible characters, look-alike letters, spelled out or in base64."""
    return by_order((piece, _orders(piece)) for piece in pieces)


def _tokens(text: str) -> Found | None:
    if not any(sign in text for sign in ("<", "[", ":")):
        return None
    struck = [match.span() for match in STRUCK.finditer(text)]
    quoted = [match.span() for match in _CODE.finditer(text)] if "`" in text or "~~~" in text else []
    best = None
    for match in TOKENS.finditer(text):
        if match.group() == "</s>" and any(start <= match.start() < end for start, end in struck):
            continue
        if not any(start <= match.start() < end for start, end in quoted):
            return Found(f"holds the control token {excerpt(text, *match.span())}", 0.97)
        best = best or Found(f"holds the control token, as code, {excerpt(text, *match.span())}", IN_CODE)
    marks = list(ROLES.finditer(text))
    names = {match.group(1).lower() for match in marks}
    if names & {"system", "assistant", "instruction", "response"} and len(names) >= 2:
        return Found(f"written as a conversation of {' and '.join(sorted(names))}: {excerpt(text, *marks[0].span())}", 0.8)
    return best


def _orders(piece: Piece) -> Found | None:
    for where, text in (("", piece.body), ("in the title: ", piece.asset.title or ""), ("in the summary: ", piece.asset.summary or "")):
        match = _order(text)
        if match:
            quoted = any(start <= match.start() < end for start, end in (one.span() for one in _CODE.finditer(text)))
            return Found(f"gives orders to a model: {where}{excerpt(text, *match.span())}", IN_CODE if quoted else 0.9)
        plain = _bare(text)
        match = _order(plain) if plain != text else None
        if match:
            return Found(f"gives orders to a model, disguised: {where}{excerpt(plain, *match.span())}", 0.97)
    for match in _ENCODED.finditer(piece.body):
        told = _decoded(match.group())
        if told:
            sure = 0.97 if _order(told) else 0.7
            return Found(f"holds the words »{told[:80]}« in base64: {excerpt(piece.body, *match.span())}", sure)
    return None


def _order(text: str) -> re.Match[str] | None:
    """The first place of a text that gives an order to a model."""
    lowered = text.casefold()
    asked = [pattern for signs, pattern in INSTRUCTIONS if any(sign in lowered for sign in signs)]
    return min((match for pattern in asked if (match := pattern.search(text))), key=lambda match: match.start(), default=None)


def _bare(text: str) -> str:
    """The text as a reader would say it: no invisible characters, look-alike letters as the letter, spelled-out words closed."""
    if not text.isascii() and _DISGUISE.search(text):
        text = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).translate(LOOKALIKES)
    if not _SPELLED.search(text):
        return text
    return re.sub(" {2,}", " ", _LETTERS_APART.sub(lambda match: _closed(match.group()), text))


def _closed(spelled: str) -> str:
    """A run of single letters as words: spaces part words where other marks part the letters."""
    return re.sub(r"[.\-_*]" if re.search(r"[.\-_*]", spelled) else " ", "", spelled)


def _decoded(run: str) -> str | None:
    """What a run of base64 says, where it says words."""
    try:
        told = base64.b64decode(run + "=" * (-len(run) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    letters = sum(character.isalpha() or character in " .,!?'\"" for character in told)
    return told if told.isprintable() and " " in told.strip() and letters >= 0.9 * len(told) else None
