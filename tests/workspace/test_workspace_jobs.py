"""The job table on SQLite and PostgreSQL: one worker at a time, effects once, nothing lost."""

import threading
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adtune.errors import InputError
from adtune.workspace import Workspace
from adtune.workspace.jobs import CANCEL, MOST_TRIES, PAUSE, Stale

GONE = -1.0  # a lease that has run out as it is given


@pytest.fixture
def acme(ws):
    ws.ensure_client("acme")
    ws.ensure_client("other")
    return ws


def test_a_job_from_start_to_end(acme):
    made = acme.jobs.submit("acme", "tune", {"epochs": 3})
    assert (made.status, made.payload, made.tries) == ("queued", {"epochs": 3}, 0)
    held = acme.jobs.claim("w1")
    assert held.id == made.id and held.status == "running" and held.fence == 1 and acme.jobs.claim("w2") is None
    acme.jobs.keep(held, {"run": "run-1"})
    acme.jobs.log(held, "half way", {"step": 5})
    assert acme.jobs.beat(held) is None
    acme.jobs.succeed(held, {"adapter": "adapter-1"})
    done = acme.jobs.get(made.id)
    assert (done.status, done.result, done.state) == ("succeeded", {"adapter": "adapter-1"}, {"run": "run-1"}) and done.finished
    assert [(one.message, one.data) for one in acme.jobs.events(made.id)] == [("half way", {"step": 5})]
    assert acme.jobs.counts() == {"succeeded": 1}


def test_the_oldest_first_and_of_the_kinds_asked_for(acme):
    ids = [acme.jobs.submit("acme", kind, {}).id for kind in ("tune", "evaluate", "tune")]
    assert acme.jobs.claim("w", ["evaluate"]).id == ids[1]
    assert [acme.jobs.claim("w").id for _ in range(2)] == [ids[0], ids[2]] and acme.jobs.claim("w") is None
    assert [one.id for one in acme.jobs.all("acme")] == ids[::-1] and acme.jobs.all("other") == []


def test_an_idempotency_key_makes_one_job_of_a_client(acme):
    first = acme.jobs.submit("acme", "tune", {"n": 1}, "once")
    assert acme.jobs.submit("acme", "tune", {"n": 2}, "once") == first
    assert acme.jobs.submit("other", "tune", {}, "once").id != first.id
    assert acme.jobs.submit("acme", "tune", {}).id != acme.jobs.submit("acme", "tune", {}).id


def test_a_job_is_its_client_s_alone(acme):
    made = acme.jobs.submit("acme", "tune", {})
    assert acme.jobs.find(made.id, "other") is None
    for what in (lambda: acme.jobs.get(made.id, "other"), lambda: acme.jobs.ask(made.id, CANCEL, "other"),
                 lambda: acme.jobs.resume(made.id, "other")):
        with pytest.raises(InputError) as caught:
            what()
        assert "acme" not in str(caught.value) and acme.jobs.get(made.id).status == "queued"


def test_a_worker_that_was_away_changes_nothing(acme):
    made = acme.jobs.submit("acme", "tune", {})
    away = acme.jobs.claim("w1", lease=GONE)
    held = acme.jobs.claim("w2")
    assert held.id == made.id and held.fence == 2 and held.tries == 2
    for write in (lambda: acme.jobs.succeed(away, {"adapter": "stale"}), lambda: acme.jobs.fail(away, {}), lambda: acme.jobs.keep(away, {}),
                  lambda: acme.jobs.beat(away), lambda: acme.jobs.log(away, "late"), lambda: acme.jobs.stop(away),
                  lambda: acme.jobs.retry(away, "late")):
        with pytest.raises(Stale):
            write()
    acme.jobs.succeed(held, {"adapter": "right"})
    with pytest.raises(Stale):  # nor twice
        acme.jobs.succeed(held, {"adapter": "again"})
    assert acme.jobs.get(made.id).result == {"adapter": "right"} and acme.jobs.events(made.id) == []


