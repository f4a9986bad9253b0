"""The checks of advice: each looks at the facts and says in a sentence what was found and what to do about it.

A new check is one function and one row of FINDINGS; `tests/advise/test_advise_findings.py` holds every row to the same terms. A check
gives (status, message, recommendation), and NOT_YET where its facts are missing.
"""

from __future__ import annotations

from collections.abc import Callable

from ..records import Finding
from .arms import LIKELY, NAMES, percent
from .facts import ENOUGH_PIECES, LEAST_PIECES, Facts
from .verdict import MANY_SPOILT, MANY_UNCOVERED, REGULAR, RULES_EFFORT, SECOND_VOICE, TWO_VOICES

OK, WARN, STOP, UNKNOWN = STATUSES = ("ok", "warn", "stop", "not measured")
FEW_HELD_OUT = 8         # validation pieces under which intervals are wide
FEW_TOKENS = 10_000      # training tokens under which a run sees little of the voice
SMALL_CATEGORY = 5       # pieces
MANY_DUPLICATES = 0.1    # of the pieces read
SECOND_LANGUAGE = 0.05   # of the pieces of known language
HIGH_FERTILITY = 2.0     # tokens per word
FAR = 1.0                # nats per token above general text
# what pieces may share, with the number under which it is next to nothing, in the evidence of the three reasons
SHARED = {"habits_set_off": (4, "habits"), "rules": (2, "rules of a format"), "terms": (5, "terms that the base spells out")}

Said = tuple[str, str, str]
Check = Callable[[Facts], Said]
NOT_YET: Said = (UNKNOWN, "Needs a dataset and a base.", "")


def pieces(facts: Facts) -> Said:
    count, read = facts.archive.pieces, facts.archive.read
    told = f"{count:,} of {read:,} pieces can be used."
    if count < LEAST_PIECES:
        return STOP, told, f"Import at least {LEAST_PIECES - count} more approved pieces; {ENOUGH_PIECES} are a fair start."
    if count < ENOUGH_PIECES:
        return WARN, told, f"Collect {ENOUGH_PIECES - count} more: under {ENOUGH_PIECES} pieces what is measured is uncertain."
    return OK, told, ""


def dropped(facts: Facts) -> Said:
    counts, read = facts.archive.dropped, facts.archive.read
    if counts is None or not read:
        return NOT_YET
    total = sum(counts.values())
    first = max(counts, key=lambda name: counts[name], default="")
    told = f"{total:,} of {read:,} pieces were left out" + (f", most of them for {first.replace('_', ' ')}." if total else ".")
    if total > MANY_SPOILT * read:
        return WARN, told, "Read the curation report: a setting or the export may be at fault."
    return OK, told, ""


def near_duplicates(facts: Facts) -> Said:
    counts, read = facts.archive.dropped, facts.archive.read
    if counts is None or not read:
        return NOT_YET
    same = counts.get("exact_duplicate", 0) + counts.get("near_duplicate", 0)
    told = f"{same / read:.1%} of the pieces read repeat another one; they were left out."
    return (WARN, told, "Check whether the archive holds exports of the same pieces.") if same > MANY_DUPLICATES * read else (OK, told, "")


def dataset_age(facts: Facts) -> Said:
    if facts.archive.current is None:
        return NOT_YET
    if not facts.archive.current:
        return WARN, "The archive has changed since the dataset was made.", "Run adtune curate again before tuning."
    return OK, "The dataset holds the archive as it is now.", ""


def held_out(facts: Facts) -> Said:
    if facts.archive.splits is None:
        return NOT_YET
    count = facts.archive.splits.get("validation", 0)
    used = f" {facts.base.measured_pieces} of them were measured in every arm." if facts.base else ""
    told = f"{count} validation pieces.{used}"
    if count < FEW_HELD_OUT:
        return WARN, told, "With so few pieces intervals are wide: collect more before trusting a narrow result."
    return OK, told, ""


def categories(facts: Facts) -> Said:
    counts = facts.archive.categories
    if counts is None:
        return NOT_YET
    named = {name: count for name, count in counts.items() if name}
    if not named:
        return OK, "No piece names a category.", "Give categories with --map category=COLUMN, and drafts can be asked for by category."
    smallest = min(named, key=lambda name: (named[name], name))
    told = f"Categories: {len(named)}; the smallest, {smallest}, has {named[smallest]} pieces."
    if named[smallest] < SMALL_CATEGORY:
        return WARN, told, f"Collect pieces for {smallest}, or join it with a category like it."
    return OK, told, ""


def approval(facts: Facts) -> Said:
    counts = facts.archive.approvals
    if counts is None:
        return NOT_YET
    gold, silent = counts.get("gold", 0), counts.get("", 0)
    if silent == sum(counts.values()):
        return OK, "No piece states its approval; all count as approved.", "Mark the best pieces as gold: a prefix starts from them."
    return OK, f"{gold} gold pieces, {sum(counts.values()) - gold - silent} approved, {silent} that do not say and count as approved.", ""


