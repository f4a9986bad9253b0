"""How a verb is declared: one record with its words, from which typer gets the command, its help and its checks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from types import SimpleNamespace
from typing import Any

import typer

from ..errors import InputError, SettingError
from .desk import Job


@dataclass(frozen=True)
class Word:
    """One argument or option of a verb: its name in code, its type and how typer reads it."""

    name: str
    kind: Any
    info: Any


@dataclass(frozen=True)
class Verb:
    """One verb: `job` turns the words of a command line (by name) into a Job."""

    name: str
    help: str
    job: Callable[[SimpleNamespace], Job]
    words: tuple[Word, ...] = ()
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    open: bool = False                       # takes words that it does not know (a verb that is not built yet)


def argument(name: str, metavar: str, text: str, default: Any = ...) -> Word:
    """A positional word; required unless it has a default."""
    return Word(name, str, typer.Argument(default, metavar=metavar, help=text, show_default=default not in (..., None)))


def option(flags: str, kind: Any, metavar: str, text: str, name: str | None = None, **limits: Any) -> Word:
    """An option that is None when not said. `flags` are separated by spaces; the last one names it in code unless `name` does."""
    names = flags.split()
    name = name or names[-1].lstrip("-").replace("-", "_")
    return Word(name, kind, typer.Option(None, *names, metavar=metavar, help=text, **limits))


def switch(flag: str, text: str) -> Word:
    return Word(flag.lstrip("-").replace("-", "_"), bool, typer.Option(False, flag, help=text))


CLIENT = argument("client", "CLIENT", "The client's name, as given to import.")
TASK = option("--task", str, "TASK", "What the model learns; by default what was imported. Built now: drafting, response.")
SEED = option("--seed", int, "N", "Seed of everything random; the same seed gives the same answer.")


def sets(kind: type) -> Word:
    """`--set NAME=VALUE` for the settings record `kind`, whose knobs are declared in settings.py and nowhere else."""
    known = ", ".join(f"{f.name} ({'none' if f.default in (None, MISSING) else f.default})" for f in fields(kind))
    return option("--set", list[str], "NAME=VALUE", f"Any other setting; may be repeated. With defaults: {known}.")


def read_sets(pairs: Iterable[str] | None, said: dict[str, Any] | None = None) -> dict[str, Any]:
    """`NAME=VALUE` pairs as a dict of int, float, bool, None or str, joined with the options already `said`.

    Raises SettingError for a pair without `=`, a number that is not finite, and a setting that was given twice.
    """
    values = dict(said or {})
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise SettingError("--set", f"'{pair}'", "NAME=VALUE", "Write for example --set rank=8.")
        if values.get(name) is not None:
            raise SettingError("--set", f"{name} given twice", "one value", f"Keep one of them for {name}.")
        values[name] = _value(name, text.strip())
    return values


def _value(name: str, text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        raise SettingError("--set", f"{name} = {text}", "a finite number", f"Give {name} an ordinary number.")
    return number


def read_map(pairs: Iterable[str] | None) -> dict[str, str] | None:
    """`FIELD=COLUMN` pairs as a dict, None where none was given. Raises InputError for anything else."""
    mapping: dict[str, str] = {}
    for pair in pairs or ():
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not (field and equals and column):
            raise InputError("--map", f"'{pair}'", "FIELD=COLUMN", "Write for example --map text=Body.")
        if field in mapping:
            raise InputError("--map", f"the field '{field}' twice", "one column for each field", f"Keep one --map {field}=COLUMN.")
        mapping[field] = column
    return mapping or None


def to_command(verb: Verb) -> Callable[..., Job]:
    """The function that typer reads: its signature is made of the verb's words."""

    def call(**given: Any) -> Job:
        return verb.job(SimpleNamespace(**given))

    call.__name__ = verb.name.replace("-", "_")
    call.__doc__ = verb.help
    call.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
        inspect.Parameter(word.name, inspect.Parameter.KEYWORD_ONLY, default=word.info, annotation=word.kind) for word in verb.words])
    call.__annotations__ = {}
    return call


def epilog(verb: Verb) -> str:
    """Notes and examples under a verb's help, one line each."""
    lines = [*verb.notes, *(["", "Examples", *(f"  {line}" for line in verb.examples)] if verb.examples else [])]
    return "\n".join(line.replace("[", "\\[") for line in lines)
