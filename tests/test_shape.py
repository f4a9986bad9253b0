"""The shape of the code: small files, small functions, few parameters, and a few things that never appear."""

from __future__ import annotations

import ast
import re
import statistics
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
FILES = sorted(path for folder in ("src", "tests", "benchmarks", "examples", "docs", ".ci") for path in (ROOT / folder).rglob("*.py"))
SOURCES = [path for path in FILES if SRC in path.parents]
MAX_FILE, MAX_EXAMPLE, MAX_FUNCTION, MAX_PARAMETERS = 400, 150, 80, 6
DUMPING_GROUNDS = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "torch.save", "yaml.load", "yaml.full_load", "yaml.unsafe_load", "np.load", "numpy.load"}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True)
class Function:
    """How long a function is, and how many parameters it takes besides the object that it belongs to."""

    where: str
    lines: int
    parameters: int


@dataclass(frozen=True)
class Source:
    """What the tests here ask of one file."""

    says: bool
    functions: tuple[Function, ...]
    calls: tuple[tuple[int, str], ...]      # line, what is called
    imports: tuple[tuple[int, str], ...]    # line, the outermost package


@cache
def source(path: Path) -> Source:
    """The file, parsed once for all tests; its tree is let go, for all trees together take hundreds of megabytes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions, calls, imports = [], [], []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions.append(Function(f"{name(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1, parameters(node)))
        if isinstance(node, ast.Call):
            calls.append((node.lineno, dotted(node.func)))
        if isinstance(node, ast.Import):
            imports += [(node.lineno, alias.name.split(".")[0]) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            imports.append((node.lineno, (node.module or "").split(".")[0]))
    return Source(bool(ast.get_docstring(tree)), tuple(functions), tuple(calls), tuple(imports))


def dotted(node: ast.expr) -> str:
    """`a.b.c` as it is written; empty for what is no plain name, such as the result of a call."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return before and f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([arg for arg in given if arg.arg not in ("self", "cls")])


def test_files_stay_short():
    wrong = [f"{name(path)}: {lines(path)} lines" for path in FILES if lines(path) > MAX_FILE]
    wrong += [f"{name(path)}: {lines(path)} lines, an example" for path in FILES
              if ROOT / "examples" in path.parents and lines(path) >= MAX_EXAMPLE]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_median_file_is_small():
    assert statistics.median(lines(path) for path in SOURCES if lines(path) > 5) <= 170


def test_functions_stay_short():
    wrong = [f"{one.where}: {one.lines} lines" for path in FILES for one in source(path).functions if one.lines > MAX_FUNCTION]
    assert not wrong, "\n" + "\n".join(wrong)


def test_functions_take_few_parameters():
    wrong = [f"{one.where}: {one.parameters} parameters" for path in FILES for one in source(path).functions
             if one.parameters > MAX_PARAMETERS]
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_dumping_grounds():
    assert not [name(path) for path in FILES if path.name in DUMPING_GROUNDS]


def test_every_source_says_what_it_is_for():
    silent = [name(path) for path in SOURCES if path.read_text(encoding="utf-8").strip() and not source(path).says]
    assert not silent


def test_test_files_have_names_of_their_own():
    names = [path.name for path in FILES if path.name.startswith("test_")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_unsafe(path):
    """Weights travel as safetensors, settings as JSON or safe YAML; nothing that a file holds is ever executed."""
    for line, called in source(path).calls:
        assert called not in UNSAFE_CALLS, f"line {line}: {called}"
    for line, package in source(path).imports:
        assert package not in UNSAFE_MODULES, f"line {line}: {package}"
    assert not re.search(r"trust_remote_code\s*=\s*True", path.read_text(encoding="utf-8"))
