"""The quick reader gives exactly what the careful one gives, or steps aside."""

import pytest

from adtune.archive.campaigns import quick, read_campaigns, tables

HEAD = "Day,Campaign,Ad,Cost,Impr.,Clicks"
ROWS = [f"2024-05-{1 + n % 28:02},Brand {n},Ad,{n}.50,{100 + n},{n % 7}" for n in range(40)]
FILES = {
    "plain": ("\n".join([HEAD, *ROWS]) + "\n", True),
    "no last line end": ("\n".join([HEAD, *ROWS]), True),
    "line ends of Windows": ("\r\n".join([HEAD, *ROWS]) + "\r\n", True),
    "preamble and totals": ("\n".join(["Campaign report", '"May 1, 2024"', HEAD, *ROWS, "Total: Account,,,9,9,9",
                                       "made by nobody"]) + "\n", True),
    "rows cut short": ("\n".join([HEAD, *ROWS[:5], "2024-05-06,Cut,Ad,1", *ROWS[6:], "a,b,c,d,e,f,g"]) + "\n", True),
    "quoted cells": ("\n".join([HEAD, *(row.replace("Ad,", '"Ad, no 1",').replace(".50", "") for row in ROWS)]) + "\n", True),
    "doubled quotes": ("\n".join([HEAD, *ROWS[:3], '2024-05-05,"the ""new"" one",Ad,1,100,5', *ROWS[4:]]) + "\n", False),
    "a line feed in a cell": ("\n".join([HEAD, *ROWS[:3], '2024-05-05,"two\nlines",Ad,1,100,5', *ROWS[4:]]) + "\n", False),
    "blank lines": ("\n".join([HEAD, *ROWS[:3], "", *ROWS[3:]]) + "\n", False),
    "a quote that never closes": ("\n".join([HEAD, *ROWS[:3], '2024-05-05,"open,Ad,1,100,5', *ROWS[4:]]) + "\n", False),
    "a quote within a cell": ("\n".join([HEAD, *ROWS[:3], '2024-05-05,5" heel,Ad,1,100,5', *ROWS[4:]]) + "\n", False),
    "an old line end": ("\n".join([HEAD, *ROWS[:3]]) + "\r" + "\n".join(ROWS[3:]) + "\n", False),
    "more cells that are empty": ("\n".join([HEAD, *(row + ",,," for row in ROWS)]) + "\n", None),
}


@pytest.mark.parametrize("name", FILES)
def test_the_quick_reader_is_the_careful_one(tmp_path, monkeypatch, name):
    content, quickly = FILES[name]
    path = tmp_path / "export.csv"
    path.write_bytes(content.encode())
    used = []

    def noted(*given):
        used.append(quick.quick_columns(*given))
        return used[-1]

    careful = read_campaigns(path)
    monkeypatch.setattr(quick, "LEAST", 0)
    monkeypatch.setattr(tables, "quick_columns", noted)
    fast = read_campaigns(path)
    assert quickly is None or (used[0] is not None) == quickly
    assert sorted((one.where, one.reason) for one in careful.rejected) == sorted((one.where, one.reason) for one in fast.rejected)
    assert [table.to_pylist() for table in careful.tables] == [table.to_pylist() for table in fast.tables] and careful.kept == fast.kept


@pytest.mark.parametrize("mark", [";", ",", "\t", "|", "^"])
@pytest.mark.parametrize("wrap", ["sep={}", '"sep={}"', "\ufeffsep={}"])
def test_the_line_with_which_excel_names_the_separator_is_obeyed_and_is_no_header(tmp_path, mark, wrap):
    path = tmp_path / "export.csv"
    path.write_text("\n".join([wrap.format(mark), *(row.replace(",", mark) for row in [HEAD, *ROWS[:20]])]) + "\n", encoding="utf-8")
    found = read_campaigns(path)
    table, = found.tables
    assert found.kept == 20 and not found.rejected
    assert table["line"].to_pylist() == list(range(3, 23)) and table["clicks"].to_pylist() == [n % 7 for n in range(20)]
