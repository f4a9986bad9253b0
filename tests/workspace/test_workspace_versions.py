"""Versions of pieces: an import is stored wholly or not at all, old schemas come along, and memory stays flat."""

import json
import tracemalloc
from dataclasses import replace

import pytest
import sqlalchemy as sa

from adtune.records import Asset, Change, Source
from adtune.workspace import Workspace
from adtune.workspace.archive import origin_of
from adtune.workspace.database import Database
from adtune.workspace.upgrade import MIGRATIONS, stored_revision, upgrade
from adtune.workspace.versions import Revision


def revision(old, new, what="corrected"):
    return Revision(Change(old.id, what, new.id, {"text": old.text}, {"text": new.text}, "Ann", Source("fix.csv", 2)), new)


def withdrawal(piece, what="withdrawn"):
    return Revision(Change(piece.id, what, piece.id, {}, {}, "Ann", Source("fix.csv", 3)))


def test_a_version_replaces_the_one_before_and_can_give_way_to_it_again(ws, piece):
    first, second = (replace(piece(n), source=Source("posts.csv", n, "p1")) for n in (1, 2))
    before = ws.commit_import("acme", [first]) and ws.archive_hash("acme")
    assert ws.commit_import("acme", [revision(first, second)]) == 0
    assert [one.replaced_by for one in ws.assets("acme")] == [second.id, None] and ws.count_assets("acme") == 1
    assert ws.assets_in_force("acme", ["p1", "other"]) == {"p1": [second]}
    assert ws.versions("acme", second.id) == ws.versions("acme", first.id) == [first.id, second.id]
    assert ws.archive_hash("acme") != before
    ws.commit_import("acme", [revision(second, first)])
    assert ws.assets_in_force("acme", ["p1"]) == {"p1": [first]} and ws.archive_hash("acme") == before
    assert [(one.asset, one.becomes, one.who) for one in ws.history("acme", [first.id, second.id])] == [
        (first.id, second.id, "Ann"), (second.id, first.id, "Ann")]


def test_a_withdrawn_piece_is_out_of_the_hash_until_it_is_restored(ws, piece):
    ws.commit_import("acme", [piece(1), piece(2)])
    before = ws.archive_hash("acme")
    ws.commit_import("acme", [withdrawal(piece(1))])
    assert [one.id for one in ws.withdrawn("acme")] == [piece(1).id] and ws.count_assets("acme") == 1 and ws.archive_hash("acme") != before
    assert ws.known_assets("acme", [piece(1).id, "0" * 64])[piece(1).id].withdrawn
    ws.commit_import("acme", [withdrawal(piece(1), "restored")])
    assert ws.withdrawn("acme") == [] and ws.archive_hash("acme") == before and len(ws.history("acme", [piece(1).id])) == 2


def test_an_import_that_breaks_leaves_nothing_however_far_it_came(ws, piece):
    ws.commit_import("acme", [piece(0)])

    def broken(client):
        yield revision(piece(0), piece(1))
        yield from (replace(piece(0, client), id=f"{n:064x}") for n in range(2500))
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        ws.commit_import("acme", broken("acme"))
    assert ws.assets("acme") == [piece(0)] and ws.history("acme", [piece(0).id]) == []
    with pytest.raises(RuntimeError, match="power cut"):
        ws.commit_import("new", broken("new"))
    assert ws.clients() == ["acme"]


def test_splits_are_noted_once(ws, piece):
    ws.commit_import("acme", [piece(1), replace(piece(2), split="test")])
    ws.commit_import("acme", [], [(piece(1).id, "validation"), (piece(2).id, "train")])
    assert [one.split for one in ws.assets("acme")] == ["validation", "test"]


def test_pieces_are_found_by_the_beginning_of_their_id(ws, piece):
    ws.commit_import("acme", [piece(1)])
    ws.commit_import("other", [piece(1, "other")])
    id = piece(1).id
    assert sorted(ws.find_asset(id[:9])) == [("acme", id), ("other", id)] and ws.find_asset(id, "acme") == [("acme", id)]
    assert ws.find_asset("f" * 64) == []


def test_a_spool_gives_back_what_was_put_in_and_leaves_no_file(local, root, piece):
    odd = replace(piece(1), text="Grüße 你好 \u2028 \r\n \x85", facts=("a",), split="test", withdrawn="2024-05-31")
    with local.spool() as spool:
        assert list(spool) == []
        spool.add(odd)
        spool.add(piece(2))
        assert spool.count == 2 and list(spool) == [odd, piece(2)]
    assert {path.name.partition("-")[0] for path in root.iterdir()} == {"adtune.db", "artifacts", "runs", "locks"}


def test_storing_holds_a_batch_in_memory(ws, piece):
    first = replace(piece(0), text="words " * 500)
    ws.commit_import("acme", (replace(first, id=f"{n:064x}") for n in range(1000)))
    tracemalloc.start()
    try:
        assert ws.commit_import("acme", (replace(first, id=f"{n:064x}") for n in range(1000, 9000))) == 8000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000   # 8,000 pieces are 24 MB


@pytest.fixture
def old(root, url):
    """A database of the first schema with two pieces in it."""
    from alembic import command
    from alembic.config import Config

    root.mkdir()
    database = Database(url or sa.URL.create("sqlite", database=str(root / "adtune.db")))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    def to(step, target):
        with database.write() as connection:
            config.attributes["connection"] = connection
            getattr(command, step)(config, target)

    to("upgrade", "0001")
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO client VALUES ('acme', '2024')"))
        for number, own in ((1, "p1"), (2, None)):
            source = {"file": "a", "line": 1, "id": own}
            body = {"id": f"{number:064x}", "client": "acme", "text": f"Piece {number}", "facts": [], "source": source}
            connection.execute(sa.text("INSERT INTO asset (client, id, body) VALUES ('acme', :id, :body)"),
                               {"id": body["id"], "body": json.dumps(body)})
    yield database, to
    database.close()


def test_an_archive_of_the_first_schema_comes_along(root, url, old):
    database, to = old
    assert stored_revision(database) == "0001"
    with Workspace.open(root, url) as ws:
        assert [one.text for one in ws.assets("acme")] == ["Piece 1", "Piece 2"]
        assert [one.id for one in ws.assets_in_force("acme", ["p1"])["p1"]] == [f"{1:064x}"]
        ws.commit_import("acme", [withdrawal(Asset(f"{1:064x}", "acme", ""))])
    to("downgrade", "0001")
    upgrade(database)
    with Workspace.open(root, url) as ws:
        assert [one.text for one in ws.assets("acme")] == ["Piece 1", "Piece 2"] and ws.withdrawn("acme") == []


def test_a_migration_that_breaks_leaves_the_first_schema(old, monkeypatch):
    database, _ = old
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_table", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")), raising=False)
        with pytest.raises(RuntimeError, match="power cut"):
            upgrade(database)
    assert stored_revision(database) == "0001"
    with database.read() as connection:
        assert "origin" not in {column["name"] for column in sa.inspect(connection).get_columns("asset")}


def test_source_ids_of_any_length_are_found(ws, piece):
    own = "https://example.com/" + "x" * 5000
    ws.commit_import("acme", [replace(piece(1), source=Source("a", 1, own))])
    assert ws.assets_in_force("acme", [own])[own][0].source.id == own and len(origin_of(own)) == 64
