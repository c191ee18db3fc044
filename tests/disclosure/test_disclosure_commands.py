"""``vid-bench bundle`` and ``vid-bench verify`` as they are typed."""

import io
import json

import pytest
from rich.console import Console

from vid_diffusion_bench.disclosure import verify
from vid_diffusion_bench.disclosure.terminal import terminal

METRICS = ("kvd", "clip_similarity", "motion_smoothness", "sharpness", "video_text_similarity")


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_there_and_back(vid_bench, copied):
    code, out, _ = vid_bench("bundle", copied, "--json")
    made = json.loads(out)
    assert (code, made["path"], made["clips"]) == (0, "copied.bundle.zip", "all")
    code, out, _ = vid_bench("verify", made["path"], "--sha256", made["sha256"])
    assert code == 0
    assert "VERIFIED" in out
    assert "shapes-small: clip_similarity" in out


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_no_name_of_a_metric_is_folded_from_80_columns_on(bundled, columns):
    """What folds first is the outcome: with a size and notes behind it, it would take the room of the names."""
    found = verify(bundled)
    near = {"outcome": "within tolerance", "tolerance": 1e-4, "tolerance_reason": "threads", "largest": 1.1e-8}
    checks = [c.model_copy(update={**near, "detail": "a note"}) if c.part == "scores" else c for c in found.checks]
    console = Console(width=columns, file=io.StringIO())
    console.print(terminal(found.model_copy(update={"checks": checks})))
    lines = console.file.getvalue().splitlines()
    assert set(METRICS) <= {word for line in lines for word in line.split()}
    assert max(map(len, lines)) <= columns
    assert any("shapes-small: clip_similarity" in line for line in lines)
    assert ("within tolerance (1e-08)" in " ".join(lines)) is (columns >= 120)


def test_what_differs_is_printed_and_the_exit_code_is_1(vid_bench, forgery):
    record = forgery.result.models[1].records[0]
    forgery.edit_result(lambda data: data["models"][1]["records"][0]["scores"]["sharpness"].update(value=99.0))
    code, out, _ = vid_bench("verify", forgery.write())
    assert code == 1
    text = " ".join(out.split())
    assert "DOES NOT AGREE" in text
    assert f"✗ sharpness of shapes-small, prompt {record.prompt_id}" in text
    assert "stated 99.0" in text


def test_what_cannot_be_checked_fails_only_when_all_is_required(vid_bench, copied):
    vid_bench("bundle", copied, "--without-clips", "--output", "thin.zip")
    code, out, _ = vid_bench("verify", "thin.zip")
    assert code == 0
    assert "PARTLY VERIFIED" in out
    assert vid_bench("verify", "thin.zip", "--require-all")[0] == 1


def test_mistakes_are_one_line_and_exit_code_2(vid_bench, tmp_path, bundled):
    for arguments in (
        ("bundle", tmp_path),
        ("bundle", tmp_path, "--output", "b.tar"),
        ("verify", tmp_path / "nothing.zip"),
        ("verify", bundled, "--model", "shapes-small"),
        ("verify", bundled, "--regenerate", "-1"),
        ("verify", bundled, "--reference", tmp_path),
    ):
        code, out, err = vid_bench(*arguments)
        assert (code, out, len(err.splitlines()[-1:])) == (2, "", 1), arguments
        assert " — " in err, f"a remedy is said: {arguments}"


def test_a_damaged_bundle_is_one_line_and_exit_code_1(vid_bench, tmp_path):
    (tmp_path / "b.zip").write_bytes(b"nothing")
    code, _, err = vid_bench("verify", "b.zip")
    assert code == 1
    assert err.startswith("INVALID_BUNDLE")


def test_control_characters_of_a_bundle_do_not_reach_the_terminal(vid_bench, forgery):
    forgery.edit("prompts.json", lambda data: data.append({"\x1b[2Jgone": "\x1b]0;title\x07"}))
    code, out, _ = vid_bench("verify", forgery.write())
    assert code == 1
    assert "\x1b" not in out
    assert "gone" in out
