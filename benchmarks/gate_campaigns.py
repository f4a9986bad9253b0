"""Gate: mutated campaign exports (300; `--files 5000` is the long form) are read without a crash, and every row of them is kept or
rejected.

The sample retailer's exports are cut to their first rows; then cells, lines and bytes are changed from a seed: cells become bounds, dates
that are none, numbers of other countries, signs of other scripts; lines are cut, doubled, shuffled; some files are cut off or have bytes
changed. A crash is any exception that is not a message for the user, a rejection without a reason or a place, a table that Arrow finds
invalid, or, where the lines can be counted from outside, counts that do not add up to them.

    python benchmarks/gate_campaigns.py [--files N] [--seed N]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from adtune.archive.campaigns import read_campaigns  # noqa: E402 - the package stands beside this folder
from adtune.errors import AdtuneError  # noqa: E402
from adtune.starter.retailer_files import FILES, write_retailer  # noqa: E402

ROWS, COUNT = 14, 300
HEADERS = {"google_search.csv": 3, "google_shopping.csv": 2}    # lines up to the header; 1 of the other files
CELLS = ("", "-", "--", "<5", "> 90%", "< 10%", "1.234,56", "1,234.56", "NaN", "inf", "1e400", "99999999999999999999", "2024-02-30",
         "31/12/2024",
         "12/31/2024", "0000-00-00", "9999-12-31", "Total", "%", "(", "=1+1", "'", "None", "0x10", "１２", "2024-W60", "Week 99, 2024",
         "13/2024", "1-",
         "00/00/00", "May 2024", "-0", "+5", "1.2.3", "€", "EUR 5 USD", "😀", "\u202e", "é", "2.38E+17")
BROKEN = ('"', '""', "\t", ";", ",", "Day", "Clicks", "Impr.")   # lines of these alone, whose number of cells cannot be foreseen


def exports() -> dict[str, list[str]]:
    """The first lines of each file of the sample retailer."""
    with tempfile.TemporaryDirectory() as folder:
        found = write_retailer(Path(folder))
        return {name: (found / name).read_text("utf-16" if name == "google_search.csv" else "utf-8").split("\n")[:ROWS] for name in FILES}


def mutated(name: str, lines: list[str], chance: random.Random) -> tuple[bytes, int | None]:
    """(a changed file, how many rows it has; None where that cannot be counted from outside)."""
    lines, top, countable = list(lines), HEADERS.get(name, 1), name != "orders.csv"
    for _ in range(chance.randrange(1, 7)):
        at = chance.randrange(top, len(lines))
        delimiter = max(",;\t", key=lines[at].count)
        cells = lines[at].split(delimiter)
        way = chance.randrange(6)
        if way == 0:
            lines[at] = lines[at][:chance.randrange(len(lines[at]) + 1)]
        elif way == 1:
            lines.insert(at, chance.choice(BROKEN))
            countable = False
        elif way == 2:
            lines[at] = chance.choice(lines[top:])
        elif way == 3:
            chance.shuffle(cells)
            lines[at] = delimiter.join(cells)
        else:
            cells[chance.randrange(len(cells))] = chance.choice(CELLS)
            lines[at] = delimiter.join(cells)
    countable = countable and not any('"' in line for line in lines[top:])
    rows = sum(bool(line.strip()) for line in lines[top:])
    raw = bytearray("\n".join(lines).encode(chance.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16"))))
    damage = chance.random()
    if damage < 0.1:
        del raw[chance.randrange(len(raw)):]
    elif damage < 0.2:
        for _ in range(5):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw), rows if countable and damage >= 0.2 else None


def wrong_with(path: Path, rows: int | None) -> str | None:
    """What is wrong with how a file is read, if anything."""
    try:
        found = read_campaigns(path)
        for table in (*found.tables, *found.lookups):
            table.validate(full=True)
    except AdtuneError:
        return None
    except BaseException as error:  # noqa: BLE001 - finding any exception is what the gate is for
        return f"{type(error).__name__}: {error}"[:200]
    if any(not one.reason or not one.where for one in found.rejected):
        return "a rejection without a reason or a place"
    read = found.kept + len(found.rejected)
    return f"{read} rows of {rows} were read" if rows is not None and read != rows else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    base, chance, start = exports(), random.Random(said.seed), time.perf_counter()
    wrong, counted = Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(said.files):
            name = chance.choice(FILES)
            raw, rows = mutated(name, base[name], chance)
            counted += rows is not None
            path = Path(folder) / f"{number}.csv"
            path.write_bytes(raw)
            fault = wrong_with(path, rows)
            path.unlink()
            if fault:
                wrong[f"{name}: {fault}"] += 1
    for fault, count in wrong.most_common():
        print(f"{count} x {fault}")
    print(f"{said.files} campaign files, {sum(wrong.values())} read wrongly, rows of {counted} counted from outside, "
          f"{time.perf_counter() - start:.0f} s")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
