"""The routes, one module a noun."""

from vid_diffusion_bench.server.routes import auth, benchmarks, health, metrics, models, users

ROUTERS = (benchmarks.router, models.router, metrics.router, health.router, auth.router, users.router)
