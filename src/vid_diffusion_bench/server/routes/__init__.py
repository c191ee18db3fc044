"""The routes, one module a noun."""

from vid_diffusion_bench.server.routes import benchmarks, health, metrics, models

ROUTERS = (benchmarks.router, models.router, metrics.router, health.router)
