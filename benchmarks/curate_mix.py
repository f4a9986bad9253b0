"""The planted mix: 300 clean pieces of a brand, 30 of them gold, among 2,700 others; does `curate --keep 300` find them?

The others are 2,500 pieces of five other archives under the brand's own categories, and 200 near-duplicates of clean pieces (one word in
a hundred replaced). A kept near-duplicate stands for its clean twin, once. Precision is found / kept, recall found / 300, with Wilson's
intervals. Beside it: random pieces, and those nearest to a gold piece by embedding (TF-IDF, 100 dimensions of LSA), both with the 30 gold
given; and the voices alone: AUC of likeness together, with the topic held apart and by axis, among the pieces that passed the checks.

    python benchmarks/curate_mix.py [--archives NAME ...] [--seed N] [--out FOLDER]

Archives lie under ../shared/data/brands; where they are absent the script says so and measures nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adtune.curate import Curated, curate
from adtune.curate.choose import OFF_VOICE, OVER_KEEP
from adtune.curate.pieces import pieces_of
from adtune.records import Approval, Asset, Source
from adtune.settings import CurateSettings
from adtune.stats import rate_interval

HERE = Path(__file__).resolve().parent
BRANDS = HERE.parent.parent / "shared" / "data" / "brands"
DEFAULT = ("carpentries_blog", "swcarpentry_gvwilson", "digitalgov_news", "medlineplus_topics")
CLEAN, GOLD, TWINS, READ = 300, 30, 200, 3000
AIM, SECONDS = 0.90, 60.0
HEAD = ("archive", "arm", "kept", "precision [95 %]", "recall [95 %]", "processor seconds")


def rows_of(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode("utf-8").split("\n") if line]


def archives() -> dict[str, Path]:
    return {path.name.split(".")[0]: path for path in sorted(BRANDS.glob("*.jsonl*"))}


def rewritten(text: str, chance: random.Random) -> str:
    """A near-duplicate: one word in a hundred is another word of the same text, so that some nine in ten 5-word shingles stay."""
    parts = text.split(" ")
    for place in chance.sample(range(len(parts)), max(1, len(parts) // 100)):
        parts[place] = chance.choice(parts)
    return " ".join(parts)


def planted(name: str, seed: int) -> tuple[list[Asset], dict[str, str]]:
    """The archive in a random order, and for each clean piece and near-duplicate the clean piece that it stands for, by id."""
    chance = random.Random(seed)
    own = chance.sample(rows_of(archives()[name]), CLEAN)
    others = [row for other, path in archives().items() if other != name for row in rows_of(path)]
    others = chance.sample(others, READ - CLEAN - TWINS)
    made = [(f"clean-{n}", row["title"], row["text"], row.get("category"), "gold" if n < GOLD else None) for n, row in enumerate(own)]
    twins = [(f"twin-{n}", own[n]["title"], rewritten(own[n]["text"], chance), own[n].get("category"), None)
             for n in chance.sample(range(GOLD, CLEAN), TWINS)]
    categories = [row.get("category") for row in own]
    made += twins + [(f"other-{n}", row["title"], row["text"], chance.choice(categories), None) for n, row in enumerate(others)]
    chance.shuffle(made)
    assets = [Asset(id, name, text, title=title, category=category, approval=approval, source=Source("mix.jsonl", line))
              for line, (id, title, text, category, approval) in enumerate(made, 1)]
    return assets, {id: f"clean-{id.partition('-')[2]}" for id, *_ in made if not id.startswith("other")}


def nearest(assets: Sequence[Asset], keep: int) -> list[str]:
    """Gold, then the pieces whose embedding is nearest to one of a gold piece."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    rows = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform([asset.text for asset in assets])
    points = normalize(TruncatedSVD(100, random_state=0).fit_transform(rows))
    gold = [place for place, asset in enumerate(assets) if asset.approval == Approval.GOLD]
    near = (points @ points[gold].T).max(axis=1)
    near[gold] = 2.0
    return [assets[place].id for place in (-near).argsort(kind="stable")[:keep]]


def drawn(assets: Sequence[Asset], keep: int, seed: int) -> list[str]:
    """Gold, then pieces by lot."""
    gold = [asset.id for asset in assets if asset.approval == Approval.GOLD]
    rest = [asset.id for asset in assets if asset.approval != Approval.GOLD]
    return gold + random.Random(seed).sample(rest, keep - len(gold))


def figures(kept: Sequence[str], stands_for: dict[str, str]) -> dict[str, Any]:
    found = len({stands_for[id] for id in kept if id in stands_for})
    precision, recall = rate_interval(found, len(kept)), rate_interval(found, CLEAN)
    return {"kept": len(kept), "found": found, "precision": precision.value, "precision_interval": precision.as_list(),
            "recall": recall.value, "recall_interval": recall.as_list()}


