"""The planted mix: 300 clean pieces of a brand, 30 of them gold, among 2,700 others; does `curate --keep 300` find them?

The others of a brand's archive are 2,300 pieces of five other archives under the brand's own categories, 200 near-duplicates of clean
pieces (one word in a hundred replaced), and 200 further pieces of the brand itself, each spoilt in one of the ways of DEFECTS. The
messy sample (`adtune.starter.messy`) is the fifth archive; it comes through the import, for approvals are words there. A kept
near-duplicate stands for its clean twin, once. Precision is found / kept, recall found / 300, with Wilson's intervals. Beside it, all
with the 30 gold given: random pieces; those nearest to a gold piece by embedding (TF-IDF, 100 dimensions of LSA); and those of the lowest
loss under the starter base, over the first tokens of a piece (`steps/base_loss.py`). And the voices alone: AUC of likeness together,
with the topic held apart and by axis, among the pieces that passed the checks.

    python benchmarks/curate_mix.py [--archives NAME ...] [--seed N] [--ablation] [--no-loss] [--add] [--out FOLDER]

`--ablation` says what each part of the score brings: the choice is made anew, over the same pieces, without it. While the choice was worked
on, carpentries_blog and the messy sample were looked at, both with seed 1; what stands in the results was measured with seed 0, and the
other archives were only measured. Archives lie under ../shared/data/brands; what is absent is skipped, said so.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from curate_checks import PLANTS  # noqa: E402 - stands beside this file

from adtune.archive import language  # noqa: E402
from adtune.curate import Curated, curate  # noqa: E402
from adtune.curate.choose import OFF_VOICE, OVER_KEEP  # noqa: E402
from adtune.curate.pieces import pieces_of  # noqa: E402
from adtune.records import Approval, Asset, Source  # noqa: E402
from adtune.settings import CurateSettings  # noqa: E402
from adtune.stats import rate_interval  # noqa: E402

BRANDS = HERE.parent.parent / "shared" / "data" / "brands"
MESSY = "messy"
DEFAULT = ("carpentries_blog", "swcarpentry_gvwilson", "digitalgov_news", "medlineplus_topics", MESSY)
CLEAN, GOLD, TWINS, SPOILT, READ = 300, 30, 200, 200, 3000
TODAY = "2025-06-01"
DEFECTS: dict[str, Callable[[str, random.Random], dict[str, str]]] = {
    **{name: lambda text, chance, name=name: {"text": PLANTS[name](text, chance)}  # type: ignore[misc]
       for name in ("cut_off", "boilerplate", "gibberish", "shuffled", "typos", "personal_data", "planted_instructions", "control_tokens",
                    "hidden_text", "wrong_language")},
    "draft": lambda text, chance: {"text": text, "approval": chance.choice(("draft", "rejected"))},
    "thin": lambda text, chance: {"text": " ".join(text.split()[:12])},
    "rights_expired": lambda text, chance: {"text": text, "rights_until": f"2024-{chance.randrange(1, 13):02d}-28"},
    "markup": lambda text, chance: {"text": "".join(f'<p class="x" style="margin:0"><span data-id="1">{part}</span></p>\n'
                                                    for part in text.split(". "))},
}
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
    whole = rows_of(archives()[name])
    own = chance.sample(whole, CLEAN)
    held = {row["text"] for row in own}
    rest = [row for row in whole if row["text"] not in held and len(row["text"].split()) >= 60]
    hosts = chance.sample(rest, min(SPOILT, len(rest)))
    others = [row for other, path in archives().items() if other != name for row in rows_of(path)]
    others = chance.sample(others, READ - CLEAN - TWINS - len(hosts))
    ways = list(DEFECTS)
    made = [(f"clean-{n}", row, {"text": row["text"], **({"approval": "gold"} if n < GOLD else {})}) for n, row in enumerate(own)]
    made += [(f"twin-{n}", own[n], {"text": rewritten(own[n]["text"], chance)}) for n in chance.sample(range(GOLD, CLEAN), TWINS)]
    made += [(f"{ways[n % len(ways)]}-{n}", row, DEFECTS[ways[n % len(ways)]](row["text"], chance)) for n, row in enumerate(hosts)]
    categories = [row.get("category") for row in own]
    made += [(f"other-{n}", {**row, "category": chance.choice(categories)}, {"text": row["text"]}) for n, row in enumerate(others)]
    chance.shuffle(made)
    assets = [Asset(id, name, title=row["title"], category=row.get("category"), language=language.detect(fields["text"]),
                    source=Source("mix.jsonl", line, id), **fields) for line, (id, row, fields) in enumerate(made, 1)]
    return assets, {id: f"clean-{id.partition('-')[2]}" for id, *_ in made if id.startswith(("clean", "twin"))}


def messy(seed: int) -> tuple[list[Asset], dict[str, str]]:
    """The messy sample as the import gives it, under the ids of its own file."""
    from adtune.starter.messy import TRUTH, write_messy
    from adtune.steps.archive import import_archive
    from adtune.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        path = write_messy(Path(folder) / "archive", seed)
        truth = [json.loads(line) for line in path.with_name(TRUTH).read_text(encoding="utf-8").splitlines()]
        with Workspace.open(Path(folder) / "ws") as ws:
            import_archive(ws, path, MESSY)
            assets = ws.assets(MESSY)
    kinds = {row["id"]: (row["what"].split(":")[-1].replace("near_duplicate_of", "twin"), row["id"].partition("-")[2]) for row in truth}
    names = {id: f"{kind}-{number}" for id, (kind, number) in kinds.items()}
    stands = {names[row["id"]]: names[row["id"] if row["what"] == "clean" else row["twin"]] for row in truth
              if row["what"] in ("clean", "near_duplicate_of")}
    return [replace(asset, id=names[str(asset.source.id)]) for asset in assets], stands


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


def likely(assets: Sequence[Asset], keep: int, folder: Path) -> list[str]:
    """Gold, then the pieces of the lowest loss under the starter base: the perplexity that corpora are filtered by."""
    from adtune.steps.base_loss import KeptLoss

    losses = KeptLoss("starter", folder)([asset.text for asset in assets], [])
    order = sorted(range(len(assets)), key=lambda place: (assets[place].approval != Approval.GOLD, losses[place], assets[place].id))
    return [assets[place].id for place in order[:keep]]


def figures(kept: Sequence[str], stands_for: dict[str, str]) -> dict[str, Any]:
    found = len({stands_for[id] for id in kept if id in stands_for})
    precision, recall = rate_interval(found, len(kept)), rate_interval(found, CLEAN)
    return {"kept": len(kept), "found": found, "precision": precision.value, "precision_interval": precision.as_list(),
            "recall": recall.value, "recall_interval": recall.as_list()}


@contextmanager
def heard() -> Iterator[dict[str, Any]]:
    """Has the last likeness that curation measures, and what its choice was made of, kept in the dict."""
    from adtune.curate import dataset
    from adtune.voice import likeness as module

    kept: dict[str, Any] = {}
    measure_likeness, select = module.likeness, dataset.select

    def measuring(*given: Any, **named: Any) -> Any:
        kept["likeness"] = measure_likeness(*given, **named)
        return kept["likeness"]

    def selecting(*given: Any, **named: Any) -> Any:
        kept["choice"] = given, named
        return select(*given, **named)

    module.likeness, dataset.select = measuring, selecting
    try:
        yield kept
    finally:
        module.likeness, dataset.select = measure_likeness, select


def separation(found: Any, assets: Sequence[Asset], curated: Curated, stands_for: dict[str, str]) -> dict[str, Any]:
    """How well likeness alone tells the clean pieces that are not gold from the others, of those that passed the checks."""
    import numpy as np

    from adtune.voice.on_brand import auc_interval

    failed = {one.asset.id for one in curated.dropped if one.reason not in (OFF_VOICE, OVER_KEEP)}
    judged = sorted((piece for piece in pieces_of(assets) if piece.asset.id not in failed), key=lambda piece: (piece.content, piece.order))
    own = [place for place, piece in enumerate(judged) if piece.asset.id in stands_for and not piece.gold]
    other = [place for place, piece in enumerate(judged) if piece.asset.id not in stands_for]
    kinds = {"together": found.scores, "topic held apart": found.apart, **found.axes}
    measured = {name: auc_interval(np.asarray(scores)[own], np.asarray(scores)[other]) for name, scores in kinds.items()}
    return {name: {"auc": one.value, "interval": one.as_list()} for name, one in measured.items()}


def measure(name: str, said: argparse.Namespace) -> tuple[dict[str, Any], Iterator[tuple[str, dict[str, Any]]]]:
    """Every arm on one archive; then, one after the other, what the choice is worth without each part of the score."""
    assets, stands_for = messy(said.seed) if name == MESSY else planted(name, said.seed)
    with heard() as kept:
        began, wall = time.process_time(), time.perf_counter()
        curated = curate(assets, name, CurateSettings(keep=CLEAN, today=TODAY))
        seconds, wall = time.process_time() - began, time.perf_counter() - wall
    chosen = [item.asset for item in curated.dataset.items]
    fell: dict[str, int] = {}
    for one in curated.dropped:
        kind = f"{one.reason}, {one.asset.id.rpartition('-')[0]}"
        fell[kind] = fell.get(kind, 0) + 1
    answer = {"curate": {**figures(chosen, stands_for), "seconds": seconds, "wall": wall, "hash": curated.dataset.hash, "dropped": fell,
                         "likeness": curated.selection.likeness},
              "nearest gold": figures(nearest(assets, CLEAN), stands_for), "random": figures(drawn(assets, CLEAN, said.seed), stands_for),
              "auc": separation(kept["likeness"], assets, curated, stands_for)}
    if not said.no_loss:
        answer["lowest loss"] = figures(likely(assets, CLEAN, said.kept), stands_for)
    return answer, ablation(kept["choice"], stands_for, said) if said.ablation else iter(())


def ablation(choice: tuple[tuple[Any, ...], dict[str, Any]], stands_for: dict[str, str], said: argparse.Namespace) -> Iterator[Any]:
    """(what was left out or added, figures): the choice from the same pieces that passed the checks."""
    from adtune.curate import choose
    from adtune.steps.base_loss import KeptLoss
    from adtune.voice import likeness as module

    (pieces, settings, against, family, _), traits_of, seen = choice[0], module.traits_of, []

    def chosen(families: Any = family, loss: Any = None, masked: Callable[[Any], Any] = lambda traits: traits) -> dict[str, Any]:
        def once(*given: Any) -> Any:
            if not seen:
                seen.append(traits_of(*given))
            return masked(seen[0])

        module.traits_of = once
        try:
            found = choose.select(pieces, settings, against, families, loss)
        finally:
            module.traits_of = traits_of
        return figures([piece.asset.id for piece in pieces if piece.order in found.chosen], stands_for)

    yield "all parts", chosen()
    yield "without the house's terms", chosen(masked=lambda traits: _without(traits, [
        place for place, name in enumerate(traits.names) if name.startswith("term: ")]))
    for axis in module.AXES:
        yield f"without {axis}", chosen(masked=lambda traits, axis=axis: _without(traits, traits.axes[axis]))
    yield "without n-grams", chosen(masked=lambda traits: _without(traits, [n for n, name in enumerate(traits.names) if not name]))
    for told, names in (("gold against all, no second step", {"ROUNDS": 0, "MIXED": 2.0}),
                        ("without the nearest other voices", {"MIXED": 2.0}), ("without contrast voices", {"contrast_voices": lambda: []})):
        before = {name: getattr(module, name) for name in names}
        vars(module).update(names)
        seen[:] = [] if "contrast_voices" in names else seen
        yield told, chosen()
        vars(module).update(before)
    seen.clear()
    yield "each version its own piece", chosen({})
    if not said.no_loss:
        seen.clear()
        began = time.process_time()
        found = chosen(loss=KeptLoss("starter", said.kept))
        yield f"with the base's gain in context ({time.process_time() - began:.0f} s more)", found


def _without(traits: Any, columns: Any) -> Any:
    """The traits with these columns empty."""
    import numpy as np
    from scipy.sparse import diags

    weights = np.ones(traits.rows.shape[1])
    weights[np.asarray(columns, dtype=int)] = 0.0
    return replace(traits, rows=(traits.rows @ diags(weights)).tocsr())


def table(answers: dict[str, dict[str, Any]]) -> str:
    """Markdown: the arms, the AUCs, the ablation."""
    def told(value: float, limits: list[float] | None) -> str:
        return f"{value:.3f}" + (f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else "")

    rows = [HEAD, ("---",) * len(HEAD)]
    for name, answer in answers.items():
        for arm in ("curate", "nearest gold", "lowest loss", "random"):
            if arm in answer:
                one = answer[arm]
                rows.append((name, arm, str(one["kept"]), told(one["precision"], one["precision_interval"]),
                             told(one["recall"], one["recall_interval"]), f"{one['seconds']:.0f}" if "seconds" in one else ""))
    kinds = list(next(iter(answers.values()))["auc"])
    more = [("AUC of likeness", *kinds), ("---",) * (len(kinds) + 1)]
    more += [(name, *(told(**{"value": one["auc"], "limits": one["interval"]}) for one in answer["auc"].values()))
             for name, answer in answers.items()]
    parts = [rows, more]
    ablated = {name: answer["ablation"] for name, answer in answers.items() if "ablation" in answer}
    if ablated:
        names = list(dict.fromkeys(_part(part) for answer in ablated.values() for part in answer))
        last = [("recall, and precision where it differs", *ablated), ("---",) * (len(ablated) + 1)]
        last += [(part, *(_both({_part(n): one for n, one in answer.items()}.get(part)) for answer in ablated.values())) for part in names]
        parts.append(last)
    return "\n\n".join("\n".join("| " + " | ".join(cells) + " |" for cells in part) for part in parts)


def _part(told: str) -> str:
    return told.partition(" (")[0]


def _both(one: dict[str, Any] | None) -> str:
    if one is None:
        return ""
    recall, precision = f"{one['recall']:.3f}", f"{one['precision']:.3f}"
    return recall if recall == precision else f"{recall}, {precision}"


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
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--no-loss", action="store_true", help="leave out what asks the base")
    parser.add_argument("--add", action="store_true", help="go on from what was measured before with the same seed")
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "adtune-curate-mix", help="where losses are kept")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    path = said.out / "curate_mix.json"
    before = json.loads(path.read_text()) if said.add and path.exists() else {"seed": said.seed}
    answers: dict[str, dict[str, Any]] = before.get("archives", {}) if before["seed"] == said.seed else {}
    for name in said.archives:
        if name != MESSY and name not in archives():
            print(f"skipped: {name} is not there")
            continue
        if name in answers and ("ablation" in answers[name] or not said.ablation):
            continue
        found, parts = measure(name, said)
        answers[name] = answers.get(name, {}) | found       # what the base was asked before stays, where it is not asked again
        write(answers, said.seed, said.out)
        for part, figures_of_it in parts:
            answers[name].setdefault("ablation", {})[part] = figures_of_it
            write(answers, said.seed, said.out)
        print(table({name: answers[name]}), flush=True)


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
