"""The verdict. What the archive alone says comes first; then the bake-off's paired losses on the same validation pieces.

The first rule that holds decides:

    rules     templates learned from training pieces write the others: their drafts need under RULES_EFFORT of the editing that writing
              anew takes, at the upper end of the interval; or the median piece stands to more than 60 % in others, word for word
    collect   fewer than 10 pieces
    prompt    even if no draft needed any editing, so few pieces a month would not pay the set-up back (`needed_gain`)
    collect   over a third of the coming briefs resemble no piece; most of what was read is no good and under 100
              pieces are left; gold and approved pieces are two
              voices; the archive holds several voices; fewer than 30 pieces
    prompt    no tuned arm beats the rival by more than the gain that is needed, with a 95 % interval above zero
    prefix    it beats the rival, and no method beats it by more than the margin (a prefix is the smallest)
    lora      it beats the rival, and full fine-tuning does not beat it by more than `full_margin` (its weights serve one client only)
    full      otherwise

A tuned arm keeps its best of some evaluations on the same pieces that it is compared on, which flatters it slightly; the test split,
which only `evaluate` reads, gives the figure to report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..records import Finding, Verdict
from ..settings import AdviseSettings
from ..stats import paired_difference
from .arms import BASE, FULL, LORA, NAMES, OPPONENT, PREFIX, PROMPT, TUNED, Arms, Drafted, clear, gain, lead, percent, rival, told
from .drafts import BRAND, SPARED
from .facts import ENOUGH_PIECES, FEW_PIECES, LEAST_PIECES, ArchiveFacts

REGULAR = 0.6           # share of a piece's 8-word runs from which a template writes it
RULES_EFFORT = 0.4      # of the editing effort of writing anew
MANY_UNCOVERED = 1 / 3  # of the coming briefs
MANY_SPOILT = 0.5       # of the pieces read
PLENTY = 100            # pieces left from which what was no good is somebody else's question
TWO_VOICES = 0.75       # AUC from which gold and approved pieces can be told apart by their voice
LEAST_GAIN = 0.005      # of the loss: less is nothing, however many pieces a month
SECOND_VOICE = 0.15     # share of the pieces from which a second group counts


@dataclass(frozen=True)
class Judged:
    """The verdict with its reason. `examples_needed` is the number of further pieces to collect, None where it was not measured."""

    verdict: Verdict
    reason: str
    examples_needed: int | None = None


def needed_gain(settings: AdviseSettings) -> float:
    """The least gain that counts, as a share: the margin, or with a volume the share of a piece's minutes that must be saved.

        setup_hours * 60 / (payback_months * volume * piece_minutes)

    The gain in loss stands in for the share of minutes until edits have been logged. Infinite where nothing is written.
    """
    if settings.volume is None:
        return settings.margin
    written = settings.payback_months * settings.volume * settings.piece_minutes
    return max(LEAST_GAIN, settings.setup_hours * 60 / written) if written > 0 else float("inf")


def judge(arms: Arms, archive: ArchiveFacts, settings: AdviseSettings) -> Judged:
    """The verdict from the archive and the measured arms, which hold `base` and `prompt` and at least one tuned arm unless the archive
    alone decides."""
    return judge_archive(archive, settings) or _measured(arms, archive, settings)


def judge_archive(archive: ArchiveFacts, settings: AdviseSettings) -> Judged | None:
    """What can be said before anything is trained; None where the bake-off decides."""
    missing = max(0, ENOUGH_PIECES - archive.pieces)
    effort = archive.rules
    if effort is not None and effort.high is not None and effort.high < RULES_EFFORT:
        return Judged(Verdict.RULES, f"Templates learned from the training pieces write the others: {archive.templates} of them, and what "
                      f"is left to type is {percent(effort.value or 0.0)} of writing anew ({percent(effort.low or 0.0)} to "
                      f"{percent(effort.high)}). Fields to fill do it, and no model is needed.")
    if archive.pieces < LEAST_PIECES:
        return Judged(Verdict.COLLECT, f"Only {archive.pieces} good pieces, too few to train on some and measure on others: "
                      f"{LEAST_PIECES} are the least, {ENOUGH_PIECES} a fair start. Collect {missing} more.", missing)
    if archive.regularity is not None and archive.regularity > REGULAR:
        return Judged(Verdict.RULES, f"{percent(archive.regularity)} of the median validation piece stands word for word in training "
                      "pieces: a template with fields to fill writes these texts, and no model is needed.")
    needed = needed_gain(settings)
    if needed >= 1:
        hours = settings.payback_months * (settings.volume or 0.0) * settings.piece_minutes / 60
        return Judged(Verdict.PROMPT, f"{settings.volume:g} pieces a month are too few to pay fine-tuning back: at "
                      f"{settings.piece_minutes:g} minutes a piece they are {hours:,.0f} hours of editing in {settings.payback_months:g} "
                      "months, "
                      f"and tuning with its rounds takes {settings.setup_hours:g}. No gain can be large enough; write the best prompt "
                      "instead.")
    return _unfit(archive, missing)


def _unfit(archive: ArchiveFacts, missing: int) -> Judged | None:
    """Why an archive says nothing about tuning yet."""
    lost, briefs = archive.briefs or (0, 0)
    if lost > MANY_UNCOVERED * briefs:
        return Judged(Verdict.COLLECT, f"{lost} of {briefs} coming briefs resemble no kept piece: what is tuned here would not serve them. "
                      f"Collect about {3 * lost} pieces like them, three for each such brief.", 3 * lost)
    if archive.pieces < PLENTY and archive.spoilt > MANY_SPOILT * archive.read:
        return Judged(Verdict.COLLECT, f"{archive.spoilt} of {archive.read} pieces are no good ({archive.spoilt_for}): the export is at "
                                       "fault, "
                      f"or the archive is not what was approved. Collect approved pieces: {ENOUGH_PIECES} clean ones are a fair start.",
                      missing or ENOUGH_PIECES)
    if archive.labels is not None and archive.labels.low is not None and archive.labels.low > TWO_VOICES:
        return Judged(Verdict.COLLECT, "Gold and approved pieces are two voices: a scorer tells them apart with an AUC of "
                      f"{archive.labels.value:.2f} ({archive.labels.low:.2f} to {archive.labels.high:.2f}). Curate with --keep, which "
                      "keeps to "
                      "the gold ones, or collect more pieces like them.", missing or None)
    others = sum(archive.voices[1:]) if archive.voices else 0
    if archive.voices and others > SECOND_VOICE * sum(archive.voices):
        sizes = ", ".join(map(str, archive.voices))
        return Judged(Verdict.COLLECT, f"The archive holds {len(archive.voices)} voices, of {sizes} pieces, that neither category nor "
                                       "content "
                      "type explains: tuned on all, a model would write none of them. Mark 10 to 30 pieces of the right voice as gold and "
                      "curate with --keep, or collect more of it.", max(missing, ENOUGH_PIECES - max(archive.voices)) or None)
    if archive.pieces < FEW_PIECES:
        return Judged(Verdict.COLLECT, f"{archive.pieces} pieces leave too few to measure on: what looks like a gain may be chance. "
                                       "Collect "
                      f"{missing} more and ask again.", missing)
    return None


def _measured(arms: Arms, archive: ArchiveFacts, settings: AdviseSettings) -> Judged:
    needed = needed_gain(settings)
    gains = {name: gain(arms, name, settings.seed) for name in TUNED if name in arms}
    said = told(arms, gains)
    winners = [name for name in gains if is_winner(arms, name, settings)]
    month = "" if settings.volume is None else f" at {settings.volume:g} pieces a month"
    if not winners:
        if any(clear(one) and (one.value or 0.0) > settings.margin for one in gains.values()):
            return Judged(Verdict.PROMPT, f"The gain is measured, and too small to pay back{month}, where it would have to be "
                          f"{percent(needed)}: {said}.")
        return Judged(Verdict.PROMPT, f"Tuning gains no clear {percent(needed)} over {NAMES[rival(arms)]}{month}: {said}."
                      + ("" if rival(arms) == PROMPT else " Guide and examples in the prompt do not help this base either."))
    chosen = choose(arms, winners, settings)
    unmeasured = [NAMES[name] for name in (PREFIX, LORA) if name not in arms]
    return Judged(Verdict(chosen), f"{_capital(NAMES[chosen])} beats {NAMES[rival(arms)]}{_beside(arms, winners, chosen, settings)}"
                  f"{''.join(f'; {name} was not measured' for name in unmeasured)}: {said}.")


def judge_opponent(judged: Judged, drafted: Drafted, seed: int) -> Judged:
    """A verdict to fine-tune, challenged by the opponent's drafts to the same briefs: the prompt that is used today is kept where its
    drafts are clearly nearer in one measure, editing effort or on-brand rate, and not clearly farther in the other."""
    if OPPONENT not in drafted or str(judged.verdict) not in TUNED or str(judged.verdict) not in drafted:
        return judged
    theirs, ours = drafted[OPPONENT].by_brief, drafted[str(judged.verdict)].by_brief
    ahead = {name: paired_difference(theirs[name], ours[name], seed=seed) for name in (SPARED, BRAND) if name in theirs and name in ours}
    told = ", ".join(f"{name} {percent(one.value or 0.0)} higher" if (one.value or 0.0) >= 0 else f"{name} "
                                                                                                  f"{percent(-(one.value or 0.0))} lower"
                     for name, one in ahead.items())
    behind = [one for one in ahead.values() if one.high is not None and one.high < 0]
    if any(clear(one) for one in ahead.values()) and not behind:
        return Judged(Verdict.PROMPT, f"The opponent's drafts to the same briefs are clearly nearer to the published pieces ({told}): "
                                      "keep the prompt "
                      f"that you use. {judged.reason}")
    return replace(judged, reason=f"{judged.reason} The opponent's drafts: {told}.")


def judge_payback(judged: Judged, finding: Finding) -> Judged:
    """A verdict to fine-tune, challenged by logged minutes: where they say that it does not pay back in time, the prompt is kept."""
    if str(judged.verdict) not in TUNED or finding.status != "stop":
        return judged
    return Judged(Verdict.PROMPT, f"By the logged minutes fine-tuning does not pay: {finding.message} {judged.reason}")


def is_winner(arms: Arms, name: str, settings: AdviseSettings) -> bool:
    """Whether an arm's gain over the rival is clear, and more than the gain that is needed."""
    one = gain(arms, name, settings.seed)
    return clear(one) and (one.value or 0.0) > needed_gain(settings)


