"""The table of verbs, and the typer application that is made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from . import verbs_archive, verbs_compare, verbs_later, verbs_look, verbs_media, verbs_rate, verbs_serve, verbs_tune, verbs_write
from .words import Verb, epilog, to_command

PANELS: dict[str, tuple[Verb, ...]] = {
    "Start": (verbs_write.DEMO, verbs_look.DOCTOR, verbs_look.LS, verbs_look.SHOW),
    "From an archive to a tuned model": (verbs_archive.IMPORT, verbs_archive.CURATE, verbs_tune.ADVISE, verbs_tune.TUNE,
                                         verbs_tune.EVALUATE, verbs_compare.COMPARE, verbs_rate.RATE),
    "Write": (verbs_write.DRAFT, verbs_write.EXPORT, verbs_tune.PRETRAIN),
    "Serve and keep versions": (verbs_serve.SERVE, verbs_serve.KEYS, verbs_serve.GO_LIVE, verbs_serve.ROLLBACK,
                                verbs_serve.TAKEDOWN),
    "Decide about media": (verbs_media.PREDICT,),
    "Decide about media (not built yet)": verbs_later.MEDIA,
}
VERBS: dict[str, Verb] = {verb.name: verb for verbs in PANELS.values() for verb in verbs}

ABOUT = """Turn a pre-trained model into a client's own model, and prove that it was worth it.

The usual way: import, curate, advise, tune, evaluate, draft. Start with `adtune demo`."""


def _root(workspace: Path = typer.Option(None, "--workspace", metavar="DIR", help="The workspace; else $ADTUNE_WORKSPACE, else ./.adtune."),
          json: bool = typer.Option(False, "--json", help="Print exactly one JSON object on stdout, everything else on stderr."),
          version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """These words are read before typer sees the line (they may stand anywhere); they are here for the help."""


def build() -> Any:
    """The command that reads a line and gives back a Job."""
    app = typer.Typer(name="adtune", help=ABOUT, add_completion=False, rich_markup_mode="rich", subcommand_metavar="VERB ...",
                      epilog="Exit codes: 0 done, 1 wrong input, 2 a gate said no, 3 stopped and can be resumed, 70 a bug of ours.")
    app.callback()(_root)
    for panel, verbs in PANELS.items():
        for verb in verbs:
            settings = {"ignore_unknown_options": True, "allow_extra_args": True} if verb.open else None
            app.command(verb.name, help=verb.help, epilog=epilog(verb), rich_help_panel=panel, context_settings=settings)(to_command(verb))
    return typer.main.get_command(app)
