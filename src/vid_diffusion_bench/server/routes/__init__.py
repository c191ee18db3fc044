"""The routes, one module a noun."""

from vid_diffusion_bench.server.routes import auth, benchmarks, metrics, models, monitoring, users

ROUTERS = (benchmarks.router, models.router, metrics.router, monitoring.router, auth.router, users.router)
