"""A served model's figures: latency from the scheduled arrival, what of it was waiting, throughput, SLO, price."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.arrivals import CLOSED
from vid_diffusion_bench.engine.figures import MAXIMUM, NO_CLIP, NO_DEFINITION, About, success_rate
from vid_diffusion_bench.models.endpoint.polling import RULE
from vid_diffusion_bench.prices import Price
from vid_diffusion_bench.results import Manifest, MetricResult, SampleRecord, Serving, fingerprint
from vid_diffusion_bench.statistics import cluster_bootstrap, mean, percentile, wilson_interval

PERCENTILES = (50, 90, 95, 99)
CLOCK = "from the scheduled arrival to the last byte of the clip, on the client; failed requests have none"
CLOSED_CLOCK = "from sending to the last byte of the clip, on the client; failed requests have none"
ELSEWHERE = "the model runs on a server, whose memory and energy are not seen from here"
_UNSEEN = {
    "peak_ram_gb": ("GiB", ELSEWHERE),
    "peak_vram_gb": ("GiB", ELSEWHERE),
    "avg_power_watts": ("W", ELSEWHERE),
    "energy_per_clip_joules": ("J", ELSEWHERE),
    "energy_per_video_second_joules": ("J/s", ELSEWHERE),
    "load_seconds": ("s", "the server had loaded the model before"),
    "efficiency_score": ("", NO_DEFINITION),
}
_DEPENDENT = "requests that wait for each other are not independent; repeat the run to see its spread"
_UNSAID = "the server does not say when it begins with a request"
_DRIFT_SHARE = 0.01
"""Of the mean latency: a client that was later than that has measured itself."""


@dataclass(frozen=True)
class _Served:
    """What every figure is computed from."""

    records: list[SampleRecord]
    completed: list[tuple[SampleRecord, Serving]]
    sent: list[Serving]
    protocol: dict[str, Any]
    reason: str | None

    @property
    def about(self) -> About:
        return About(len(self.records), self.protocol)

    @property
    def is_alone(self) -> bool:
        """Whether no request waited for another."""
        process = self.protocol["arrivals"]
        return bool(process.get("arrival") == CLOSED and process.get("concurrency") == 1)

    def result(self, name: str, value: float | None, **fields: Any) -> MetricResult:
        return self.about.result(name, value, **fields)


def served_performance(
    model: str, records: Sequence[SampleRecord], manifests: Mapping[str, Manifest], config: BenchmarkConfig
) -> dict[str, MetricResult]:
    """The figures of one served model over its records."""
    served = _gather(records, manifests)
    results = [_latency(served), *(_percentile(served, q) for q in PERCENTILES)]
    results += [_part(served, name, part) for name, part in _PARTS.items()]
    results += [_throughput(served), _clip_rate(served), _offered_rate(served)]
    results += [_in_flight(served), _drift(served), _retries(served), success_rate(served.about, served.records)]
    if config.slo_seconds is not None:
        results.append(_slo(served, config.slo_seconds))
    if (price := config.price_of(model)) is not None:
        results += _prices(served, price)
    results += [served.result(name, None, unit=unit, reason=why) for name, (unit, why) in _UNSEEN.items()]
    return {result.name: result for result in results}


def _gather(records: Sequence[SampleRecord], manifests: Mapping[str, Manifest]) -> _Served:
    servings = [(record, record.cost.serving) for record in records if record.cost and record.cost.serving]
    completed = [(record, serving) for record, serving in servings if record.status == "completed"]
    sent = [serving for _, serving in servings]
    processes = {fingerprint(serving.process): serving.process for serving in sent}
    process = next(iter(processes.values())) if len(processes) == 1 else {}
    clients = {record.manifest for record, _ in servings}
    manifest = manifests.get(next(iter(clients))) if len(clients) == 1 else None
    forms = sorted({serving.form for serving in sent if serving.form})
    protocol = {
        "client": manifest.model_dump(mode="json") if manifest else None,
        "arrivals": process,
        "clock": CLOSED_CLOCK if process.get("arrival") == CLOSED else CLOCK,
        "forms": forms,
        "polling": RULE if {"job", "queue"} & set(forms) else None,
    }
    reason = None if completed else NO_CLIP
    if len(processes) > 1:
        reason = f"the requests arrived in {len(processes)} different ways; measure each into a folder of its own"
    return _Served(list(records), completed, sent, protocol, reason)


def _warnings(served: _Served) -> list[str]:
    failed = len(served.records) - len(served.completed)
    sittings = {serving.sitting for serving in served.sent}
    warnings = [f"{failed} of {len(served.records)} requests failed and have no latency"] * bool(failed)
    if len(sittings) > 1:
        warnings.append(f"sent in {len(sittings)} sittings: the queue was empty at the start of each")
    return warnings


def _latency(served: _Served) -> MetricResult:
    values = [serving.latency * 1000 for _, serving in served.completed]
    fields: dict[str, Any] = {"unit": "ms", "higher_is_better": False, "n": len(values), "warnings": _warnings(served)}
    if served.reason:
        return served.result("avg_latency_ms", None, reason=served.reason, **fields)
    return served.result("avg_latency_ms", mean(values), **_interval(served, values), **fields)


def _interval(served: _Served, values: Sequence[float]) -> dict[str, Any]:
    prompts = [record.prompt_id for record, _ in served.completed]
    if not served.is_alone:
        return {"interval_reason": _DEPENDENT}
    if len(set(prompts)) < 2:
        return {"interval_reason": "an interval needs at least two prompts"}
    return {"confidence_interval": cluster_bootstrap(values, prompts)}


def _percentile(served: _Served, q: int) -> MetricResult:
    values = [serving.latency * 1000 for _, serving in served.completed]
    return served.result(
        f"p{q}_latency_ms",
        None if served.reason else percentile(values, q),
        reason=served.reason or f"{len(values)} clips are too few for the {q}th percentile",
        interval_reason="no interval is computed for percentiles",
        unit="ms",
        higher_is_better=False,
        n=len(values),
        warnings=_warnings(served),
    )


def _ready(serving: Serving) -> float:
    return serving.ended - serving.discovery


def _since_start(serving: Serving) -> float | None:
    return None if serving.started is None else max(0.0, _ready(serving) - serving.started)


def _until_start(serving: Serving) -> float | None:
    return None if serving.started is None else serving.started - serving.scheduled


_PARTS: dict[str, Callable[[Serving], float | None]] = {
    "avg_client_wait_ms": lambda serving: serving.sent - serving.scheduled,
    "avg_request_ms": lambda serving: _ready(serving) - serving.sent,
    "avg_queue_ms": _until_start,
    "avg_service_ms": _since_start,
}
"""Parts of the latency. Waiting for the client's own limit and the request itself add up to it; so do the queue, the
client's and the server's together, and the service, where the server says when it begins."""


def _part(served: _Served, name: str, part: Callable[[Serving], float | None]) -> MetricResult:
    values = [value for _, serving in served.completed if (value := part(serving)) is not None]
    whole = len(values) == len(served.completed)
    return served.result(
        name,
        None if served.reason or not whole else mean(values) * 1000,
        reason=served.reason or _UNSAID,
        interval_reason=_DEPENDENT,
        unit="ms",
        higher_is_better=False,
        n=len(values),
    )


def _span(served: _Served) -> float:
    """Seconds from the first arrival to the last end, of all sittings together."""
    sittings: dict[str, list[Serving]] = defaultdict(list)
    for serving in served.sent:
        sittings[serving.sitting].append(serving)
    return math.fsum(max(s.ended for s in group) - min(s.scheduled for s in group) for group in sittings.values())


def _throughput(served: _Served) -> MetricResult:
    frames = sum(record.clip.num_frames for record, _ in served.completed if record.clip)
    return _rate(served, "throughput_fps", frames, "frames/s")


def _clip_rate(served: _Served) -> MetricResult:
    return _rate(served, "throughput_clips", len(served.completed), "clips/s")


def _rate(served: _Served, name: str, amount: int, unit: str) -> MetricResult:
    fields: dict[str, Any] = {"unit": unit, "higher_is_better": True, "n": len(served.completed)}
    value = None if served.reason else amount / _span(served)
    return served.result(name, value, reason=served.reason, interval_reason=_DEPENDENT, **fields)


def _offered_rate(served: _Served) -> MetricResult:
    """Requests a second that arrived, over the gaps between them."""
    sittings: dict[str, list[float]] = defaultdict(list)
    for serving in served.sent:
        sittings[serving.sitting].append(serving.scheduled)
    seconds = math.fsum(max(times) - min(times) for times in sittings.values())
    gaps = sum(len(times) - 1 for times in sittings.values())
    closed = served.protocol["arrivals"].get("arrival") == CLOSED
    reason = served.reason or ("in a closed loop the server sets the pace" if closed else "one arrival has no rate")
    value = None if served.reason or closed or seconds <= 0 else gaps / seconds
    return served.result(
        "offered_rate", value, reason=reason, interval_reason="a fact of the schedule", unit="requests/s", n=gaps + 1
    )


def _in_flight(served: _Served) -> MetricResult:
    """The most requests that were out at once."""
    changes = sorted(
        [(s.sitting, s.sent, 1) for s in served.sent] + [(s.sitting, s.ended, -1) for s in served.sent],
        key=lambda change: (change[0], change[1], change[2]),
    )
    out = most = 0
    for _, _, change in changes:
        out += change
        most = max(most, out)
    value = float(most) if served.sent else None
    return served.result(
        "max_in_flight", value, reason="nothing was sent", interval_reason="a count", n=len(served.sent)
    )


def _drift(served: _Served) -> MetricResult:
    """The longest that the client itself was late with a request it could have sent."""
    late = max((serving.drift for serving in served.sent), default=None)
    warnings = []
    if late is not None and served.completed:
        latency = mean([serving.latency for _, serving in served.completed])
        if late > _DRIFT_SHARE * latency:
            warnings.append(f"the client was up to {late * 1000:.1f} ms late, over {_DRIFT_SHARE:.0%} of the latency")
    return served.result(
        "schedule_drift_ms",
        None if late is None else late * 1000,
        reason="nothing was sent",
        interval_reason=MAXIMUM,
        unit="ms",
        higher_is_better=False,
        n=len(served.sent),
        warnings=warnings,
    )


def _retries(served: _Served) -> MetricResult:
    count = float(sum(len(serving.attempts) for serving in served.sent)) if served.sent else None
    fields: dict[str, Any] = {"higher_is_better": False, "n": len(served.sent)}
    return served.result("retries", count, reason="nothing was sent", interval_reason="a count", **fields)


def _slo(served: _Served, seconds: float) -> MetricResult:
    """Share of all requests that gave a usable clip within ``seconds``; a failed one did not."""
    total = len(served.records)
    fields: dict[str, Any] = {"higher_is_better": True, "n": total, "also": {"slo_seconds": seconds}}
    why = served.reason if served.reason != NO_CLIP else None
    if why or not total:
        return served.result("slo_attainment", None, reason=why or "no sample was tried", **fields)
    kept = sum(serving.latency <= seconds for _, serving in served.completed)
    known = (
        {"confidence_interval": wilson_interval(kept, total)} if served.is_alone else {"interval_reason": _DEPENDENT}
    )
    return served.result("slo_attainment", kept / total, **known, **fields)


def _prices(served: _Served, price: Price) -> list[MetricResult]:
    """Money a clip and a second of video. What a failed request costs is not known, and not counted."""
    lengths = [record.clip.num_frames / record.clip.fps for record, _ in served.completed if record.clip]
    money = [price.of(seconds) for seconds in lengths]
    per_clip = mean(money) if money else None
    per_second = math.fsum(money) / math.fsum(lengths) if money else None
    failed = len(served.records) - len(served.completed)
    shared: dict[str, Any] = {
        "unit": price.currency,
        "higher_is_better": False,
        "reason": NO_CLIP,
        "interval_reason": "the price is given, not sampled",
        "n": len(money),
        "also": {"price": price.model_dump(mode="json")},
        "warnings": ["whether failed requests are charged for is not known; they are not counted"] * bool(failed),
    }
    named = {"cost_per_clip": per_clip, "cost_per_video_second": per_second}
    return [served.result(name, value, **shared) for name, value in named.items()]
