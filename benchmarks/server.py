"""The server under load: status reads, lists over many samples, many sockets, memory. Prints figures, never asserts.

The client is this process, the server is `vid-bench serve` in another, over loopback. What is compared takes turns.

    python benchmarks/server.py [--only status list sockets memory] [--store sqlite postgresql]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import websockets

from loopback import cpu_seconds, get, load, megabytes, program
from server_rows import Filled, fill
from vid_diffusion_bench.auth import PERMISSIONS
from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.database import Database, upgrade
from vid_diffusion_bench.jobs import JobQueue, Leases, NewJob

from databases import postgresql  # isort: skip - tests/ is on the path since loopback
from served_program import Live, free_port  # isort: skip

API = "/api/v1"
BARE = str(Path(__file__).with_name("bare_route.py"))


class Served(NamedTuple):
    """A running server: where, its process, its database, a benchmark that runs there, and a key that may all."""

    port: int
    process: psutil.Process
    database: Database
    leases: Leases
    lease: Any
    key: str


@contextmanager
def served(folder: Path, url: str | None = None) -> Iterator[Served]:
    """The server without workers, over a database of its own in which one benchmark runs."""
    live = Live(folder, 0, **({"database_url": url} if url else {}))
    database = Database(url or f"sqlite:///{folder / 'data' / 'server.sqlite'}")
    upgrade(database)
    auth = Auth(database, AuthSettings())
    owner = auth.users.make("owner", PERMISSIONS, tier="enterprise")
    key = auth.keys.make(owner, "of the benchmark", PERMISSIONS)[1]
    JobQueue(database).submit([NewJob(owner.id, ["shapes-base"], {"prompts": ["a red circle"] * 6}, total_samples=6)])
    leases = Leases(database, "worker of the benchmark")
    lease = leases.claim()
    live.start()
    try:
        yield Served(live.port, psutil.Process(live.process.pid), database, leases, lease, key)
    finally:
        live.stop()
        database.close()


def status(folder: Path, url: str | None, rounds: int, count: int, connections: int) -> dict[str, Any]:
    """`GET /benchmarks/{id}` against a bare route with the same query and body; control: another process of that."""
    with ExitStack() as stack:
        ours = stack.enter_context(served(folder, url))
        name = ours.lease.job.id
        kinds = {}
        for kind, more in (("bare", []), ("control", []), ("bare_with_auth", ["--auth"])):
            port = free_port()
            process = stack.enter_context(program(BARE, str(port), ours.database.url, *more, port=port))
            kinds[kind] = (port, process, get(f"/benchmarks/{name}", ours.key if more else None))
        kinds["ours"] = (ours.port, ours.process, get(f"{API}/benchmarks/{name}", ours.key))
        rates: dict[str, list[float]] = {kind: [] for kind in kinds}
        cpu: dict[str, list[float]] = {kind: [] for kind in kinds}
        latencies: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(-1, rounds):
            order = list(kinds.items())
            for kind, (port, process, request) in order[number % 4 :] + order[: number % 4]:
                before = cpu_seconds(process)
                answers = load(port, [request], count, connections)
                assert answers.statuses == {200}, answers.statuses
                if number >= 0:  # the first round warms up
                    rates[kind].append(count / answers.seconds)
                    cpu[kind].append((cpu_seconds(process) - before) / count)
                    latencies[kind] += answers.latencies
    found: dict[str, Any] = {"rounds": rounds, "requests_a_round": count, "connections": connections}
    for kind in kinds:
        found[kind] = {
            "reads_a_second": round(statistics.median(rates[kind])),
            "p50_ms": _percentile(latencies[kind], 50),
            "p99_ms": _percentile(latencies[kind], 99),
            "cpu_us_a_read": round(1e6 * statistics.median(cpu[kind])),
            "cpu_us_a_read_least": round(1e6 * min(cpu[kind])),
            "rate_to_bare_quartiles": _ratios(rates[kind], rates["bare"]),
            "cpu_of_bare_to_it_quartiles": _ratios(cpu["bare"], cpu[kind]),
        }
    return found


def lists(folder: Path, store: str, few: int, many: int, rounds: int, count: int) -> dict[str, Any]:
    """p95 of `GET /benchmarks` with ``few`` and ``many`` sample rows, 100 each benchmark; control: few again."""
    with ExitStack() as stack:
        kinds: dict[str, tuple[int, list[bytes]]] = {}
        for kind, samples in (("few", few), ("control", few), ("many", many)):
            url = stack.enter_context(postgresql()) if store == "postgresql" else None
            ours = stack.enter_context(served(folder / kind, url))
            filled = fill(ours.database, samples)
            for page, request in _pages(ours, filled).items():
                kinds[f"{page} {kind}"] = (ours.port, [request])
        latencies: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(-1, rounds):
            order = list(kinds.items())
            turn = number % len(order)
            for kind, (port, requests) in order[turn:] + order[:turn]:
                answers = load(port, requests, count, 1)
                assert answers.statuses == {200}, answers.statuses
                latencies[kind] += answers.latencies if number >= 0 else []
    found: dict[str, Any] = {"few": few, "many": many, "of_each": rounds * count}
    for page in sorted({kind.rpartition(" ")[0] for kind in kinds}):
        p95 = {kind: _percentile(latencies[f"{page} {kind}"], 95) for kind in ("few", "control", "many")}
        p50 = {kind: _percentile(latencies[f"{page} {kind}"], 50) for kind in ("few", "control", "many")}
        ratio = round(p95["many"] / p95["few"], 2)
        found[page] = {"p95_ms": p95, "p50_ms": p50, "many_to_few": ratio, "goal": 2.0}
    return found


def _pages(ours: Served, filled: Filled) -> dict[str, bytes]:
    """The first page and the one after a cursor behind nine tenths, as the owner of all and as an administrator."""
    after = f"{API}/benchmarks?limit=20&cursor={filled.deep}"
    first = f"{API}/benchmarks?limit=20"
    return {
        "first page, owner": get(first, filled.key),
        "deep cursor, owner": get(after, filled.key),
        "first page, administrator": get(first, ours.key),
        "deep cursor, administrator": get(after, ours.key),
    }


def sockets(folder: Path, number: int, events: int, idle: float) -> dict[str, Any]:
    """``number`` sockets that follow one benchmark; ``events`` in all, each must come once and in order."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with served(folder) as ours:
        load(ours.port, [get(f"{API}/benchmarks", ours.key)], 200)
        return asyncio.run(_follow(ours, number, events, idle))


