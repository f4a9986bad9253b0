"""The learning curve on an archive that is near to the base and on one that is far from it: the far one should need more pieces.

    python benchmarks/curate_curve.py [--archives FILE ...] [--base BASE] [--keep N] [--steps N] [--draws N] [--out FOLDER]

"Told from fewer" is what a curve without the largest size would have said was needed, and how many times what the whole curve says: an
estimate from half of the pieces should lie within a factor of 1.5. The distance is the base's loss on the archive's validation pieces
less its loss on general text, and the tokens that a word takes. Each archive is imported, curated and measured as
`adtune curate --curve` does it; what is measured is kept in `--work`, so that the same call goes on where it was stopped. Archives
default to three of ../shared/data/brands; those that are absent are skipped, said so.
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
BRANDS = HERE.parent.parent / "shared" / "data" / "brands"
DEFAULT = [str(BRANDS / f"{name}.jsonl") for name in ("medlineplus_topics", "carpentries_blog", "swcarpentry_gvwilson")]
HEAD = ("archive", "loss on it less general", "tokens a word, general", "losses at pieces", "examples needed [95 %]",
        "told from fewer, factor", "100 more bring, nats [95 %]", "of the loss", "steps", "minutes")


def measure(path: Path, said: argparse.Namespace) -> dict[str, Any]:
    """The curve of one archive, beside how long it took."""
    from adtune.steps.archive import import_archive
    from adtune.steps.curve import curate_with_curve
    from adtune.workspace import Workspace

    asked = {"base": said.base, "steps": said.steps, "draws": said.draws}
    began = time.monotonic()
    with Workspace.open(said.work / path.name.split(".")[0]) as ws:
        import_archive(ws, path, "client")
        overrides = {"keep": said.keep, "today": "2025-06-01"}

        def tell(label: str, done: float, total: float, note: str = "") -> None:
            if not total or label == "learning curve":
                print(f"{time.monotonic() - began:6.0f} s  {label} {done:.2f} of {total:.0f}  {note}", file=sys.stderr)

        answer = curate_with_curve(ws, "client", {"overrides": overrides}, asked, tell)
    return {**answer["curve"], "foretold": foretold(answer["curve"]), "kept": answer["kept"], "minutes": (time.monotonic() - began) / 60}


def foretold(curve: dict[str, Any]) -> dict[str, Any] | None:
    """What the points without the largest size say was needed, None where four are not left: {pieces, needed, factor}."""
    from adtune.advise.curve import BEYOND, FEWEST_SIZES, fit

    points = curve["points"][:-1]
    if len(points) < FEWEST_SIZES:
        return None
    sizes = [point["pieces"] for point in points]
    needed = fit(sizes, [point["loss"] for point in points]).enough(curve["worth"], sizes[0], BEYOND * sizes[-1])
    both = needed is not None and curve["examples_needed"] is not None
    return {"pieces": sizes[-1], "needed": needed, "factor": needed / curve["examples_needed"] if both else None}


def _foretold(curve: dict[str, Any]) -> str:
    one = curve["foretold"]
    if one is None:
        return "not measured"
    factor = "" if one["factor"] is None else f", {one['factor']:.2f}"
    return f"{'more than the curve tells' if one['needed'] is None else one['needed']} from {one['pieces']}{factor}"


def table(kept: dict[str, dict[str, Any]]) -> str:
    def told(value: float | None, ends: list[float] | None, form: str) -> str:
        shown = "more than the curve tells" if value is None else format(value, form)
        return shown + (f" [{format(ends[0], form)}, {format(ends[1], form)}]" if ends else "")

    rows = [HEAD, ("---",) * len(HEAD)]
    for name, found in kept.items():
        distance = found["distance"] or {}
        losses = ", ".join(f"{point['pieces']}: {point['loss']:.3f}" for point in found["points"])
        rows.append((name, f"{distance['archive']:.3f} - {distance['general']:.3f} = {distance['difference']:+.3f}",
                     f"{distance['fertility']:.2f}, {distance['general_fertility']:.2f}", losses,
                     told(found["examples_needed"], found["examples_needed_interval"], ",.0f"),
                     _foretold(found), told(found["gain_of_100"], found["gain_of_100_interval"], ".3f"),
                     f"{found['gain_of_100_share']:.1%}",
                     str(found["steps"]), f"{found['minutes']:.0f}"))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", nargs="*", default=DEFAULT)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--keep", type=int, help="pieces of each archive at most")
    parser.add_argument("--steps", type=int, help="optimiser steps of each run")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "adtune-curate-curve")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    kept: dict[str, dict[str, Any]] = {}
    for name in said.archives:
        path = Path(name)
        if not path.exists():
            print(f"skipped: {path.name} is not there")
            continue
        kept[path.name.split(".")[0]] = measure(path, said)
        said.out.mkdir(parents=True, exist_ok=True)
        (said.out / "curate_curve.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        asked = f"--draws {said.draws}" + (f" --keep {said.keep}" if said.keep else "") + (f" --steps {said.steps}" if said.steps else "")
        (said.out / "curate_curve.md").write_text(f"`python benchmarks/curate_curve.py {asked}`, {Path(said.base).name}\n\n"
                                                  f"{table(kept)}\n\nRule of thumb: 200 to 500 pieces for a voice.\n", encoding="utf-8")
        print(table(kept), flush=True)


if __name__ == "__main__":
    main()
