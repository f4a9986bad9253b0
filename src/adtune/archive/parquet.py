"""Parquet, as dataset hubs keep tables: one row is one piece; read in batches, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator

from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .rows import Fault, Row, Unreadable

BATCH_ROWS = 200


def read_parquet(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """A row's line is its number, from 1 on. Raises InputError where no column holds text, Unreadable where the file is broken."""
    import pyarrow
    import pyarrow.parquet

    try:
        with file.open() as stream:
            table = pyarrow.parquet.ParquetFile(stream)
            columns.require_text(file.name, table.schema_arrow.names)
            number = 0
            for batch in table.iter_batches(BATCH_ROWS, use_threads=False):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, values)
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, MemoryError):
            raise
        raise Unreadable(f"not a Parquet file that can be read ({' '.join(str(error).split())[:120]})") from None
