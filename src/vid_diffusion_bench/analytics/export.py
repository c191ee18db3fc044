"""The figures of a period as files for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

from vid_diffusion_bench.analytics.figures import Ended, Figure
from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.results import iso

Format = Literal["prometheus", "csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
COLUMNS: Final = (
    "benchmark_id", "model", "metric", "value", "low", "high", "n", "unit", "higher_is_better", "protocol", "at",
)  # fmt: skip
"""Of a row, which is one figure of one model in one benchmark; ``low`` and ``high`` are its 95 % interval."""


def render(figures: Sequence[Figure], ended: Sequence[Ended], kind: str) -> bytes:
    """``csv`` and ``parquet``: a row a figure. ``prometheus``: the newest value by model, metric and protocol, and
    how many of ``ended`` ended how, in its text format, for the textfile collector of its node exporter.

    Raises:
        ValidationError: No such format.
        MissingDependencyError: ``parquet`` without pyarrow.
    """
    match kind:
        case "csv":
            return _csv(figures)
        case "parquet":
            return _parquet(figures)
        case "prometheus":
            return _prometheus(figures, ended)
        case _:
            raise ValidationError(f"no export format {kind!r}", remedy=f"formats are {', '.join(FORMATS)}")


def _row(figure: Figure) -> dict[str, Any]:
    low, high = figure.interval or (None, None)
    same = {name: getattr(figure, name) for name in COLUMNS if name not in ("low", "high", "at")}
    return {name: {**same, "low": low, "high": high, "at": iso(figure.at)}[name] for name in COLUMNS}


def _csv(figures: Sequence[Figure]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(figure) for figure in figures)
    return text.getvalue().encode()


def _parquet(figures: Sequence[Figure]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet files need pyarrow", remedy="pip install 'vid-diffusion-bench[parquet]'"
        ) from error
    kinds = {"value": pa.float64(), "low": pa.float64(), "high": pa.float64(), "n": pa.int64()}
    kinds["higher_is_better"] = pa.bool_()
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist([_row(figure) for figure in figures], schema), sink)
    return bytes(sink.getvalue())


def _prometheus(figures: Sequence[Figure], ended: Sequence[Ended]) -> bytes:
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    labels = ("model", "metric", "protocol")
    values = Gauge("vidbench_metric_value", "Newest value of a metric of a model", labels, registry=registry)
    at = Gauge("vidbench_metric_time_seconds", "When it was measured, since 1970", labels, registry=registry)
    counted = Gauge("vidbench_benchmarks_ended", "Benchmarks of the period that ended", ("status",), registry=registry)
    for status in ("completed", "failed", "cancelled"):
        counted.labels(status).set(sum(one.status == status for one in ended))
    for figure in sorted(figures, key=lambda figure: figure.at):
        of_it = (figure.model, figure.metric, figure.protocol)
        values.labels(*of_it).set(figure.value)
        at.labels(*of_it).set(figure.at)
    return bytes(generate_latest(registry))
