"""Gate: a checkpoint is whole or not there, whatever happens to it.

1. Killed at each call of a save: a forked process sends itself SIGKILL just before the call, for every call that a save makes, on an
   empty folder, with older steps to prune, and over a damaged one of the same step. What was acknowledged before is still read, and the
   next save goes through.
2. Corrupted: a bit flipped, a file cut, deleted, a page zeroed, two files exchanged in the newest checkpoint. It is found, one line
   names the file, and the one before is used.
3. A failing disk: no space, no quota and a read or write error at each call, RLIMIT_FSIZE at random sizes, a directory that may not be
   written. A clear error, nothing half-written, and the last checkpoint is read.

    python benchmarks/gate_checkpoints.py [--corruptions N] [--rounds N] [--seed N]
"""

from __future__ import annotations

import argparse
import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch  # noqa: E402

from adtune import durable  # noqa: E402
from adtune.engine.checkpoint import MANIFEST, META, STATE, load_latest, save_checkpoint  # noqa: E402
from adtune.errors import DiskFullError, WorkspaceError  # noqa: E402

NUMBERS, PAGE = 6000, 4096
CODES = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EIO: "broken", errno.EROFS: "broken"}
FSIZE_DRAWS = 20
NOBODY = 65534


def save(root: Path, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    save_checkpoint(root, step, {"w": torch.randn(NUMBERS, generator=generator)}, {"step": step, "losses": [step / 7] * 100})


def loaded(root: Path, problems: list[str] | None = None) -> int | None:
    """The step that a run would go on from; raises where its content is not what was saved under it."""
    found = load_latest(root, problems)
    if found is None:
        return None
    step, tensors, meta = found
    if meta["step"] != step or not torch.equal(tensors["w"], torch.randn(NUMBERS, generator=torch.Generator().manual_seed(step))):
        raise ValueError(f"step {step} holds other numbers than were saved")
    return step


def in_child(work: Callable[[], None]) -> int:
    """The exit code of work done in a forked process."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    return process.exitcode or 0


def calls(work: Callable[[], None]) -> list[str]:
    """The calls that work makes."""
    seen: list[str] = []
    durable.watch = lambda call, path: seen.append(f"{call} {path.name}")
    try:
        work()
    finally:
        durable.watch = None
    return seen


def at(number: int, act: Callable[[], None]) -> Callable[[str, Path], None]:
    """A watcher that acts at the call of this number; removals are not counted, for they tell no error."""
    left = [number]

    def watch(call: str, path: Path) -> None:
        if call != "remove":
            left[0] -= 1
            if left[0] == -1:
                act()

    return watch


def scenes(folder: Path) -> dict[str, tuple[Path, int | None, int]]:
    """Folders by name: (the folder, the step that is safe, the step to save next)."""
    found: dict[str, tuple[Path, int | None, int]] = {"empty": (folder / "empty", None, 4)}
    for name, steps in {"older steps": (4, 8), "the same step, damaged": (4, 8, 12)}.items():
        for step in steps:
            save(folder / name, step)
        found[name] = (folder / name, 8, 12)
    (folder / "the same step, damaged" / "step-00000012" / META).write_bytes(b"{}")
    return found


def kills(folder: Path, rounds: int) -> tuple[int, list[str]]:
    """(kills, what was lost by one)"""
    count, faults = 0, []
    for name, (source, safe, step) in scenes(folder / "scenes").items():
        here = folder / "here"
        whole = folder / "whole"
        if source.is_dir():
            shutil.copytree(source, whole)
        made = calls(lambda: save(whole, step))  # noqa: B023 - called at once
        shutil.rmtree(whole)
        for number in [*range(len(made))] * rounds:
            shutil.rmtree(here, ignore_errors=True)
            if source.is_dir():
                shutil.copytree(source, here)

            def dying(number: int = number, step: int = step, here: Path = here) -> None:
                left = iter(range(number + 1))
                durable.watch = lambda call, path: None if next(left) < number else os.kill(os.getpid(), signal.SIGKILL)
                save(here, step)

            code, count = in_child(dying), count + 1
            place = f"{name}, before call {number} ({made[number]})"
            try:
                found = loaded(here) if here.is_dir() else None
                if code != -signal.SIGKILL:
                    faults.append(f"{place}: ended with {code}, not by the kill")
                if found not in (safe, step):
                    faults.append(f"{place}: step {found} is read, {safe} was safe")
                save(here, step + 1)
                if loaded(here) != step + 1 or list(here.glob(".tmp-*")):
                    faults.append(f"{place}: the next save did not hold, or left something aside")
            except Exception as error:  # finding any is what the gate is for
                faults.append(f"{place}: {type(error).__name__}: {error}")
    return count, faults


def corrupt(newest: Path, older: Path, chance: random.Random) -> tuple[str, set[str]]:
    """Damage the newest checkpoint; (what was done, the names of the files that differ)."""
    kind = chance.choice(("flip", "cut", "delete", "page", "exchange", "exchange with the older"))
    name = chance.choice((STATE, STATE, META, MANIFEST))
    path = newest / name
    if kind == "delete":
        path.unlink()
    elif kind == "exchange":
        other = newest / chance.choice([one for one in (STATE, META, MANIFEST) if one != name])
        one, two = path.read_bytes(), other.read_bytes()
        path.write_bytes(two)
        other.write_bytes(one)
        return f"{kind} {name} and {other.name}", {name, other.name}
    elif kind == "exchange with the older":
        path.write_bytes((older / name).read_bytes())
    else:
        data = bytearray(path.read_bytes())
        if kind == "flip":
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del data[chance.randrange(len(data)):]
        else:
            start = chance.randrange(0, len(data), PAGE)
            data[start:start + PAGE] = bytes(len(data[start:start + PAGE]))
        path.write_bytes(data)
    return f"{kind} {name}", {name}


def corruptions(folder: Path, draws: int, seed: int) -> tuple[int, list[str]]:
    """(corruptions found, what was not)"""
    chance, found, faults = random.Random(seed), 0, []
    for step in (4, 8):
        save(folder / "good", step)
    for number in range(draws):
        here = folder / "here"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(folder / "good", here)
        what, names = corrupt(here / "step-00000008", here / "step-00000004", chance)
        problems: list[str] = []
        try:
            step = loaded(here, problems)
        except Exception as error:  # finding any is what the gate is for
            step, problems = -1, [f"{type(error).__name__}: {error}"]
        if step == 4 and len(problems) == 1 and any(str(here / "step-00000008" / name) in problems[0] for name in names):
            found += 1
        else:
            faults.append(f"draw {number}: {what}: step {step} is used, told: {problems}")
    return found, faults


def failing(here: Path, expected: str) -> str | None:
    """Save where it must fail; what went wrong, or None."""
    try:
        save(here, 12)
        return "no error"
    except WorkspaceError as error:
        if isinstance(error, DiskFullError) != (expected == "full") or ("no space left" in error.found) != (expected == "full"):
            return f"told as {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return None


def disks(folder: Path, rounds: int, seed: int) -> tuple[int, list[str]]:
    """(failures of a disk, what was not as promised)"""
    chance, faults, count = random.Random(seed), [], 0
    for step in (4, 8):
        save(folder / "good", step)
    shutil.copytree(folder / "good", folder / "whole")
    made = [call for call in calls(lambda: save(folder / "whole", 12)) if not call.startswith("remove")]

    def check(place: str, prepare: Callable[[Path], None], expected: str) -> None:
        nonlocal count
        here = folder / "here"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(folder / "good", here)
        count += 1

        def work() -> None:
            prepare(here)
            wrong = failing(here, expected)
            durable.watch = None
            if wrong:
                print(wrong, file=sys.stderr, flush=True)
                os._exit(1)

        code = in_child(work)
        left = sorted(path.name for path in here.iterdir())
        whole = left == ["step-00000004", "step-00000008"] or (place.endswith("after the rename") and "step-00000012" in left)
        if code or loaded(here) not in (8, 12) or not whole:
            faults.append(f"{place}: exit {code}, {loaded(here)} is read, {left} is there")

    def injected(code: int, number: int) -> Callable[[Path], None]:
        def act() -> None:
            raise OSError(code, os.strerror(code))

        return lambda here: setattr(durable, "watch", at(number, act))

    for _ in range(rounds):
        for number, call in enumerate(made):
            for code, expected in CODES.items():
                after = " after the rename" if number == len(made) - 1 else ""
                check(f"{errno.errorcode[code]} at call {number} ({call}){after}", injected(code, number), expected)
        size = (folder / "good" / "step-00000008" / STATE).stat().st_size
        for _ in range(FSIZE_DRAWS):
            limit = chance.randrange(0, size)
            check(f"RLIMIT_FSIZE {limit}", lambda here, n=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)), "full")
        check("a directory that may not be written", _forbid, "broken")
    return count, faults


def _forbid(here: Path) -> None:
    here.chmod(0o555)
    if os.geteuid() == 0:  # who may do all is told by no permission
        os.setuid(NOBODY)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corruptions", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=1, help="of the kills and of the failing disk")
    parser.add_argument("--seed", type=int, default=0)
    words, began = parser.parse_args(), time.monotonic()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        killed, lost = kills(folder / "kills", words.rounds)
        found, missed = corruptions(folder / "corruptions", words.corruptions, words.seed)
        failed, wrong = disks(folder / "disks", words.rounds, words.seed)
    for line in (*lost, *missed, *wrong):
        print(line, file=sys.stderr)
    print(f"killed at each call of a save: {killed}, lost: {len(lost)}")
    print(f"corruptions: {words.corruptions}, found and named: {found}")
    print(f"failures of the disk: {failed}, clear and nothing lost: {failed - len(wrong)}, seconds: {time.monotonic() - began:.0f}")
    return 1 if lost or missed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
