"""`adtune serve`: the server in this process, until a signal ends it."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .guard import SEND_SECONDS

if TYPE_CHECKING:
    import uvicorn

    from ..settings import ServeSettings
    from ..workspace import Workspace

GRACE_SECONDS = 10
BACKLOG = 2048
WORKER_SECONDS = 15


def is_loopback(host: str) -> bool:
    """Whether only this machine can call an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_address(ws: Workspace, host: str) -> None:
    """Raises InputError for an address that others can call while there is no key."""
    if not is_loopback(host) and not ws.keys.any():
        raise InputError(f"--host {host}", "an address that others can call, and no API key", "a key before the door opens",
                         "Run `adtune keys create --client CLIENT`, or leave --host out.")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError where the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio switches Nagle's algorithm off for sockets that say TCP
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Nagle's: 40 milliseconds for the caller's delayed ACK
    try:
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # a caller who has gone without a word, or takes nothing at all
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SEND_SECONDS * 1000))
        bound.bind((host.strip("[]"), port))
        bound.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        bound.close()
        raise InputError(f"--host {host} --port {port}", str(getattr(error, "strerror", None) or error), "a free address of this machine",
                         "Choose another with --port, or --port 0 for any free one.") from error
    return bound


def server_of(ws: Workspace, settings: ServeSettings) -> tuple[uvicorn.Server, Any]:
    """(uvicorn's server, the Service behind it)."""
    import uvicorn

    from ..steps.remote_serving import RemoteService
    from ..steps.serving import Service
    from .app import guarded

    service = Service(ws, settings) if settings.engine == "local" else RemoteService(ws, settings)
    config = uvicorn.Config(guarded(service), log_level="warning", access_log=False, server_header=False, date_header=True,
                            timeout_graceful_shutdown=GRACE_SECONDS, timeout_keep_alive=30, h11_max_incomplete_event_size=64 * 1024,
                            lifespan="off", loop="asyncio", http="h11", ws="none", backlog=BACKLOG)
    return uvicorn.Server(config), service


@contextmanager
def workers(ws: Workspace, count: int) -> Iterator[None]:
    """Workers beside the server, in processes of their own; they end, with what they do at a safe point, when the block does."""
    words = [sys.executable, "-m", "adtune.worker", str(ws.root.absolute()), "--follow"]
    running = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for one in running:
            one.terminate()
        for one in running:
            try:
                one.wait(WORKER_SECONDS)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
            assert one.stdin is not None
            one.stdin.close()


def serve(ws: Workspace, settings: ServeSettings, told: Callable[[str], None]) -> dict[str, Any]:
    """Serve until SIGINT or SIGTERM: no new requests then, those under way for up to 10 s. `told` hears the address once it listens.

    Gives `host port requests`. Raises InputError.
    """
    from .guard import log_plainly

    check_address(ws, settings.host)
    bound = listen(settings.host, settings.port)
    host, port = bound.getsockname()[:2]
    server, service = server_of(ws, settings)
    log_plainly()
    told(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    try:
        with workers(ws, settings.workers):
            server.run(sockets=[bound])
    finally:
        service.close()
        bound.close()
    return {"host": host, "port": port, "requests": server.server_state.total_requests}
