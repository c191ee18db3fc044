"""The routes, one module a noun."""

from vid_diffusion_bench.server.routes import health

ROUTERS = (health.router,)
