"""Every row of CHECKS: it drops what it names, says why, and lets good pieces pass."""

import pytest

from adtune.curate.checks import CHECKS, Found, Judge
from adtune.curate.dataset import sift
from adtune.curate.pieces import pieces_of
from adtune.curate.similar import Alike
from adtune.settings import CurateSettings

SETTINGS = CurateSettings(today="2025-06-01")

# check: fields of an asset that the check alone drops; TEXT is a good text of 60 words
TEXT = "<TEXT>"
BAD = {
    "replaced": [{"text": TEXT, "replaced_by": "0" * 64}],
    "withdrawn": [{"text": TEXT, "withdrawn": "2025-05-31T10:00:00.000+00:00"}],
    "empty": [{"text": "# Title 99\n\n  "}, {"text": " \n"}],
    "too_short": [{"text": "Only a handful of words here."}, {"text": "Title 99\n" + "word " * 19}],
    "markup": [{"text": "<p class='a'>" + "word </p><br/>\n<p class='b'>" * 25}, {"text": "word {{ field_name }} " * 25},
               {"text": "one two three 4 " + "| 12,50 | -- | 3 % |\n" * 30}, {"text": "word &nbsp;&lt; " * 30},
               {"text": "intro words here " * 8 + "\n```\n" + "x = call(y)\n" * 20 + "```"}],
    "not_approved": [{"text": TEXT, "approval": "draft"}, {"text": TEXT, "approval": "rejected"}],
    "rights_expired": [{"text": TEXT, "rights_until": "2025-05-31"}, {"text": TEXT, "rights_until": "2024"}],
    "exact_duplicate": [{"text": "<COPY>"}],
    "near_duplicate": [{"text": "<VARIANT>"}],
}
GOOD = [
    {"text": TEXT}, {"text": TEXT, "approval": "approved"}, {"text": TEXT, "approval": "gold"},
    {"text": TEXT, "rights_until": "2025-06-01"}, {"text": TEXT, "rights_until": "2025"}, {"text": TEXT, "rights_until": "2025-06"},
    {"text": "## Head\n\n**Bold words** and *others*, [a link](https://example.com/a-page?b=c&d=e), <https://example.com>.\n\n"
             "- first thing in the list\n- second thing in the list\n\n"
             "| one | two |\n|---|---|\n| three | four |\n\n> a quoted line\n\n1. last"},
    {"text": "- 200 g flour\n- 2 eggs\n- 1/2 tsp salt\n- 300 ml milk\n\n"
             "1. Whisk eggs, flour, salt and milk.\n2. Rest for 30 minutes.\n3. Fry at 180 °C."},
    {"text": "नमस्ते दुनिया यह एक परीक्षण वाक्य है " * 4}, {"text": "这是一个关于储蓄的简短说明，告诉你怎样开始存钱并且坚持下去。"},
]


def judged(archive, fields):
    other = archive.text(7)
    words = {TEXT: archive.text(1), "<COPY>": other.upper().replace(" ", ",  "), "<VARIANT>": archive.variant(other, 4)}
    assets = [archive.asset(other, 0), archive.asset(**{"number": 99, **fields, "text": words.get(fields["text"], fields["text"])})]
    pieces = pieces_of(assets)
    judge = Judge(SETTINGS, "2025-06-01", Alike({p.content: p.plain for p in pieces}, 0.5), pieces)
    return pieces, judge


def test_the_order_of_the_checks_is_fixed():
    assert [check.name for check in CHECKS] == list(BAD)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_drops_what_it_names_with_evidence(archive, check):
    for fields in BAD[check.name]:
        pieces, judge = judged(archive, fields)
        found = check.find(pieces, judge)
        assert list(found) == [1] and found[1].evidence and 0 < found[1].confidence <= 1, fields
        assert sift(pieces, judge)[1] == {1: (check.name, found[1])}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("fields", GOOD)
def test_a_check_lets_good_pieces_pass(archive, check, fields):
    assert check.find(*judged(archive, fields)) == {}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_takes_no_pieces_at_all(check):
    assert check.find([], Judge(SETTINGS, "2025-06-01", Alike({}, 0.5))) == {}


def test_the_first_reason_counts(archive):
    pieces, judge = judged(archive, {"text": "Short.", "approval": "draft", "rights_until": "2020-01-01"})
    assert sift(pieces, judge)[1] == {1: ("too_short", Found("1 words of at least 20"))}
