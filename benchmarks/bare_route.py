"""What the server is measured against: one FastAPI route with the same query and the same typed body, and nothing else.

    python benchmarks/bare_route.py PORT DATABASE_URL [--auth]

``--auth`` asks the database for the API key first, as one would write it: a dependency with a query of its own.
"""

from __future__ import annotations

import sys
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Header

from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.jobs import JobQueue
from vid_diffusion_bench.server.routes.benchmarks import _benchmark
from vid_diffusion_bench.server.schemas import benchmarks as schemas


def bare(database: Database, *, with_auth: bool) -> FastAPI:
    """The application."""
    app, queue, auth = FastAPI(), JobQueue(database), Auth(database, AuthSettings())

    def known(x_api_key: Annotated[str, Header()]) -> str:
        return auth.keys.principal(x_api_key).user_id

    @app.get("/benchmarks/{benchmark_id}", dependencies=[Depends(known)] if with_auth else [])
    def get_benchmark(benchmark_id: str) -> schemas.Benchmark:
        return _benchmark(queue.get(benchmark_id))

    return app


if __name__ == "__main__":
    app = bare(Database(sys.argv[2]), with_auth="--auth" in sys.argv)
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False, backlog=2048)
