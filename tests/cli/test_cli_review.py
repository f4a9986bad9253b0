"""`adtune curate --review` as a person meets it: single keys on a pseudo-terminal, lines of standard input, and as JSON."""

import io
import json
import os
import random
import select
import sys
import threading

import pytest

from adtune.cli.keys import Keys, Lines
from adtune.cli.main import main
from adtune.cli.review import WORDS
from adtune.starter import sample_contrast, sample_pieces

PLAIN = "amber brook cedar drift ember fable grove hazel ivory jewel kettle lilac maple noble olive pearl quartz raven sable tulip".split()
PATIENCE = 60.0   # seconds that a terminal may say nothing


@pytest.fixture
def acme(adtune, tmp_path):
    """A client with 14 pieces and three near-duplicates of them, one of which has a title that looks like mark-up."""
    chance = random.Random(5)
    texts = [" ".join(chance.choice(PLAIN) for _ in range(60)) for _ in range(14)]
    near = [" ".join([*text.split()[:-4], "one two \x1b[31mthree"]) for text in texts[:3]]
    rows = [{"id": f"n{n}", "title": f"[bold]Note {n}", "text": text} for n, text in enumerate([*texts, *near])]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert adtune("import", "posts.jsonl", "--client", "acme").code == 0
    return adtune


def test_answers_come_from_lines_where_there_is_no_terminal(acme, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("bogus\ny\nUndo\nno\nmore\nskip\n"))
    said = acme("curate", "acme", "--review", "--by", "Ann")
    assert said.code == 0 and "1 of 3 questions answered by Ann: 0 pieces joined the dataset, 0 left it." in said.out
    for told in ("--- 1 of 3 ---", "[bold]Note", "near duplicate", "stands for 2 more", "Answer with one of: y, n, s, u, m, q.",
                 "Taken back: [bold]Note", "> no", "1 answers kept under the name Ann.", "Next: adtune advise acme"):
        assert told in said.out, told
    assert "\x1b" not in said.out and "Decisions that hold: 1 drop." in said.out
    again = acme("curate", "acme", "--json").object
    assert again["dropped"]["left_out"] == 1 and again["decisions"]["drop"] == 1


def test_json_only_lists_the_queue(acme, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\ny\n"))
    found = acme("curate", "acme", "--review", "--json")
    assert found.code == 0 and len(found.object["queue"]) == 3 and found.object["review"] is None and found.object["decisions"]["keep"] == 0
    first = found.object["queue"][0]
    assert {"asset", "title", "source", "about", "evidence", "confidence", "now", "why", "moves"} <= first.keys()
    assert first["moves"]["like"] == 2 and first["source"]["file"] == "posts.jsonl"
    assert sys.stdin.read() == "y\ny\n"


def test_which_voice_it_is_is_answered_by_a_number(adtune, tmp_path, monkeypatch):
    rows = [json.loads(line) for source, step in ((sample_pieces(), 7), (sample_contrast(), 1))
            for line in source.read_text(encoding="utf-8").splitlines()[:280 if step > 1 else 24:step]]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps({"title": row["title"], "text": row["text"]}) + "\n" for row in rows), "utf-8")
    assert adtune("import", "posts.jsonl", "--client", "acme").code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n1\nundo\n1\nquit\n"))
    said = adtune("curate", "acme", "--review", "--json")
    groups = said.object["queue"][0]["groups"]
    assert said.object["queue"][0]["about"] == "voice" and len(groups) > 1 and groups[0]["pieces"] >= groups[1]["pieces"]
    said = adtune("curate", "acme", "--review", "--by", "Ann")
    for told in ("Which of these is the client's voice?", "[1] ", "[2] ", "Answer with one of: s, u, q, 1, 2", "Taken back",
                 "Decisions that hold: "):
        assert told in said.out, told
    made = adtune("curate", "acme", "--keep", "20", "--json").object
    assert made["decisions"]["voice"] >= 6 and made["decisions"]["other"] >= 6 and made["decisions"]["keep"] == 0
    assert made["likeness"]["voice"] == "reviewed" and made["kept"] <= 20


