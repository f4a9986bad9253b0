"""A folder that nobody has tidied: 3,000 pieces with the truth beside them, imported, curated, and compared with the truth.

    python examples/messy_archive.py FOLDER [KEEP]

FOLDER gets `archive/pieces.jsonl`, `archive/truth.jsonl` and a workspace. With KEEP at most so many pieces are kept. The table shows how
many pieces of each kind came through; of the clean ones all should, of the others none, but that a near-duplicate may stand for its twin.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from adtune.starter import sample_guide
from adtune.starter.messy import TRUTH, write_messy
from adtune.steps import curate, import_archive
from adtune.steps.curation import read_dataset
from adtune.workspace import Workspace

CLIENT = "quillmere"


def main(folder: Path, keep: int | None = None) -> None:
    archive = write_messy(folder / "archive", seed=0)
    truth = {row["id"]: row for row in map(json.loads, archive.with_name(TRUTH).read_text(encoding="utf-8").splitlines())}
    with Workspace.open(folder / "workspace") as workspace:
        # the file, not the folder: the truth is not for the archive
        imported = import_archive(workspace, archive, CLIENT)
        made = curate(workspace, CLIENT, brand_guide=sample_guide(), overrides={"keep": keep} if keep else None)
        kept = [truth[item.source.id] for item in read_dataset(workspace, made["dataset"]).items]
    print(f"{imported['read']} read, {imported['kept']} imported, {made['kept']} kept: {made['report']}")
    for reason, count in made["dropped"].items():
        print(f"{count:6}  dropped: {reason}")
    came, stayed = Counter(row["what"] for row in truth.values()), Counter(row["what"] for row in kept)
    for what, count in sorted(came.items()):
        print(f"{stayed[what]:6}  of {count:4} kept: {what}")
    clean = {row["id"] for row in truth.values() if row["what"] == "clean"}
    stands = {row["id"] if row["what"] == "clean" else row["twin"] for row in kept if row["what"] in ("clean", "near_duplicate_of")}
    right = len(stands & clean)
    print(f"precision {right / len(kept):.3f}, recall {right / len(clean):.3f}, a near-duplicate counted once for its twin")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
