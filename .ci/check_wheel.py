"""Fails where the wheel in the given folder lacks a file of src/adtune, or carries one that is not there."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"


def main(folder: str) -> int:
    (wheel,) = Path(folder).glob("adtune-*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.split("/")[0].endswith(".dist-info")}
    wanted = {path.relative_to(SOURCE).as_posix() for path in (SOURCE / "adtune").rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    for name in sorted(wanted - held):
        print(f"not in the wheel: {name}")
    for name in sorted(held - wanted):
        print(f"only in the wheel: {name}")
    print(f"{wheel.name}: {len(held)} files, {wheel.stat().st_size / 1e6:.1f} MB")
    return int(wanted != held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
