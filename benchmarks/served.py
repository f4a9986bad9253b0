"""`adtune serve` in a process of its own over a workspace of marker clients, for what is measured or broken from outside.

Every client has a live LoRA on the starter that says one token whatever it is asked (marker_adapters), so that an answer shows whose it is.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE)]
START_SECONDS = 300.0


class Served:
    """A workspace at `root`, its clients' keys and the word of each, and the server over it. `settings` go to `adtune serve --set`."""

    def __init__(self, root: Path, clients: int, settings: Mapping[str, Any]):
        self.root, self.settings, self.keys, self.words = root, dict(settings), {}, {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = root.with_name(f"{root.name}.log")
        self.process: subprocess.Popen[bytes] | None = None
        self._fill([f"client{n}" for n in range(clients)])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _fill(self, names: list[str]) -> None:
        from marker_adapters import SURE, lora_marker, markers

        from adtune.engine.bases import load_base
        from adtune.serve.keys import SCOPES
        from adtune.settings import TuneSettings
        from adtune.steps.keys import create_key
        from adtune.steps.ladder import go_live
        from adtune.workspace import Workspace

        base = load_base("starter")
        with Workspace.open(self.root) as ws, tempfile.TemporaryDirectory() as aside:
            for name, marker in zip(names, markers(base, len(names), SURE), strict=True):
                limits = {"per_minute": 1_000_000, "concurrent": 1000}
                self.keys[name] = create_key(ws, name, list(SCOPES), limits)["key"]
                folder = lora_marker(base, marker, Path(aside) / name, 2, marker)
                record = {"base": "starter", "base_hash": base.hash, "base_place": None, "revision": None, "method": "lora",
                          "settings": asdict(TuneSettings(method="lora", rank=2)), "starter": True, "dataset": "none",
                          "rendering": base.renderer.describe()}
                id = ws.publish("adapter", name, {path.name: path for path in folder.iterdir()}, record)
                ws.publish("report", name, {"report.txt": id.encode()}, {"adapter": id, "gates": {}, "passed": True}, [id])
                go_live(ws, id, "the benchmark")
                self.words[name] = base.renderer.text([marker]).strip()

    def start(self) -> None:
        """Start the server, and wait until it takes requests."""
        words = [sys.executable, "-m", "adtune", "--workspace", str(self.root), "serve", "--port", str(self.port)]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, stderr=log, stdout=log, env={**os.environ, "PYTHONPATH": sys.path[0]})
        ends = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"the server did not start: {self.log.read_text()[-800:]}")
            time.sleep(0.1)

    def is_of(self, client: str, text: str) -> bool:
        """Whether a text is the client's marker, once or more, and nothing else."""
        return bool(text.strip()) and not text.replace(self.words[client], "").strip()

    def answers(self) -> bool:
        """Whether somebody listens."""
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """SIGKILL, as a machine that fails: its workers find out by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
