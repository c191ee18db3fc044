"""``vid-bench optimize``, and the file it leaves for ``vid-bench benchmark --params``."""

from __future__ import annotations

import json

import pytest

SPACE = {"discrete_params": {"num_inference_steps": [1, 2]}, "categorical_params": {"scheduler": ["euler", "ddim"]}}
PROMPTS = ["a red circle", "a blue square"]
SMALL = ["--set", "num_frames=9", "height=32", "width=32", "--top", "1", "--quality-metric", "motion_smoothness"]


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(json.dumps(SPACE))
    return path


def test_the_file_of_optimize_is_taken_by_benchmark(vid_bench, tiny, space, tmp_path):
    model = tiny("ltx")
    asked = ["--objective", "quality", "--strategy", "bayesian", "--max-evaluations", "3", "--folder", tmp_path / "f"]
    output = tmp_path / "optimized_params.json"
    answer = vid_bench(
        "optimize", model, *asked, "--space", space, *SMALL, "--output", output, "--prompts", *PROMPTS, "--json"
    )
    assert answer.code == 0, answer.err
    found = json.loads(output.read_text())
    assert found == answer.json
    # Two step counts with the one scheduler that a flow model has of the two.
    assert [trial["setting"]["scheduler"] for trial in found["trials"]] == ["euler", "euler"]
    assert "scheduler=ddim" in found["left_out"]
    assert "left out of the search" in answer.err
    assert found["fixed"] == {"num_frames": 9, "height": 32, "width": 32}
    assert found["provenance"]["weights_sha256"]
    assert len(found["prompts_fingerprint"]) == 64

    used = vid_bench(
        "benchmark", model, "--params", output, "--prompts", PROMPTS[0], "--metrics", "motion_smoothness",
        "--output", tmp_path / "run", "--json",
    )  # fmt: skip
    assert used.code == 0, used.err
    made = used.json["models"][0]["records"][0]["parameters"]
    expected = {"num_frames": 9, "height": 32, "width": 32, **found["best_parameters"]}
    assert {name: made[name] for name in expected} == expected


def test_an_option_goes_over_the_file_and_another_model_is_warned_of(vid_bench, tiny, space, tmp_path):
    output = tmp_path / "p.json"
    vid_bench("optimize", tiny("ltx"), "--space", space, *SMALL, "--max-evaluations", "1", "--output", output,
              "--folder", tmp_path / "f", "--prompts", *PROMPTS)  # fmt: skip
    used = vid_bench("benchmark", "shapes-oracle", "--params", output, "--num-frames", "5", "--prompts", "a red circle",
                     "--metrics", "dynamic_degree", "--output", tmp_path / "r", "--json")  # fmt: skip
    assert "were found for" in used.err
    assert used.code in (0, 2)


def test_what_is_printed_says_what_was_found(vid_bench, tiny, space, tmp_path):
    answer = vid_bench("optimize", tiny("ltx"), "--space", space, *SMALL, "--max-evaluations", "1", "--folder",
                       tmp_path / "f", "--prompts", *PROMPTS)  # fmt: skip
    assert answer.code == 0, answer.err
    assert "best_score" in answer.out
    assert "optimization.html" in answer.out.replace("\n", "")
    assert (tmp_path / "f" / "optimization.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--objective", "fame"], "no objective 'fame'"),
        (["--strategy", "guess"], "no strategy 'guess'"),
        (["--max-evaluations", "0"], "allows nothing"),
        (["--objective", "memory", "--device", "cpu"], "no GPU"),
        (["--set", "num_frames"], "not NAME=VALUE"),
        (["--resume"], "no search to go on with"),
        (["--space", "none.yaml"], "cannot be read"),
        (["--max-cost", "1"], "price of the machine"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(vid_bench, arguments, said):
    answer = vid_bench("optimize", "shapes-base", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_a_params_file_that_is_none_is_refused(vid_bench, tmp_path):
    (tmp_path / "p.json").write_text("{}")
    for path in ("p.json", "none.json"):
        answer = vid_bench("benchmark", "shapes-base", "--params", path, "--prompts", "a red circle")
        assert answer.code == 2
        assert "vid-bench optimize" in answer.err