def test_tables_go_out_and_come_in_through_the_door(acme, tmp_path):
    said = acme("curate", "acme", "--decisions-out", "ask.csv")
    lines = (tmp_path / "ask.csv").read_text(encoding="utf-8-sig").splitlines()
    assert said.code == 0 and lines[0].startswith("asset,id,title") and len(lines) == 4
    (tmp_path / "in.csv").write_text("id,decision\nn14,keep\nn99,keep\n", encoding="utf-8")
    said = acme("curate", "acme", "--decisions", "in.csv")
    assert said.code == 0 and "2 rows, 1 taken" in said.out and "line 3, column id" in said.out and "no pieces of acme" in said.out
    refused = acme("curate", "acme", "--review", "--decisions", "in.csv", "--json")
    assert refused.code == 1 and "one of them at a time" in refused.object["error"]["expected"]


class Person(threading.Thread):
    """Somebody at the other end of a terminal: waits until words are shown, then presses keys, and never Enter."""

    def __init__(self, master, script):
        super().__init__(daemon=True)
        self.master, self.script, self.seen = master, script, ""

    def run(self):
        for words, keys in self.script:
            here = len(self.seen)
            while words not in self.seen[here:]:
                if not select.select([self.master], [], [], PATIENCE)[0]:
                    os.write(self.master, b"\x04")   # the end: the test then fails on what was not seen
                    return
                self.seen += os.read(self.master, 4096).decode("utf-8", "replace")
            os.write(self.master, keys)


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is a thing of Unix")
def test_single_keys_on_a_terminal(acme, monkeypatch):
    import pty
    import termios

    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    keys = ((b"y", "1 of 3"), (b"\x1b[A", "2 of 3"), (b"u", "Answer with one of"), (b"n", "Taken back"), (b"s", "2 of 3"), (b"q", "3 of 3"))
    person = Person(master, [*((words, key) for key, words in keys), ("Next: ", b"")])
    monkeypatch.setenv("ADTUNE_USER", "Cleo")
    monkeypatch.setenv("TERM", "xterm")
    with open(slave, "w", encoding="utf-8") as screen, open(os.dup(slave), encoding="utf-8") as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        monkeypatch.setattr(sys, "stdout", screen)
        person.start()
        assert main(["curate", "acme", "--review"]) == 0
        screen.flush()
        person.join(PATIENCE)
        assert termios.tcgetattr(keyboard.fileno())[3] == before[3]   # the terminal echoes and waits for lines again
        monkeypatch.undo()
    os.close(master)
    assert "near duplicate" in person.seen and "what differs is marked" in person.seen and "\x1b[1;7m" in person.seen
    assert "1 answers kept under the name Cleo" in person.seen and "Next: " in person.seen
    assert "\x1b[31m" not in person.seen   # what an archive holds never steers the terminal


def test_ctrl_c_loses_no_answer_and_gives_the_terminal_back(acme, monkeypatch):
    class Stops(io.StringIO):
        def readline(self, *_):
            if self.tell():
                raise KeyboardInterrupt
            return super().readline()

    monkeypatch.setattr(sys, "stdin", Stops("y\n"))
    said = acme("curate", "acme", "--review")
    assert said.code == 3 and "To go on: adtune curate acme --review" in said.err
    assert acme("curate", "acme", "--json").object["decisions"]["keep"] == 1


def test_words_and_ends_of_the_input():
    lines = Lines(io.StringIO("Y\nskip\n\n  quit \n"))
    assert [lines.read(WORDS) for _ in range(5)] == ["yes", "skip", "", "quit", "quit"]
    inside, outside = os.pipe()
    os.write(outside, b"n\x1b")
    os.write(outside, b"[B")
    with os.fdopen(inside) as stream:
        keys = Keys(stream)
        assert keys.read(WORDS) == "no" and keys.read(WORDS) == ""
        os.write(outside, b"x\x04")
        assert keys.read(WORDS) == "" and keys.read(WORDS) == "quit"
        os.close(outside)
        assert keys.read(WORDS) == "quit"
