"""Writes the pages that the code knows better than we do: `python docs/generate.py`.

docs/reference/settings.md comes from the comments in src/adtune/settings.py, docs/reference/cli.md from the table of verbs.
A test holds the committed pages equal to what stands here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / "src" / "adtune" / "settings.py"
REFERENCE = ROOT / "docs" / "reference"

SETTINGS_TOP = """# Settings

Written by `python docs/generate.py` from the comments in `src/adtune/settings.py`; change them there.

A value comes from the command line (its own option, or `--set NAME=VALUE`), else from the plan that `advise` made, else from
the default below. Every run keeps each value and where it came from (`adtune show RUN`). An unknown setting is an error that
names the nearest known one.
"""
CLI_TOP = """# Command line

Written by `python docs/generate.py` from the table of verbs in `src/adtune/cli`; change it there.

`adtune [--workspace DIR] [--json] VERB ...`: both words work before and after the verb. The workspace defaults to
`$ADTUNE_WORKSPACE`, else `./.adtune`. What the verbs answer with `--json`, and the exit codes, are in [json.md](json.md).
"""


def cell(text: Any) -> str:
    return str(text).replace("|", "\\|")


def setting_rows(record: ast.ClassDef, lines: list[str]) -> list[str]:
    """One table row per field: its name, type, default and the comment on its line."""
    out = []
    for node in record.body:
        if isinstance(node, ast.AnnAssign):
            default = ast.unparse(node.value) if node.value else "required"
            comment = lines[node.end_lineno - 1].partition("#")[2].strip()
            out.append(f"| `{ast.unparse(node.target)}` | {cell(ast.unparse(node.annotation))} | `{default}` | {cell(comment)} |")
    return out


def settings_page() -> str:
    """docs/reference/settings.md as it should stand on disk."""
    source = SETTINGS.read_text(encoding="utf-8")
    parts = [SETTINGS_TOP]
    for record in ast.parse(source).body:
        if isinstance(record, ast.ClassDef) and record.name.endswith("Settings"):
            table = ["| setting | type | default | meaning |", "|---|---|---|---|", *setting_rows(record, source.splitlines())]
            parts.append(f"## {record.name}\n\n{ast.get_docstring(record)}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def verb_part(verb: Any, command: Any) -> str:
    """One verb: its form, its words, its notes and examples."""
    arguments = [parameter for parameter in command.params if not parameter.opts[0].startswith("-")]
    options = [parameter for parameter in command.params if parameter.opts[0].startswith("-")]
    form = " ".join(["adtune", verb.name, *(f"{one.metavar}" if one.required else f"[{one.metavar}]" for one in arguments)])
    rows = [f"| `{one.metavar}` | {cell(one.help)} |" for one in arguments]
    for one in options:
        flags = ", ".join(one.opts) + ("" if getattr(one, "is_flag", False) else f" {one.metavar}")
        meaning = one.help.partition(" With defaults:")[0]
        rows.append(f"| `{cell(flags)}` | {cell(meaning)}{' Required.' if one.required else ''} |")
    table = ["", "| word | meaning |", "|---|---|", *rows] if rows else []
    notes = ["", *verb.notes] if verb.notes else []
    examples = ["", "```", *verb.examples, "```"] if verb.examples else []
    return "\n".join([f"### {verb.name}", "", f"`{form}`: {verb.help}", *table, *notes, *examples, ""])


def cli_page() -> str:
    """docs/reference/cli.md as it should stand on disk."""
    from adtune.cli.app import PANELS, build

    commands = build().commands
    parts = [CLI_TOP]
    for panel, verbs in PANELS.items():
        parts.append(f"## {panel}\n")
        parts.extend(verb_part(verb, commands[verb.name]) for verb in verbs)
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "cli.md": cli_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
