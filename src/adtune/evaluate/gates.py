"""The gates that an adapter must pass before it goes live: a literal table of functions, their limits from the settings.

A gate says true, false, or null where its value was not measured; null does not fail, but a report names it. A gate whose limit is None
is not asked. Any other figure can be a gate by the setting `limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..settings import EvaluateSettings
from .limits import figure_at, read_limits


@dataclass(frozen=True)
class Outcome:
    """What a gate says: `value` against `limit`, and the reason in words."""

    passed: bool | None
    value: float | None
    limit: float
    reason: str


Gate = Callable[[Mapping[str, Any], EvaluateSettings], Outcome]


def gain(result: Mapping[str, Any], settings: EvaluateSettings) -> Outcome:
    """Relative gain in held-out loss over the better of base and prompted, with its whole interval above the limit."""
    row, limit = result["held_out"], settings.gain_limit
    value, interval = row["gain"], row["gain_interval"]
    if value is None:
        return Outcome(None, None, limit, "not measured: losses of the tuned model and of a rival are needed")
    if value <= limit:
        return Outcome(False, value, limit, f"no gain over the {row['gain_over']} model beyond the limit")
    if interval is None:
        return Outcome(None, value, limit, "not measured: too few test pieces for an interval")
    clear = interval[0] > limit
    verb = "excludes" if clear else "includes"
    return Outcome(clear, value, limit, f"gain over the {row['gain_over']} model; its interval {verb} the limit")


def forgetting(result: Mapping[str, Any], settings: EvaluateSettings) -> Outcome:
    """Nats per token lost on general text, at most the limit."""
    value, limit = result["forgetting"]["delta"], settings.forgetting_limit
    if value is None:
        return Outcome(None, None, limit, "not measured: no general text")
    return Outcome(value <= limit, value, limit, f"nats per token lost on general text; at most {limit:g} allowed")


def memorised(result: Mapping[str, Any], settings: EvaluateSettings) -> Outcome:
    """Longest run of training words under the limit, or no longer than the client's own pieces share with training."""
    row, limit = result["memorised"], settings.memorised_limit
    value, own = row["longest_run_words"], row["pieces"]["longest_run_words"]
    if value is None:
        return Outcome(None, None, limit, "not measured: no drafts or no training pieces")
    if value < limit:
        return Outcome(True, value, limit, f"longest run is under {limit} words")
    if own is not None and value <= own:
        return Outcome(True, value, limit, f"longest run is not under {limit} words, but the client's own test pieces share {own}")
    own_words = "were not measured" if own is None else f"share only {own}"
    return Outcome(False, value, limit, f"longest run is not under {limit} words, and the client's own test pieces {own_words}")


def on_brand(result: Mapping[str, Any], settings: EvaluateSettings) -> Outcome:
    """On-brand rate of tuned less prompted, at least the limit."""
    row, limit = result["on_brand"], settings.on_brand_limit
    value = row["tuned_less_prompted"]
    if value is None:
        missing = "no scorer could be fitted and checked"
        if row["scorer_auc"] is not None:
            missing = "the scorer cannot tell the client from others, or drafts are missing"
        return Outcome(None, None, limit, f"not measured: {missing}")
    return Outcome(value >= limit, value, limit, "on-brand rate of the tuned less the prompted drafts")


def claims(result: Mapping[str, Any], settings: EvaluateSettings) -> Outcome:
    """Claims a tuned draft that neither brief, guide nor house vouches for, at most the limit."""
    value, limit = result["measures"]["claims"]["per_draft"]["tuned"], settings.claims_limit or 0.0
    if value is None:
        return Outcome(None, None, limit, "not measured: no drafts")
    return Outcome(value <= limit, value, limit, f"claims a draft without support in brief, guide or house; at most {limit:g} allowed")


GATES: dict[str, Gate] = {
    "gain": gain,
    "forgetting": forgetting,
    "memorised": memorised,
    "on_brand": on_brand,
    "claims": claims,
}


def judge(result: Mapping[str, Any], settings: EvaluateSettings) -> dict[str, dict[str, Any]]:
    """Every gate's outcome by name: `passed`, `value`, `limit`, `reason`."""
    said = {name: asdict(gate(result, settings)) for name, gate in GATES.items() if getattr(settings, f"{name}_limit") is not None}
    for limit in read_limits(settings.limits):
        value = figure_at(result, limit.path)
        passed = None if value is None else limit.holds(value)
        said[limit.path] = asdict(Outcome(passed, value, limit.value, "not measured" if value is None else limit.told))
    return said


def all_passed(gates: Mapping[str, Mapping[str, Any]]) -> bool:
    """The overall verdict: no gate said no."""
    return not any(outcome["passed"] is False for outcome in gates.values())
