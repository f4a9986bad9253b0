"""The worker: what becomes of a job and of its process when it is cancelled, crashes, is stopped or hangs."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from adtune import worker as module
from adtune.worker import Worker
from adtune.workspace import Workspace
from adtune.workspace.jobs import CANCEL, MOST_TRIES, PAUSE

HANGS = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
CRASHES = "import os; os._exit(7)"


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    with Workspace.open(tmp_path / "ws") as workspace:
        workspace.ensure_client("acme")
        yield workspace


class Made(Worker):
    """A worker whose children run `code` instead of a job."""

    def __init__(self, ws, code, then=None):
        super().__init__(ws, name="made")
        self.code, self.then, self.children = code, then, []

    def _start(self, job):
        child = subprocess.Popen([sys.executable, "-S", "-c", self.code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 start_new_session=True)
        self.children.append(child)
        if self.code == DEAF:
            child.stdout.read(2)
        if self.then:
            self.then(job)
        return child

    def gone(self):
        for child in self.children:
            child.stdout.close()
            with pytest.raises(ProcessLookupError):
                os.killpg(child.pid, 0)
        return True


@pytest.mark.parametrize("code", [HANGS, DEAF])
@pytest.mark.parametrize(("what", "status"), [(CANCEL, "cancelled"), (PAUSE, "paused")])
def test_a_running_job_is_stopped_for_good_within_ten_seconds(ws, code, what, status):
    made = ws.jobs.submit("acme", "tune", {})
    worker = Made(ws, code, lambda job: ws.jobs.ask(job.id, what))
    began = time.monotonic()
    assert worker.run(once=True) == 1 and time.monotonic() - began < 10
    assert ws.jobs.get(made.id).status == status and worker.gone()


def test_a_job_that_kills_its_process_is_a_dead_letter_and_the_next_goes_on(ws):
    poison, good = ws.jobs.submit("acme", "tune", {}), ws.jobs.submit("acme", "tune", {})
    worker = Made(ws, CRASHES, lambda job: job.id == good.id and ws.jobs.succeed(job, {}))
    assert worker.run(once=True) == MOST_TRIES + 1 and worker.gone()
    assert ws.jobs.get(poison.id).error["code"] == "dead_letter" and ws.jobs.get(good.id).status == "succeeded"
    assert "ended with 7" in ws.jobs.events(poison.id)[0].message


def test_a_worker_that_ends_gives_its_job_back(ws):
    made = ws.jobs.submit("acme", "tune", {})
    worker = Made(ws, HANGS, lambda job: worker.ending.set())
    worker.run()
    assert worker.gone() and (ws.jobs.get(made.id).status, ws.jobs.get(made.id).tries) == ("queued", 0)


def test_a_job_that_was_taken_over_is_let_go(ws):
    made = ws.jobs.submit("acme", "tune", {})
    worker = Made(ws, HANGS, lambda job: (ws.jobs.beat(job, lease=-1.0), ws.jobs.claim("another")))
    worker.run(once=True)
    assert worker.gone() and ws.jobs.get(made.id).worker == "another" and ws.jobs.get(made.id).status == "running"


def test_a_database_that_is_away_ends_no_worker(ws, monkeypatch):
    from adtune.errors import WorkspaceError

    monkeypatch.setattr(module, "REST_SECONDS", (0.01, 0.02))
    made, real, calls = ws.jobs.submit("acme", "tune", {}), ws.jobs.claim, []

    def claim(name):
        calls.append(name)
        if len(calls) < 4:
            raise WorkspaceError("the database", "no answer", "an answer", "Wait.")
        return real(name)

    monkeypatch.setattr(ws.jobs, "claim", claim)
    worker = Made(ws, HANGS, lambda job: ws.jobs.succeed(job, {}))
    worker.run(once=True)
    assert worker.gone() and ws.jobs.get(made.id).status == "succeeded"


def test_a_real_child_does_a_job_and_dies_with_its_worker(ws):
    """Once through everything: a process of its own, the database, an error that is the user's."""
    failed = ws.jobs.submit("acme", "curate", {})
    assert subprocess.run([sys.executable, "-m", "adtune.worker", str(ws.root), "--once"], timeout=60).returncode == 0
    assert ws.jobs.get(failed.id).status == "failed" and "good pieces" in ws.jobs.get(failed.id).error["message"]
    code = ("import threading; from adtune.worker import _die_with_parent as die; threading.Thread(target=die).start(); "
            "print(1, flush=True)")
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout.read(1) == b"1"
    child.stdin.close()
    assert child.wait(10) == -signal.SIGKILL
    child.stdout.close()
    assert threading.active_count() < 20
