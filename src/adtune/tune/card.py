"""The model card of an adapter: lineage, data, licence, settings, framework versions, held-out results. Written beside the weights,
and again in every export, then with the newest evaluation."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

FRAMEWORKS = ("adtune", "torch", "transformers", "safetensors", "tokenizers")


def framework_versions() -> dict[str, str]:
    """Versions of what trained the adapter."""
    found = {"python": platform.python_version()}
    for name in FRAMEWORKS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def adapter_card(record: Mapping[str, Any], report: Mapping[str, Any] | None = None, library: str | None = None) -> str:
    """Markdown with a Hugging Face header, from an adapter's record and, where there is one, its evaluation.

    `library` is what loads the files beside the card, by default peft, or transformers for a whole model.
    """
    best, base = record["best"], record["base"]
    library = library or ("transformers" if record["method"] == "full" else "peft")
    header = ["---", *([f"base_model: {base}"] if record.get("revision") else []), f"library_name: {library}",
              "pipeline_tag: text-generation", f"tags: [adtune, {record['method']}]",
              *_licence_lines(record.get("base_licence")), "---"]
    warning = "> Tuned on adtune's starter base: for learning, tests and offline use, not for publishable copy."
    starter = ["", warning] if record["starter"] else []
    settings = [f"| {name} | {value} | {record['origins'].get(name, 'default')} |" for name, value in sorted(record["settings"].items())]
    return "\n".join([
        *header, f"# Adapter of {record['client']} ({record['method']})", *starter, "",
        f"Made for the client {record['client']}, and for nobody else.", "",
        f"- Base: `{base}`, weights sha256 `{record['base_hash'][:16]}`, revision {record.get('revision') or 'local'}",
        f"- Licence of the base: {record.get('base_licence') or _unsaid(record)}",
        f"- Dataset: `{record['dataset_hash'][:16]}`; pieces: " + ", ".join(f"{n} {split}" for split, n in record["pieces"].items()),
        f"- Trainable parameters: {record['trainable_parameters']:,} of {record['total_parameters']:,}",
        f"- Best validation loss {best['validation_loss']:.4f} nats per token at step {best['step']} (epoch {best['epoch']:.2f}); "
        f"stopped: {record['stopped']}",
        f"- Tokens: {record['trained_tokens']:,} trained, {record['lost_tokens']:,} lost, "
        f"{record.get('masked_tokens') or 0:,} masked; {record['seconds']:.0f} seconds",
        *([f"- Dial: {record['dial']['chosen']:g} of what was learned"] if record.get("dial") else []),
        *_rendering(record.get("rendering") or {}), "",
        *_held_out(report), "", *_served(record.get("servable") or ()),
        "| setting | value | from |", "|---|---|---|", *settings, "",
        *_versions(record.get("frameworks") or {}),
    ])


def _licence_lines(licence: str | None) -> list[str]:
    """The header's lines for the base's licence: a short word as it is, anything else under a name of its own."""
    if not licence:
        return []
    if licence.replace("-", "").replace(".", "").isalnum():
        return [f"license: {licence}"]
    name = " ".join(licence.split()).removesuffix(" (other)").replace("\\", "").replace('"', "'")
    return ["license: other", f'license_name: "{name}"']


def _unsaid(record: Mapping[str, Any]) -> str:
    if record["starter"]:
        return "none as a whole; the starter's card names that of each source"
    return "its card names none; ask whoever gave it to you"


def _rendering(said: Mapping[str, Any]) -> list[str]:
    """How a brief becomes ids: what a server must do alike."""
    if not said:
        return []
    if said["chat_template"] is None:
        return ["- Briefs: plain text (`# title`, `[category]`, a blank line); a draft ends at the end of text"]
    switch = {"off": "; thinking off (`enable_thinking=False`)", "closed": "; an opened thought is closed at once"}
    thinking = switch.get(said["thinking"], "")
    return [f"- Briefs: the base's chat template, sha256 `{said['chat_template'][:16]}`{thinking}; "
            f"a draft ends at `{said['end_of_turn'].strip()}`"]


def _number(value: Any) -> str:
    return "not measured" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _held_out(report: Mapping[str, Any] | None) -> list[str]:
    """The evaluation's figures, or that there is none."""
    if not report:
        return ["Not evaluated yet: run `adtune evaluate`, then export again."]
    loss, brand, lost, copied = (report.get(name) or {} for name in ("held_out", "on_brand", "forgetting", "memorised"))
    gates = [f"{name} {'not measured' if gate['passed'] is None else 'passed' if gate['passed'] else 'FAILED'}"
             for name, gate in (report.get("gates") or {}).items()]
    return ["| on pieces that training never saw | base | prompted base | tuned |", "|---|---|---|---|",
            "| loss, nats per token | " + " | ".join(_number(loss.get(f"loss_{arm}")) for arm in ("base", "prompted", "tuned")) + " |",
            "| on-brand rate | " + " | ".join(_number(brand.get(arm)) for arm in ("base", "prompted", "tuned")) + " |", "",
            f"- Forgetting: general text {_number(lost.get('loss_before'))} before, {_number(lost.get('loss_after'))} after, "
            f"{_number(lost.get('delta'))} nats per token",
            f"- Longest verbatim run from training pieces: {_number(copied.get('longest_run_words'))} words",
            "- Gates: " + (", ".join(gates) or "not measured")]


def _served(engines: Any) -> list[str]:
    """Which engines can serve it, with what their start must say."""
    if not engines:
        return []
    word = {True: "yes", False: "no", None: "not known"}
    rows = [f"| {one['engine']} | {word[one['servable']]} | {'; '.join(part for part in (one['needs'], one['reason']) if part)} |"
            for one in engines]
    return ["| engine | serves it | how, or why not |", "|---|---|---|", *rows, ""]


def _versions(found: Mapping[str, str]) -> list[str]:
    return ["Framework versions: " + ", ".join(f"{name} {version}" for name, version in found.items()) + ".", ""] if found else []
