"""How much of a text is mark-up rubbish: tags, entities, template tokens, code and style sheets.

Repetitions that could start anywhere are bounded, so that no text takes quadratic time.

Light markdown (headings, bold, lists, links, tables) is the way many archives are written and is not rubbish.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

# each with the characters one of which it holds: the patterns are slow on plain prose
_PARTS = (
    ("<", r"<(script|style|svg|pre|code)\b[^<>]*>.{0,20000}?</\1\s*>"),               # elements whose content is no copy
    ("<", r"<!--.{0,5000}?-->|<!\[CDATA\[|<![a-z][^<>]*>|<\?.{0,500}?\?>"),
    ("<", r"</?[a-z][a-z0-9:_-]*(?:\s[^<>]*)?/?>"),                           # a tag; <https://...> is a markdown link
    ("<[", r"<\|[^<>|]{1,40}\|>|\[/?INST\]"),                                 # chat control tokens
    ("&", r"&(?:[a-z][a-z0-9]{1,30}|\#\d{1,7}|\#x[0-9a-f]{1,6});"),
    ("{", r"\{\{.{0,500}?\}\}|\{%.{0,500}?%\}|\{\#.{0,500}?\#\}"),             # template tokens
    ("{", r"(?:[.\#@]?[\w-]{1,40}\s?)?\{[^{}:;=]*[:;=][^{}]*\}"),              # style rules, JSON, code blocks
    ("[", r"\[/[a-z_]+\]|\[[a-z_]+(?:\s+[\w-]+=[^\s\]]+)+\s*\]"),              # shortcodes
    ("[", r"\[(?:b|i|u|url|img|quote|code|size|color)(?:=[^\]\n]*)?\](?!\()"),
    ("`~", r"^(?P<fence>```|~~~).*?^(?P=fence)"),
    ("=", r"""\b(?:class|style|href|src|id)=(?:"[^"\n]*"|'[^'\n]*')"""),       # what is left of a broken tag
    ("", r"[A-Za-z0-9+/=]{80,}"),                                              # encoded binary data
)


def markup_share(text: str) -> float:
    """Share (0 to 1) of the characters of `text` that are mark-up."""
    signs = "".join(sign for sign in "<[&{`~=" if sign in text)
    return sum(len(match.group()) for match in _markup(signs).finditer(text)) / max(1, len(text))


@cache
def _markup(signs: str) -> re.Pattern[str]:
    """The pattern of the parts that a text with these characters can hold."""
    parts = [f"(?:{part})" for needed, part in _PARTS if not needed or not set(needed).isdisjoint(signs)]
    return re.compile("|".join(parts), re.IGNORECASE | re.DOTALL | re.MULTILINE)


def letter_share(text: str) -> float:
    """Share (0 to 1) of letters, with the marks that belong to them, among the characters that are not white space."""
    visible = "".join(text.split())
    marks = sum(count for character, count in Counter(visible).items() if unicodedata.category(character).startswith("M")) \
        if not visible.isascii() else 0
    return (sum(map(str.isalpha, visible)) + marks) / max(1, len(visible))
