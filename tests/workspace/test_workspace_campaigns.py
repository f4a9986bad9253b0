"""Campaign rows in the workspace: whole files that never change, of which the latest import of a cell holds."""

import datetime
import hashlib

import pyarrow as pa
import pytest

from adtune.errors import InputError
from adtune.workspace.campaigns import campaign_rows, schema


def rows(*cells: dict, **columns: list) -> pa.Table:
    """A table of made rows; a cell's key is its day and campaign, as an import makes it."""
    full = [{"date": datetime.date(2024, 5, 1), "channel": "TikTok", "grain": "campaign/day", "open": False, "file": "a.csv", "line": 2,
             "key": hashlib.blake2b(f"{one.get('date')}{one['campaign']}".encode(), digest_size=16).digest(), **one} for one in cells]
    table = pa.Table.from_pylist(full, schema=schema())
    for name, values in columns.items():
        table = table.append_column(name.replace("__", ":"), pa.array(values))
    return table


def test_the_latest_import_of_a_cell_holds_and_history_is_kept(ws):
    early = rows({"campaign": "a", "conversions": 3.0, "open": True}, {"campaign": "b", "clicks": 7.0})
    late = rows({"campaign": "a", "conversions": 5.0}, {"campaign": "c"})
    first, second = (ws.add_campaigns("acme", table, {"rows": 2}) for table in (early, late))
    assert first != second and [one["id"] for one in ws.campaign_imports("acme")] == [first, second]
    found = {row.campaign: row for row in campaign_rows(ws.campaigns("acme"))}
    assert sorted(found) == ["a", "b", "c"] and found["a"].conversions == 5.0 and not found["a"].open
    assert found["b"].clicks == 7.0 and found["b"].conversions is None and found["b"].date == "2024-05-01"


def test_inputs_and_bounds_of_files_with_other_columns_stand_side_by_side(ws):
    ws.add_campaigns("acme", rows({"campaign": "a"}, input__price=[3.5], low__clicks=[0.0], high__clicks=[4.0]), {})
    ws.add_campaigns("acme", rows({"campaign": "b"}, input__price=["n/a"], input__device=["phone"]), {})
    found = {row.campaign: row for row in campaign_rows(ws.campaigns("acme"))}
    assert found["a"].inputs == {"price": "3.5"} and found["a"].censored == {"clicks": (0.0, 4.0)}
    assert found["b"].inputs == {"price": "n/a", "device": "phone"} and found["b"].censored == {}


def test_a_cell_that_was_renamed_is_found_by_its_platforms_id(ws):
    for name, spend in (("Spring", 1.0), ("Spring 24", 2.0)):
        ws.add_campaigns("acme", rows({"campaign": name, "id": "17", "id_key": b"1" * 16, "spend": spend}), {})
    assert ws.campaigns("acme")["spend"].to_pylist() == [2.0]


def test_a_client_without_campaigns_has_an_empty_table_of_the_same_columns(ws):
    ws.ensure_client("acme")
    assert ws.campaigns("acme").schema == schema() and ws.campaigns("acme").num_rows == 0
    with pytest.raises(InputError):
        ws.campaigns("nobody")
