"""Pre-train a text starter on a borrowed machine with a GPU, in a few calls: what travels, what stays there, what comes back.

    python benchmarks/pretrain_device.py pack   --corpus FILE ... --work FOLDER --parts FOLDER --size 28m    here: tokens, ready to travel
    python benchmarks/pretrain_device.py keep   --parts FOLDER --disk FOLDER                                 there: parts to its disk
    python benchmarks/pretrain_device.py speed  --disk FOLDER                                                there: a product, 20 steps
    python benchmarks/pretrain_device.py train  --disk FOLDER --minutes M --seconds S                        there: S seconds of M minutes
    python benchmarks/pretrain_device.py finish --disk FOLDER --out FOLDER                                   there: base, in small parts
    python benchmarks/pretrain_device.py join   --parts FOLDER --out FOLDER                                  here: the base again

The corpus is tokenised here once, so that the lease pays for training alone; parts are of at most 56 MiB on the way there and 16 MiB on
the way back. Every call of `train` goes on from the last checkpoint on the disk there, and ends with one; the cool-down comes when the
M minutes say so. `finish` may follow any of them. All of it runs on a CPU too: rehearse it with `--size tiny`
(tests/pretrain/test_pretrain_device.py does).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

THERE, BACK = 56 << 20, 16 << 20  # bytes of a part
GPU = {"row_tokens": 512, "batch_tokens": 262_144, "micro_tokens": 131_072, "warmup_steps": 100, "evaluate_minutes": 1.0,
       "checkpoint_minutes": 1.0}
KEPT = ("tokenizer.json", "tokens", "briefs")


def write_parts(folder: Path, names: list[str], out: Path, size: int) -> list[Path]:
    """`names` in `folder` as one zstd-compressed tar, cut into parts of `size` bytes."""
    import pyarrow as pa

    out.mkdir(parents=True, exist_ok=True)
    whole = out / "whole"
    with pa.CompressedOutputStream(pa.OSFile(str(whole), "wb"), "zstd") as packed, \
            tarfile.open(fileobj=packed, mode="w|") as tar:
        for name in names:
            tar.add(folder / name, name)
    parts = []
    with open(whole, "rb") as handle:
        while block := handle.read(size):
            parts.append(out / f"part-{len(parts):02d}")
            parts[-1].write_bytes(block)
    whole.unlink()
    return parts


def read_parts(parts: list[Path], out: Path) -> None:
    """The inverse of `write_parts`."""
    import pyarrow as pa

    out.mkdir(parents=True, exist_ok=True)
    whole = out / "whole"
    with open(whole, "wb") as joined:
        for part in sorted(parts):
            joined.write(part.read_bytes())
    with pa.CompressedInputStream(pa.OSFile(str(whole)), "zstd") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        tar.extractall(out, filter="data")
    whole.unlink()


def pack(said: argparse.Namespace) -> None:
    from adtune.pretrain.prepare import prepare

    prepare(said.corpus, settings_of(said), said.work)
    (said.work / "said.json").write_text(json.dumps({"size": said.size, "vocabulary": said.vocabulary, "context": said.context}))
    for part in write_parts(said.work, [*KEPT, "said.json"], said.parts, THERE):
        print(part, f"{part.stat().st_size:,} bytes")


def keep(said: argparse.Namespace) -> None:
    """Copy the parts that came with this call; unpack when all have come (`--all N`)."""
    held = said.disk / "parts"
    held.mkdir(parents=True, exist_ok=True)
    for part in sorted(said.parts.glob("part-*")):
        shutil.copy(part, held / part.name)
    have = sorted(held.glob("part-*"))
    print(f"{len(have)} parts on the disk")
    if len(have) >= said.all and not (said.disk / "said.json").exists():
        read_parts(have, said.disk)
        print("unpacked:", sorted(path.name for path in said.disk.iterdir()))


def settings_of(said: argparse.Namespace) -> Any:
    import torch

    from adtune.settings import PretrainSettings

    given: dict[str, Any] = {"size": said.size, "vocabulary": said.vocabulary, "context": said.context, "minutes": said.minutes}
    if torch.cuda.is_available():
        given |= GPU
    for pair in said.set or ():
        name, _, value = pair.partition("=")
        given[name] = type(getattr(PretrainSettings(), name) or 0)(value)
    return replace(PretrainSettings(), **given)


def opened(said: argparse.Namespace) -> tuple[Any, Any]:
    """(run, prepared) over what lies on the disk there."""
    from tokenizers import Tokenizer

    from adtune.pretrain.prepare import Prepared
    from adtune.pretrain.store import TokenStore
    from adtune.pretrain.text import PretrainRun

    for name, value in json.loads((said.disk / "said.json").read_text()).items():
        setattr(said, name, value)
    prepared = Prepared(Tokenizer.from_file(str(said.disk / "tokenizer.json")), TokenStore.open(said.disk / "tokens"),
                        TokenStore.open(said.disk / "briefs"))
    settings = settings_of(said)
    plain, briefs = prepared.rows(settings.seed)
    return PretrainRun(settings, plain, briefs, said.disk / "work", prepared.bound), prepared


def speed(said: argparse.Namespace) -> None:
    """Seconds of a large product and of 20 steps: what share of the device's products training reaches."""
    import torch

    run_, _ = opened(said)
    side = 8192 if run_.device == "cuda" else 1024
    a = torch.randn(side, side, device=run_.device, dtype=torch.bfloat16)
    peak = 0.0
    for _ in range(10):
        began = time.monotonic()
        (a @ a)[0, 0].item()
        peak = max(peak, 2 * side**3 / (time.monotonic() - began))
    for _ in range(3):
        run_.advance()
    before, began = run_.tokens, time.monotonic()
    for _ in range(said.steps):
        run_.advance()
    rate = (run_.tokens - before) / (time.monotonic() - began)
    count = sum(p.numel() for p in run_.model.parameters())
    print(json.dumps({"product_flops": peak, "tokens_per_second": rate, "parameters": count, "share_of_product": 6 * count * rate / peak,
                      "device": torch.cuda.get_device_name(0) if run_.device == "cuda" else "cpu"}))


