"""Clients of the REST and WebSocket API: :class:`VidBenchClient` and, for asyncio, :class:`AsyncVidBenchClient`."""

from vid_diffusion_bench.client.asynchronous import AsyncVidBenchClient
from vid_diffusion_bench.client.blocking import VidBenchClient
from vid_diffusion_bench.client.retries import Retries

__all__ = ["AsyncVidBenchClient", "Retries", "VidBenchClient"]
