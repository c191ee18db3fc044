"""``vid-bench serve`` and ``vid-bench worker``."""

from __future__ import annotations

from vid_diffusion_bench.cli.reply import Reply


def serve(*, host: str = "127.0.0.1", port: int = 8080, workers: int = 1) -> Reply:
    """Serve the REST and WebSocket API, with workers on this machine that run what is submitted.

    Settings are `VIDBENCH_*` variables: see docs/server.md. The first start prints the key of the user `admin`, once.

    Args:
        host: The address to listen at; `0.0.0.0` is every address of this machine.
        port: The port.
        workers: Worker processes to start; 0 where others do the work (`vid-bench worker`).
    """
    from vid_diffusion_bench.server.logs import configure
    from vid_diffusion_bench.server.serve import serve as run
    from vid_diffusion_bench.server.settings import ServerSettings

    configure()
    run(ServerSettings.load(), host, port, workers)
    return Reply({"served": f"{host}:{port}"}, "")


def worker(*, until_stdin_ends: bool = False) -> Reply:
    """Run benchmarks of a server's queue on this machine, until SIGTERM; then the running one goes back into the queue.

    Args:
        until_stdin_ends: End when standard input does, as what `serve` starts.
    """
    from vid_diffusion_bench.server.logs import configure
    from vid_diffusion_bench.server.serve import work
    from vid_diffusion_bench.server.settings import ServerSettings

    configure()
    work(ServerSettings.load(), until_stdin_ends=until_stdin_ends)
    return Reply({}, "")
