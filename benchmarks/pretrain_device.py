"""Pre-train a text starter on a borrowed machine with a GPU, in a few calls: what travels, what stays there, what comes back.

    python benchmarks/pretrain_device.py pack   --corpus FILE ... --work FOLDER --parts FOLDER --size 12m    here: tokens, ready to travel
    python benchmarks/pretrain_device.py keep   --parts FOLDER --disk FOLDER                                 there: a part to its disk
    python benchmarks/pretrain_device.py speed  --disk FOLDER                                                there: a product, 20 steps
    python benchmarks/pretrain_device.py train  --disk FOLDER --minutes M --seconds S                        there: S seconds of M minutes
    python benchmarks/pretrain_device.py finish --disk FOLDER --out FOLDER                                   there: weights, in small parts
    python benchmarks/pretrain_device.py join   --parts FOLDER --work FOLDER --out FOLDER                    here: the base, judged
    python benchmarks/pretrain_device.py average --bases FOLDER FOLDER --work FOLDER --out FOLDER            here: the mean of two runs

The corpus is tokenised here once, so that the lease pays for training alone. A part holds its share of every file of tokens, and the
brief stage beside the documents that it is made of, where it takes hardly any room. Every call of `train` goes on from the last checkpoint
on the disk there, and ends with one; the cool-down comes when the M minutes say so. `finish` may follow any of them. `speed` needs no
tokens: without them it draws its own. All of it runs on a CPU too: rehearse it with `--size tiny`
(tests/pretrain/test_pretrain_device.py does).
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import sys
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

BACK = 16 << 20      # bytes of a part on its way back
LARGEST = 1 << 29    # bytes that the compression looks back over
GPU = {"row_tokens": 2048, "batch_tokens": 131_072, "micro_tokens": 131_072, "warmup_steps": 100, "evaluate_minutes": 1.5,
       "checkpoint_minutes": 2.0, "most_weight": 2.0, "brief_tokens": 40_000_000}
KEPT = ("tokenizer.json", "said.json", "tokens", "briefs")


def pack(said: argparse.Namespace) -> None:
    from adtune.pretrain.prepare import prepare

    prepare(said.corpus, settings_of(said, gpu=True), said.work)  # packed for the machine that it travels to
    (said.work / "said.json").write_text(json.dumps({"size": said.size, "vocabulary": said.vocabulary, "context": said.context}))
    said.parts.mkdir(parents=True, exist_ok=True)
    ends = [sum(said.shares[:n]) / sum(said.shares) for n in range(len(said.shares) + 1)]
    with ThreadPoolExecutor() as pool:  # lzma frees the interpreter
        for part, size in pool.map(lambda n: _write_part(said, n, ends[n], ends[n + 1]), range(len(said.shares))):
            print(part, f"{size:,} bytes")


def _write_part(said: argparse.Namespace, number: int, begin: float, end: float) -> tuple[Path, int]:
    """Bytes from `begin` to `end`, as shares, of every file of tokens; the small files whole in the first part."""
    slices, content = [], []
    for path in _travelling(said.work):
        size = path.stat().st_size
        shared = path.suffix == ".bin"
        first, last = (2 * round(size // 2 * share) for share in (begin, end)) if shared else (0, size)
        if last > first if shared else not number:
            slices.append([str(path.relative_to(said.work)), first, last - first])
            content.append(path.read_bytes()[first:last])
    head = json.dumps(slices).encode()
    whole = len(head).to_bytes(4, "little") + head + b"".join(content)
    # ids of two bytes each: lp and pb say so
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": min(LARGEST, len(whole) + 4096), "lc": 3, "lp": 1, "pb": 1, "nice_len": 273,
                "mode": lzma.MODE_NORMAL, "mf": lzma.MF_BT4, "depth": 64}]
    part = said.parts / f"part-{number:02d}"
    return part, part.write_bytes(lzma.compress(whole, lzma.FORMAT_XZ, filters=filters))


def _travelling(work: Path) -> list[Path]:
    """The files of a run's inputs, the brief stage of a source beside its documents."""
    def by_source(folder: str) -> dict[str, str]:
        return {one["name"]: str(n) for n, one in enumerate(json.loads((work / folder / "store.json").read_text())["sources"])}

    plain, briefs = by_source("tokens"), by_source("briefs")
    order = [work / folder / f"{files[source]}.bin" for source in plain for folder, files in (("tokens", plain), ("briefs", briefs))
             if source in files]
    every = [path for name in KEPT for path in ([work / name] if (work / name).is_file() else sorted((work / name).iterdir()))]
    return [*order, *(path for path in every if path not in order)]


