"""The routes, one module a noun."""

from vid_diffusion_bench.server.routes import auth, health, users

ROUTERS = (health.router, auth.router, users.router)
