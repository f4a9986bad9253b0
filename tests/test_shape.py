"""The shape of the code: small files, small functions, few parameters, and a few things that never appear."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
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


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{name(path)}:{node.lineno} {node.name}", node


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
    wrong = [f"{where}: {node.end_lineno - node.lineno + 1} lines" for path in FILES for where, node in functions(path)
             if node.end_lineno - node.lineno + 1 > MAX_FUNCTION]
    assert not wrong, "\n" + "\n".join(wrong)


def test_functions_take_few_parameters():
    wrong = [f"{where}: {parameters(node)} parameters" for path in FILES for where, node in functions(path)
             if parameters(node) > MAX_PARAMETERS]
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_dumping_grounds():
    assert not [name(path) for path in FILES if path.name in DUMPING_GROUNDS]


def test_every_source_says_what_it_is_for():
    silent = [name(path) for path in SOURCES if path.read_text(encoding="utf-8").strip()
              and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent


def test_test_files_have_names_of_their_own():
    names = [path.name for path in FILES if path.name.startswith("test_")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_unsafe(path):
    """Weights travel as safetensors, settings as JSON or safe YAML; nothing that a file holds is ever executed."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in UNSAFE_CALLS, f"line {node.lineno}: {ast.unparse(node.func)}"
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & UNSAFE_MODULES, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in UNSAFE_MODULES, f"line {node.lineno}"
    assert not re.search(r"trust_remote_code\s*=\s*True", text)