def keep(said: argparse.Namespace) -> None:
    """Put the parts that came with this call where they belong on the disk."""
    for part in sorted(said.parts.glob("part-*")):
        whole = memoryview(lzma.decompress(part.read_bytes()))
        place = 4 + int.from_bytes(whole[:4], "little")
        for name, first, length in json.loads(bytes(whole[4:place])):
            path = said.disk / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "r+b" if path.exists() else "wb") as handle:
                handle.seek(first)
                handle.write(whole[place:place + length])
            place += length
        print(f"{part.name} is kept")


def write_parts(folder: Path, names: Sequence[str], out: Path) -> list[Path]:
    """`names` in `folder` as one tar, cut into parts of BACK bytes."""
    out.mkdir(parents=True, exist_ok=True)
    whole = out / "whole"
    with tarfile.open(whole, "w") as tar:
        for name in names:
            tar.add(folder / name, name)
    parts = []
    with open(whole, "rb") as handle:
        while block := handle.read(BACK):
            parts.append(out / f"part-{len(parts):02d}")
            parts[-1].write_bytes(block)
    whole.unlink()
    return parts


def settings_of(said: argparse.Namespace, gpu: bool = False) -> Any:
    import torch

    from adtune.settings import PretrainSettings

    given: dict[str, Any] = {"size": said.size, "vocabulary": said.vocabulary, "context": said.context, "minutes": said.minutes}
    if gpu or torch.cuda.is_available():
        given |= GPU
    for pair in said.set or ():
        name, _, value = pair.partition("=")
        given[name] = type(getattr(PretrainSettings(), name) or 0)(value)
    return replace(PretrainSettings(), **given)


def opened(said: argparse.Namespace) -> tuple[Any, Any]:
    """(run, prepared) over what lies on the disk there."""
    from adtune.pretrain.text import PretrainRun

    for name, value in json.loads((said.disk / "said.json").read_text()).items():
        setattr(said, name, value)
    prepared, settings = prepared_in(said.disk), settings_of(said)
    return PretrainRun(settings, *prepared.rows(settings), said.disk / "work", prepared.bound), prepared


def prepared_in(folder: Path) -> Any:
    from tokenizers import Tokenizer

    from adtune.pretrain.prepare import Prepared
    from adtune.pretrain.store import TokenStore

    return Prepared(Tokenizer.from_file(str(folder / "tokenizer.json")), TokenStore.open(folder / "tokens"),
                    TokenStore.open(folder / "briefs"))


class Drawn:
    """Rows of no text, for timing alone: documents of the lengths that a corpus has."""

    def __init__(self, vocabulary: int):
        self.vocabulary = vocabulary

    def rows(self, count: int, width: int) -> tuple[Any, Any]:
        import torch

        numbers = (torch.rand(count, width + 1) < 1 / 500).cumsum(1).to(torch.int32)
        return torch.randint(self.vocabulary, (count, width + 1)), numbers

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Any) -> None:
        pass


