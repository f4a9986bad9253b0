"""The brand guide: a short one is whole, a long one is cut to what says how to write."""

import re

from adtune.curate import fit_guide
from adtune.curate.guide import first_words

VOICE = """# Voice and tone

We write as a friend who knows money. Use short sentences and plain words.

- Say you, never the customer.
- Avoid jargon, exclamation marks and adverbs.

## Spelling and punctuation

Use American spelling. Put a comma before the last item of a list.
"""
LOOKS = """# Logo

Keep clear space around the logo. Never stretch the logo or change its colours.

# Colour palette

Pantone 300 is the lead colour on print, with RGB and CMYK values for files. """


def sentence(words: int) -> str:
    return " ".join(["lorem"] * (words - 1) + ["end."])


def test_a_short_guide_is_whole():
    cut = fit_guide(f"\n{VOICE}\n{LOOKS}")
    assert cut.text == f"{VOICE}\n{LOOKS}".strip() and cut.words == cut.of == len(cut.text.split()) and cut.left_out == ()


def test_a_guide_of_fifty_pages_is_cut_to_what_says_how_to_write():
    filler = "".join(f"# History of the brand {n}\n\n{sentence(90)}\n\n{LOOKS}\n\n" for n in range(160))
    whole = f"Contents\n\nVoice ........ 31\n\nLogo ........ 4\n\n{filler}\n{VOICE}\n{filler}"
    cut = fit_guide(whole)
    assert cut.of == len(whole.split()) > 40_000 and cut.words == len(cut.text.split()) <= 350
    for rule in ("# Voice and tone", "Use short sentences and plain words.", "- Say you, never the customer.",
                 "- Avoid jargon, exclamation marks and adverbs.", "## Spelling and punctuation", "Use American spelling."):
        assert rule in cut.text
    assert "Pantone" not in cut.text and "....." not in cut.text
    assert "Colour palette" in cut.left_out and "Voice and tone" not in cut.left_out
    assert cut.text.index("Voice and tone") < cut.text.index("Say you") < cut.text.index("Spelling and punctuation")


def test_the_order_and_the_lists_of_the_guide_stay():
    rules = "".join(f"## Tone {n}\n\n- Write rule {n} in plain words.\n- Avoid jargon of the kind {n}.\n\n" for n in range(80))
    cut = fit_guide(rules)
    used = [int(number) for number in re.findall(r"rule (\d+)", cut.text)]
    assert 300 < cut.words <= 350 and used == sorted(used) and "## Tone 0\n\n- Write rule 0 in plain words." in cut.text


def test_a_rule_that_stands_twice_is_used_once():
    text = "Use plain words and short sentences.\n\n" * 40 + sentence(400)
    assert fit_guide(text).text == "Use plain words and short sentences."


def test_a_long_paragraph_is_taken_by_sentences():
    text = f"# Tone\n\n{sentence(60)} Never use jargon in a headline. {sentence(60)} Prefer active verbs.\n\n{sentence(400)}"
    assert fit_guide(text).text == "# Tone\n\nNever use jargon in a headline. Prefer active verbs."


def test_a_guide_that_says_nothing_of_writing_keeps_its_beginning():
    text = "\n\n".join([sentence(200), f"{sentence(100)} {sentence(40)} {sentence(60)}", sentence(5)])
    cut = fit_guide(text)
    assert cut.text == f"{sentence(200)}\n\n{sentence(100)} {sentence(40)}" and cut.words == 340 and cut.of == 405


def test_first_words_keep_whole_paragraphs_then_sentences_then_words():
    assert first_words(sentence(350), 350) == (sentence(350), False)
    assert first_words(f"{sentence(350)}\n\n{sentence(2)}", 350) == (sentence(350), True)
    assert first_words("- a b c\n- d e f\n- g h i", 8) == ("- a b c\n- d e f", True)
    assert first_words("lorem " * 50, 20) == (" ".join(["lorem"] * 20), True)
