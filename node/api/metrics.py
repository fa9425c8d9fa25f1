"""Prometheus text format (version 0.0.4) for metric families.

Rendered here rather than by prometheus-client: our values live in the parts that own them, not in global
counters, and the format is a dozen lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .values import Metric, Sample

__all__ = ["CONTENT_TYPE", "Traffic", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Traffic:
    """The API's own counters."""

    def __init__(self) -> None:
        self._answers: dict[int, int] = {}
        self.streams = 0
        """Event streams that are open now."""

    def count(self, status: int) -> None:
        self._answers[status] = self._answers.get(status, 0) + 1

    def metrics(self) -> tuple[Metric, ...]:
        answers = tuple(Sample(n, {"status": str(status)}) for status, n in sorted(self._answers.items()))
        streams = (Sample(self.streams),)
        return (
            Metric("consilience_api_answers_total", "counter", "Answers of the HTTP API by status.", answers),
            Metric("consilience_api_event_streams", "gauge", "Open event streams.", streams),
        )


def render(metrics: Iterable[Metric]) -> str:
    """The families as Prometheus reads them."""
    lines = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escape(metric.help)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines += [f"{metric.name}{_labels(sample.labels)} {sample.value!r}" for sample in metric.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(
        '{}="{}"'.format(name, _escape(value).replace('"', '\\"')) for name, value in labels.items()
    )
    return f"{{{pairs}}}" if pairs else ""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
