"""The entry: read the line, run its job, pass the answer or the error over the border."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ..errors import InputError, Interrupted, did_you_mean
from .desk import Desk, Globals, Job, StopSwitch, command
from .globals import read_globals, wants_json


def main(argv: list[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    stdout = sys.stdout
    try:
        return _door(list(sys.argv[1:] if argv is None else argv), stdout)
    except BrokenPipeError:
        # The reader of our output has gone (`adtune ls | head`); keep the interpreter from flushing into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _door(argv: list[str], stdout: TextIO) -> int:
    from .border import settle_error, settle_stop

    json_to = stdout if wants_json(argv) else None
    at = _At(resume=shlex.join(["adtune", *argv]))
    try:
        # Whatever a library prints goes to stderr, so that stdout holds the one object.
        with contextlib.redirect_stdout(sys.stderr) if json_to else contextlib.nullcontext():
            return _answer(argv, at, stdout)
    except (Interrupted, KeyboardInterrupt) as stop:
        return settle_stop(stop, at.verb, at.resume, json_to)
    except BrokenPipeError:
        raise
    except Exception as error:  # the border: whatever it is becomes one clear message and a code
        return settle_error(error, at.verb, at.workspace, json_to)


@dataclass
class _At:
    """How far a line came, for the message when it ends early."""

    resume: str
    verb: str = ""
    workspace: Path | None = None


def _answer(argv: list[str], at: _At, stdout: TextIO) -> int:
    from .border import put, to_json

    words, rest = read_globals(argv)
    at.workspace = words.workspace
    if rest[:1] == ["--version"]:
        return _say({"version": version()}, f"adtune {version()}", words, stdout)
    at.verb = _verb(rest, words)
    job = _read(rest, words, stdout)
    if not isinstance(job, Job):
        return int(job)
    at.resume = command(words, job.resume) if job.resume else at.resume
    answer = _run(job, words)
    if words.json:
        put(answer, stdout)
    else:
        to_json(answer)  # what people see must hold in JSON too
        _show(job, answer, words)
    return job.code(answer)


def _verb(rest: list[str], words: Globals) -> str:
    """The verb of the line ('' for the root's own words). Raises InputError for an unknown one."""
    from .app import VERBS

    if not rest and words.json:
        raise InputError("adtune", "no verb", "a verb", "See adtune --help.")
    if not rest or rest[0].startswith("-"):
        return ""
    if rest[0] not in VERBS:
        raise InputError("adtune", f"the verb '{rest[0]}'", "a verb of adtune", f"{did_you_mean(rest[0], VERBS)} See adtune --help.")
    return rest[0]


def _read(rest: list[str], words: Globals, stdout: TextIO) -> Any:
    """The Job of the line, or the exit code where typer answered itself (help)."""
    import typer

    from .app import build

    asks_help = not rest or "--help" in rest
    sheet = io.StringIO() if words.json and asks_help else None
    try:
        with contextlib.redirect_stdout(sheet) if sheet else contextlib.nullcontext():
            answer = build().main(rest or ["--help"], prog_name="adtune", standalone_mode=False)
    except typer.BadParameter.__bases__[0].__bases__[0] as error:  # the parent of all usage errors, which typer does not export
        raise _usage_error(error) from None
    if sheet is not None and not isinstance(answer, Job):
        return _say({"help": sheet.getvalue()}, "", words, stdout)
    return answer


def _usage_error(error: Any) -> InputError:
    """The four parts of a usage error that typer found."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "adtune"
    unknown = getattr(error, "option_name", None)
    if context and unknown and type(error).__name__ == "NoSuchOption":
        known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
        return InputError(where, f"the option '{unknown}'", f"an option of {where}",
                          did_you_mean(unknown, [*known, "--json", "--workspace", "--help"]))
    message = error.format_message().rstrip(".")
    form = " ".join(context.get_usage().split()).removeprefix("Usage: ") if context else "adtune VERB ..."
    return InputError(where, message[:1].lower() + message[1:], f"the form: {form}", f"See {where} --help.")


def _run(job: Job, words: Globals) -> dict[str, Any]:
    from .bar import listener

    progress = listener()
    with StopSwitch(job.patient) as stop:
        desk = Desk(words, progress, stop)
        try:
            return job.run(desk)
        finally:
            progress.close()
            desk.close()


def _show(job: Job, answer: dict[str, Any], words: Globals) -> None:
    from .page import Page

    page = Page()
    job.show(answer, page)
    following = job.follow(answer)
    if following:
        page.next(command(words, following))


def _say(answer: dict[str, Any], text: str, words: Globals, stdout: TextIO) -> int:
    from .border import put

    if words.json:
        put(answer, stdout)
    else:
        stdout.write(text + "\n")
    return 0


def version() -> str:
    """The installed version of adtune."""
    from importlib import metadata

    try:
        return metadata.version("adtune")
    except metadata.PackageNotFoundError:
        return "0 (run from source)"
