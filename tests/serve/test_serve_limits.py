"""Limits: requests a minute and at a time, of a key and of all, and a month's tokens."""

import pytest

from adtune.serve.limits import SPEND_SECONDS, Limits, Refused
from adtune.settings import ServeSettings
from adtune.workspace.keys import Key


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(ws, clock):
    return Limits(ws.keys, ServeSettings(per_minute=60, concurrent=3, rows=2, queue=3), clock)


def key(id="k1", **limits):
    return Key(id, "acme", "", ("serve",), **limits)


def test_a_minute_s_worth_comes_at_once_and_then_as_time_goes_by(limits, clock):
    for _ in range(60):
        limits.enter(key())
        limits.leave(key())
    with pytest.raises(Refused) as caught:
        limits.enter(key())
    assert caught.value.code == "rate_limit_exceeded" and 0.9 < caught.value.after <= 1.0
    clock.now += 1.0
    limits.enter(key())
    with pytest.raises(Refused):
        limits.enter(key())


def test_requests_at_the_same_time(limits):
    for _ in range(3):
        limits.enter(key())
    with pytest.raises(Refused, match="3 requests at the same time; |at most 3 of a key"):
        limits.enter(key())
    limits.enter(key("k2"))
    limits.enter(key("k2"))
    with pytest.raises(Refused) as caught:  # five at once are all that rows and queue hold
        limits.enter(key("k3"))
    assert caught.value.code == "server_busy"
    limits.leave(key())
    limits.enter(key("k3"))


def test_a_key_s_own_limits_hold_over_the_server_s(limits):
    mine = key("k4", per_minute=1, concurrent=1)
    limits.enter(mine)
    with pytest.raises(Refused, match="at most 1"):
        limits.enter(mine)
    limits.leave(mine)
    with pytest.raises(Refused) as caught:
        limits.enter(mine)
    assert caught.value.after == pytest.approx(60.0)


def test_a_month_s_tokens_are_counted_before_the_database_is_asked_again(ws, limits, clock):
    limits.spend("acme")  # no limit
    ws.keys.allow("acme", {"monthly_tokens": 10})
    clock.now += SPEND_SECONDS
    limits.spend("acme")
    limits.used("acme", 10)
    with pytest.raises(Refused) as caught:
        limits.spend("acme")
    assert caught.value.code == "insufficient_quota"
    clock.now += SPEND_SECONDS  # nothing of it was written: the database holds
    limits.spend("acme")
    ws.keys.use("acme", 6, 4)
    clock.now += SPEND_SECONDS
    with pytest.raises(Refused):
        limits.spend("acme")
    limits.spend("other")
