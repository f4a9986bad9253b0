"""What logged edits say in minutes: for `rate`, for the arms of an evaluation, and for the candidates of advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..records import Interval

if TYPE_CHECKING:
    from ..evaluate import Material
    from ..rate.minutes import Entry, Estimate, MinutesModel
    from ..workspace import Workspace

UNTUNED = ("today", "prompted", "base")            # ways to work without tuning
TUNED = ("tuned", "lora", "prefix", "full")        # what a log may call a tuned draft
NO_EDITS = "no edits are logged"


def minutes_model(ws: Workspace, client: str, adapter: str | None = None) -> tuple[list[Entry], MinutesModel]:
    """The client's log in force and the model of it. With an `adapter`, drafts of other adapters stand apart."""
    from ..rate.minutes import MinutesModel, entries, in_force

    log = entries(in_force(ws.edits(client)), adapter)
    return log, MinutesModel(log)


def told(ws: Workspace, client: str, other_minutes: float | None = None) -> dict[str, Any]:
    """The object under `minutes` of `rate`: what the log holds, the minutes of each arm, what is saved, and how far off predictions are."""
    from ..rate.minutes import table

    log, model = minutes_model(ws, client)
    over, under = best_of(model.arms, UNTUNED), best_of(model.arms, TUNED)
    return {"calibrated": model.calibrated, "reason": model.reason if log else NO_EDITS, "edits": len(log), "timed": len(model.timed),
            "editors": len(model.editors), "arms": table(log, model), "error": model.error(),
            **gained(model.arms.get(over or ""), model.arms.get(under or ""), other_minutes), "over": over, "under": under}


def best_of(arms: Mapping[str, Estimate], names: Sequence[str]) -> str | None:
    """The arm with the fewest minutes among those that are known."""
    return min((name for name in names if name in arms), key=lambda name: arms[name].interval.value or 0.0, default=None)


def gained(before: Estimate | None, after: Estimate | None, other_minutes: float | None) -> dict[str, Any]:
    """`saved` minutes a piece and `throughput_change`, each with its interval; null where a side or the other minutes are not known."""
    from ..rate.minutes import saved, throughput

    known = before is not None and after is not None
    less = saved(before, after) if known else Interval(None)   # type: ignore[arg-type]
    more = throughput(before, after, other_minutes) if known and other_minutes is not None else Interval(None)   # type: ignore[arg-type]
    return {"saved": less.value, "saved_interval": less.as_list(), "throughput_change": more.value,
            "throughput_change_interval": more.as_list()}


def arm_minutes(ws: Workspace, client: str, adapter: str, method: str, material: Material) -> tuple[dict[str, Estimate], MinutesModel]:
    """Minutes of the arms of an evaluation: as logged, else predicted from the efforts of the drafts where the log covers them."""
    from ..voice.effort import effort
    from ..voice.habits import words

    _, model = minutes_model(ws, client, adapter)
    found: dict[str, Estimate] = {}
    for name in material.arms if model.calibrated else ():
        logged = best_of(model.arms, ("tuned", method)) if name == "tuned" else name
        drafts = material.arms[name].drafts
        if logged in model.arms:
            found[name] = model.arms[logged]
        elif drafts:
            efforts = [effort(draft, final) for draft, final in zip(drafts, material.references, strict=True)]
            guess = model.predict(efforts, [len(words(text)) for text in material.references])
            if guess is not None:
                found[name] = guess
    return found, model


def editing_minutes(arms: Mapping[str, Estimate], model: MinutesModel,
                    other_minutes: float | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what `editing` of an evaluation holds in minutes, `throughput_change` with its interval and what it is over)."""
    from ..rate.minutes import table

    row: dict[str, Any] = {"calibrated": model.calibrated}
    logged = table(model.log, model)
    for name in ("base", "prompted", "tuned"):
        one = arms.get(name)
        log = logged.get((best_of(model.arms, (name, *TUNED)) if name == "tuned" else name) or name, {})
        row |= {f"minutes_{name}": one.interval.value if one else None, f"minutes_{name}_interval": one.interval.as_list() if one else None,
                f"minutes_{name}_source": one.source if one else None,
                **{f"{key}_{name}": log.get(key) for key in ("under_two_minutes", "rounds", "client_rounds")}}
    today = model.arms.get("today")
    known = {**({"today": today} if today else {}), **arms}
    over = best_of(known, UNTUNED)
    found = gained(known.get(over or ""), arms.get("tuned"), other_minutes)
    row |= {"minutes_today": today.interval.value if today else None, "minutes_today_interval": today.interval.as_list() if today else None,
            "minutes_saved": found["saved"], "minutes_saved_interval": found["saved_interval"],
            "minutes_reason": _why(model, arms, other_minutes), "timed_edits": len(model.timed)}
    whole = {"throughput_change": found["throughput_change"], "throughput_change_interval": found["throughput_change_interval"],
             "throughput_over": over if found["throughput_change"] is not None else None}
    return row, whole


def _why(model: MinutesModel, arms: Mapping[str, Estimate], other_minutes: float | None) -> str | None:
    """What is missing for minutes and throughput, in words; None where nothing is."""
    if not model.log:
        return f"{NO_EDITS}: adtune rate CLIENT --edits FILE"
    if model.reason:
        return model.reason
    missing = [name for name in ("prompted", "tuned") if name not in arms]
    if missing:
        return (f"the log holds too few edits of {' and '.join(missing)} drafts, and the drafts of this evaluation take more or less "
                "effort than those that were logged")
    return None if other_minutes is not None else "the minutes that a piece takes beside editing are not known (--other-minutes)"
