"""What comes out of the door: exit codes, one object on stdout, one clear message on stderr."""

import errno
import os
import signal

import pytest

from adtune.errors import BaseModelError, DiskFullError, InputError, Interrupted, TrainingError

DONE = {"run": "run-1", "adapter": "adapter-1", "base": "starter", "method": "lora", "trainable_parameters": 10, "total_parameters": 1000,
        "trained_tokens": 500, "tokens_per_second": 50.0, "lost_tokens": 0,
        "evaluations": [{"step": 0, "epoch": 0.0, "validation_loss": 3.5}, {"step": 4, "epoch": 1.0, "validation_loss": 3.1}],
        "best": {"step": 4, "epoch": 1.0, "validation_loss": 3.1}, "stopped": "epochs", "seconds": 70.0, "peak_memory_bytes": None}


def raising(error):
    def tune(ws, client, options, resume, progress, stop):
        raise error

    return tune


@pytest.mark.parametrize(("error", "code", "words"), [
    (InputError("a.csv, line 3", "x", "y", "Do z."), 1, "Error: a.csv, line 3: found x; expected y. Do z."),
    (BaseModelError("base", "x", "y", "Do z."), 1, "base"),
    (TrainingError("run", "a loss of inf", "a finite loss", "Lower the rate."), 1, "Lower the rate."),
    (DiskFullError("disk", "x", "y", "Do z."), 1, "disk"),
    (OSError(errno.ENOSPC, "No space left on device"), 1, "no space left on the disk"),
    (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), 1, "no space left on the disk"),
    (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 1, "/x/y: found permission denied"),
    (InputError("\x1b[2Ja.csv", "x", "y", "Do z."), 1, "Error: \ufffd[2Ja.csv: found x"),
    (KeyError("lost"), 70, "this is a bug in adtune"),
    (ValueError("[red]bad[/red]"), 70, "ValueError: [red]bad[/red]")])
def test_an_error_is_one_message_and_a_code(adtune, fake_step, error, code, words):
    fake_step("tuning", raising(error))
    for line in (["tune", "acme"], ["tune", "acme", "--json"]):
        said = adtune(*line)
        assert said.code == code and words in said.err and "Traceback" not in said.err and len(said.err.splitlines()) == 1
        assert set(said.object["error"]) == {"where", "found", "expected", "do"} if "--json" in line else said.out == ""


def test_a_bug_leaves_its_traceback_in_the_workspace(adtune, fake_step, tmp_path):
    fake_step("tuning", raising(ZeroDivisionError("deep inside")))
    said = adtune("tune", "acme")
    kept = list((tmp_path / "ws").glob("bug-*.txt"))
    assert said.code == 70 and len(kept) == 1 and str(kept[0]) in said.err
    assert "Traceback" in kept[0].read_text() and "deep inside" in kept[0].read_text()


@pytest.mark.parametrize("stop", [Interrupted("stopped at step 12", "adtune tune acme --resume last"), KeyboardInterrupt()])
def test_a_stop_says_how_to_go_on(adtune, fake_step, stop):
    fake_step("tuning", raising(stop))
    said = adtune("--json", "tune", "acme")
    assert said.code == 3 and said.object["stopped"] == "interrupted" and said.object["resume"] == "adtune tune acme --resume last"
    said = adtune("tune", "acme")
    assert said.code == 3 and said.out == "" and "To go on: adtune tune acme --resume last" in said.err


def test_a_stopped_pretraining_goes_on_with_the_same_words(adtune, fake_step, tmp_path):
    def pretrain_text(workspace, options, progress, stop):
        raise Interrupted("stopped at step 7", "adtune pretrain text --resume")

    fake_step("pretraining", pretrain_text)
    said = adtune("pretrain", "text", "--corpus", "a b.txt", "--minutes", "3", "--workspace", str(tmp_path / "w"), "--json")
    assert said.code == 3 and said.object["message"] == "stopped at step 7"
    assert said.object["resume"] == f"adtune --workspace {tmp_path / 'w'} pretrain text --corpus 'a b.txt' --minutes 3.0 --resume"


def test_the_first_signal_asks_and_the_second_insists(adtune, fake_step):
    heard = []
    before = signal.getsignal(signal.SIGINT)

    def tune(ws, client, options, resume, progress, stop):
        heard.append(stop())
        os.kill(os.getpid(), signal.SIGTERM)
        heard.append(stop())
        os.kill(os.getpid(), signal.SIGINT)
        heard.append("not stopped")
        return {}

    fake_step("tuning", tune)
    said = adtune("tune", "acme", "--json")
    assert said.code == 3 and heard == [False, True] and said.object["resume"] == "adtune tune acme --resume last"
    assert signal.getsignal(signal.SIGINT) is before


def test_work_that_ends_at_the_first_signal_is_an_ordinary_answer(adtune, fake_step):
    def tune(ws, client, options, resume, progress, stop):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        return {**DONE, "stopped": "interrupted"}

    fake_step("tuning", tune)
    said = adtune("tune", "acme", "--json")
    assert said.code == 3 and said.object["run"] == "run-1"


