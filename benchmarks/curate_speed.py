"""How fast curation is, and how much memory it takes: 3,000 and 100,000 made pieces, and finding duplicates beside other libraries.

    python benchmarks/curate_speed.py [--sizes N ...] [--peer-python PYTHON] [--add] [--out FOLDER]

The pieces are made of the sample's sentences with one word in seven changed: about 155 words each, one in fifty a near-duplicate of another
piece, one in a hundred the same; 30 are gold. Every figure is of a process of its own: processor seconds of the curation alone (making
the pieces not counted), by check with `parts`, and the peak of its resident memory. 3,000 pieces are curated with `keep=300` too; `bare`
leaves personal data out. The part that finds duplicates is measured beside MinHash LSH of datasketch and of rensa on the same shingles,
both in an environment of their own (`--peer-python`, with datasketch and rensa), as pairs of Jaccard similarity 0.5 and more: the pairs
that the peers' sketches report are checked by no one, ours are. Marks: 3,000 in 60 seconds, 100,000 in 300 seconds and 2 GB.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

SIZES = (3_000, 100_000)
MARKS = {3_000: (60.0, None), 100_000: (300.0, 2.0)}     # seconds, GiB
NEAR, SAME, CHANGED, SENTENCES = 0.02, 0.01, 1 / 7, 15
HEAD = ("pieces", "what", "kept", "processor seconds", "peak GiB", "longest parts, seconds")
PEER_HEAD = ("pieces", "library", "pairs reported", "of them 0.5 and more", "of all such", "processor seconds", "peak GiB")


def made(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """`count` pieces as rows of {id, title, text, category, date, approval}."""
    from adtune.starter import general_text, sample_pieces, sample_voices

    texts = [json.loads(line)["text"] for path in (sample_pieces(), sample_voices(), general_text())
             for line in path.read_text(encoding="utf-8").splitlines()]
    pool = [sentence for text in texts for sentence in re.split(r"(?<=[.!?])\s+", text) if 4 <= len(sentence.split()) <= 40]
    words = [word for text in texts for word in re.findall(r"\b[a-z]{4,12}\b", text)]
    chance, rows = random.Random(seed), []
    for number in range(count):
        draw = chance.random()
        if rows and draw < NEAR + SAME:
            text = chance.choice(rows)["text"]
            if draw < NEAR:
                parts = text.split(" ")
                for place in chance.sample(range(len(parts)), max(1, len(parts) // 60)):
                    parts[place] = chance.choice(words)
                text = " ".join(parts)
        else:
            text = _changed("\n\n".join(" ".join(chance.choices(pool, k=max(1, SENTENCES // 3))) for _ in range(3)), words, chance)
        rows.append({"id": f"p{number}", "title": f"{chance.choice(words).title()} {chance.choice(words)} {number}", "text": text,
                     "category": f"c{chance.randrange(6)}", "date": f"20{chance.randrange(18, 25)}-{chance.randrange(1, 13):02d}-15",
                     "approval": "gold" if number % max(1, count // 30) == 0 else None})
    return rows


def _changed(text: str, words: list[str], chance: random.Random) -> str:
    return re.sub(r"\b[a-z]{4,}\b", lambda match: chance.choice(words) if chance.random() < 2 * CHANGED else match.group(), text)


def curated(rows: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Processor seconds of a curation, and its parts by what its progress tells."""
    from adtune.curate import curate
    from adtune.records import Asset, Source
    from adtune.settings import CurateSettings

    assets = [Asset(row["id"], "speed", row["text"], title=row["title"], category=row["category"], date=row["date"],
                    approval=row["approval"], language="en", source=Source("made.jsonl", line)) for line, row in enumerate(rows, 1)]
    rows.clear()
    told: list[tuple[str, float]] = []
    began = time.process_time()
    found = curate(assets, "speed", CurateSettings(**{"today": "2025-06-01", **settings}),
                   progress=lambda label, done, total, note="": told.append((label, time.process_time())))
    seconds = time.process_time() - began
    ends = [at for _, at in told[1:]] + [began + seconds]
    parts = {label: round(end - at, 2) for (label, at), end in zip(told, ends, strict=True)}
    return {"kept": len(found.dataset.items), "seconds": seconds, "parts": parts}


