"""Terms: what stands out from general text, in the house's form; what the guide asks for and forbids."""

from __future__ import annotations

import json
import random

import pytest

from adtune.starter import sample_guide, sample_pieces
from adtune.voice.general import load_general
from adtune.voice.terms import guide_words, learn_terms

GENERAL = [passage.text for passage in load_general().replay]
FILLERS = ("river garden winter stone market teacher window cotton ladder summer engine island velvet corner music harvest candle valley "
           "thread bottle forest planet mirror copper meadow").split()


def written(number: int) -> str:
    """A piece in which the terms stand among ever other words."""
    one, two, three, four = random.Random(number).sample(FILLERS, 4)
    return (f"Your {one} and the Lantern Fund go with {two}. Send {three} by e-mail to {four}. Then read the small print of {one}, and put "
            f"the {two} on GitHub for {three}.")


HOUSE = [written(number) for number in range(16)]


@pytest.fixture(scope="module")
def terms():
    return learn_terms(HOUSE, GENERAL, "Do: small print, rebate, Sunday Box.\nDon't: leverage, going forward\n"
                                       "Say \"client\", not \"customer\".")


def test_terms_stand_out_and_keep_their_form(terms):
    wanted = {"lanternfund": "Lantern Fund", "email": "e-mail", "smallprint": "small print", "github": "GitHub"}
    assert wanted.items() <= terms.forms.items()
    assert "the" not in terms.forms and "lantern" not in terms.forms   # a common word, and a part of a term that never stands alone


@pytest.mark.parametrize(("text", "wrong"), [
    ("The Lantern Fund has e-mail and small print.", []), ("Small print matters. E-mail us.", []), ("SMALL PRINT AND E-MAIL", []),
    ("The lantern fund has email.", ["lantern fund", "email"]), ("Read the smallprint, the small-print.", ["smallprint", "small-print"]),
    ("On Github, see https://github.com/x or `github`.", ["Github"]), ("Get a rebate in a Sunday box.", ["Sunday box"]),
    ("We leverage this, leveraging it going forward for a customer; levers are fine.",
     ["leverage", "leveraging", "going forward", "customer"]),
    ("", []),
])
def test_uses_are_right_or_wrong(terms, text, wrong):
    assert [use.said for use in terms.uses(text) if not use.right] == wrong
    assert all(text[use.start:use.end] == use.said for use in terms.uses(text))


def test_the_guide_of_the_sample_client_is_read():
    asked, forbidden = guide_words(sample_guide().read_text(encoding="utf-8"))
    assert {"money", "small print"} <= set(asked) and {"leverage", "crucial"} <= set(forbidden) and len(forbidden) == 16
    assert guide_words("Do: write as you would speak to a good friend of yours at home, and stop.") == ((), ())


def test_own_new_pieces_use_terms_rightly():
    own = [json.loads(line)["text"] for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    terms = learn_terms(own[::4], GENERAL, sample_guide().read_text(encoding="utf-8"))
    uses = [use for text in own[1:121:4] for use in terms.uses(text)]
    assert len(terms.forms) > 40 and len(uses) > 300 and sum(use.right for use in uses) / len(uses) > 0.98


def test_without_pieces_there_are_the_guide_s_terms_only():
    assert learn_terms([], [], "Use: Sunday Box").forms == {"sundaybox": "Sunday Box"} and learn_terms([], []).forms == {}