def recorded() -> list[Any]:
    """Has every likeness that curation measures kept in the list, so that it needs not be measured twice."""
    from adtune.voice import likeness as module

    kept, measure_likeness = [], module.likeness

    def recording(*given: Any, **named: Any) -> Any:
        kept.append(measure_likeness(*given, **named))
        return kept[-1]

    module.likeness = recording
    return kept


def separation(found: Any, assets: Sequence[Asset], curated: Curated) -> dict[str, Any]:
    """How well likeness alone tells the clean pieces that are not gold from the others, of those that passed the checks."""
    import numpy as np

    from adtune.voice.on_brand import auc_interval

    failed = {one.asset.id for one in curated.dropped if one.reason not in (OFF_VOICE, OVER_KEEP)}
    judged = sorted((piece for piece in pieces_of(assets) if piece.asset.id not in failed), key=lambda piece: (piece.content, piece.order))
    own = [place for place, piece in enumerate(judged) if not piece.asset.id.startswith("other") and not piece.gold]
    other = [place for place, piece in enumerate(judged) if piece.asset.id.startswith("other")]
    kinds = {"together": found.scores, "topic held apart": found.apart, **found.axes}
    measured = {name: auc_interval(np.asarray(scores)[own], np.asarray(scores)[other]) for name, scores in kinds.items()}
    return {name: {"auc": one.value, "interval": one.as_list()} for name, one in measured.items()}


def measure(name: str, seed: int, likenesses: list[Any]) -> dict[str, Any]:
    """Every arm on one archive."""
    assets, stands_for = planted(name, seed)
    began, wall = time.process_time(), time.perf_counter()
    curated = curate(assets, name, CurateSettings(keep=CLEAN))
    seconds, wall = time.process_time() - began, time.perf_counter() - wall
    kept = [item.asset for item in curated.dataset.items]
    fell = {f"{one.reason}, {one.asset.id.partition('-')[0]}": 0 for one in curated.dropped}
    for one in curated.dropped:
        fell[f"{one.reason}, {one.asset.id.partition('-')[0]}"] += 1
    return {"curate": {**figures(kept, stands_for), "seconds": seconds, "wall": wall, "hash": curated.dataset.hash, "dropped": fell,
                       "likeness": curated.selection.likeness},
            "nearest gold": figures(nearest(assets, CLEAN), stands_for), "random": figures(drawn(assets, CLEAN, seed), stands_for),
            "auc": separation(likenesses[-1], assets, curated)}


def table(answers: dict[str, dict[str, Any]]) -> str:
    """Markdown: the arms, then the AUCs."""
    def told(value: float, limits: list[float] | None) -> str:
        return f"{value:.3f}" + (f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else "")

    rows = [HEAD, ("---",) * len(HEAD)]
    for name, answer in answers.items():
        for arm in ("curate", "nearest gold", "random"):
            one = answer[arm]
            rows.append((name, arm, str(one["kept"]), told(one["precision"], one["precision_interval"]),
                         told(one["recall"], one["recall_interval"]), f"{one['seconds']:.0f}" if "seconds" in one else ""))
    kinds = list(next(iter(answers.values()))["auc"])
    more = [("AUC of likeness", *kinds), ("---",) * (len(kinds) + 1)]
    more += [(name, *(told(**{"value": one["auc"], "limits": one["interval"]}) for one in answer["auc"].values()))
             for name, answer in answers.items()]
    return "\n\n".join("\n".join("| " + " | ".join(cells) + " |" for cells in part) for part in (rows, more))


def misses(answers: dict[str, dict[str, Any]]) -> list[str]:
    found = [f"{name}: {figure} {answer['curate'][figure]:.3f}, under {AIM:.2f}" for name, answer in answers.items()
             for figure in ("precision", "recall") if answer["curate"][figure] < AIM]
    slow = [f"{name}: {answer['curate']['seconds']:.0f} processor seconds, over {SECONDS:.0f}" for name, answer in answers.items()
            if answer["curate"]["seconds"] > SECONDS]
    return found + slow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", nargs="*", default=list(DEFAULT))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    answers: dict[str, dict[str, Any]] = {}
    likenesses = recorded()
    for name in said.archives:
        if name not in archives():
            print(f"skipped: {name} is not there")
            continue
        answers[name] = measure(name, said.seed, likenesses)
        print(table({name: answers[name]}), flush=True)
        write(answers, said.seed, said.out)


def write(answers: dict[str, dict[str, Any]], seed: int, folder: Path) -> None:
    """The results so far, as Markdown and JSON."""
    short = misses(answers)
    told = "".join(f"\n- {line}" for line in short) or " nothing"
    folder.mkdir(parents=True, exist_ok=True)
    all_figures = json.dumps({"seed": seed, "archives": answers, "misses": short}, indent=1)
    (folder / "curate_mix.json").write_text(all_figures + "\n", encoding="utf-8")
    (folder / "curate_mix.md").write_text(f"`python benchmarks/curate_mix.py`, seed {seed}: 300 clean pieces, 30 of them gold, among 2,700 "
                                          f"others\n\n{table(answers)}\n\nFalls short:{told}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
