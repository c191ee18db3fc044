"""The routes, one module a noun."""

from vid_diffusion_bench.server.routes import analytics, auth, benchmarks, metrics, models, monitoring, users

ROUTERS = (
    benchmarks.router,
    models.router,
    metrics.router,
    monitoring.router,
    analytics.router,
    auth.router,
    users.router,
)
