"""Edits and ratings are logs that only grow: what is known adds nothing, and the later one holds."""

from dataclasses import replace

import pytest

from adtune.errors import InputError
from adtune.records import Edit, Rating, Source
from adtune.workspace import Workspace


def test_an_edit_is_kept_once_and_its_correction_beside_it(ws, root, url):
    ws.ensure_client("acme")
    first = Edit.make({"draft": "A draft.", "final": "A text.", "minutes": 12.5, "editor": "Ann", "rounds": 2}, Source("log.csv", 2))
    second = Edit.make({"draft": "A draft.", "final": "A text.", "minutes": 15.0, "editor": "Ann"}, Source("log.csv", 3))
    assert ws.log_edits("acme", [first, first]) == 1 and ws.log_edits("acme", [first, second]) == 1 and ws.log_edits("acme", [second]) == 0
    found = ws.edits("acme")
    assert [replace(one, when="") for one in found] == [first, second] and found[0].when and first.pair == second.pair
    with Workspace.open(root, url) as again:
        assert again.edits("acme") == found and again.edits("other") == []
    with pytest.raises(InputError, match="acne"):
        ws.log_edits("acne", [first])


def test_ratings_are_kept_in_order_and_by_sheet(ws, root, url):
    ws.ensure_client("acme")
    said = [Rating("sheet-1", "ab12", "Ann", True, 4, "good", Source("filled.csv", 2)), Rating("sheet-1", "ab12", "Ann", None),
            Rating("sheet-2", "cd34", "Bo", False)]
    ws.rate("acme", said)
    found = ws.ratings("acme")
    assert [replace(one, when="") for one in found] == said and all(one.when for one in found)
    with Workspace.open(root, url) as again:
        assert again.ratings("acme", "sheet-2") == found[2:] and again.ratings("other") == []
    with pytest.raises(InputError, match="acne"):
        ws.rate("acne", said)
