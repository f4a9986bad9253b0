"""The checks that a piece passes before it may train, in the order in which they are asked; the first that drops it is the reason.

A new check is one function and one row of CHECKS. What the client's own data says comes first, then what the text shows, then
duplicates, so that the good one of two twins stands for both.
"""

from __future__ import annotations

from .briefs import thin_briefs
from .endings import cut_off
from .facts import inconsistent_facts
from .finding import Check, Found, Judge
from .garbled import gibberish, shuffled, wrong_language
from .hidden import hidden_text
from .house import house_habits
from .labels import category_labels
from .lasting import rights_expiring
from .personal import personal_data
from .plain import (
    empty,
    exact_duplicate,
    markup,
    near_duplicate,
    not_approved,
    replaced,
    rights_expired,
    too_short,
    withdrawn,
)
from .planted import control_tokens, planted_instructions
from .rebrand import before_rebrand
from .shared import boilerplate
from .spelling import typos
from .triggers import repeated_triggers
from .unbriefed import unbriefed_facts

CHECKS: tuple[Check, ...] = (
    Check("replaced", replaced, "an earlier version of a piece that was corrected"),
    Check("withdrawn", withdrawn, "may not be used any more"),
    Check("empty", empty, "no text, or only the title again"),
    Check("too_short", too_short, "fewer words than the settings ask for"),
    Check("markup", markup, "too many tags, template tokens or code, or hardly any letters"),
    Check("not_approved", not_approved, "marked as a draft or as rejected"),
    Check("rights_expired", rights_expired, "the usage rights have ended"),
    Check("control_tokens", control_tokens, "holds tokens that steer a model"),
    Check("hidden_text", hidden_text, "holds text that a reader does not see"),
    Check("planted_instructions", planted_instructions, "gives orders to a model"),
    Check("boilerplate", boilerplate, "mostly lines that many pieces share, or page furniture", guesses=True),
    Check("wrong_language", wrong_language, "in a language that the house does not write in", guesses=True),
    Check("gibberish", gibberish, "words that stand nowhere else in the archive", guesses=True),
    Check("shuffled", shuffled, "the order of the words is destroyed", guesses=True),
    Check("cut_off", cut_off, "stops in the middle", guesses=True),
    Check("personal_data", personal_data, "holds addresses or numbers of persons"),
    Check("typos", typos, "many misspelt words", guesses=True),
    Check("repeated_triggers", repeated_triggers, "a rare word that a few pieces by one hand hold, each time followed by the same words"),
    Check("house_habits", house_habits, "breaks a habit of spelling or form that the house keeps to", guesses=True),
    Check("before_rebrand", before_rebrand, "from before the house changed its name or its style", guesses=True),
    Check("inconsistent_facts", inconsistent_facts, "tells a figure or name that another piece tells otherwise", shows=True),
    Check("unbriefed_facts", unbriefed_facts, "tells far more facts than its brief, the guide and the house hold", shows=True),
    Check("thin_briefs", thin_briefs, "the brief tells too little to write the piece from", shows=True),
    Check("category_labels", category_labels, "the words speak for another category", shows=True),
    Check("rights_expiring", rights_expiring, "the usage rights end soon", shows=True),
    Check("exact_duplicate", exact_duplicate, "the same words as a piece that was kept"),
    Check("near_duplicate", near_duplicate, "nearly the same words as a piece that was kept"),
)

SHOWN_UNLESS_ASKED = ("house_habits", "before_rebrand")   # what these find drops a piece only where the settings name them in drop_also

__all__ = ["CHECKS", "SHOWN_UNLESS_ASKED", "Check", "Found", "Judge"]
