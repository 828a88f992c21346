"""What a server counts, in the text format of Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 4, 6, 10, 20, 60)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "virality_requests", "Requests by route and status.", ("route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.request_seconds = Histogram(
            "virality_request_seconds", "Time to answer, by route.", ("route",), buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.refused = Counter(
            "virality_refused", "Requests that were not served, by why.", ("why",),
            registry=self.registry,
        )  # fmt: skip
        self.jobs = Counter(
            "virality_jobs", "Predictions by how they ended.", ("end",), registry=self.registry
        )
        self.job_seconds = Histogram(
            "virality_job_seconds", "Time from the upload's end to the result.", buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.clips = Counter(
            "virality_clips", "Clips by the status of their decoding.", ("status",),
            registry=self.registry,
        )  # fmt: skip
        self.feedback = Counter(
            "virality_feedback", "Reports of what became of posts, by what was done with them.",
            ("state",), registry=self.registry,
        )  # fmt: skip
        self.bytes = Counter(
            "virality_uploaded_bytes", "Bytes of clips taken in.", registry=self.registry
        )

    def watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Add a number that is looked up whenever it is asked for."""
        Gauge(name, meaning, registry=self.registry).set_function(value)

    def text(self) -> str:
        """Return everything that was counted."""
        return generate_latest(self.registry).decode()