def train(said: argparse.Namespace) -> int:
    from adtune.errors import Interrupted
    from adtune.pretrain.text import run
    from adtune.pretrain.watch import Watch

    run_, prepared = opened(said)
    resumed = run_.restore()
    watch, began = Watch(prepared.tokenizer, prepared.plain, lambda *told: None), time.monotonic()
    try:
        run(run_, watch.evaluate, lambda one: None, lambda: time.monotonic() - began > said.seconds)
        ended = "done"
    except Interrupted:
        ended = "to be continued"
    print(json.dumps({"state": ended, "resumed": resumed, "step": run_.step, "tokens": run_.tokens, "seconds": run_.seconds,
                      "loss": run_.smooth, "log": run_.log[-3:]}))
    return 0


def finish(said: argparse.Namespace) -> None:
    from adtune.pretrain.publish import finish as publish

    run_, prepared = opened(said)
    if not run_.restore():
        raise SystemExit("nothing was trained here")
    figures = publish(run_, prepared, said.disk / "base")
    print({key: figures[key] for key in ("tokens", "seconds", "bits_per_byte", "modern")})
    names = ["base", *(["base-constant"] if figures["constant"] else [])]
    for part in write_parts(said.disk, names, said.out, BACK):
        print(part, f"{part.stat().st_size:,} bytes")


def join(said: argparse.Namespace) -> None:
    read_parts(list(said.parts.glob("part-*")), said.out)
    print(sorted(str(path) for path in said.out.iterdir()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("call", choices=["pack", "keep", "speed", "train", "finish", "join"])
    for name in ("--work", "--parts", "--disk", "--out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--corpus", type=Path, nargs="+")
    parser.add_argument("--size", default="28m")
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--minutes", type=float, default=8.0, help="of all calls of train together")
    parser.add_argument("--seconds", type=float, default=480.0, help="of this call of train")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--all", type=int, default=1, help="parts that there are in all")
    parser.add_argument("--set", nargs="*", help="NAME=VALUE of PretrainSettings")
    said = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return {"pack": pack, "keep": keep, "speed": speed, "train": train, "finish": finish, "join": join}[said.call](said) or 0


if __name__ == "__main__":
    sys.exit(main())
