"""The process in which a chat template runs: `python -I template_child.py`, conversations as JSON on stdin, texts on stdout.

Knows Jinja's sandbox and the names that the field's templates use, and nothing of adtune. After the imports it limits itself:
processor seconds, bytes of memory, no files, and characters of output. `strftime_now` stands still, so that a brief renders to the
same ids on every day.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NoReturn

import jinja2.debug  # loaded now: the limits come before the first error
import jinja2.ext
from jinja2 import TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

DAY = datetime(2024, 7, 26)


class Generation(jinja2.ext.Extension):
    """`{% generation %}…{% endgeneration %}` marks an assistant's text for training masks; here it is its content."""

    tags = {"generation"}

    def parse(self, parser: Any) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox with what chat templates may call."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
    made.filters["tojson"] = _json
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = DAY.strftime
    return made


def _json(value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _limit(seconds: float, memory: int) -> None:
    """Where the system knows no such limits, the parent's clock is the only one."""
    try:
        import resource
        import signal

        with open("/proc/self/statm", encoding="ascii") as now:
            held = int(now.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_PROF, seconds)  # processor time, so that a busy machine stops nobody; SIGPROF ends the process


def _joined(parts: Iterable[str], most: int) -> str:
    kept, size = [], 0
    for part in parts:
        size += len(part)
        if size > most:
            raise MemoryError
        kept.append(part)
    return "".join(kept)


def answers(asked: dict[str, Any]) -> dict[str, Any]:
    """`{texts: [[text, error]]}`, one of each pair None; or `{error}` where the template is none."""
    try:
        template = environment().from_string(asked["template"])
        texts: list[list[str | None]] = []
        for variables in asked["conversations"]:
            try:
                texts.append([_joined(template.generate(**asked["tokens"], **variables), asked["output"]), None])
            except MemoryError:
                raise
            except Exception as error:  # whatever a template does wrong is its answer for this conversation
                texts.append([None, f"{type(error).__name__}: {error}"[:300]])
        return {"texts": texts}
    except MemoryError:
        return {"error": "more memory or output than a chat template may take"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    job = json.load(sys.stdin)
    _limit(job["seconds"], job["memory"])
    json.dump(answers(job), sys.stdout)
