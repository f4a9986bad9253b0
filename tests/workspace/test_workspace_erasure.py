"""Erasing a client: no row, file, key or byte of it is left, the other client's are untouched, and a certificate says so without a text."""

import json
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from adtune.errors import InputError, WorkspaceError
from adtune.records import Asset, Edit, Source
from adtune.steps import erasure
from adtune.steps.erasure import canaries_of, erase_client
from adtune.steps.keys import create_key
from adtune.steps.remote_serving import published_name
from adtune.workspace.erasing import rows_of
from adtune.workspace.schema import metadata


def canary(client, n):
    return f"the {client} canary number {n} of {client} sings {n * 7919} {client} songs"


def fill(ws, client):
    """Something of a client's in every table and in every folder of the workspace, with a canary in each."""
    key = create_key(ws, client, options={"label": canary(client, 1)})["key"]
    ws.add_assets(client, [Asset(f"{n:063x}{client[0]}".replace("o", "0"), client, canary(client, n) * 3, source=Source("posts.csv", n))
                           for n in range(2, 12)])
    adapter = ws.publish("adapter", client, {"w.bin": canary(client, 12).encode()}, {"base": "starter", "note": canary(client, 13)})
    ws.publish("report", client, {"report.html": canary(client, 14).encode()}, {"adapter": adapter}, [adapter])
    run = ws.create_run(client, {"note": canary(client, 15)})
    (ws.run_dir(run) / "checkpoint.txt").write_text(canary(client, 16))
    ws.uploads.add(client, "train.jsonl", "fine-tune", [canary(client, 17).encode()])
    ws.log_draft(client, adapter, {"title": canary(client, 18)}, canary(client, 19), {})
    ws.log_edits(client, [Edit("e" * 64, canary(client, 20), canary(client, 21))])
    job = ws.jobs.submit(client, "tune", {"note": canary(client, 22)})
    published = ws.root / "published" / published_name(ws.record(adapter)["hash"])
    published.mkdir(parents=True)
    (published / "adapter_model.safetensors").write_text(canary(client, 23))
    given = {"artifact.id": adapter, "job.id": job.id, "client.name": client}
    with ws._database.write() as connection:
        for table, mine in rows_of(client)[::-1]:
            if not connection.scalar(sa.select(sa.func.count()).select_from(table).where(mine)):
                connection.execute(sa.insert(table), row_of(table, given, canary(client, 24)))
    return key


def row_of(table, given, words):
    """A row of any table that refers to what there is, with words wherever words fit."""
    row = {}
    for column in table.columns:
        link = next((f"{key.column.table.name}.{key.column.name}" for key in column.foreign_keys), None)
        if link or not (column.primary_key and isinstance(column.type, sa.Integer) and column.autoincrement):
            row[column.name] = given[link] if link else {sa.Integer: 1, sa.Float: 0.5, sa.Boolean: True, sa.JSON: {"w": words}}.get(
                next((kind for kind in (sa.Boolean, sa.Integer, sa.Float, sa.JSON) if isinstance(column.type, kind)), None),
                words[:getattr(column.type, "length", None) or None])
    return row


def left(ws, client):
    """Canaries of a client in any byte of the workspace and in any row of its database, which may lie elsewhere, and its rows."""
    raw = b"".join(path.read_bytes() for path in ws.root.rglob("*") if path.is_file())
    with ws._database.read() as connection:
        raw += b"".join(str(row).encode() for table in metadata.sorted_tables for row in connection.execute(sa.select(table)))
        words = [n for n in range(1, 40) if canary(client, n)[:30].encode() in raw or canary(client, n).encode() in raw]
        return words, {table.name: count for table, mine in rows_of(client)
                       if (count := connection.scalar(sa.select(sa.func.count()).select_from(table).where(mine)))}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(erasure, "LOOK_SECONDS", 0.01)


