"""Clients' tools, unmodified, against `adtune serve`: openai-python 1.x, 2.x and 3.x, LangChain, LiteLLM's proxy in front, openai-node,
curl, and the pages' code for Google Docs and for WordPress (node, npm, curl and php have to be there).

Each tool has an environment of its own under --envs (made where it is missing: pip and npm, which need a registry), and runs a script
against a server over the starter with one client whose adapter says one word: whatever a tool makes of an answer must be that word. What a
tool can do is a list of checks; a row of the result says which held, with the tool's version.

    python benchmarks/clients_tools.py --envs FOLDER [--only openai1,curl] [--json FILE] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE)]
SCRIPTS = HERE / "clients_tools"
PAGE = HERE.parent / "docs" / "guides" / "writers-tools.md"
SECONDS = 900
EXAMPLES = 40          # requests that Schemathesis makes up for each operation, at most, beside those that it derives
QUICK = {"rank": 2, "rate": 0.001, "replay": 0.0, "dial": 1.0, "loss_tokens": 16}

Row = dict[str, Any]  # tool, version, checks{name: true or what was wrong}


class Bench:
    """The server, its one client's key and word, and the folder of the tools' environments."""

    def __init__(self, served: Any, envs: Path, work: Path):
        self.served, self.envs, self.work = served, envs, work
        lines = [json.dumps({"messages": [{"role": "user", "content": f"Write about river {n}"},
                                          {"role": "assistant", "content": f"River {n} runs by the mill."}]}) for n in range(12)]
        self.training = work / "train.jsonl"
        self.training.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.key, self.word = served.keys["client0"], served.words["client0"]

    def environment(self, **more: str) -> dict[str, str]:
        """What every tool's script is told."""
        return {**os.environ, "OPENAI_BASE_URL": self.served.url, "OPENAI_API_KEY": self.key, "WORD": self.word,
                "TRAINING": str(self.training), "QUICK": json.dumps(QUICK), "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LANGSMITH_TRACING": "false", **more}

    def python(self, name: str, *packages: str) -> Path:
        """The interpreter of a throw-away virtual environment with these packages."""
        place = self.envs / name
        if not (place / ".ok").exists():
            subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            subprocess.run([place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True)
            (place / ".ok").touch()
        return place / "bin" / "python"

    def node(self) -> Path:
        """A folder with openai-node in it."""
        place = self.envs / "node"
        if not (place / ".ok").exists():
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(["npm", "install", "--silent", "--omit-lockfile-registry-resolved=true", "openai"], cwd=place, check=True)
            (place / ".ok").touch()
        return place

    def told(self, words: list[str], tool: str, cwd: Path | None = None, **more: str) -> Row:
        """Run a tool's script, whose last line is its object."""
        done = subprocess.run(words, env=self.environment(**more), cwd=cwd or self.work, capture_output=True, text=True, timeout=SECONDS)
        try:
            found = json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            return {"tool": tool, "version": None, "checks": {"runs": (done.stderr or done.stdout).strip()[-400:] or "said nothing"}}
        return {"tool": tool, **found}


def openai_python(major: int) -> Callable[[Bench], Row]:
    def run(bench: Bench) -> Row:
        python = bench.python(f"openai{major}", f"openai>={major},<{major + 1}")
        return bench.told([str(python), str(SCRIPTS / "openai_python.py")], f"openai-python {major}.x")

    return run


def langchain(bench: Bench) -> Row:
    return bench.told([str(bench.python("langchain", "langchain-openai")), str(SCRIPTS / "langchain_chat.py")], "LangChain ChatOpenAI")


def litellm(bench: Bench) -> Row:
    """LiteLLM's proxy in front of the server; openai-python 2.x speaks to the proxy."""
    python = bench.python("litellm", "litellm[proxy]")
    config, port = bench.work / "litellm.yaml", bench.served.port + 1
    model = {"model": "openai/live", "api_base": bench.served.url, "api_key": bench.key}
    theirs = f"sk-{secrets.token_hex(16)}"  # the proxy's own key, without which it does not start
    config.write_text(json.dumps({"model_list": [{"model_name": "acme", "litellm_params": model}],
                                  "general_settings": {"master_key": theirs}}), encoding="utf-8")
    words = [str(python.with_name("litellm")), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with (bench.work / "litellm.log").open("wb") as log:
        proxy = subprocess.Popen(words, env=bench.environment(), stdout=log, stderr=log, cwd=bench.work)
    try:
        client = bench.python("openai2", "openai>=2,<3")
        row = bench.told([str(client), str(SCRIPTS / "through_proxy.py")], "LiteLLM proxy", OPENAI_API_KEY=theirs,
                         OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
    finally:
        proxy.terminate()
        proxy.wait(30)
    version = subprocess.run([str(python), "-c", "from importlib.metadata import version; print(version('litellm'))"], capture_output=True,
                             text=True)
    return {**row, "version": version.stdout.strip() or None}


def node(bench: Bench) -> Row:
    place = bench.node()
    shutil.copyfile(SCRIPTS / "openai_node.mjs", place / "check.mjs")  # a module is looked for from where the script lies
    return bench.told(["node", str(place / "check.mjs")], "openai-node", place)


def curl(bench: Bench) -> Row:
    """Streaming, a file, and an error, as a shell has them."""
    def ask(*words: str) -> str:
        return subprocess.run(["curl", "--silent", "--show-error", "-H", f"Authorization: Bearer {bench.key}", *words], capture_output=True,
                              text=True, timeout=SECONDS, check=True).stdout

    body = json.dumps({"model": "live", "stream": True, "max_tokens": 6, "messages": [{"role": "user", "content": "Spring"}]})
    events = [line[6:] for line in ask("-N", f"{bench.served.url}/chat/completions", "-H", "Content-Type: application/json", "-d",
                                       body).splitlines() if line.startswith("data: ")]
    text = "".join(choice["delta"].get("content") or "" for one in events[:-1] for choice in json.loads(one)["choices"])
    file = json.loads(ask(f"{bench.served.url}/files", "-F", "purpose=fine-tune", "-F", f"file=@{bench.training}"))
    wrong = ask("-o", "/dev/null", "-w", "%{http_code}", f"{bench.served.url}/models/nothing")
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True).stdout.split()[1]
    checks = {"stream": events[-1] == "[DONE]" and bench.served.is_of("client0", text), "file": file["filename"] == "train.jsonl",
              "status of an error": wrong == "404"}
    return {"tool": "curl", "version": version, "checks": checks}


def of_the_page(bench: Bench, language: str, stand_in: str) -> Path:
    """A script that holds the page's own code in a language, between what stands in for the place where it runs."""
    code = PAGE.read_text(encoding="utf-8").partition(f"```{language}\n")[2].partition("```")[0]
    script = bench.work / stand_in
    script.write_text((SCRIPTS / stand_in).read_text(encoding="utf-8").replace("// THE PAGE'S CODE", code), encoding="utf-8")
    return script


def google_docs(bench: Bench) -> Row:
    """The page's own Apps Script, with Google's objects stood in for by node's."""
    return bench.told(["node", str(of_the_page(bench, "javascript", "google_docs.mjs"))], "Google Docs (the page's Apps Script)")


def wordpress(bench: Bench) -> Row:
    """The page's own route for WordPress, with WordPress's functions stood in for."""
    return bench.told(["php", str(of_the_page(bench, "php", "wordpress.php"))], "WordPress (the page's PHP)")


def schemathesis(bench: Bench) -> Row:
    """Schemathesis reads the server's own description and asks every operation, as it is described and otherwise: none answers with 5xx."""
    tool = bench.python("schemathesis", "schemathesis>=4,<5").with_name("schemathesis")
    report, before = bench.work / "schemathesis", bench.served.log.stat().st_size
    words = [str(tool), "run", f"{bench.served.url.removesuffix('/v1')}/openapi.json", "--header", f"Authorization: Bearer {bench.key}",
             "--checks", "not_a_server_error", "--max-examples", str(EXAMPLES), "--seed", "1", "--request-timeout", "60", "--no-color",
             "--report", "ndjson", "--report-dir", str(report)]
    done = subprocess.run(words, cwd=bench.work, capture_output=True, text=True, timeout=SECONDS)
    lines = [json.loads(line) for line in bench.served.log.read_bytes()[before:].decode().splitlines() if line.startswith("{")]
    asked = [said for said in lines if said.get("route")]
    wrong = sorted({f"{said['method']} {said['route']}: {said['status']}" for said in asked if said["status"] >= 500})
    described = re.search(r"Operations: +(\d+) selected", done.stdout)
    version = subprocess.run([str(tool), "--version"], capture_output=True, text=True).stdout.split()
    return {"tool": f"Schemathesis ({len(asked):,} requests, {described[1] if described else 'no'} operations)",
            "version": version[-1] if version else None,
            "checks": {"no server error": (done.returncode == 0 and not wrong) or (", ".join(wrong) or done.stdout.strip()[-300:])}}


TOOLS: dict[str, Callable[[Bench], Row]] = {
    "openai1": openai_python(1), "openai2": openai_python(2), "openai3": openai_python(3), "langchain": langchain, "litellm": litellm,
    "node": node, "curl": curl, "docs": google_docs, "wordpress": wordpress,
    "schemathesis": schemathesis}


def page(rows: list[Row]) -> str:
    """The result as Markdown."""
    out = ["# Clients' tools, unmodified", "",
           "Written by `benchmarks/clients_tools.py` (`make bench-clients`). One server, one client whose adapter says one word; every "
           "answer that a tool hands over has to be that word.", "", "| tool | version | held | checks |", "|---|---|---|---|"]
    for row in rows:
        good = [name for name, said in row["checks"].items() if said is True]
        bad = [f"**{name}**: {str(said)[:160]}" for name, said in row["checks"].items() if said is not True]
        cells = (row["tool"], row["version"] or "-", f"{len(good)} of {len(row['checks'])}", ", ".join(good + bad))
        out.append(f"| {' | '.join(cells)} |".replace("\n", " "))
    return "\n".join(out) + "\n"


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--envs", type=Path, required=True, help="folder for the tools' environments")
    reader.add_argument("--only", default=",".join(TOOLS))
    reader.add_argument("--json", type=Path)
    reader.add_argument("--markdown", type=Path)
    asked = reader.parse_args()
    from served import Served

    asked.envs.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder) / "ws", 1, {"max_tokens": 8})
        served.start()
        try:
            for name in asked.only.split(","):
                began = time.monotonic()
                try:
                    rows.append(TOOLS[name](Bench(served, asked.envs.absolute(), Path(folder))))
                except (OSError, subprocess.SubprocessError) as error:
                    rows.append({"tool": name, "version": None, "checks": {"runs": str(error)[:300]}})
                print(f"{name}: {time.monotonic() - began:.0f} s {rows[-1]}", flush=True)
        finally:
            served.stop()
    for path, text in ((asked.json, json.dumps(rows, indent=2) + "\n"), (asked.markdown, page(rows))):
        if path:
            path.write_text(text, encoding="utf-8")
    return 0 if all(said is True for row in rows for said in row["checks"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
