"""The last stage: what a brief says stands in its text, guides are true, nothing is lost, and it is the same every time."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache

import pytest

from adtune.engine.tasks.drafting import OVERLAP_TOKENS
from adtune.errors import InputError
from adtune.pretrain import briefs as module
from adtune.pretrain.briefs import OPENING_LETTERS, Briefs, deck, facts_of, kept_shares, lead, opening, stage_weights, write_briefs
from adtune.pretrain.documents import Document
from adtune.pretrain.guides import FEWEST, MOST, TRAITS, guide_for
from adtune.pretrain.store import write_sequences
from adtune.pretrain.tokenizer import as_transformers, train_tokenizer
from adtune.records import Brief
from adtune.voice.habits import habits, words
from adtune.voice.prompt import Context, Renderer

CONTEXT = 256
NAMES, THINGS = "Nadia Lovelace Turing Ada Berlin Oslo".split(), "roses letters engines lamps gardens bridges".split()
END = "<|endoftext|>"


def sentence(rng, plain=False):
    if plain:
        return f"The {rng.choice(THINGS)} keep their colour in the {rng.choice(THINGS)}."
    return rng.choice([f"In {rng.randint(1900, 2020)} {rng.choice(NAMES)} sold {rng.randint(2, 90)} {rng.choice(THINGS)}.",
                       f"You may ask {rng.choice(NAMES)} about {rng.choice(THINGS)}, and you will hear more.",
                       f"The {rng.choice(THINGS)} of {rng.choice(NAMES)} are {rng.choice(['red', 'old', 'quiet'])} in winter."])


@cache
def made(count=360, seed=0):
    """Articles of a site with decks, books of chapters, and an encyclopedia; one in ten without a title, some held out."""
    rng, found = random.Random(seed), []
    for n in range(count):
        source = ("opensource_com", "gutenberg", "wiki2021")[n % 3]
        text = "\n\n".join(" ".join(sentence(rng) for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(1, 3)))
        if source == "opensource_com" and n % 2:
            calm = " ".join(sentence(rng, True) for _ in range(8))
            text = f"A short guide to {rng.choice(THINGS)} for readers of {n}.\n\n{calm}\n\n{text}"
        text += f" The {rng.choice(THINGS)} had number {n}."  # no two texts are the same, and none ends as another does
        title = "" if n % 10 == 9 else f"Piece {n} about {rng.choice(THINGS)}"
        group = f"gutenberg/book{n // 12}" if source == "gutenberg" else f"{source}/{n}"
        found.append(Document(text, title, source, group, n % 40 == 7, f"made, line {n + 1}"))
    return tuple(found)


@cache
def renderer():
    return Renderer(as_transformers(train_tokenizer((d.prompt() + d.text for d in made()), 700), CONTEXT))


def asks(seed=0, documents=None, **chosen):
    one = Briefs(renderer(), chosen.pop("context", CONTEXT), seed, **chosen)
    return one, list(one.asks(made() if documents is None else documents))


@cache
def all_asks():
    return asks()


def shown(ids):
    return renderer().tokenizer.decode(ids)


def document_of(example):
    """The document that an example was made of."""
    (found,) = [d for d in made() if d.text.endswith(example.text)]
    return found


def test_every_document_is_used_once_and_what_is_not_is_counted():
    one, found = all_asks()
    held = sum(d.held_out for d in made())
    foreign = {id(e) for ask in found for e in ask.context.examples if document_of(e).source != ask.source}
    texts = [e.text for ask in found for e in (*ask.context.examples, ask.example) if id(e) not in foreign]
    assert one.counts["held_out"] == held > 0 and one.counts["read"] == len(made())
    assert one.counts["asked"] == len(found) and one.counts["asked"] + one.counts["examples"] == len(texts) == len(made()) - held
    assert Counter(document_of(e).text for ask in found for e in (*ask.context.examples, ask.example) if id(e) not in foreign) == Counter(
        d.text for d in made() if not d.held_out)
    assert len(foreign) > 0


def test_what_a_brief_says_stands_in_its_document():
    _, found = all_asks()
    examples = [e for ask in found for e in (*ask.context.examples, ask.example)]
    for example in examples:
        document = document_of(example)
        brief = example.brief
        assert brief.title == (document.title or None) and len(brief.facts) in (0, 2, 3, 4, 5) and len(set(brief.facts)) == len(brief.facts)
        for fact in brief.facts:
            assert fact in example.text and "\n" not in fact and len(words(fact)) <= 25
            assert re.search(r"\d|" + "|".join(NAMES), fact) and fact not in (brief.summary or "")
        if brief.summary:
            assert document.text.startswith(brief.summary)
            assert example.text == document.text or f"{brief.summary}\n\n{example.text}" == document.text
        else:
            assert example.text == document.text
    summaries, facts = [e for e in examples if e.brief.summary], [e for e in examples if e.brief.facts]
    assert 0.15 < len(facts) / len(examples) < 0.4 and any(e.text != document_of(e).text for e in summaries)
    assert any(e.text == document_of(e).text for e in summaries)
    assert any([e.text.index(f) for f in e.brief.facts] != sorted(e.text.index(f) for f in e.brief.facts) for e in facts)
    labels = Counter((e.brief.category, e.brief.content_type) for e in examples)
    assert labels[("technology", "article")] and labels[("technology", None)] and labels[("book", None)] and labels[(None, None)]
    assert {kind for kind, article in labels if article} == {"technology"}
    assert {document_of(e).source for e in summaries} == {"opensource_com", "wiki2021"}  # a chapter begins with no summary


def test_every_sequence_is_what_the_form_says_and_fits():
    (one, found), cut = all_asks(), 0
    assert {bool(ask.context.examples) for ask in found} == {True, False}
    for ask in found:
        parts = [f"# Brand guide\n\n{ask.context.guide}{END}"] if ask.context.guide else []
        for example in (*ask.context.examples, ask.example):
            b = example.brief
            labels = " ".join(f"[{label}]" for label in (b.category, b.content_type) if label)
            lines = [f"# {b.title}", labels, f"> {b.summary}" * bool(b.summary), *(f"- {fact}" for fact in b.facts)]
            head = "\n".join(line for line in lines if line) + "\n\n" if b.title else ""
            parts.append(f"{head}{example.text}{END}")
        rows = list(one.render(ask))
        whole = shown(rows[0]) + END == END + "".join(parts) and len(rows) == 1 and len(rows[0]) <= CONTEXT
        assert whole or (not ask.context.examples and len(rows) == 2 and len(rows[0]) == CONTEXT + 1)  # cut: see below
        cut += not whole
    assert 0 < cut < 0.1 * len(found)


def test_contexts_hold_neighbours_of_the_group_and_sometimes_one_of_elsewhere_first():
    one, found = asks(context=640)
    contexts = [ask for ask in found if ask.context.examples]
    first_elsewhere = 0
    for ask in contexts:
        sources = [document_of(e).source for e in ask.context.examples]
        first_elsewhere += sources[0] != ask.source
        assert set(sources[1:]) <= {ask.source} and 1 <= sources.count(ask.source) <= 4
        groups = {document_of(e).group for e in (*ask.context.examples, ask.example) if document_of(e).source == ask.source}
        if ask.source == "gutenberg":
            assert len(groups) == 1
    assert one.counts["contexts"] == len(contexts) > 30 and one.counts["neighbours"] == first_elsewhere
    assert 0.2 < first_elsewhere / len(contexts) < 0.45 and 0.35 < sum(bool(a.context.guide) for a in contexts) / len(contexts) < 0.65
    assert all(not ask.context.guide for ask in found if not ask.context.examples)


# What each sentence claims of a text: habits of which there is none, or as much at least, or what its numbers say.
NONE = {"no you": ["second_person_per_100"], "no writer": ["first_singular_per_100", "first_plural_per_100"],
        "no contractions": ["contractions_per_100"], "no lists": ["list_lines_share"], "no headings": ["heading_lines_share"],
        "no exclamations": ["exclamations_per_100_sentences"], "no questions": ["questions_per_100_sentences"],
        "no numbers": ["numbers_per_100"], "no brackets": ["brackets_per_100"], "no dashes": ["dashes_per_100"],
        "no semicolons": ["semicolons_per_100"], "no hedges": ["hedges_per_100"], "no intensifiers": ["intensifiers_per_100"]}
SOME = {"you": ("second_person_per_100", 1), "we": ("first_plural_per_100", 0.5), "I": ("first_singular_per_100", 0.5),
        "contractions": ("contractions_per_100", 0.3), "lists": ("list_lines_share", 0.1), "headings": ("heading_lines_share", 0.01),
        "exclamations": ("exclamations_per_100_sentences", 1), "questions": ("questions_per_100_sentences", 1),
        "brackets": ("brackets_per_100", 0.5), "quotes": ("quotes_per_100", 0.5), "dashes": ("dashes_per_100", 0.3),
        "semicolons": ("semicolons_per_100", 0.3), "long words": ("long_words_share", 0.3)}
NUMBERED = {
    "length": lambda h, low, high: low <= h["words"] <= high, "plain words": lambda h, most: 100 * h["long_words_share"] <= most <= 20,
    "short sentences": lambda h, most: h["mean_sentence_words"] <= most <= 15,
    "long sentences": lambda h, least: h["mean_sentence_words"] >= least >= 22,
    "numbers": lambda h, least=2: h["numbers_per_100"] >= least >= 2,
    "short paragraphs": lambda h, most: h["paragraph_words"] <= most <= 60,
    "long paragraphs": lambda h, least: h["paragraph_words"] >= least >= 110}


def claimed(name, numbers, text):
    found = {**habits(text), "words": len(words(text))}
    if name in NONE:
        return not any(found[habit] for habit in NONE[name])
    return found[SOME[name][0]] >= SOME[name][1] if name in SOME else NUMBERED[name](found, *numbers)


SAID = {re.compile(re.sub(r"\\\{\d\\\}", r"(\\d+)", re.escape(form))): trait.name for trait in TRAITS for form in trait.sentences}


def claims_of(guide):
    """(name, numbers) of each sentence that the guide says."""
    found = [(match.start(), name, [int(n) for n in match.groups()]) for form, name in SAID.items() for match in form.finditer(guide)]
    return [(name, numbers) for _, name, numbers in sorted(found)]


def hold(guide, texts):
    claims = claims_of(guide)
    assert len(claims) >= FEWEST
    for name, numbers in claims:
        for text in texts:
            assert claimed(name, numbers, text), (name, numbers, text)
    return {name for name, _ in claims}


def test_a_guide_is_true_of_the_texts_that_it_stands_before():
    _, found = all_asks()
    guides = [ask for ask in found if ask.context.guide]
    for ask in guides:
        hold(ask.context.guide, [e.text for e in (*ask.context.examples, ask.example) if document_of(e).source == ask.source])
        assert len(ask.context.guide.split()) < 350
    assert len({ask.context.guide for ask in guides}) > 0.9 * len(guides)


VOICES = {
    "chatty": "I can't say it often enough! We've 3 lamps (old ones); they're ours. Why? You'll see – \"light\". It's 9 pm! You know?",
    "long": " ".join(["Notwithstanding considerable administrative requirements the organisation establishes comprehensive international "
                      "arrangements concerning representative participation of the responsible authorities and their established "
                      "correspondents throughout the neighbouring jurisdictions"] * 4) + ".",
    "listed": "## Steps\n\n- Cut the roses back.\n- Water the soil well.\n\n## More\n\n- Keep it dry.",
    "hedged": "It may be very quiet. Perhaps the soil might seem dry; it is really just old.",
}


@pytest.mark.parametrize("voice", VOICES)
def test_every_claim_of_every_voice_is_true(voice):
    """All that a guide can say of texts of one voice, over many keys; and nothing that only one of them has."""
    texts = [VOICES[voice], VOICES[voice].replace("roses", "lamps")]
    seen = set().union(*(hold(guide_for(texts, str(n)), texts) for n in range(40)))
    expected = {"chatty": {"contractions", "exclamations", "questions", "brackets", "semicolons", "dashes", "quotes", "I", "we", "you",
                           "numbers"},
                "long": {"long sentences", "long words", "no you", "no numbers"}, "listed": {"lists", "headings", "no writer"},
                "hedged": {"short sentences", "no lists", "no headings", "semicolons"}}[voice]
    assert expected <= seen and not seen & {name.removeprefix("no ") if name.startswith("no ") else f"no {name}" for name in expected}
    mixed = set().union(*({name for name, _ in claims_of(guide_for([VOICES["chatty"], VOICES["listed"]], str(n)))} for n in range(40)))
    assert not mixed & {"lists", "no lists", "exclamations", "no exclamations", "headings"}
    lengths = {len(claims_of(guide_for(texts, str(n)))) for n in range(40)}
    assert min(lengths) >= FEWEST and max(lengths) <= MOST and len(lengths) > 2


def test_a_guide_of_nothing_is_empty():
    assert guide_for([], "a") == guide_for(["..."], "a") == guide_for(["A rose.", "—"], "a") == ""
    assert {*NONE, *SOME, *NUMBERED} == {trait.name for trait in TRAITS}


def test_the_same_seed_gives_the_same_sequences_and_another_gives_others():
    def first(seed, count=60):
        return [next_ for next_, _ in zip(Briefs(renderer(), CONTEXT, seed).sequences(made()), range(count), strict=False)]

    assert first(0) == first(0) != first(1)
    assert Briefs(renderer(), CONTEXT).fingerprint("a") != Briefs(renderer(), CONTEXT, 1).fingerprint("a")
    others = [Briefs(renderer(), context, 0, keep) for context in (256, 512) for keep in (None, {"a": 0.5})]
    assert len({one.fingerprint(corpus) for one in others for corpus in "ab"}) == 8


def test_a_long_document_is_cut_into_windows_that_end_once():
    text = " ".join(f"Word{n} of {random.Random(n).choice(THINGS)}." for n in range(200))
    rows = [ids for _, ids in Briefs(renderer(), CONTEXT).sequences([Document(text, "Long", "other", "g", False)])]
    prompt = renderer().brief(Brief("Long"))
    brief = shown(rows[0]).partition("\n\n")[0]
    head = len(renderer().encode(brief + "\n\n")) if brief != f"{END}# Long" else len(prompt)
    assert len(rows) > 3 and all(len(ids) == CONTEXT + 1 for ids in rows[:-1]) and len(rows[-1]) <= CONTEXT
    read = rows[0][head:]
    for ids in rows[1:]:
        assert ids[:head] == rows[0][:head] and ids[head:head + OVERLAP_TOKENS] == read[-OVERLAP_TOKENS:]
        read += ids[head + OVERLAP_TOKENS:]
    assert renderer().tokenizer.decode(read) == text and all(ids.count(0) == 1 for ids in rows)


ODD = [("", "No title at all."), ("#", "A mark."), ("- a [b]\n> c", "Lines in a title."),
       ("<|endoftext|>", "Stay <|endoftext|> text, <|pad|>."), ("One", "One sentence"), ("None", "… — …"),
       ("Blank lines", "\n\n\n  First.\n\n\n\nLast. \n"), ("Wide", "a" * 30_000), ("Line", "x y " * 9000), ("Long title " * 200, "A text."),
       ("Quote", '"So it is," said Ada. 3 of 4 were {red}.'), ("Zürich ☃", "Ä é 漢字 \u2028 end.")]


def test_odd_documents_lose_nothing():
    documents = [Document(text, title, "other", str(n % 3), False) for n, (title, text) in enumerate(ODD * 3)]
    one = Briefs(renderer(), CONTEXT)
    rows = list(one.sequences([*documents, Document(" \n ", "Empty", "other", "g", False)]))
    assert one.counts["empty"] == 1 and one.counts["asked"] + one.counts["examples"] == len(documents) == one.counts["read"] - 1
    assert all(source == "other" and ids[0] == 0 and 2 <= len(ids) <= CONTEXT + 1 for source, ids in rows)
    text = "".join(shown(ids) + END for _, ids in rows)
    for title, said in ODD[:7] + ODD[9:]:
        assert text.count(said.strip() + END) >= 3 and (len(title) > 500 or f"# {title}\n" in text or not title)
    assert "Long title Long title" not in text  # a title of half the window is none
    with pytest.raises(InputError, match="at least 64"):
        Briefs(renderer(), 63)
    assert all(len(ids) <= 65 for _, ids in Briefs(renderer(), 64).sequences(made()[:40]))


def test_decks_leads_and_facts():
    rest = "Gardens keep their colour through the winter where somebody waters them at noon. " * 3
    assert deck(f"How to keep roses through the winter.\n\n{rest}") == ("How to keep roses through the winter.", rest.strip())
    for wrong in ("How to keep roses.", "How to keep roses through the winter:", "- How to keep roses through the winter.",
                  "How to keep roses\nthrough the winter.", "word " * 41 + "."):
        assert deck(f"{wrong}\n\n{rest}") is None
    for wrong in ("It " + rest, "These gardens " + rest, "## Gardens\n\n" + rest, "- " + rest, "Short.", ""):
        assert deck(f"How to keep roses through the winter.\n\n{wrong}") is None
    assert lead("Roses keep their colour in winter. " + rest) == "Roses keep their colour in winter."
    assert lead("## Roses\n\n" + rest) is None and lead("Roses keep their colour in winter.") is None and lead("") is None
    text = "Nadia sold 9 lamps in May. You may ask him about it. We met Ada in the old garden. It was May again. Then 4 came home late."
    found = facts_of(text, "k")
    assert set(found) <= {"Nadia sold 9 lamps in May.", "We met Ada in the old garden.", "Then 4 came home late."} and 2 <= len(found) <= 3
    assert facts_of(text, "k") == found and len({facts_of(text, str(n)) for n in range(20)}) > 4
    assert facts_of("Nadia sold 9 lamps in May. You may ask him.", "k") == () == facts_of("", "k")
    assert "Nadia sold 9 lamps in May." not in {f for n in range(20) for f in facts_of(text, str(n), "Nadia sold 9 lamps in May.")}


def test_an_opening_ends_where_a_piece_could():
    line = "The bridge was open again by noon, and people came. "
    short, long = line * 3, line * 12  # 156 and 624 letters
    assert opening(short) == short and opening(line * 60) == line * 60  # short enough; one paragraph alone
    body = "\n\n".join([long, long, "## Later", long, long])
    assert opening(body) == f"{long}\n\n{long}".strip()  # before the heading
    assert opening("\n\n".join([long, long, "What was said:", long])) == f"{long}\n\n{long}".strip()  # not with what announces the next
    assert opening("\n\n".join([line, "## Later", long * 3])) == "\n\n".join([line, "## Later", long * 3])  # too little to stand alone
    lines = "\n".join([line * 4] * 30)
    assert opening(lines) == "\n".join([line * 4] * 8).strip()  # a line is a paragraph where nothing else is
    for some in (body, lines, "\n\n".join([line] * 90)):
        assert len(opening(some)) <= OPENING_LETTERS[1] and some.startswith(opening(some))


def test_groups_are_kept_or_left_out_whole_and_modern_sources_come_first():
    one, found = asks(keep={"gutenberg": 0.5, "wiki2021": 0.0})
    texts = {e.text for ask in found for e in (*ask.context.examples, ask.example)}
    sides = {}
    for d in made():
        if d.source == "gutenberg" and not d.held_out:
            sides.setdefault(d.group, set()).add(d.text in texts)
    assert all(len(side) == 1 for side in sides.values()) and {True, False} == set().union(*sides.values())
    assert {ask.source for ask in found} == {"gutenberg", "opensource_com"}
    assert one.counts["read"] == sum(one.counts[name] for name in ("held_out", "left_out", "asked", "examples"))
    counts = {"gutenberg": 8000, "opensource_com": 1000}  # weights 0.4 and 4: shares of 3,200 and 4,000 of 7,200
    assert kept_shares(counts, 720) == pytest.approx({"gutenberg": 0.044, "opensource_com": 0.44})
    assert kept_shares(counts, 10_000)["opensource_com"] == 1.0 and kept_shares({}, 5) == {}


def test_a_store_is_written_once_and_drawn_in_the_corpus_s_shares(tmp_path):
    one = Briefs(renderer(), CONTEXT)
    store = write_briefs(made(), one, tmp_path / "briefs", "corpus")
    rows = list(Briefs(renderer(), CONTEXT).sequences(made()))
    assert sum(store.documents.values()) == len(rows) and sum(store.counts.values()) == sum(len(ids) for _, ids in rows)
    first = {}
    for source, ids in rows:
        assert store.document(source, first.setdefault(source, 0)).tolist() == ids
        first[source] += 1
    again = write_briefs(iter(()), Briefs(renderer(), CONTEXT), tmp_path / "briefs", "corpus")
    assert again.fingerprint == store.fingerprint == one.fingerprint("corpus")
    half = write_sequences([("gutenberg", [0, 1]), ("opensource_com", [0] * 30)], tmp_path / "half", "x")
    assert stage_weights({"gutenberg": 8, "opensource_com": 30}, half) == {"gutenberg": pytest.approx(1.6), "opensource_com": 4.0}


def test_documents_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "WAITING_LETTERS", 6_000)
    drawn = []
    stream = (drawn.append(n) or d for n, d in enumerate(made()))
    one = Briefs(renderer(), CONTEXT)
    first = next(one.asks(stream))
    assert len(drawn) < 80 and first.example.text
    one, found = asks()
    assert not one.renderer.kept and not one.counts["windows"]
    assert one.counts["asked"] + one.counts["examples"] == sum(not d.held_out for d in made()) and one.counts["contexts"] > 20


def test_a_context_without_room_or_neighbours_is_none():
    lonely = [Document(f"Only {n} of it. " * 3, f"T{n}", f"s{n}", f"g{n}", False) for n in range(30)]
    assert all(ask.context == Context() for ask in asks(documents=lonely)[1])
    full = [Document("Nadia sold roses. " * 40, f"T{n}", "s", f"g{n}", False) for n in range(30)]
    assert all(ask.context == Context() for ask in asks(documents=full)[1])