def test_other_work_stops_at_the_first_signal(adtune, fake_step):
    def evaluate(ws, client, adapter, options, progress):
        os.kill(os.getpid(), signal.SIGTERM)

    fake_step("evaluation", evaluate)
    said = adtune("evaluate", "acme")
    assert said.code == 3 and "adtune evaluate acme" in said.err


@pytest.mark.parametrize(("verdict", "code"), [("rules", 2), ("prompt", 2), ("collect", 2), ("prefix", 0), ("lora", 0), ("full", 0)])
def test_advice_other_than_tuning_is_a_refusal(adtune, fake_step, verdict, code):
    answer = {"verdict": verdict, "reason": "Because.",
              "findings": [{"check": "pieces", "status": "ok", "message": "40", "recommendation": ""}],
              "candidates": [{"name": "lora", "metric": "loss", "score": -3.0, "interval": [-3.1, -2.9], "minutes_per_piece": None,
                              "cost_per_month": None}],
              "examples_needed": None, "estimate": {"seconds": 60.0, "peak_memory_bytes": 2**31}}

    def advise(ws, client, options, progress, stop):
        return answer

    fake_step("advice", advise)
    said = adtune("advise", "acme", "--json")
    assert said.code == code and said.object == answer
    people = adtune("advise", "acme")
    assert people.code == code and "-3 [-3.1, -2.9]" in people.out and "not measured" in people.out and "2.0 GiB" in people.out
    assert people.out.splitlines()[-1].startswith("Next: adtune ")


def evaluation(passed):
    nothing = dict.fromkeys(("base", "prompted", "tuned"))
    return {"adapter": "adapter-1", "held_out": {"loss_base": 3.0, "loss_prompted": 2.9, "loss_tuned": 2.5},
            "on_brand": {"base": 0.1, "prompted": 0.2, "tuned": 0.7, "scorer_auc": 0.9, "axes": {}, "costly": {"tuned": []},
                         **{f"own_words_{arm}": None for arm in nothing}},
            "editing": {"effort_base": 1.0, "effort_prompted": 0.9, "effort_tuned": 0.6, "minutes_base": None, "minutes_prompted": None,
                        "minutes_tuned": None, "calibrated": False},
            "throughput_change": None,
            "forgetting": {"loss_before": 3.0, "loss_after": 3.1, "delta": 0.1, "worst_kind": None, "probes": {"probes": 0}},
            "memorised": {"longest_run_words": 8, "share_8gram": 0.01},
            "measures": {"format": {"kept": nothing}, "terms": {"right": nothing}, "claims": {"per_draft": nothing}},
            "gates": {"gain": {"passed": True, "value": 0.1, "limit": 0.0}, "forgetting": {"passed": passed, "value": 0.1, "limit": 0.15}},
            "report": "/x/report.html"}


@pytest.mark.parametrize(("passed", "code", "word"), [(True, 0, "passed"), (False, 2, "FAILED"), (None, 0, "not measured")])
def test_a_failed_gate_is_a_refusal_and_an_unmeasured_one_is_not(adtune, fake_step, passed, code, word):
    def evaluate(ws, client, adapter, options, progress):
        return evaluation(passed)

    fake_step("evaluation", evaluate)
    assert adtune("evaluate", "acme", "--json").code == code
    people = adtune("evaluate", "acme")
    assert people.code == code and word in people.out and "/x/report.html" in people.out


def test_stdout_holds_the_object_alone(adtune, fake_step):
    def tune(ws, client, options, resume, progress, stop):
        print("a library chats")
        progress("tune", 1, 2, "loss 3.1")
        return DONE

    fake_step("tuning", tune)
    said = adtune("tune", "acme", "--json")
    assert said.object == DONE and "a library chats" in said.err


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_a_bug_and_no_output(adtune, fake_step, value):
    def tune(ws, client, options, resume, progress, stop):
        return {**DONE, "seconds": value}

    fake_step("tuning", tune)
    said = adtune("tune", "acme", "--json")
    assert said.code == 70 and "error" in said.object
    assert adtune("tune", "acme").code == 70


def test_people_see_tables_and_the_next_step(adtune, fake_step, tmp_path):
    def tune(ws, client, options, resume, progress, stop):
        return DONE

    def draft(ws, client, brief, options, progress):
        return {"drafts": [{"text": "Hello \x1b[31m[bold]you[/bold] \ud800", "adapter": "adapter-1", "on_brand": 0.5, "effort": None}]}

    fake_step("tuning", tune)
    fake_step("drafting", draft)
    said = adtune("tune", "acme", "--workspace", str(tmp_path / "other place"))
    assert "10 of 1,000 parameters (1.00 %)" in said.out and "3.1" in said.out and "1 min 10 s" in said.out and "not measured" in said.out
    assert said.out.splitlines()[-1] == f"Next: adtune --workspace '{tmp_path / 'other place'}' evaluate acme"
    said = adtune("draft", "acme", "Hi")
    assert "[bold]you[/bold]" in said.out and "\x1b" not in said.out
    assert said.out.splitlines()[-1] == "Next: adtune export adapter-1 --to peft"
