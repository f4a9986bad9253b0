"""The header of a safetensors file, read and checked before any weight is: names, kinds, shapes and places.

Format: 8 bytes with the header's length (little-endian), the header as JSON `{name: {dtype, shape, data_offsets}}`, then the data.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BaseModelError

ADAPTER_HEADER, BASE_HEADER = 8 * 2**20, 64 * 2**20  # bytes; an honest header takes about 100 a tensor
CONFIG_BYTES = 2**20
MOST_TENSORS = 2**16  # in one file; the largest models in use have as many over all their shards
FLOATS = ("F32", "F16", "BF16", "F64")
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
          "F8_E4M3": 1, "F8_E5M2": 1}


@dataclass(frozen=True)
class Entry:
    """One tensor of a file."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)


def refusal(path: Path, found: str, expected: str = "a safetensors file") -> BaseModelError:
    """What is wrong with a model's file."""
    return BaseModelError(str(path), found[:300], expected, "Download or export it again.")


def read_object(path: Path, limit: int = CONFIG_BYTES) -> dict[str, Any]:
    """A JSON object of at most `limit` bytes. Raises BaseModelError for anything else."""
    try:
        size = path.stat().st_size
        if size > limit or not path.is_file():
            raise refusal(path, f"{size:,} bytes", f"a JSON file of at most {limit:,} bytes")
        return _object(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise refusal(path, f"no JSON object ({error})", "a JSON object") from error


def _object(raw: bytes) -> dict[str, Any]:
    """A JSON object without a name that stands twice. Raises ValueError, RecursionError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name that stands twice")
        return found

    read = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    if not isinstance(read, dict):
        raise ValueError("no object")
    return read


def read_header(path: Path, limit: int) -> dict[str, Entry]:
    """The tensors of a file whose header has at most `limit` bytes, whose data lie side by side and fill the rest of it."""
    try:
        if not path.is_file():
            raise refusal(path, "no file")
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 10 or length > size - 8:
                raise refusal(path, f"{size:,} bytes with a header of {length:,}")
            if length > limit:
                raise refusal(path, f"a header of {length:,} bytes", f"a header of at most {limit:,} bytes")
            raw = file.read(length)
        if raw.count(b'"data_offsets"') > MOST_TENSORS:  # before a second is spent on reading them
            raise refusal(path, "more tensors than any model has", f"at most {MOST_TENSORS:,} tensors")
        entries = _object(raw)
        return _entries(entries, size - 8 - length)
    except (ValueError, RecursionError, OSError) as error:
        raise refusal(path, f"a header that is wrong ({error})") from error


def _entries(raw: dict[str, Any], data: int) -> dict[str, Entry]:
    notes = raw.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
        raise ValueError("__metadata__ that is no table of words")
    if len(raw) > MOST_TENSORS:
        raise ValueError(f"{len(raw):,} tensors where {MOST_TENSORS:,} are the most")
    found, places = {}, []
    for name, one in raw.items():
        if not isinstance(one, dict) or set(one) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"the tensor {name[:100]!r} without dtype, shape and data_offsets")
        kind, shape, offsets = one["dtype"], one["shape"], one["data_offsets"]
        if not isinstance(kind, str) or kind not in _BYTES:
            raise ValueError(f"the tensor {name[:100]!r} of the kind {str(kind)[:40]}")
        if not _counts(shape) or not _counts(offsets) or len(shape) > 8 or len(offsets) != 2:
            raise ValueError(f"the tensor {name[:100]!r} with a shape or place that is none")
        if offsets[1] - offsets[0] != math.prod(shape) * _BYTES[kind]:
            raise ValueError(f"the tensor {name[:100]!r} in a place of another size")
        places.append(tuple(offsets))
        found[name] = Entry(kind, tuple(shape))
    end = 0
    for begin, after in sorted(places):
        if begin != end:
            raise ValueError("tensors that overlap or leave a hole")
        end = after
    if end != data:
        raise ValueError(f"{data:,} bytes of data where its tensors take {end:,}")
    return found


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**48 for n in value)
