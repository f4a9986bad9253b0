"""Campaign tables in the formats that a child process reads: workbooks, zips, Parquet, and JSON lines."""

import io
import json

import making
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtune.archive.campaigns import read_campaigns

HEADER = ["By Day", "Campaign name", "Cost", "Currency", "Impressions", "Clicks (destination)", "Conversions"]


def found(path):
    reading = read_campaigns(path)
    return reading, [row for table in reading.tables for row in table.to_pylist()]


def test_a_workbook_with_a_title_dates_masked_cells_and_a_total(tmp_path):
    rows = [["Report of May"], [], HEADER, [("date", 45413), "Spring", 1.234, "USD", 1000, 12, "<5"],
            ["2024-05-02", "Spring", 10.5, "USD", 1100, 14, 7],
            ["Total", "-", 11.734, "USD", 2100, 26, "-"]]
    path = tmp_path / "tiktok.xlsx"
    path.write_bytes(making.xlsx({"Report": rows}))
    reading, (first, second) = found(path)
    assert (str(first["date"]), first["spend"], first["conversions"], first["low:conversions"], first["high:conversions"]) \
        == ("2024-05-01", 1.234, None, 0, 4)
    assert (second["spend"], second["conversions"], second["line"]) == (10.5, 7, 5)
    assert [(one.where, "total" in one.reason) for one in reading.rejected] == [("line 6", True)] and reading.kept == 2


def test_a_zip_of_exports_each_with_its_preamble(tmp_path):
    google = 'Campaign report\n"May 1, 2024"\nDay,Campaign,Cost,Impr.,Clicks\n2024-05-01,A,1.50,100,5\n'
    path = tmp_path / "exports.zip"
    path.write_bytes(making.zipped({"google.csv": google, "other.csv": google.replace(",A,", ",B,"), "readme.pdf": "x"}))
    reading, rows = found(path)
    assert {(row["file"], row["campaign"], row["line"]) for row in rows} == {("exports.zip/google.csv", "A", 4),
                                                                             ("exports.zip/other.csv", "B", 4)}
    assert len(reading.rejected) == 1 and reading.rejected[0].where.startswith("exports.zip/readme.pdf")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_tables_with_typed_values(tmp_path, name):
    rows = [{"day": "2024-05-01", "campaign": "A", "cost": 1.234, "impressions": 1000, "clicks": 12},
            {"day": "2024-05-02", "campaign": "A", "cost": 2.5, "impressions": 1100, "clicks": 14}]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    (tmp_path / name).write_bytes(sink.getvalue() if name.endswith("parquet") else "".join(json.dumps(row) + "\n" for row in rows).encode())
    _, read = found(tmp_path / name)
    assert [(row["spend"], row["impressions"], str(row["date"])) for row in read] == [(1.234, 1000, "2024-05-01"),
                                                                                      (2.5, 1100, "2024-05-02")]


def test_files_that_are_no_tables_are_rejected_with_a_reason(tmp_path):
    (tmp_path / "in").mkdir()
    for name, content in {"a.pdf": b"%PDF-1.4\n", "b.xlsx": b"PK\x03\x04broken", "c.csv": b"", "d.csv": b"\x00\x01\x02\x03" * 50,
                          "e.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 10}.items():
        (tmp_path / "in" / name).write_bytes(content)
    reading, rows = found(tmp_path / "in")
    assert not rows and len(reading.rejected) == 5 and all(one.reason for one in reading.rejected)
