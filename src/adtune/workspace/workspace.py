"""The facade: one object for everything that is stored.

root/adtune.db                  clients, assets, decisions, edits, ratings, artifacts, runs, drafts
root/artifacts/<kind>/<id>/     files and MANIFEST.json of an artifact
root/runs/<id>/                 checkpoints of a run
root/uploads/<id>               files that clients handed in by the API
root/measured/                  losses and runs of learning curves, kept so that nothing is measured twice; may be deleted
root/locks/                     locks between processes
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, WorkspaceError
from .artifacts import ArtifactStore
from .faults import disk_faults, disk_full
from .locks import held

if TYPE_CHECKING:
    import pyarrow as pa

    from ..records import Asset, Change, Decision, Edit, Rating
    from .database import Database
    from .jobs import Jobs
    from .keys import Keys
    from .ladder import Ladder
    from .spool import Spool
    from .uploads import Uploads
    from .versions import Revision

DATABASE = "adtune.db"
UPGRADE_SECONDS = 120.0  # how long opening waits for another process that migrates


class Workspace:
    """An open workspace; `close()` it, or use it in a `with` block. Make one with `Workspace.open`."""

    def __init__(self, root: Path, database: Database):
        from .archive import Archive
        from .campaigns import Campaigns
        from .catalogue import Catalogue
        from .decisions import Decisions
        from .logs import Logs
        from .people import People
        from .versions import Versions

        self.root = root
        self._database = database
        self._archive = Archive(database)
        self._versions = Versions(self._archive)
        self._decisions = Decisions(database)
        self._people = People(database)
        self._catalogue = Catalogue(database, ArtifactStore(root / "artifacts"))
        self._campaigns = Campaigns(self._catalogue)
        self._logs = Logs(database)

    @classmethod
    def open(cls, root: Path, url: str | None = None) -> Workspace:
        """Opens the workspace at `root`, creating and upgrading it where needed; `url` names another database than root/adtune.db.

        Raises WorkspaceError where the place is unwritable, a file, not a database, or written by a newer adtune, and
        DiskFullError where there is no space.
        """
        from sqlalchemy import URL

        from .database import Database
        from .upgrade import upgrade

        root, file = Path(root), Path(root) / DATABASE
        with disk_faults(root):
            for name in ("artifacts", "runs", "locks"):
                (root / name).mkdir(parents=True, exist_ok=True)
            ArtifactStore(root / "artifacts").sweep()
        with held(root / "locks", "workspace.schema", wait=UPGRADE_SECONDS):
            if url is None:
                _check_file(file, root)
            database = Database(url or URL.create("sqlite", database=str(file)))
            try:
                upgrade(database)
                return cls(root, database)
            except BaseException:
                database.close()
                raise

    def close(self) -> None:
        """Closes the database's connections."""
        self._database.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def keys(self) -> Keys:
        """API keys, and what each client may use."""
        from .keys import Keys

        return Keys(self._database)

    @cached_property
    def ladder(self) -> Ladder:
        """Which version of each client's is live, and the names of versions."""
        from .ladder import Ladder

        return Ladder(self._database)

    @cached_property
    def jobs(self) -> Jobs:
        """The job table."""
        from .jobs import Jobs

        return Jobs(self._database)

    @cached_property
    def uploads(self) -> Uploads:
        """Files that clients handed in by the API."""
        from .uploads import Uploads

        return Uploads(self._database, self.root / "uploads")

    def clients(self) -> list[str]:
        """All clients' names, sorted."""
        return self._archive.clients()

    def check_client(self, name: str) -> None:
        """Raises InputError for a name that no client can have."""
        from .archive import check_name

        check_name(name)

    def ensure_client(self, name: str) -> None:
        """Creates the client where it is new. Raises InputError for an impossible name."""
        self._archive.ensure_client(name)

    def require_client(self, name: str) -> None:
        """Raises InputError, with the nearest name, where there is no such client."""
        self._archive.require_client(name)

    def add_assets(self, client: str, assets: Iterable[Asset]) -> int:
        """Adds the assets that are new, all or nothing, and gives how many were; creates the client where it is new."""
        return self._archive.add_assets(client, assets)

    def spool(self) -> Spool:
        """A queue of assets and revisions on the workspace's disk, for an import that memory need not hold."""
        from .spool import Spool

        return Spool(self.root)

    def commit_import(self, client: str, items: Iterable[Asset | Revision], splits: Sequence[tuple[str, str]] = ()) -> int:
        """Stores an import, all or nothing: new assets, revisions of others, splits (id, split); gives the number of assets added."""
        return self._versions.commit(client, items, splits)

    def known_assets(self, client: str, ids: Sequence[str]) -> dict[str, Asset]:
        """Those of `ids` that the client's archive holds, each with its state (split, replaced_by, withdrawn) and no content."""
        return self._archive.known(client, ids)

    def assets_in_force(self, client: str, source_ids: Sequence[str]) -> dict[str, list[Asset]]:
        """The client's pieces by the ids of their own files; of each piece the version in force."""
        return self._archive.in_force(client, source_ids)

    def pieces(self, client: str, ids: Sequence[str]) -> dict[str, Asset]:
        """Those of `ids` that the client's archive holds, in whatever state."""
        return self._archive.pieces(client, ids)

    def changed_assets(self, client: str, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that are not the only version of their piece, or were withdrawn."""
        return self._versions.changed(client, ids)

    def versions(self, client: str, id: str) -> list[str]:
        """The ids of all versions of a piece, the first one first."""
        return self._versions.chain(client, id)

    def history(self, client: str, ids: Sequence[str]) -> list[Change]:
        """What happened to these versions of pieces, the oldest first."""
        return self._versions.history(client, ids)

    def withdrawn(self, client: str) -> list[Asset]:
        """The client's withdrawn pieces."""
        return self._versions.withdrawn(client)

    def find_asset(self, word: str, client: str | None = None) -> list[tuple[str, str]]:
        """(client, id) of the pieces whose id is or begins with `word`; several where it is ambiguous."""
        return self._archive.beginning(word, client)

    def assets(self, client: str) -> list[Asset]:
        """The client's assets in the order of their first import, replaced and withdrawn ones included."""
        return self._archive.assets(client)

    def count_assets(self, client: str) -> int:
        """How many of the client's pieces are in force."""
        return self._archive.count(client)

    def archive_hash(self, client: str) -> str:
        """Hex sha256 over the sorted ids of the client's assets in force."""
        return self._archive.archive_hash(client)

    def asset(self, id: str, client: str | None = None) -> Asset:
        """One asset; name the client where two hold the same content. Raises InputError."""
        return self._archive.asset(id, client)

    def campaigns(self, client: str, repeats: bool = False) -> pa.Table:
        """The client's campaign rows that hold now, with the columns of `workspace.campaigns.schema`, inputs and bounds.

        Of a cell that was imported more than once the latest import holds. With `repeats` the rows are there too that repeat others in
        another breakdown; sums are right without them. Raises InputError for an unknown client.
        """
        self.require_client(client)
        return self._campaigns.table(client, repeats)

    def campaign_imports(self, client: str) -> list[dict[str, Any]]:
        """Records of the client's imports of campaign rows, the oldest first."""
        return self._campaigns.imports(client)

    def planned_campaigns(self, client: str, plan: pa.Table) -> pa.Table:
        """Rows to come, with what the client's calendars and products say of them where they are silent."""
        return self._campaigns.planned(client, plan)

    def add_campaigns(self, client: str, table: pa.Table, record: Mapping[str, Any]) -> str:
        """Stores the rows of one import for good; gives the artifact's id. Creates the client where it is new."""
        self.ensure_client(client)
        return self._campaigns.add(client, table, record)

    def decide(self, client: str, decisions: Sequence[Decision]) -> None:
        """Keeps what a person said of the client's pieces, all or nothing; a later decision about a piece holds over an earlier one."""
        self.require_client(client)
        self._decisions.add(client, decisions)

    def decisions(self, client: str) -> list[Decision]:
        """All that was ever said of the client's pieces, the oldest first."""
        return self._decisions.all(client)

    def log_edits(self, client: str, edits: Sequence[Edit]) -> int:
        """Keeps logged edits, all or none; gives how many were new. A later edit of the same pair holds over an earlier one."""
        self.require_client(client)
        return self._people.add_edits(client, edits)

    def edits(self, client: str) -> list[Edit]:
        """All edits that were ever logged, the oldest first."""
        return self._people.edits(client)

    def rate(self, client: str, ratings: Sequence[Rating]) -> None:
        """Keeps what raters said, all or nothing; a later rating of an item by the same rater holds over an earlier one."""
        self.require_client(client)
        self._people.add_ratings(client, ratings)

    def ratings(self, client: str, sheet: str | None = None) -> list[Rating]:
        """All that raters ever said of the client's sheets, or of one, the oldest first."""
        return self._people.ratings(client, sheet)

    def publish(
        self,
        kind: str,
        client: str | None,
        files: Mapping[str, bytes | Path],
        record: Mapping[str, Any],
        parents: Sequence[str] = (),
        identity: str | None = None,
    ) -> str:
        """Stores files (bytes, or a Path to a file or directory) and their record for good, atomically; gives the artifact's id.

        The id hashes kind, client and either `identity` (the caller's promise that it determines the files, such as a
        dataset's hash) or the files' sha256 with the record. Publishing the same again gives the same id and makes it the
        newest of its kind; it also repairs what a crash or a damaged disk left. Parents are artifacts or runs of the same
        client or of none. Raises InputError, DiskFullError, WorkspaceError.
        """
        return self._catalogue.publish(kind, client, files, record, parents, identity)

    def record(self, id: str) -> dict[str, Any]:
        """{id, kind, client, hash, created (ISO 8601, UTC), parents, record} of an artifact."""
        return self._catalogue.record(id)

    def owned(self, id: str, client: str) -> dict[str, Any] | None:
        """`record` without parents where the artifact is this client's, else None."""
        return self._catalogue.owned(id, client)

    def path(self, id: str, verify: bool = True) -> Path:
        """An artifact's directory, all hashes checked. Raises IntegrityError naming the file that is not as published."""
        return self._catalogue.path(id, verify)

    def newest(self, kind: str, client: str | None) -> str | None:
        """The artifact of this kind and client that was published last, or None."""
        return self._catalogue.newest(kind, client)

    def find(self, word: str) -> str:
        """The full id of the artifact, run or draft that `word` is or uniquely begins, or the client of this exact name."""
        return self._catalogue.find(word)

    def listing(self, kind: str | None = None, client: str | None = None) -> list[dict[str, Any]]:
        """Records of artifacts, the newest first."""
        return self._catalogue.listing(kind, client)

    def lineage(self, id: str) -> list[dict[str, Any]]:
        """All ancestors, nearest first: {id, kind, client, created}."""
        return self._catalogue.lineage(id)

    def descendants(self, id: str) -> list[dict[str, Any]]:
        """All artifacts that were made from this one, nearest first: {id, kind, client, created}."""
        return self._catalogue.descendants(id)

    def create_run(self, client: str, settings: Mapping[str, Any]) -> str:
        """A new run in the state `running`. Raises InputError for an unknown client."""
        self.require_client(client)
        return self._logs.create_run(client, settings)

    def run(self, id: str) -> dict[str, Any]:
        """{id, client, state, settings, outcome, created, updated}."""
        return self._logs.run(id)

    def update_run(self, id: str, state: str, outcome: Mapping[str, Any] | None = None) -> None:
        """Sets the state (running, interrupted, failed, done), and the outcome where one is given."""
        self._logs.update_run(id, state, outcome)

    def newest_run(self, client: str, states: Sequence[str]) -> dict[str, Any] | None:
        """The client's newest run in one of the states, or None."""
        return self._logs.newest_run(client, states)

    def runs(self, client: str | None = None) -> list[dict[str, Any]]:
        """Runs, the newest first."""
        return self._logs.runs(client)

    def run_dir(self, id: str) -> Path:
        """The directory for a run's checkpoints, created where it is missing."""
        folder = self.root / "runs" / self.run(id)["id"]
        with disk_faults(folder):
            folder.mkdir(exist_ok=True)
        return folder

    def log_draft(self, client: str, adapter_id: str | None, brief: Mapping[str, Any], text: str, scores: Mapping[str, Any]) -> str:
        """Notes a served draft; gives its id. Raises InputError for an unknown client."""
        self.require_client(client)
        return self._logs.log_draft(client, adapter_id, brief, text, scores)

    def drafts(self, client: str) -> list[dict[str, Any]]:
        """The client's own log: who was served what, the oldest first."""
        return self._logs.drafts(client)

    def draft(self, id: str) -> dict[str, Any]:
        """{id, client, adapter, brief, text, scores, created}."""
        return self._logs.draft(id)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Holds an exclusive lock between processes. Raises WorkspaceError at once, naming the holder, where it is taken."""
        return held(self.root / "locks", name)

    def backup(self, path: Path) -> None:
        """Copies the database (not the artifacts) to the file `path` while others go on writing.

        Uses SQLite's online backup (https://www.sqlite.org/backup.html); raises WorkspaceError on PostgreSQL.
        """
        path = Path(path)
        if not self._database.is_sqlite:
            raise WorkspaceError(self._database.where, "a PostgreSQL database", "SQLite", "Back it up with pg_dump.")
        if path.is_dir():
            raise InputError(str(path), "a directory", "the name of a file", "Name a file in that directory.")
        aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with closing(sqlite3.connect(str(self.root / DATABASE))) as source, closing(sqlite3.connect(str(aside))) as copy:
                source.backup(copy)
            with disk_faults(path):
                aside.replace(path)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise disk_full(path) from error
            raise WorkspaceError(str(path), str(error), "a file that can be written", "Check the directory and the disk.") from error
        finally:
            aside.unlink(missing_ok=True)


def _check_file(file: Path, root: Path) -> None:
    """Refuses what SQLite would take for a new database although the workspace holds work, and what it could not write."""
    empty = not file.exists() or (file.is_file() and file.stat().st_size == 0)
    if empty and any(child for folder in ("artifacts", "runs") for child in (root / folder).iterdir() if not child.name.startswith(".")):
        raise WorkspaceError(
            str(file),
            "no database although the workspace holds artifacts or runs",
            "the database that belongs to them",
            f"Restore {DATABASE} from a backup, or name another directory with --workspace.",
        )
    if file.is_dir():
        raise WorkspaceError(str(file), "a directory", "an adtune database", "Move it away, or name another directory with --workspace.")
    for place in (root, file):
        if place.exists() and not os.access(place, os.W_OK):
            raise WorkspaceError(
                str(place),
                "a place that may not be written",
                "a writable file in a writable directory",
                "Change its permissions, or name another directory with --workspace.",
            )