def languages(facts: Facts) -> Said:
    if facts.archive.languages is None:
        return NOT_YET
    counts = {name: count for name, count in facts.archive.languages.items() if name}
    if not counts:
        return UNKNOWN, "No piece is long enough to tell its language.", ""
    first, rest = max(counts, key=lambda name: counts[name]), sum(counts.values()) - max(counts.values())
    if rest > SECOND_LANGUAGE * sum(counts.values()):
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        return WARN, f"Pieces in several languages: {told}.", "Keep a client for each language, so that none is drafted in the other."
    return OK, f"All but {rest} pieces are in one language ({first}).", ""


def titles(facts: Facts) -> Said:
    untitled = facts.archive.untitled
    if untitled is None:
        return NOT_YET
    if untitled:
        return (WARN, f"{untitled} of {facts.archive.seen} pieces have no title and train as plain text (domain adaptation).",
                "Add titles with --map title=COLUMN: a piece without one teaches words, but not how to answer a brief.")
    return OK, "Every piece has a title.", ""


def briefs(facts: Facts) -> Said:
    if facts.archive.splits is None:
        return NOT_YET
    if facts.archive.briefs is None:
        return UNKNOWN, "No titles of coming briefs were given; adtune curate --briefs FILE says whether the pieces serve them.", ""
    lost, all_of_them = facts.archive.briefs
    told = f"{lost} of {all_of_them} coming briefs resemble no kept piece."
    if lost > MANY_UNCOVERED * all_of_them:
        return STOP, told, "Collect pieces like them before tuning: the curation report lists their titles."
    return (WARN, told, "Collect pieces like them: the curation report lists their titles.") if lost else (OK, told, "")


def regularity(facts: Facts) -> Said:
    share = facts.archive.regularity
    if facts.archive.splits is None:
        return NOT_YET
    if share is None:
        return UNKNOWN, "No validation piece is long enough to compare with the training pieces.", ""
    told = f"{share:.0%} of the median validation piece stands word for word in training pieces."
    return (WARN, told, "Write these texts with a template and fields to fill.") if share > REGULAR else (OK, told, "")


def rules(facts: Facts) -> Said:
    effort = facts.archive.rules
    if facts.archive.splits is None and effort is None:
        return NOT_YET
    if effort is None or effort.value is None:
        return UNKNOWN, "No held-out piece to fill templates for.", ""
    if not facts.archive.templates:
        return OK, "The pieces share no template: rules write none of them.", ""
    told = (f"{facts.archive.templates} templates learned from the training pieces leave {percent(effort.value)} of the editing of writing "
            "anew on held-out pieces.")
    return (WARN, told, "Fill fields instead of tuning a model.") if (effort.high or 1.0) < RULES_EFFORT else (OK, told, "")


def house(facts: Facts) -> Said:
    if facts.archive.splits is None:
        return NOT_YET
    sizes = facts.archive.voices
    if sizes is None:
        return UNKNOWN, "Too few pieces to tell one voice from several.", ""
    if sum(sizes[1:]) > SECOND_VOICE * sum(sizes):
        return (STOP, f"The pieces part into {len(sizes)} voices of {', '.join(map(str, sizes))} pieces.",
                "Mark 10 to 30 pieces of the right voice as gold and curate with --keep.")
    return OK, "By their habits the pieces are one voice.", ""


def labels(facts: Facts) -> Said:
    auc = facts.archive.labels
    if facts.archive.splits is None:
        return NOT_YET
    if auc is None or auc.value is None:
        return UNKNOWN, "Too few gold or approved pieces to compare the two.", ""
    told = f"A scorer tells gold from approved pieces with an AUC of {auc.value:.2f}."
    if (auc.low or 0.0) > TWO_VOICES:
        return STOP, told, "Approved pieces are not like the gold ones: curate with --keep, or approve anew."
    return OK, told, ""


def guide(facts: Facts) -> Said:
    words = facts.archive.guide_words
    if words is None:
        return NOT_YET
    if not words:
        return (WARN, "No brand guide: the prompted base is weaker than it could be, and tuning looks better beside it.",
                "Give one with adtune curate --brand-guide FILE.")
    return OK, f"The brand guide has {words} words.", ""


def tokens(facts: Facts) -> Said:
    if facts.base is None:
        return NOT_YET
    told = f"{facts.base.training_tokens:,} target tokens in training pieces."
    return (WARN, told, "Collect more text: a run sees little of the voice.") if facts.base.training_tokens < FEW_TOKENS else (OK, told, "")


def fertility(facts: Facts) -> Said:
    if facts.base is None or facts.base.fertility is None:
        return NOT_YET
    told = f"The base spends {facts.base.fertility:.2f} tokens a word on these pieces."
    if facts.base.fertility > HIGH_FERTILITY:
        return WARN, told, "Try a base whose vocabulary fits the client's language and field: drafts would be faster and better."
    return OK, told, ""