def speed(said: argparse.Namespace) -> None:
    """Seconds of a large product and of some steps: what share of the device's products training reaches."""
    import torch

    from adtune.pretrain.text import PretrainRun

    began = time.monotonic()
    settings = replace(settings_of(said), brief_share=0.0)
    run_ = PretrainRun(settings, Drawn(settings.vocabulary), None, said.disk / "timed")
    side = 8192 if run_.device == "cuda" else 1024
    kind = torch.float32 if settings.precision == "fp32" else torch.bfloat16   # as the steps multiply
    a = torch.randn(side, side, device=run_.device, dtype=kind)
    peak = 0.0
    for _ in range(10):
        at = time.monotonic()
        (a @ a)[0, 0].item()
        peak = max(peak, 2 * side**3 / (time.monotonic() - at))
    for _ in range(3):
        run_.advance()
    ready, before, at = time.monotonic() - began, run_.tokens, time.monotonic()
    for _ in range(said.steps):
        run_.advance()
    rate = (run_.tokens - before) / (time.monotonic() - at)
    count = sum(p.numel() for p in run_.model.parameters())
    cuda = run_.device == "cuda"
    print(json.dumps({"size": said.size, "product_flops": peak, "tokens_per_second": rate, "parameters": count,
                      "share_of_product": 6 * count * rate / peak, "seconds_before": ready,
                      "memory_bytes": torch.cuda.max_memory_allocated() if cuda else None,
                      "device": torch.cuda.get_device_name(0) if cuda else "cpu"}), flush=True)


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
    from adtune.pretrain.publish import told_by, write_constant, write_weights

    run_, prepared = opened(said)
    if not run_.restore():
        raise SystemExit("nothing was trained here")
    write_weights(run_, prepared, said.disk / "base")
    (said.disk / "base" / "told.json").write_text(json.dumps(told_by(run_)))
    names = ["base", *(["base-constant"] if write_constant(run_, prepared, said.disk / "base-constant") else [])]
    for part in write_parts(said.disk, names, said.out):
        print(part, f"{part.stat().st_size:,} bytes")


def join(said: argparse.Namespace) -> None:
    from adtune.pretrain.publish import write_judged

    said.out.mkdir(parents=True, exist_ok=True)
    whole = said.out / "whole"
    with open(whole, "wb") as joined:
        for part in sorted(said.parts.glob("part-*")):
            joined.write(part.read_bytes())
    with tarfile.open(whole) as tar:
        tar.extractall(said.out, filter="data")
    whole.unlink()
    told = said.out / "base" / "told.json"
    figures = write_judged(json.loads(told.read_text()), prepared_in(said.work), said.out / "base")
    told.unlink()
    print({"modern": figures["modern"], "bits_per_byte": figures["bits_per_byte"], "own title": figures["title"]["own_better"]["value"]})


def average(said: argparse.Namespace) -> None:
    """The mean of the weights of two runs that went on from the same base (Wortsman et al. 2022, arXiv 2203.05482), judged anew."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    from adtune.pretrain.publish import write_judged

    first, second = said.bases
    shutil.copytree(second, said.out)
    one, other = (load_file(folder / "model.safetensors") for folder in said.bases)
    mean = {name: ((one[name].float() + other[name].float()) / 2).to(torch.bfloat16) for name in other}
    save_file(mean, said.out / "model.safetensors", metadata={"format": "pt"})
    told = json.loads((second / "told.json").read_text()) | {"averaged_with": [json.loads((first / "told.json").read_text())]}
    (said.out / "told.json").unlink()
    figures = write_judged(told, prepared_in(said.work), said.out)
    print({"modern": figures["modern"], "own title": figures["title"]["own_better"]["value"], "drafts": figures["drafts"]["ended"]})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("call", choices=["pack", "keep", "speed", "train", "finish", "join", "average"])
    for name in ("--work", "--parts", "--disk", "--out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--corpus", type=Path, nargs="+")
    parser.add_argument("--bases", type=Path, nargs=2, help="folders with a told.json, as finish wrote them")
    parser.add_argument("--size", default="12m")
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--minutes", type=float, default=8.0, help="of all calls of train together")
    parser.add_argument("--seconds", type=float, default=480.0, help="of this call of train")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--shares", type=float, nargs="+", default=[1, 1, 1], help="how much of the tokens each part takes")
    parser.add_argument("--set", nargs="*", help="NAME=VALUE of PretrainSettings")
    said = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    calls = {"pack": pack, "keep": keep, "speed": speed, "train": train, "finish": finish, "join": join, "average": average}
    return calls[said.call](said) or 0


if __name__ == "__main__":
    sys.exit(main())
