"""The verbs of the contract that are not built yet: each says so in one line, and which release theme brings it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

from ..errors import InputError
from .words import Verb

BUILT = ("demo, import, curate, advise, tune, evaluate, compare, rate, draft, export, pretrain text, pretrain response, predict, show, ls, "
         "doctor, serve, keys, go-live, rollback, takedown")
MEDIA_THEME, PICTURES_THEME = "media decisions", "pictures and creatives"


def not_built(words: str, theme: str) -> InputError:
    """The error for `adtune WORDS`, which is not built yet."""
    return InputError(f"adtune {words}", "a part that is not built yet", f"one of {BUILT}", f"It comes with the release theme '{theme}'.")


def _later(name: str, form: str, text: str, theme: str) -> Verb:
    def job(said: SimpleNamespace) -> NoReturn:
        raise not_built(name, theme)

    return Verb(name, text, job, notes=("Not built yet: it comes with the release theme "
                                        f"'{theme}'.", f"Its form will be: adtune {name} {form}"), open=True)


MEDIA = (
    _later("rank", "CLIENT FILE --audience A --map FIELD=COLUMN", "Rank ad texts by the response to expect.", PICTURES_THEME),
    _later("classify", "CLIENT FILES", "Label pictures with a client's own labels.", PICTURES_THEME),
    _later("target", "CLIENT --trial FILE --treatment COLUMN --outcome COLUMN", "Find the audience segments with uplift.", MEDIA_THEME),
    _later("bid", "CLIENT --replay LOG --tune-on LOG --budget SHARE", "Choose a bidding algorithm by replay.", MEDIA_THEME),
    _later("budget", "CLIENT --total X --from DATE --to DATE", "Propose a budget over channels and days.", MEDIA_THEME),
)
