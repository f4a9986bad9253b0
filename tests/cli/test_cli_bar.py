"""Progress: silent for short work, a bar for a person, a line every ten seconds for a log."""

import io

from adtune.cli.bar import Bar, Lines, duration, listener


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_durations_read_as_people_say_them():
    assert [duration(s) for s in (None, 0.4, 42, 125, 3660)] == ["", "0.4 s", "42 s", "2 min 05 s", "1 h 01 min"]


def test_a_log_gets_a_line_every_ten_seconds_with_the_time_left():
    clock, out = Clock(), io.StringIO()
    lines = Lines(out, clock)
    for second in range(41):
        clock.now = float(second)
        lines("tune", second, 100, f"loss {second}")
    assert out.getvalue().splitlines() == ["tune: 10 %  1 min 30 s left  loss 10", "tune: 20 %  1 min 20 s left  loss 20",
                                           "tune: 30 %  1 min 10 s left  loss 30", "tune: 40 %  1 min 00 s left  loss 40"]


def test_a_resumed_run_counts_its_speed_from_where_it_began():
    clock, out = Clock(), io.StringIO()
    lines = Lines(out, clock)
    lines("tune", 50, 100)
    clock.now = 10.0
    lines("tune", 60, 100)
    assert out.getvalue() == "tune: 60 %  40 s left\n"


def test_short_work_shows_nothing():
    for kind in (Bar, Lines):
        clock, out = Clock(), io.StringIO()
        show = kind(out, clock)
        for done in range(10):
            clock.now = done / 10
            show("read", done, 10)
        show.close()
        assert out.getvalue() == ""


def test_a_person_sees_a_bar_for_each_label_with_note_and_time_left():
    clock, out = Clock(), io.StringIO()
    bar = Bar(out, clock)
    for second in range(8):
        clock.now = float(second)
        bar("tune [x]" if second < 4 else "measure", second % 4, 4, f"loss {second}")
    bar.close()
    assert "tune [x]" in out.getvalue() and "measure" in out.getvalue()
    assert "loss 3" in out.getvalue() and "1.0 s left" in out.getvalue() and bar.live is None


def test_a_note_about_no_work_is_a_line_that_is_shown_at_once():
    for kind in (Bar, Lines):
        clock, out = Clock(), io.StringIO()
        show = kind(out, clock)
        show("estimate", 0, 0, "about 42 seconds [x]")
        assert out.getvalue() == "estimate: about 42 seconds [x]\n"
        show("tune", 0, 10)
        clock.now = 11.0
        show("tune", 1, 10)
        show("estimate", 0, 0, "said [again]")
        show.close()
        assert "estimate: said [again]" in out.getvalue() and "tune" in out.getvalue()


def test_the_stream_decides_what_is_shown():
    assert isinstance(listener(io.StringIO()), Lines)