async def _follow(ours: Served, number: int, events: int, idle: float) -> dict[str, Any]:
    address = f"ws://127.0.0.1:{ours.port}/ws/benchmarks/{ours.lease.job.id}"
    seen: list[list[int]] = [[] for _ in range(number)]
    ready, open_at_once = asyncio.Semaphore(0), asyncio.Semaphore(20)

    async def one(mine: list[int]) -> None:
        async with open_at_once:
            headers = {"X-API-Key": ours.key}
            more: dict[str, Any] = {"ping_interval": None, "compression": None, "open_timeout": 120}
            socket = await websockets.connect(address, additional_headers=headers, **more)
            while json.loads(await socket.recv())["type"] != "subscribed":
                pass
        ready.release()
        async with socket:
            while len(mine) < events:
                mine.append(json.loads(await socket.recv())["number"])

    before, begun = megabytes(ours.process), time.perf_counter()
    tasks = [asyncio.create_task(one(mine)) for mine in seen]
    for _ in range(number):
        await ready.acquire()
    opened = time.perf_counter() - begun
    await asyncio.sleep(2)
    with_sockets, cpu = megabytes(ours.process), cpu_seconds(ours.process)
    await asyncio.sleep(idle)
    idle_cpu = (cpu_seconds(ours.process) - cpu) / idle
    begun, cpu = time.perf_counter(), cpu_seconds(ours.process)
    threading.Thread(target=_happen, args=(ours, events - 1)).start()
    async with asyncio.timeout(600):
        await asyncio.gather(*tasks)
    told = time.perf_counter() - begun
    right = list(range(1, events + 1))
    return {
        "sockets": number,
        "events": events,
        "received": sum(map(len, seen)),
        "sockets_that_got_all_in_order": sum(mine == right for mine in seen),
        "seconds_to_open_all": round(opened, 1),
        "kilobytes_a_socket": round(1024 * (with_sockets - before) / number, 1),
        "idle_cpu_ms_a_second_and_1000_sockets": round(1e6 * idle_cpu / number, 2),
        "seconds_for_all_events": round(told, 1),
        "messages_a_second": round(number * events / told),
        "cpu_us_a_message": round(1e6 * (cpu_seconds(ours.process) - cpu) / (number * events), 1),
        "megabytes_before_with_after": [before, with_sockets, megabytes(ours.process)],
    }


