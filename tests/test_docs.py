"""The documentation says what is there: verbs, settings, folders, links and the version."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from adtune import settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def verbs() -> set[str]:
    from adtune.cli.app import build

    return set(build().commands)


@pytest.mark.parametrize("name", ["settings.md", "cli.md"])
def test_generated_pages_are_up_to_date(generate, name):
    assert reference(name) == generate.PAGES[name](), "run: python docs/generate.py"


def test_every_verb_of_the_contract_is_there_and_explained(verbs):
    contract = {"demo", "import", "curate", "advise", "tune", "evaluate", "draft", "rank", "predict", "classify", "target", "bid", "budget",
                "serve", "export", "pretrain", "show", "keys", "ls", "doctor", "rate", "go-live", "rollback", "takedown"}
    assert contract <= verbs
    assert [verb for verb in sorted(verbs) if f"### {verb}\n" not in reference("cli.md")] == []
    assert [verb for verb in sorted(verbs) if f"`{verb}" not in reference("json.md")] == []


def test_every_setting_has_a_meaning():
    records = [one for one in vars(settings).values() if isinstance(one, type) and is_dataclass(one)]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", reference("settings.md"), re.MULTILINE))
    assert len(records) >= 5
    silent = {"seed"}  # every stage has one, and the word says it
    missing = [f"{record.__name__}.{field.name}" for record in records for field in fields(record)
               if field.name not in rows or (not rows[field.name].strip() and field.name not in silent)]
    assert missing == []


def test_every_error_code_stands_in_the_readme():
    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == ["0", "1", "2", "3", "70"]


def test_the_tree_in_the_readme_is_the_tree_on_disk():
    tree = README.partition("<!-- tree:begin -->")[2].partition("<!-- tree:end -->")[0]
    named = re.findall(r"^(\s*[\w/]+)/ +\S", tree, re.MULTILINE)
    inner = {name.strip() for name in named if name.startswith("  ")}
    outer = {name for name in named if not name.startswith(" ")}
    on_disk = {path.name for path in (ROOT / "src" / "adtune").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert inner == on_disk
    assert outer == {"src/adtune", "benchmarks", "deploy", "docs", "examples", "tests"}
    assert [name for name in outer if not (ROOT / name).is_dir()] == []


def test_the_first_screen_names_both_commands():
    first = "\n".join(README.splitlines()[:40])
    assert "make demo" in first and "make test" in first and "<!-- demo:begin -->" in first


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"^make (\w+) +#", text, re.MULTILINE)) | set(re.findall(r"`make (\w+)`", text))
    assert {"demo", "test", "gate"} <= named
    assert [name for name in sorted(named) if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_what_make_runs_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = re.findall(r"bin/python |BIN\)/python ((?:benchmarks|\.ci)/\S+)", makefile)
    assert scripts and [script for script in scripts if not (ROOT / script).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_docs_exist(page, verbs):
    text = page.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    named = [match[1] for line in lines if (match := re.match(r"adtune (?:--workspace \S+ |--json )*([a-z][a-z-]*)", line))]
    assert [verb for verb in named if verb not in verbs] == []


def test_changelog_and_version_agree():
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert newest == project()["version"]


def test_dependencies_have_upper_bounds_and_a_pinned_version():
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()}
    wanted = [*project()["dependencies"], *project()["optional-dependencies"]["test"]]
    assert [one for one in wanted if "<" not in one] == []
    names = {re.match(r"[\w-]+", one)[0].lower().replace("_", "-") for one in wanted}
    assert names - pinned == set()