def choose(arms: Arms, winners: list[str], settings: AdviseSettings) -> str:
    """The smallest of the winners that no larger one beats by more than it costs."""
    chosen = winners[0]
    for name in winners[1:]:
        worth = settings.full_margin if name == FULL else settings.margin
        if arms[name].loss < arms[chosen].loss * (1 - worth):
            chosen = name
    return chosen


def _beside(arms: Arms, winners: list[str], chosen: str, settings: AdviseSettings) -> str:
    """How the choice stands to the other methods, in words."""
    losers = [name for name in TUNED if name in arms and name not in winners]
    if losers:
        return f", and {' and '.join(NAMES[name] for name in losers)} {'does' if len(losers) == 1 else 'do'} not"
    larger = [name for name in winners if name != chosen and TUNED.index(name) > TUNED.index(chosen)]
    return f" and is as good as {NAMES[larger[-1]]} to within what its size costs" if larger else ""


def open_question(arms: Arms, before: Arms, settings: AdviseSettings) -> str | None:
    """Why more training could still change the verdict, in words; None where it can't.

    Without a winner an arm is followed while its gain, with the step that the last round added to it, could reach the gain that is needed
    at the upper end of its interval. With winners the question is which: open while the best is ahead of the next by more than the
    margin, and the interval of that lead does not exclude zero.
    """
    needed = needed_gain(settings)
    gains = {name: gain(arms, name, settings.seed) for name in TUNED if name in arms}
    winners = sorted((name for name in gains if is_winner(arms, name, settings)), key=lambda name: arms[name].loss)
    if winners:
        for name in (other for other in TUNED if other in arms and other != winners[0]):
            ahead = lead(arms[winners[0]], arms[name], settings.seed)
            if (ahead.value or 0.0) > settings.margin and not clear(ahead):
                return f"{NAMES[winners[0]]} is ahead of {NAMES[name]}, and not clearly"
        return None
    reach = {}
    untrained = 1 - arms[BASE].loss / arms[rival(arms)].loss
    for name, one in gains.items():
        last = gain(before, name, settings.seed).value if name in before else untrained
        upper = one.high if one.high is not None else one.value
        reach[name] = (upper or 0.0) + max(0.0, (one.value or 0.0) - (last or 0.0))
    if not reach:
        return None
    best = max(reach, key=lambda name: reach[name])
    return f"{NAMES[best]} could still reach {percent(needed)}" if reach[best] > needed else None


def survivors(arms: Arms, names: list[str], settings: AdviseSettings) -> list[str]:
    """The half of the tuned arms that goes on (rounded up, the better losses); LoRA's place is kept where it is within the margin."""
    ordered = sorted((name for name in names if name in arms), key=lambda name: arms[name].loss)
    kept = ordered[:(len(ordered) + 1) // 2]
    if LORA in ordered and LORA not in kept and arms[LORA].loss <= arms[ordered[0]].loss * (1 + settings.full_margin):
        kept = [*kept[:-1], LORA]
    return sorted(kept, key=TUNED.index)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