def _happen(ours: Served, count: int) -> None:
    for done in range(count):
        ours.leases.note(ours.lease, ("benchmark.progress", {"completed_prompts": done, "total_prompts": count}))


def memory(folder: Path, steps: list[int]) -> dict[str, Any]:
    """Resident memory after so many mixed reads."""
    reads = ["/benchmarks/{id}", "/benchmarks", "/benchmarks?limit=5&status=running", "/models", "/models/shapes-base",
             "/metrics/fvd", "/monitoring/health", "/monitoring/metrics", "/monitoring/alerts", "/auth/me",
             "/analytics/benchmarks", "/benchmarks/none", "/metrics", "/benchmarks?limit=0"]  # fmt: skip
    with served(folder) as ours:
        requests = [get(API + path.replace("{id}", ours.lease.job.id), ours.key) for path in reads]
        found: dict[str, Any] = {"megabytes": {0: megabytes(ours.process)}, "statuses": set()}
        done = 0
        for step in steps:
            answers = load(ours.port, requests, step - done)
            done = step
            found["megabytes"][step] = megabytes(ours.process)
            found["statuses"] |= answers.statuses
        return {**found, "statuses": sorted(found["statuses"])}


def _percentile(latencies: list[float], percent: int) -> float:
    return round(1000 * statistics.quantiles(latencies, n=100)[percent - 1], 2)


def _ratios(over: list[float], under: list[float]) -> list[float]:
    ratios = [one / other for one, other in zip(over, under, strict=True)]
    return [round(quartile, 3) for quartile in statistics.quantiles(ratios, n=4)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=["status", "list", "sockets", "memory"])
    parser.add_argument("--store", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--reads", type=int, default=300)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--idle", type=float, default=15.0)
    parser.add_argument("--requests", type=int, nargs="+", default=[5000, 10_000, 20_000])
    asked = parser.parse_args()
    for part, call in _parts(asked):
        if not asked.only or part.split()[0] in asked.only:
            begun, loads = time.perf_counter(), [os.getloadavg()[0]]
            with tempfile.TemporaryDirectory() as folder:
                found = call(Path(folder))
            loads.append(os.getloadavg()[0])
            took = {"seconds": round(time.perf_counter() - begun), "load_of_the_machine": [round(x, 1) for x in loads]}
            print(json.dumps({part: found | took}, indent=1), flush=True)


def _parts(asked: argparse.Namespace) -> Iterator[tuple[str, Callable[[Path], dict[str, Any]]]]:
    for store in asked.store:
        yield f"status {store}", lambda folder, store=store: _status_of(folder, store, asked)
    for store in asked.store:
        yield f"list {store}", lambda folder, store=store: lists(folder, store, asked.few, asked.many, asked.rounds, 25)
    yield "sockets", lambda folder: sockets(folder, asked.sockets, asked.events, asked.idle)
    yield "memory", lambda folder: memory(folder, asked.requests)


def _status_of(folder: Path, store: str, asked: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        url = stack.enter_context(postgresql()) if store == "postgresql" else None
        return status(folder, url, asked.rounds, asked.reads, asked.connections)


if __name__ == "__main__":
    main()
