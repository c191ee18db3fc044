"""The edge: help that loads nothing, one-line errors, exit codes, JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.cli.app import app, exit_code, one_line, run
from vid_diffusion_bench.exceptions import (
    BenchmarkNotFoundError,
    InsufficientMemoryError,
    MetricNotFoundError,
    MissingDependencyError,
    ModelNotFoundError,
    RunLockedError,
    VidBenchError,
)

HEAVY = {
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "pydantic",
    "sqlalchemy",
    "scipy",
    "plotly",
    "cv2",
    "av",
    "jinja2",
}
GROUPS = {"models": "list info", "metrics": "list info compute", "prompts": "list show", "config": "show set reset"}
COMMANDS = ["benchmark", "compare", "run", "score", "report", "export",
            *(f"{group} {command}" for group, commands in GROUPS.items() for command in commands.split())]  # fmt: skip


def test_both_console_scripts_are_this_application():
    scripts = {point.name: point.value for point in entry_points(group="console_scripts")}
    assert scripts["vid-bench"] == scripts["vid-diffusion-bench"] == "vid_diffusion_bench.cli:main"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments):
    code = (
        f"import sys, json; from vid_diffusion_bench.cli.app import run; code = run({arguments});"
        "print('\\n' + json.dumps([code, sorted({m.split('.')[0] for m in sys.modules})]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    returned, loaded = json.loads(done.stdout.splitlines()[-1])
    assert returned == 0
    assert not set(loaded) & HEAVY


def test_listing_models_imports_no_torch_no_numpy_and_no_client():
    code = "import sys; from vid_diffusion_bench.cli.app import run; run(['models', 'list'])"
    code += "; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "pydantic" in loaded
    assert not loaded & {*(HEAVY - {"pydantic"}), "httpx2", "asyncio"}


def test_version(vid_bench):
    assert vid_bench("--version").out.strip() == __version__


def test_help_teaches_every_group_and_the_exit_codes(vid_bench):
    text = vid_bench("--help").out
    for word in ("benchmark", "compare", "metrics", "export", "hf:ORG/NAME", "--json", "130 interrupted"):
        assert word in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_parameters(vid_bench, command):
    answer = vid_bench(*command.split(), "--help")
    assert answer.code == 0
    assert f"Usage: vid-bench {command}" in answer.out
    for argument in (
        app[command.split()[0]].assemble_argument_collection(parse_docstring=True) if " " not in command else ()
    ):
        assert argument.parameter.help or argument.children, f"{command}: {argument.name} has no help"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["benchmark"],
        ["benchmark", "shapes-oracle"],
        ["benchmark", "shapes-oracle", "--prompts", ""],
        ["benchmark", "shapes-oracle", "--prompts", "a", "--prompt-set", "shapes-v1"],
        ["benchmark", "shapes-oracle", "--prompts", "a", "--num-frames", "many"],
        ["benchmark", "shapes-oracle", "--prompts", "a", "--num-frames", "0"],
        ["benchmark", "shapes-oracle", "--prompts", "a", "--metrics", "fvdd"],
        ["benchmark", "shapes-oracle", "--prompts", "x" * 10_001],
        ["benchmark", "shapes-oracel", "--prompts", "a"],
        ["benchmark", "shapes-oracle", "--prompts-file", "missing.txt"],
        ["benchmark", "shapes-oracle", "--prompt-set", "shapes-v9"],
        ["compare", "--prompts", "a"],
        ["run"],
        ["run", "--config", "missing.yaml"],
        ["report", "nowhere"],
        ["export", "--format", "csv", "--output", "x.csv"],
        ["export", "nowhere", "--format", "xls", "--output", "x"],
        ["models", "info", "svdx"],
        ["metrics", "info", "fvdd"],
        ["prompts", "show", "shapes-v9"],
        ["config", "set", "colour", "red"],
        ["config", "set", "gpu_memory_fraction", "2"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_on_stderr_and_exit_code_2(vid_bench, arguments):
    arguments = [argument[:10_001] for argument in arguments]
    answer = vid_bench(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1
    code, _, message = answer.err.partition(": ")
    assert code.isupper()
    assert message.strip()
    assert "Traceback" not in answer.err
    assert not list(Path.cwd().rglob("*.sqlite"))


def test_an_error_as_json_is_the_error_body(vid_bench):
    answer = vid_bench("models", "info", "svdx", "--json")
    error = answer.json["error"]
    assert answer.code == 2
    assert error["code"] == "MODEL_NOT_FOUND"
    assert error["details"]["model_name"] == "svdx"
    assert "svd" in error["remedy"]
    assert error["timestamp"].endswith("Z")


def test_wrong_usage_as_json_has_the_same_body(vid_bench):
    assert vid_bench("benchmark", "--json").json["error"]["code"] == "INVALID_PARAMETERS"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelNotFoundError("m"), 2),
        (MetricNotFoundError("m"), 2),
        (BenchmarkNotFoundError("m"), 2),
        (MissingDependencyError("m"), 1),
        (RunLockedError("m"), 1),
        (InsufficientMemoryError("m"), 1),
    ],
)
def test_exit_codes_tell_asked_wrongly_from_went_wrong(error, code):
    assert exit_code(error) == code


def test_an_error_stays_on_one_line_without_control_characters():
    line = one_line(VidBenchError("a\nb\x1b[31m\u202e", remedy="do\tthis"))
    assert line == "INTERNAL_ERROR: a b [31m  — do this"


def test_a_fault_of_ours_is_one_line_too_and_says_how_to_see_more(vid_bench, monkeypatch):
    monkeypatch.setattr("vid_diffusion_bench.models.list_models", lambda: 1 / 0)
    answer = vid_bench("models", "list")
    assert answer.code == 1
    assert answer.err.startswith("INTERNAL_ERROR: ZeroDivisionError")
    assert "VIDBENCH_TRACEBACK=1" in answer.err
    monkeypatch.setenv("VIDBENCH_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        vid_bench("models", "list")


def test_completion_can_be_installed(tmp_path):
    done = subprocess.run(
        [Path(sys.executable).with_name("vid-bench"), "--install-completion", "--shell", "bash",
         "--output", tmp_path / "completion"], capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    script = (tmp_path / "completion").read_text()
    assert all(word in script for word in ("vid-bench", "benchmark", "--num-frames"))


def test_a_run_that_ends_because_nobody_reads_its_progress_is_not_done(tmp_path):
    script = Path(sys.executable).with_name("vid-bench")
    command = f"{script} benchmark shapes-oracle --prompts a b c --warmup 0 --output {tmp_path}/r 2> >(exec true)"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode == 0) == (tmp_path / "r" / "results.json").exists()


def test_a_folder_that_cannot_be_written_is_a_storage_error(vid_bench, tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    answer = vid_bench("--install-completion", "--shell", "bash", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "STORAGE_FAILED")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["compare", "--prompts", "a"], "no models"), (["report", ".", "--max-prompts", "-1"], "--max-prompts")],
)
def test_a_number_or_list_that_makes_no_sense_is_wrong_usage(vid_bench, arguments, said):
    answer = vid_bench(*arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_reader_that_goes_away_is_no_error():
    command = f"{Path(sys.executable).with_name('vid-bench')} prompts show diverse-v2 --json | head -c 20"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_on_a_terminal_breaks_between_words(monkeypatch, capsys):
    arguments = ["models", "info", "no-such-model-of-the-catalogue"]
    run(arguments)
    plain = capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    run(arguments)
    shown = capsys.readouterr().err
    assert plain.count("\n") == 1
    assert shown.split() == plain.split()
    assert max(map(len, shown.splitlines())) <= 40


def test_a_model_written_as_a_path_is_a_folder_that_is_not_there(capsys):
    assert run(["models", "info", "./my-pipeline"]) == 2
    assert "there is no folder ./my-pipeline" in capsys.readouterr().err
