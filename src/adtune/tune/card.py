"""The model card of an adapter: lineage, data, settings, figures. Written beside the weights, in every export too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapter_card(record: Mapping[str, Any]) -> str:
    """Markdown with a Hugging Face header, from an adapter's record."""
    best, base = record["best"], record["base"]
    header = ["---", f"base_model: {base}", "library_name: peft", "pipeline_tag: text-generation",
              f"tags: [adtune, {record['method']}]", *([f"license: {record['base_licence']}"] if record.get("base_licence") else []), "---"]
    warning = "> Tuned on adtune's starter base: for learning, tests and offline use, not for publishable copy."
    starter = ["", warning] if record["starter"] else []
    settings = [f"| {name} | {value} | {record['origins'].get(name, 'default')} |" for name, value in sorted(record["settings"].items())]
    return "\n".join([
        *header, f"# Adapter of {record['client']} ({record['method']})", *starter, "",
        f"- Base: `{base}`, weights sha256 `{record['base_hash'][:16]}`, revision {record.get('revision') or 'local'}",
        f"- Dataset: `{record['dataset_hash'][:16]}`; pieces: " + ", ".join(f"{n} {split}" for split, n in record["pieces"].items()),
        f"- Trainable parameters: {record['trainable_parameters']:,} of {record['total_parameters']:,}",
        f"- Best validation loss {best['validation_loss']:.4f} nats per token at step {best['step']} (epoch {best['epoch']:.2f}); "
        f"stopped: {record['stopped']}",
        f"- Tokens: {record['trained_tokens']:,} trained, {record['lost_tokens']:,} lost; {record['seconds']:.0f} seconds", "",
        "Held-out results are in the report of `adtune evaluate`.", "",
        "| setting | value | from |", "|---|---|---|", *settings, "",
    ])
