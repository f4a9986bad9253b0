"""Facts that no brief holds: what a tuned model invents where they stay in its training texts, and where they are stripped.

    python benchmarks/curate_facts.py [--archive FILE] [--keep N] [--epochs N] [--briefs N] [--seed N] [--out FOLDER]

The archive (the sample client) is curated twice, with `unbriefed_facts=keep` and `=strip`, and one LoRA adapter is tuned on each, with one
rate for both. Both draft the same held-out briefs with the same seeds. `invented` is the number of facts (figures, names, quotations) for
100 words of draft that neither brief, guide nor house hold, with its interval over drafts, and `drafts with any` the share of drafts that
have one; the base and the published texts stand beside. `held-out loss` is over the test pieces as they were written and as they are
stripped. Writes benchmarks/results/curate_facts.{md,json}.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

from adtune.records import Interval, Item  # noqa: E402 - the package stands beside this folder
from adtune.starter import sample_guide, sample_pieces  # noqa: E402
from adtune.stats import rate_interval, ratio_interval  # noqa: E402

HEAD = ("trained on", "held-out loss, as written", "held-out loss, stripped", "invented, a 100 words [95 %]", "drafts with any [95 %]",
        "words a draft", "sentences stripped", "seconds")


def datasets(archive: Path, folder: Path, keep: int | None) -> dict[str, Any]:
    """The archive curated with either value of the setting: {value: (dataset, facts of the curation)}."""
    from adtune.curate import curate
    from adtune.curate.dataset import Given
    from adtune.settings import CurateSettings
    from adtune.steps.archive import import_archive
    from adtune.workspace import Workspace

    guide = sample_guide().read_text(encoding="utf-8") if archive == sample_pieces() else ""
    with Workspace.open(folder / "ws") as ws:
        import_archive(ws, archive, "client")
        assets = ws.assets("client")
    return {value: curate(assets, "client", CurateSettings(keep=keep, unbriefed_facts=value), Given(guide)) for value in ("keep", "strip")}


def drafts_of(base: Any, tuned: Any, items: list[Item], said: argparse.Namespace) -> list[str]:
    from adtune.engine.generate import Sampling, generate

    heads = [base.renderer.brief(item.example.brief) for item in items]
    written = generate(base, tuned, heads, [said.seed + n for n in range(len(heads))], Sampling(0.7, 0.95, said.tokens))
    return [base.renderer.text(ids).strip() for ids in written]


def invented(facts: Any, texts: list[str], items: list[Item]) -> dict[str, Any]:
    counts = [len(facts.invented(text, item.example.brief)) for text, item in zip(texts, items, strict=True)]
    words = [len(text.split()) for text in texts]
    rate = ratio_interval([float(count) for count in counts], [count / 100 for count in words])
    any_of = rate_interval(sum(map(bool, counts)), len(counts))
    return {"invented": rate.value, "invented_interval": rate.as_list(), "with_any": any_of.value, "with_any_interval": any_of.as_list(),
            "words": sum(words) / len(words)}


def measure(said: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for the base, one for each setting, and one for the published texts."""
    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit
    from adtune.engine.peak import mean_loss
    from adtune.engine.tasks.drafting import measure as losses
    from adtune.settings import TuneSettings
    from adtune.steps.arms import plain_rows
    from adtune.tune.prepared import attach_for, plan_of, prepare
    from adtune.tune.session import decide
    from adtune.voice.general import load_general

    with tempfile.TemporaryDirectory() as name:
        curated = datasets(said.archive, Path(name), said.keep)
    base, general = load_base("starter"), load_general()
    facts = curated["keep"].judge.facts
    tests = {value: one.dataset.split("test") for value, one in curated.items()}
    briefs = tests["keep"][:said.briefs]
    settings = TuneSettings(method="lora", epochs=said.epochs, seed=said.seed)

    def held_out(tuned: Any) -> dict[str, float]:
        return {value: mean_loss(losses(base, tuned, plain_rows(base, [item.example for item in items], settings.loss_tokens,
                                                               settings.prefix_tokens))) for value, items in tests.items()}

    began = time.monotonic()
    rows = [{"arm": "nothing (the base)", "loss": held_out(None), **invented(facts, drafts_of(base, None, briefs, said), briefs),
             "sentences": None, "seconds": time.monotonic() - began}]
    decided = None
    for value, one in curated.items():
        began = time.monotonic()
        prepared = prepare(base, one.dataset, general, settings)
        decided = decided or decide(base, prepared, settings, None)
        chosen = decided.settle(settings)
        tuned = attach_for(base, prepared, chosen)
        Fit(base, tuned, prepared.data, plan_of(chosen, decided.bf16)).run()
        rows.append({"arm": value, "loss": held_out(tuned), **invented(facts, drafts_of(base, tuned, briefs, said), briefs),
                     "sentences": one.facts.stripped_sentences, "seconds": time.monotonic() - began})
        tuned.detach()
    published = invented(facts, [item.example.text for item in briefs], briefs)
    return [*rows, {"arm": "(the published texts)", "loss": None, **published, "sentences": None, "seconds": None}]


def table(rows: list[dict[str, Any]]) -> str:
    def cell(value: float | None, interval: list[float] | None = None) -> str:
        told = Interval(value, *(interval or ()))
        return "-" if told.value is None else f"{told.value:.2f}" + (f" [{told.low:.2f}, {told.high:.2f}]" if interval else "")

    lines = [HEAD, ["---"] * len(HEAD)]
    for row in rows:
        loss = row["loss"] or {"keep": None, "strip": None}
        losses = ["-" if loss[value] is None else f"{loss[value]:.4f}" for value in ("keep", "strip")]
        rates = [cell(row[name], row[f"{name}_interval"]) for name in ("invented", "with_any")]
        counts = [f"{row['words']:.0f}", *("-" if row[name] is None else f"{row[name]:.0f}" for name in ("sentences", "seconds"))]
        lines.append((row["arm"], *losses, *rates, *counts))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, default=sample_pieces())
    parser.add_argument("--keep", type=int, default=160, help="pieces that are kept of the archive")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--briefs", type=int, default=16, help="held-out briefs that are drafted")
    parser.add_argument("--tokens", type=int, default=260, help="longest draft")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    rows = measure(said)
    name = "sample" if said.archive == sample_pieces() else said.archive.name
    head = f"`python benchmarks/curate_facts.py`, {name}, {said.keep} pieces, {said.epochs} epochs, {said.briefs} briefs, seed {said.seed}"
    print(table(rows))
    said.out.mkdir(parents=True, exist_ok=True)
    (said.out / "curate_facts.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (said.out / "curate_facts.md").write_text(f"{head}\n\n{table(rows)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
