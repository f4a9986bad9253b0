"""Mutated model files through adtune's own loading: a refusal with a reason or a harmless load, never a crash, a hang or a leak.

`python benchmarks/gate_models.py` makes 2,000 mutations (for `make gate`); `--mutations 100000` is the long form. Every failure
prints its number, which with the seed makes the same file again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import hostile_models as hostile  # noqa: E402

LIMIT_SECONDS, GROWTH_BYTES, SILENCE_SECONDS = 1.0, 200 * 2**20, 60.0
BASE_EVERY = 50  # one mutation in so many is of a base's file: loading one takes fifty times as long
BITS = [b'"', b"{", b"}", b"[", b"]", b":", b",", b"\0", b"\xff", b"-", b"9" * 30, b"1e999", b"null", b"true",
        b"NaN", b"\\u0000", b"F64", b"I8"]
VALUES: list[Any] = [None, True, -1, 0, 2**31, 2**63, 10**30, 0.5, 1e308, float("nan"), "", "x", "F32", "F16", "../x", [], [1], {},
                     {"a": 1}]


@dataclass
class Tally:
    """What the gate counts."""

    done: int = 0
    refused: int = 0
    loaded: int = 0
    crashes: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0
    growth_bytes: int = 0

    def __str__(self) -> str:
        return (f"mutations: {self.done}, refused: {self.refused}, loaded: {self.loaded}, crashes: {len(self.crashes)}, "
                f"slowest {self.slowest_seconds:.2f} s, memory +{self.growth_bytes / 2**20:.0f} MB")


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, put in or doubled; of a safetensors file mostly in its header."""
    out = bytearray(raw)
    head = min(len(out), 8 + int.from_bytes(out[:8], "little")) if rng.random() < 0.7 else len(out)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        place = rng.randrange(max(1, min(head, len(out))))
        kind = rng.randrange(5)
        if kind == 0:
            out[place:place + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            out[place:place] = rng.choice(BITS)
        elif kind == 2:
            del out[place:place + rng.choice((1, 2, 8, 64))]
        elif kind == 3:
            out[place:place] = out[place:place + rng.choice((4, 40))]
        else:
            del out[len(out) - rng.randrange(1, max(2, len(out) // 2)):]
    return bytes(out)


def edited(value: Any, rng: random.Random) -> Any:
    """JSON with one value somewhere replaced, doubled under another name, or gone."""
    place = value
    while isinstance(place, (dict, list)) and place:
        key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
        if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.3:
            kind = rng.randrange(4)
            if kind == 0 and isinstance(place, dict):
                place[rng.choice(("x", "", "../x", str(key) + "x", "auto_map", "__metadata__"))] = place.pop(key)
            elif kind == 1:
                place.pop(key)
            else:
                place[key] = rng.choice(VALUES)
            break
        place = place[key]
    return value


def one_file(good: Mapping[str, bytes], rng: random.Random) -> tuple[str, bytes]:
    """(name, bytes) of one changed file of a folder."""
    name = rng.choice([name for name in good if name != "README.md"])
    raw = good[name]
    if rng.random() < 0.5 or not name.endswith((".safetensors", ".json")):  # a chat template is text
        return name, mutated(raw, rng)
    if name.endswith(".safetensors"):
        header, data = hostile.parts(raw)
        return name, hostile.joined(edited(header, rng), data)
    return name, json.dumps(edited(json.loads(raw), rng)).encode()


def material(folder: Path) -> tuple[Any, dict[str, bytes], dict[str, bytes]]:
    """(loaded base, its files, the files of a LoRA folder on it), tiny and random."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from adtune.engine.bases import load_base
    from adtune.engine.methods import attach
    from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer
    from adtune.settings import TuneSettings

    tokenizer = train_tokenizer(["Water the roses in the morning, and keep them dry. " * 3], 300)
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                 intermediate_size=24, max_position_embeddings=64, bos_token_id=None, eos_token_id=0, pad_token_id=1)
                     ).save_pretrained(folder / "base")
    save_tokenizer(tokenizer, folder / "base", 64)
    base = load_base(str(folder / "base"))
    method = attach("lora", base, asdict(TuneSettings(rank=2, alpha=4)), [])
    method.save(folder / "adapter")
    method.detach()
    return base, *({path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("base", "adapter"))


def work(numbers: range, seed: int, say: Any) -> None:
    """Load the mutations `numbers`; `say` hears of each one before, and of its outcome after."""
    import torch
    from transformers.utils import logging

    from adtune.engine.bases import load_base
    from adtune.engine.methods import attach_saved
    from adtune.errors import AdtuneError

    torch.set_num_threads(1)
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as root, contextlib.suppress(BrokenPipeError):
        base, base_files, adapter_files = material(Path(root))
        held = memory()
        for number in numbers:
            rng, place = random.Random(f"{seed}/{number}"), Path(root) / "mutation"
            of_base = number % BASE_EVERY == 0
            good = base_files if of_base else adapter_files
            name, raw = one_file(good, rng)
            hostile.write(place, good, {name: raw})
            say(("begin", number, name))
            began, outcome = time.process_time(), "loaded"
            try:
                if of_base:
                    load_base(str(place))
                else:
                    attach_saved(base, place).detach()
            except AdtuneError:
                outcome = "refused"
            except BaseException as error:  # noqa: BLE001 - finding any exception is what the gate is for
                outcome = f"{name}: {type(error).__name__}: {error}"[:300]
            say(("end", number, outcome, time.process_time() - began, max(0, memory() - held)))
            shutil.rmtree(place)


def memory() -> int:
    """Bytes that this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
    except OSError:
        return 0


def count(tally: Tally, said: tuple) -> None:
    if said[0] == "begin":
        return
    _, number, outcome, seconds, growth = said
    tally.done += 1
    tally.slowest_seconds, tally.growth_bytes = max(tally.slowest_seconds, seconds), max(tally.growth_bytes, growth)
    if outcome in ("refused", "loaded"):
        setattr(tally, outcome, getattr(tally, outcome) + 1)
    else:
        tally.crashes.append(f"{number}: {outcome}")


def _send(numbers: range, seed: int, pipe: Any) -> None:
    work(numbers, seed, pipe.send)


def run(mutations: int, seed: int, fork: bool = True) -> Tally:
    """All mutations, in a process of their own that is started again behind the one that ended or hung it."""
    tally, at = Tally(), 0
    if not fork:
        work(range(mutations), seed, lambda said: count(tally, said))
        return tally
    while at < mutations:
        ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
        child = multiprocessing.get_context("spawn").Process(target=_send, args=(range(at, mutations), seed, theirs), daemon=True)
        child.start()
        theirs.close()
        try:
            while at < mutations:
                if not ours.poll(SILENCE_SECONDS):
                    raise TimeoutError(f"no answer within {SILENCE_SECONDS:.0f} s")
                said = ours.recv()
                count(tally, said)
                at = said[1] + (said[0] == "end")
        except (EOFError, TimeoutError) as error:
            tally.crashes.append(f"{at}: {str(error) or 'the process died'}")
            tally.done, at = tally.done + 1, at + 1
        finally:
            child.join(10 if at >= mutations else 0)
            child.kill()
            child.join()
            ours.close()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    began = time.monotonic()
    tally = run(said.mutations, said.seed)
    for line in tally.crashes:
        print(line, file=sys.stderr)
    print(f"model files: {tally} ({time.monotonic() - began:.0f} s)")
    return 1 if tally.crashes or tally.slowest_seconds > LIMIT_SECONDS or tally.growth_bytes > GROWTH_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
