"""The application: its command groups, loaded when used, and the edge where errors become one line and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from cyclopts import App, CycloptsError, Group

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.cli.reply import DONE, FAILED, INTERRUPTED, WRONG_USAGE, Reply
from vid_diffusion_bench.exceptions import (
    BenchmarkNotFoundError,
    MissingDependencyError,
    ModelNotFoundError,
    StorageError,
    ValidationError,
    VidBenchError,
)

_HELP = """Measure video diffusion models: what they make, how fast, and whether a difference is real.

A first look, with nothing to download:

    vid-bench compare shapes-oracle shapes-base --prompt-set shapes-demo

Your own model, from the hub or a diffusers folder:

    vid-bench benchmark hf:ORG/NAME --prompts "A cat playing piano"
"""
_EPILOGUE = (
    "Every command takes --json: the result, or the error, as JSON on standard output. "
    "Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 regression and 4 not comparable (both of gate), "
    "130 interrupted."
)
_RUN, _LOOK, _SETUP, _SERVER = (
    Group(title, sort_key=at) for at, title in enumerate(("Measure", "Look at results", "Set up", "Serve"))
)
_COMMANDS = (
    ("benchmark", "benchmark:benchmark", _RUN, "Make clips with one model, time and score them."),
    (
        "compare",
        "compare:compare",
        _RUN,
        "Run several models, or take runs at hand: which differences are real?",
    ),
    ("plan", "plan:plan", _RUN, "How many prompts and seeds a difference needs, from a pilot run."),
    ("run", "run:run", _RUN, "Run a configuration file, or models on a prompt file."),
    ("profile", "profile:profile", _RUN, "Find out where one model's time, memory and energy go."),
    ("optimize", "optimize:optimize", _RUN, "Search a model's parameters for the best, and confirm it on fresh seeds."),
    ("score", "score:score", _RUN, "Score the stored clips of a run again, with the same or other metrics."),
    ("metrics", "metrics:app", _RUN, "List and explain metrics; compute them on any folders of videos."),
    ("gate", "gate:gate", _LOOK, "Hold a run against a baseline, for CI: exit code 3 when it is worse."),
    ("report", "report:report", _LOOK, "Write a run's HTML report again."),
    ("bundle", "bundle:bundle", _LOOK, "Pack a run so that a third party can check it."),
    ("verify", "bundle:verify", _LOOK, "Check a bundle: files, records, clips, and every score again."),
    ("export", "export:export", _LOOK, "Write a run's numbers as CSV, JSON, Parquet, Markdown or LaTeX."),
    ("models", "models:app", _SETUP, "List models and what they need."),
    ("weights", "weights:app", _SETUP, "List, add and fetch the weights of published feature extractors."),
    ("prompts", "prompts:app", _SETUP, "List and show the standard prompt sets."),
    ("serve", "serve:serve", _SERVER, "Serve the REST and WebSocket API, with workers on this machine."),
    ("worker", "serve:worker", _SERVER, "Run benchmarks of a server's queue on this machine."),
    ("auth", "auth:app", _SERVER, "Make users and API keys of a server; list and revoke them."),
    ("analytics", "analytics:app", _SERVER, "Report and export what a server's benchmarks showed."),
    ("config", "config:app", _SETUP, "Show and change the settings."),
)

app = App(
    name="vid-bench",
    help=_HELP,
    help_epilogue=_EPILOGUE,
    version=__version__,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
for _name, _home, _group, _help in _COMMANDS:
    app.command(f"vid_diffusion_bench.cli.{_home}", name=_name, help=_help, group=_group, sort_key=len(app._commands))
app.register_install_completion_command(group=_SETUP)


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; prints the reply to stdout and an error to stderr."""
    as_json = "--json" in arguments
    try:
        tokens = [argument for argument in arguments if argument != "--json"]
        reply = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        return _show(reply, as_json=as_json)
    except CycloptsError as error:
        return _fail(_usage_error(error), as_json=as_json)
    except VidBenchError as error:
        return _fail(error, as_json=as_json)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the progress has gone, and the work ended there.
        _discard(sys.stdout, sys.stderr)
        return FAILED
    except OSError as error:
        return _fail(StorageError(str(error), details={"path": error.filename}), as_json=as_json)
    except Exception as error:  # The edge of the process: a fault of ours, told in one line.
        if os.environ.get("VIDBENCH_TRACEBACK"):
            raise
        remedy = "set VIDBENCH_TRACEBACK=1 for the traceback, and please report it"
        return _fail(VidBenchError(f"{type(error).__name__}: {error}", remedy=remedy), as_json=as_json)


def exit_code(error: VidBenchError) -> int:
    """2 for what was asked wrongly, 1 for what went wrong."""
    asked_wrongly = isinstance(error, ValidationError | ModelNotFoundError | BenchmarkNotFoundError)
    return WRONG_USAGE if asked_wrongly and not isinstance(error, MissingDependencyError) else FAILED


def _usage_error(error: CycloptsError) -> ValidationError:
    message = " ".join(str(error).split())
    command = " ".join([app.name[0], *(error.command_chain or ())])
    return ValidationError(message, remedy=f"see `{command} --help`")


def _show(reply: object, *, as_json: bool) -> int:
    if not isinstance(reply, Reply):
        return DONE
    try:
        _print(reply, as_json=as_json)
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted.
        _discard(sys.stdout)
    return reply.exit_code


def _print(reply: Reply, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(reply.data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    elif reply.view is not None:
        from rich.console import Console

        Console(highlight=False, markup=False).print(reply.view, soft_wrap=isinstance(reply.view, str))
    sys.stdout.flush()


def _discard(*streams: TextIO) -> None:
    """Send what Python would still flush at exit nowhere."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(error: VidBenchError, *, as_json: bool) -> int:
    if as_json:
        from vid_diffusion_bench.results import utc_now

        body = {"error": {**error.to_dict(), "timestamp": utc_now()}}
        sys.stdout.write(json.dumps(body, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stderr.write(_wrapped(one_line(error)) + "\n")
    return exit_code(error)


def _wrapped(text: str) -> str:
    """``text`` broken between words where it is read on a terminal; one line anywhere else."""
    if not sys.stderr.isatty():
        return text
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def one_line(error: VidBenchError) -> str:
    """``CODE: message. Remedy``, with no line breaks and no control characters."""
    text = f"{error.code}: {error.message}" + (f" — {error.remedy}" if error.remedy else "")
    return "".join(character if character.isprintable() else " " for character in text)