def test_a_lease_is_renewed(acme):
    acme.jobs.submit("acme", "tune", {})
    held = acme.jobs.claim("w1", lease=GONE)
    acme.jobs.beat(held)
    assert acme.jobs.claim("w2") is None


def test_a_poison_job_ends_as_a_dead_letter_and_the_queue_moves_on(acme):
    poison, good = acme.jobs.submit("acme", "tune", {}), acme.jobs.submit("acme", "tune", {})
    for _ in range(MOST_TRIES):
        assert acme.jobs.claim("w", lease=GONE).id == poison.id
    held = acme.jobs.claim("w")
    assert held.id == good.id
    dead = acme.jobs.get(poison.id)
    assert dead.status == "failed" and dead.error["code"] == "dead_letter" and acme.jobs.events(poison.id)[-1].level == "error"
    again = acme.jobs.submit("acme", "tune", {})
    acme.jobs.succeed(held, {})
    said = [acme.jobs.retry(acme.jobs.claim("w"), "the disk was full") for _ in range(MOST_TRIES)]
    assert said == ["queued"] * (MOST_TRIES - 1) + ["failed"] and acme.jobs.get(again.id).error["code"] == "dead_letter"


def test_a_stop_is_no_try(acme):
    made = acme.jobs.submit("acme", "tune", {})
    for _ in range(2 * MOST_TRIES):
        assert acme.jobs.stop(acme.jobs.claim("w")) == "queued"
    assert acme.jobs.get(made.id).tries == 0


def test_cancel_in_every_state(acme):
    queued = acme.jobs.submit("acme", "tune", {})
    assert acme.jobs.ask(queued.id, CANCEL).status == "cancelled" and acme.jobs.claim("w") is None
    running = acme.jobs.submit("acme", "tune", {})
    held = acme.jobs.claim("w")
    assert acme.jobs.ask(running.id, CANCEL).status == "running"
    assert acme.jobs.ask(running.id, PAUSE).wants == CANCEL and acme.jobs.beat(held) == CANCEL
    assert acme.jobs.stop(held) == "cancelled" and acme.jobs.get(running.id).finished
    late = acme.jobs.submit("acme", "tune", {})
    held = acme.jobs.claim("w")
    acme.jobs.ask(late.id, CANCEL)
    acme.jobs.succeed(held, {})  # it was publishing already: succeeded, and not cancelled too
    assert acme.jobs.ask(late.id, CANCEL).status == "succeeded"
    orphan = acme.jobs.submit("acme", "tune", {})
    acme.jobs.claim("w", lease=GONE)
    acme.jobs.ask(orphan.id, CANCEL)
    assert acme.jobs.claim("w") is None and acme.jobs.get(orphan.id).status == "cancelled"


def test_pause_and_resume(acme):
    made = acme.jobs.submit("acme", "tune", {})
    assert acme.jobs.ask(made.id, PAUSE).status == "paused" and acme.jobs.claim("w") is None
    assert acme.jobs.resume(made.id).status == "queued"
    held = acme.jobs.claim("w")
    acme.jobs.keep(held, {"run": "run-1"})
    acme.jobs.ask(made.id, PAUSE)
    assert acme.jobs.stop(held) == "paused" and acme.jobs.resume(made.id).state == {"run": "run-1"}
    held = acme.jobs.claim("w")
    acme.jobs.ask(made.id, PAUSE)
    assert acme.jobs.resume(made.id).wants is None and acme.jobs.beat(held) is None
    ended = acme.jobs.ask(acme.jobs.submit("acme", "x", {}).id, CANCEL)
    assert ended.status == acme.jobs.resume(ended.id).status == "cancelled"


def test_a_worker_s_clock_decides_nothing(acme, monkeypatch):
    acme.jobs.submit("acme", "tune", {})
    acme.jobs.claim("w1")
    for hour in (-3600, 3600):
        real = time.time()
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda real=real, hour=hour: real + hour)
            assert acme.jobs.claim("w2") is None


