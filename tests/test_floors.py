"""The five floors: imports go down, never up, never in a circle, and heavy libraries stay where they belong.

Reads the syntax tree only, so imports inside functions count like those at the top of a file.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"
PACKAGE = "adtune"
FLOORS = {
    "errors": 0, "units": 0, "records": 0, "settings": 0, "progress": 0, "starter": 0,
    "workspace": 1, "stats": 1, "report": 1, "durable": 1,
    "engine": 2, "voice": 2,
    "archive": 3, "curate": 3, "advise": 3, "tune": 3, "evaluate": 3, "rate": 3, "payback": 3, "serve": 3, "media": 3, "pretrain": 3,
    "steps": 4,
    "cli": 5, "server": 5, "studio": 5, "worker": 5, "__main__": 5,
}
STAGES = {name for name, floor in FLOORS.items() if floor == 3}
DOORS = {"cli", "server", "studio", "worker"}
OPENS = {("cli", "server")}   # `adtune serve` opens the other door, in a function
HEAVY = {"torch", "transformers", "tokenizers", "safetensors", "peft", "accelerate", "sklearn", "scipy", "rensa", "pyarrow", "polars",
         "pandas", "trafilatura", "lxml", "docx", "py3langid", "huggingface_hub", "python_calamine", "pypdfium2", "feedparser", "torchao",
         "spellchecker", "phonenumbers", "stdnum"}
QUICK = {"typer", "rich", "click", "typing_extensions"}   # all that `adtune --help` may load besides the standard library
IMPORT_NAMES = {"scikit_learn": "sklearn", "python_docx": "docx", "pyyaml": "yaml", "pyspellchecker": "spellchecker",
                "python_stdnum": "stdnum"}


@dataclass(frozen=True)
class Edge:
    """One import: from a module of ours to a module of ours or to a library; `top` where it runs as the file loads."""

    source: str
    target: str
    line: int
    top: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def module_of(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_of(path): path for path in sorted((SRC / PACKAGE).rglob("*.py")) if "migrations" not in path.parts}


def targets(node: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Full names of what an import statement loads, the submodule where `from x import y` names one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = module.split(".")
            parents = parts[:len(parts) - node.level + (1 if is_package else 0)]
            base = ".".join([*parents, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in modules() else base


def loads_at_top(tree: ast.Module) -> set[ast.AST]:
    """Import statements that run when the file is loaded: not in a function, not only for type checkers."""
    found: set[ast.AST] = set()
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        found.add(node)
        todo.extend(ast.iter_child_nodes(node))
    return found


@cache
def edges() -> tuple[Edge, ...]:
    out = []
    for module, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = loads_at_top(tree)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for target in targets(node, module, path.name == "__init__.py"):
                    out.append(Edge(module, target, node.lineno, node in top))
    return tuple(out)


def ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def part(module: str) -> str:
    """The top-level part that a module belongs to; the package itself is a door that may use everything."""
    return module.split(".")[1] if "." in module else "__main__"


def shown(wrong: list) -> str:
    return "\n" + "\n".join(str(item) for item in wrong)


def test_every_top_level_name_has_a_floor():
    parts = {path.stem for path in (SRC / PACKAGE).iterdir() if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))}
    assert parts - {"__init__", "__pycache__"} <= set(FLOORS)


def test_relative_imports_name_something_that_exists():
    wrong = [edge for edge in edges() if ours(edge.target) and edge.target not in modules()]
    assert not wrong, shown(wrong)


def test_imports_go_down_only():
    wrong = [edge for edge in edges() if ours(edge.target) and FLOORS[part(edge.source)] < FLOORS[part(edge.target)]]
    assert not wrong, shown(wrong)


@pytest.mark.parametrize("family", [STAGES, DOORS], ids=["stages", "doors"])
def test_siblings_never_import_each_other(family):
    wrong = [edge for edge in edges() if ours(edge.target) and part(edge.source) != part(edge.target)
             and {part(edge.source), part(edge.target)} <= family and (edge.top or (part(edge.source), part(edge.target)) not in OPENS)]
    assert not wrong, shown(wrong)


def test_no_import_cycles():
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for edge in edges():
        if edge.target in graph and edge.target != edge.source:
            graph[edge.source].add(edge.target)
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, "cycle: " + " -> ".join([*trail[trail.index(module):], module])
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_floor_0_knows_the_standard_library_only():
    wrong = [edge for edge in edges() if FLOORS[part(edge.source)] == 0 and not ours(edge.target)
             and edge.target.split(".")[0] not in sys.stdlib_module_names]
    assert not wrong, shown(wrong)


def test_heavy_libraries_load_at_the_top_on_floors_2_and_3_only():
    wrong = [edge for edge in edges() if edge.top and FLOORS[part(edge.source)] not in (2, 3) and edge.target.split(".")[0] in HEAVY]
    assert not wrong, shown(wrong)


def test_help_loads_nothing_heavy():
    """Whatever loads with the command line, followed through every file that it loads in turn."""
    assert f"{PACKAGE}.cli.main" in modules()
    loaded, todo, wrong = set(), [f"{PACKAGE}.cli.main"], []
    while todo:
        module = todo.pop()
        if module in loaded:
            continue
        loaded.add(module)
        parents = module.split(".")
        todo.extend(".".join(parents[:n]) for n in range(1, len(parents)))
        for edge in edges():
            if edge.source == module and edge.top:
                library = edge.target.split(".")[0]
                if ours(edge.target):
                    todo.append(edge.target)
                elif library not in QUICK and library not in sys.stdlib_module_names:
                    wrong.append(edge)
    assert not wrong, shown(wrong)


def test_every_library_is_a_declared_dependency():
    """And nothing is declared that nothing imports."""
    project = tomllib.loads((SRC.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["gguf"], *extras["quantised"]]
    names = {re.match(r"[\w-]+", one)[0].lower().replace("-", "_") for one in declared}
    declared = {IMPORT_NAMES.get(name, name) for name in names}
    used = {edge.target.split(".")[0] for edge in edges() if not ours(edge.target)} - set(sys.stdlib_module_names)
    used |= {"alembic", "sqlalchemy"}   # the migrations, which are data here
    used |= {"python_multipart"}        # FastAPI asks for it where a route takes a file
    used |= {"accelerate"}              # transformers asks for it before it reads a GGUF file
    assert used - declared == set()
    assert declared - used == set()