def long_pieces(facts: Facts) -> Said:
    if facts.base is None:
        return NOT_YET
    base = facts.base
    told = f"{base.training_rows:,} training rows of at most {base.window:,} tokens; {base.lost_tokens:,} tokens are lost."
    return (STOP, told, "Raise --set window_tokens when tuning.") if base.lost_tokens else (OK, told, "")


def long_briefs(facts: Facts) -> Said:
    if facts.base is None:
        return NOT_YET
    told = f"The longest brief takes {facts.base.brief_tokens:,} of the {facts.base.window:,} tokens of a training row."
    if facts.base.brief_tokens > facts.base.window // 2:
        return WARN, told, "Shorten summaries and facts, or choose a base with a longer context."
    return OK, told, ""


def prompt_room(facts: Facts) -> Said:
    if facts.base is None:
        return NOT_YET
    base = facts.base
    room = max(0, base.context - min(base.loss_tokens, base.piece_tokens) - base.brief_tokens)
    told = (f"Beside the longest brief and a draft the context leaves {room:,} tokens; the guide takes {base.guide_tokens:,}, a piece "
            f"{base.piece_tokens:,}, and the prompts held {base.prompt_tokens:,.0f} on average.")
    if base.guide_tokens + base.piece_tokens > room:
        return WARN, told, "The prompted base is held back by this base's context: compare with a base of longer context before deciding."
    return OK, told, ""


def distance(facts: Facts) -> Said:
    if facts.base is None:
        return NOT_YET
    archive, general = facts.base.archive_loss, facts.base.general_loss
    told = f"The base's loss is {archive:.2f} nats per token on this archive and {general:.2f} on general text."
    if archive - general > FAR:
        return WARN, f"{told} The archive is far from what the base knows.", "Look for a base of the client's language and field as well."
    return OK, told, ""


def forgetting(facts: Facts) -> Said:
    if facts.base is None or not facts.base.forgetting:
        return UNKNOWN, "No tuned arm was measured on general text.", ""
    worst = max(facts.base.forgetting, key=lambda name: facts.base.forgetting[name])
    lost, limit = facts.base.forgetting[worst], facts.base.forgetting_limit
    told = f"Of the tuned arms {NAMES[worst]} forgot most: {lost:+.3f} nats per token on general text."
    return (WARN, told, "Raise --set replay when tuning.") if lost >= limit else (OK, told, "")


def arms(facts: Facts) -> Said:
    if facts.base is None:
        return NOT_YET
    if facts.base.problems:
        told = "; ".join(f"{name}: {why}" for name, why in facts.base.problems.items())
        return WARN, f"Not every arm could be measured. {told}", "The verdict rests on the other arms."
    measured = [NAMES[name] for name in LIKELY if name in facts.base.measured]
    left = [NAMES[name] for name in LIKELY if name not in facts.base.measured]
    return OK, f"Measured on the same targets: {', '.join(measured)}." + (
        f" Not trained, as the verdict could not change: {', '.join(left)}." if left else ""), ""


def reasons(facts: Facts) -> Said:
    found = facts.reasons
    if not found or all(one.holds is None for one in found):
        return UNKNOWN, "The three reasons to fine-tune were not measured: no drafts of a tuned arm.", ""
    holding = [one for one in found if one.holds]
    told = " ".join(one.told for one in (holding or found))
    return OK, (f"{', '.join(one.name for one in holding).capitalize()}. " if holding else "None of the three reasons holds. ") + told, ""


def repetition(facts: Facts) -> Said:
    """What the pieces share at all: the counts behind the three reasons, whatever tuning made of them."""
    counts = {name: value for one in facts.reasons for name in SHARED if (value := one.evidence.get(name)) is not None}
    if not counts:
        return UNKNOWN, "What the pieces share was not counted.", ""
    told = ", ".join(f"{counts[name]:.0f} {SHARED[name][1]}" for name in SHARED if name in counts)
    if all(counts[name] < SHARED[name][0] for name in counts):
        return (WARN, f"The pieces share next to nothing of their own: {told}.",
                "Check that they are one client's approved pieces; there is little that tuning could learn but their topics.")
    return OK, f"What the pieces share and general text does not: {told}.", ""


FINDINGS: dict[str, Check] = {
    "pieces": pieces, "dropped": dropped, "near_duplicates": near_duplicates, "dataset": dataset_age, "validation": held_out,
    "categories": categories, "approval": approval, "languages": languages, "titles": titles, "briefs": briefs, "regularity": regularity,
    "rules": rules, "house": house, "labels": labels, "guide": guide, "tokens": tokens, "fertility": fertility,
    "long_pieces": long_pieces, "long_briefs": long_briefs, "prompt_room": prompt_room, "distance": distance, "forgetting": forgetting,
    "arms": arms, "repetition": repetition, "reasons": reasons,
}


def findings(facts: Facts) -> list[Finding]:
    """Every check of the table over the facts, in its order."""
    return [Finding(name, *check(facts)) for name, check in FINDINGS.items()]