def test_nothing_of_an_erased_client_is_left_and_all_of_the_other_is(ws):
    keys = {client: fill(ws, client) for client in ("acme", "other")}
    for name in ("measured/curve-1/state.txt", "bug-1.txt", "artifacts/.tmp-999999999-ab/half.txt"):
        (ws.root / name).parent.mkdir(parents=True, exist_ok=True)
        (ws.root / name).write_text(canary("acme", 30))
    (ws.root / "measured" / "probe-1.json").write_text("{}")
    before = left(ws, "other")
    assert len(left(ws, "acme")[0]) == 25 and set(left(ws, "acme")[1]) == {table.name for table in metadata.sorted_tables}
    answer = erase_client(ws, "acme", "Ann Lee", "the contract ended")
    assert left(ws, "acme") == ([], {}) and left(ws, "other") == before and ws.clients() == ["other"]
    assert answer["erased"]["passed"] and answer["erased"]["canaries"] >= 10 and answer["erased"]["rows"]["asset"] == 10
    assert not (ws.root / "measured" / "curve-1").exists() and (ws.root / "measured" / "probe-1.json").exists()
    for row in ws.listing(None, "other"):
        ws.path(row["id"])  # every byte is checked
    assert ws.keys.get(keys["other"].split("_")[1]) and ws.keys.get(keys["acme"].split("_")[1]) is None
    page = Path(answer["certificate"]["html"]).read_text()
    assert "Ann Lee" in page and "the contract ended" in page and "canary" not in page and answer["withdrawn"][0] in page
    assert ws.record(answer["certificate"]["id"])["client"] is None and json.loads(Path(answer["certificate"]["json"]).read_text())
    with pytest.raises(InputError, match="acme"):
        erase_client(ws, "acme", "Ann Lee")
    ws.ensure_client("acme")
    assert ws.assets("acme") == [] and ws.ladder.live("acme") is None


def test_words_that_are_left_are_told(local):
    ws = local
    fill(ws, "acme")
    (ws.root / "notes.txt").write_text("".join(f"{canary('acme', n)}\n" for n in range(2, 12)) * 3)
    answer = erase_client(ws, "acme", "Ann")
    assert answer["erased"]["passed"] is False and list(answer["erased"]["found"]) == ["notes.txt"]
    assert "notes.txt" in Path(answer["certificate"]["html"]).read_text()


def test_words_that_another_client_has_too_are_not_looked_for(ws):
    shared = "a sentence of forty letters and more, which both of them have"
    for client in ("acme", "other"):
        ws.add_assets(client, [Asset("a" * 64, client, shared)])
    assert canaries_of(ws, "acme") == []
    ws.add_assets("acme", [Asset("b" * 64, "acme", canary("acme", 1))])
    assert canaries_of(ws, "acme")[0] in canary("acme", 1)


def test_nobody_works_for_a_client_that_is_erased(ws):
    ws.ensure_client("acme")
    queued, held = ws.jobs.submit("acme", "tune", {}), ws.jobs.submit("acme", "tune", {})
    run = ws.create_run("acme", {})
    ws.jobs.ask(queued.id, "pause")
    job = ws.jobs.claim("a worker")
    assert job.id == held.id
    timer = threading.Timer(0.1, lambda: ws.jobs.stop(job))
    timer.start()
    with ws.lock(run), pytest.raises(WorkspaceError, match="held by"):
        erase_client(ws, "acme", "Ann")
    timer.join()
    assert ws.jobs.get(held.id).status == "cancelled" and ws.clients() == ["acme"]
    assert erase_client(ws, "acme", "Ann")["erased"]["rows"]["job"] == 2


def test_a_worker_that_does_not_let_go_is_named(ws, monkeypatch):
    monkeypatch.setattr(erasure, "WAIT_SECONDS", 0.05)
    ws.ensure_client("acme")
    job = ws.jobs.submit("acme", "tune", {})
    ws.jobs.claim("a worker")
    with pytest.raises(WorkspaceError, match=job.id):
        erase_client(ws, "acme", "Ann")
    with pytest.raises(InputError, match="no name"):
        erase_client(ws, "acme", " ")