def test_one_winner_among_many(acme, root, url):
    """32 claims of one job at a barrier, by connections of their own."""
    rounds, crowd = 10, 8
    spaces = [Workspace.open(root, url) for _ in range(crowd)]
    won = []
    barrier = threading.Barrier(crowd)

    def race(space, name):
        for _ in range(rounds):
            barrier.wait()
            if (held := space.jobs.claim(name)) is not None:
                won.append(held.id)
            barrier.wait()
            if name == "w0":
                acme.jobs.submit("acme", "tune", {})
            barrier.wait()

    ids = {acme.jobs.submit("acme", "tune", {}).id}
    threads = [threading.Thread(target=race, args=(space, f"w{n}")) for n, space in enumerate(spaces)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for space in spaces:
        space.close()
    ids |= {one.id for one in acme.jobs.all()}
    assert len(won) == len(set(won)) == rounds and set(won) < ids


class Queue(RuleBasedStateMachine):
    """Submit, claim, beat, expire, finish, cancel, crash in any order; what must always hold is checked after each."""

    space: Workspace

    @initialize()
    def begin(self):
        self.jobs = self.space.jobs
        for one in self.jobs.all():
            if one.status not in ("succeeded", "failed", "cancelled"):
                self.jobs.ask(one.id, CANCEL)
        while (held := self.jobs.claim("sweep", lease=GONE)) is not None:
            self.jobs.stop(held)
        self.mine, self.held, self.effects, self.ended = [], [], {}, {}

    @rule()
    def submit(self):
        self.mine.append(self.jobs.submit("acme", "tune", {}).id)

    @rule(lease=st.sampled_from([30.0, GONE]))
    def claim(self, lease):
        if (held := self.jobs.claim(f"w{len(self.held)}", lease=lease)) is not None:
            assert held.tries <= MOST_TRIES and held.id in self.mine
            self.held.append(held)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), act=st.sampled_from(["beat", "expire", "succeed", "fail", "stop", "retry", "crash"]))
    def work(self, data, act):
        held = data.draw(st.sampled_from(self.held))
        newest = max(one.fence for one in self.held if one.id == held.id)
        try:
            if act == "beat":
                self.jobs.beat(held)
            elif act == "expire":
                self.jobs.beat(held, lease=GONE)
            elif act == "succeed":
                self.jobs.succeed(held, {"by": held.fence})
                self.effects[held.id] = self.effects.get(held.id, 0) + 1
            elif act == "fail":
                self.jobs.fail(held, {"code": "x"})
            elif act == "stop":
                self.jobs.stop(held)
            elif act == "retry":
                self.jobs.retry(held, "again")
            else:
                self.held.remove(held)
                return
            assert held.fence == newest or act == "crash"
        except Stale:
            pass

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), what=st.sampled_from([CANCEL, PAUSE, "resume"]))
    def ask(self, data, what):
        id = data.draw(st.sampled_from(self.mine))
        self.jobs.resume(id) if what == "resume" else self.jobs.ask(id, what)

    @invariant()
    def holds(self):
        if not hasattr(self, "mine"):
            return
        now = {one.id: one for one in self.jobs.all() if one.id in self.mine}
        assert set(now) == set(self.mine)  # none is lost
        assert all(count == 1 for count in self.effects.values())
        for id, one in now.items():
            assert (one.status == "succeeded") == (id in self.effects) == (one.result is not None)
            assert (one.worker is not None) == (one.status == "running")
            assert self.ended.get(id, one.status) == one.status  # what has ended stays as it ended
            if one.status in ("succeeded", "failed", "cancelled"):
                self.ended[id] = one.status
                assert one.finished and one.wants is None


def test_any_order_of_events(acme):
    run = type("Run", (Queue,), {"space": acme}).TestCase
    run.settings = settings(max_examples=15, stateful_step_count=20, deadline=None, derandomize=True, database=None,
                            suppress_health_check=list(HealthCheck))
    run("runTest").runTest()
