"""GET /health, /ready and /metrics: for whoever watches the server. No key, and nothing of any client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from .auth import threaded

if TYPE_CHECKING:
    from ..steps.serving import Service

router = APIRouter(tags=["health"])
BUCKETS = (0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 120)
ROWS = ("writing", "reading", "waiting")
COUNTS = ("requests", "finished", "cancelled", "failed", "prompt_tokens", "completion_tokens", "steps", "seconds")


class Metrics:
    """What is counted of a server; labels are routes and bases, never clients."""

    def __init__(self, service: Service):
        self.service, self.registry = service, CollectorRegistry()
        self._requests = Counter("adtune_requests", "Requests answered", ("route", "status"), registry=self.registry)
        self._seconds = Histogram("adtune_request_seconds", "Time of a request", ("route",), buckets=BUCKETS, registry=self.registry)
        self.registry.register(self)  # type: ignore[arg-type]

    def seen(self, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def collect(self) -> Iterator[Any]:
        """The state of the token engines and of the job table, as prometheus_client asks for it."""
        rows = GaugeMetricFamily("adtune_engine_rows", "Requests in the token engine", labels=("base", "state"))
        counts = GaugeMetricFamily("adtune_engine_total", "Counts of the token engine since its start", labels=("base", "what"))
        hits = GaugeMetricFamily("adtune_engine_adapters", "Adapters: in memory, hits, loads and evictions", labels=("base", "what"))
        for name, engine in self.service.engines.all().items():
            stats: dict[str, Any] = engine.stats()
            base = f"{name[:12]}"
            for state in ROWS:
                rows.add_metric((base, state), stats[state])
            for what in COUNTS:
                counts.add_metric((base, what), stats[what])
            for what in ("in_memory", "hits", "loads", "evictions"):
                hits.add_metric((base, what), stats["adapters"][what])
        jobs = GaugeMetricFamily("adtune_jobs", "Jobs by status", labels=("status",))
        for status, count in self.service.ws.jobs.counts().items():
            jobs.add_metric((status,), count)
        yield from (rows, counts, hits, jobs)


def _engines_live(service: Service) -> bool:
    return service.engines.live()


@router.get("/health")
async def health(request: Request) -> Any:
    """200 while the process and its token engines live."""
    live = _engines_live(request.app.state.service)
    return JSONResponse({"status": "ok" if live else "a token engine has died"}, 200 if live else 503)


@router.get("/ready")
async def ready(request: Request) -> Any:
    """200 once the workspace answers and requests are taken."""
    service: Service = request.app.state.service
    try:
        await threaded(service.ws.jobs.counts)
    except Exception:
        return JSONResponse({"status": "the workspace does not answer"}, 503, {"Retry-After": "2"})
    return JSONResponse({"status": "ok"} if _engines_live(service) else {"status": "a token engine has died"},
                        200 if _engines_live(service) else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Any:
    """Counts in Prometheus' format."""
    return Response(await threaded(generate_latest, request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