def ours(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What curation takes to find the alike pairs."""
    from adtune.curate.pieces import plain_words
    from adtune.curate.similar import Alike

    texts = {row["id"]: plain_words(row["text"]) for row in rows}
    began = time.process_time()
    found = Alike(texts, 0.5)
    return {"pairs": [sorted((f"p{a}", f"p{b}")) for a, b in found.pairs.tolist()], "seconds": time.process_time() - began}


PEERS = '''
import json, re, resource, sys, time, unicodedata
library, path = sys.argv[1:3]
rows = [json.loads(line) for line in open(path, encoding="utf-8")]
texts = {row["id"]: re.findall(r"[^\\W_]+", unicodedata.normalize("NFKC", row["text"]).casefold()) for row in rows}
del rows
began, pairs = time.process_time(), []
shingles = {id: [" ".join(words[i:i + 5]) for i in range(max(1, len(words) - 4))] for id, words in texts.items()}
if library == "datasketch":
    from datasketch import MinHash, MinHashLSH
    index = MinHashLSH(threshold=0.5, num_perm=128)
    for id, parts in shingles.items():
        sketch = MinHash(num_perm=128)
        sketch.update_batch([part.encode() for part in parts])
        pairs += [(other, id) for other in index.query(sketch)]
        index.insert(id, sketch)
else:
    from rensa import RMinHash, RMinHashLSH
    index, names = RMinHashLSH(threshold=0.5, num_perm=128, num_bands=32), list(shingles)
    for place, parts in enumerate(shingles.values()):
        sketch = RMinHash(num_perm=128, seed=42)
        sketch.update(parts)
        pairs += [(names[other], names[place]) for other in index.query(sketch)]
        index.insert(place, sketch)
print(json.dumps({"pairs": [sorted(pair) for pair in pairs], "seconds": time.process_time() - began,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
'''


def cell(kind: str, count: int) -> dict[str, Any]:
    """One figure, in this process."""
    rows = made(count)
    if kind == "duplicates":
        found = ours(rows)
    else:
        found = curated(rows, {"keep": {"keep": 300}, "bare": {"skip": "personal_data"}, "all": {}}[kind])
    return {**found, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def asked(words: list[str]) -> dict[str, Any]:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def peer(library: str, count: int, python: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pieces.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in made(count)), encoding="utf-8")
        return asked([python, "-c", PEERS, library, str(path)])


def judged(found: dict[str, Any], true: set[tuple[str, str]]) -> dict[str, Any]:
    """Counts in place of pairs: how many were reported, how many of them are in `true`, and the share of `true` that was found."""
    pairs = {tuple(pair) for pair in found.pop("pairs")}
    return {**found, "reported": len(pairs), "right": len(pairs & true), "share": len(pairs & true) / max(1, len(true))}


def table(kept: dict[str, dict[str, Any]]) -> str:
    rows, peers = [HEAD, ("---",) * len(HEAD)], [PEER_HEAD, ("---",) * len(PEER_HEAD)]
    for name, found in kept.items():
        count, _, what = name.partition(" ")
        if "parts" in found:
            longest = sorted(found["parts"].items(), key=lambda part: -part[1])[:4]
            told = ", ".join(f"{label.removeprefix('checking ')} {seconds:.0f}" for label, seconds in longest)
            rows.append((f"{int(count):,}", {"keep": "all checks, keep=300", "all": "all checks", "bare": "without personal data"}[what],
                         f"{found['kept']:,}", f"{found['seconds']:.0f}", f"{found['peak']:.2f}", told))
        else:
            peers.append((f"{int(count):,}", what, f"{found['reported']:,}", f"{found['right']:,}", f"{found['share']:.3f}",
                          f"{found['seconds']:.1f}", f"{found['peak']:.2f}"))
    return "\n\n".join("\n".join("| " + " | ".join(cells) + " |" for cells in part) for part in (rows, peers))


def misses(kept: dict[str, dict[str, Any]]) -> list[str]:
    found = []
    for count, (seconds, peak) in MARKS.items():
        for what in ("keep", "all"):
            one = kept.get(f"{count} {what}")
            if one and one["seconds"] > seconds:
                found.append(f"{count:,} pieces, {what}: {one['seconds']:.0f} seconds, over {seconds:.0f}")
            if one and peak and one["peak"] > peak:
                found.append(f"{count:,} pieces, {what}: {one['peak']:.2f} GiB, over {peak:.0f}")
    return found


def write(kept: dict[str, dict[str, Any]], folder: Path) -> None:
    told = "".join(f"\n- {line}" for line in misses(kept)) or " nothing"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "curate_speed.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    (folder / "curate_speed.md").write_text(f"`python benchmarks/curate_speed.py`, one thread\n\n{table(kept)}\n\nFalls short:{told}\n",
                                            encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--peer-python", help="a python with datasketch and rensa; without it peers are not measured")
    parser.add_argument("--add", action="store_true", help="go on from what was measured before")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.cell:
        print(json.dumps(cell(said.cell[0], int(said.cell[1]))))
        return
    path = said.out / "curate_speed.json"
    kept: dict[str, dict[str, Any]] = json.loads(path.read_text()) if said.add and path.exists() else {}
    for count in said.sizes:
        kinds = (["keep"] if count <= 10_000 else []) + ["all", "bare"]
        for kind in kinds:
            if f"{count} {kind}" not in kept:
                kept[f"{count} {kind}"] = asked([sys.executable, __file__, "--cell", kind, str(count)])
                write(kept, said.out)
        if f"{count} adtune" in kept and not said.peer_python:
            continue
        found = asked([sys.executable, __file__, "--cell", "duplicates", str(count)])
        true = {tuple(pair) for pair in found["pairs"]}
        kept[f"{count} adtune"] = judged(found, true)
        for library in ("datasketch", "rensa") if said.peer_python else ():
            if f"{count} {library}" not in kept:
                kept[f"{count} {library}"] = judged(peer(library, count, said.peer_python), true)
        write(kept, said.out)
    print(table(kept), *misses(kept), sep="\n")


if __name__ == "__main__":
    main()
