"""Prompt files, right and wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import InvalidPromptError, ValidationError
from vid_diffusion_bench.prompts import read_prompts, read_prompts_and_images


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_text_has_one_prompt_a_line_with_comments_and_blanks(tmp_path):
    path = write(tmp_path, "p.txt", "# a comment\n\n  A cat playing piano  \r\nOcean waves\n\n")
    assert read_prompts(path) == ["A cat playing piano", "Ocean waves"]


def test_a_byte_order_mark_is_not_part_of_the_first_prompt(tmp_path):
    assert read_prompts(write(tmp_path, "p.txt", b"\xef\xbb\xbfone\ntwo")) == ["one", "two"]


def test_json_lists_strings_or_objects(tmp_path):
    path = write(tmp_path, "p.json", json.dumps(["one", {"prompt": "two", "category": "x"}]))
    assert read_prompts(path) == ["one", "two"]


def test_csv_reads_the_prompt_column_with_quotes_and_newlines(tmp_path):
    path = write(tmp_path, "p.csv", 'id,prompt\n1,"a, b"\n2,"two\nlines"\n')
    assert read_prompts(path) == ["a, b", "two\nlines"]


def test_a_repeat_is_kept_once(tmp_path):
    assert read_prompts(write(tmp_path, "p.txt", "one\ntwo\none\n")) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.txt", "fine\n" + "x" * 10_001 + "\n", "p.txt, line 2 has 10,001 characters"),
        ("p.txt", "fine\nnul\0here\n", "p.txt, line 2 holds characters"),
        ("p.csv", "id,prompt\n1,fine\n2,\n", "p.csv, line 3 is empty"),
        ("p.json", '["fine", 3]', "p.json, entry 2 is empty"),
        ("p.json", '["fine", "  "]', "p.json, entry 2 is empty"),
        ("p.txt", "# only a comment\n\n", "holds no prompts"),
    ],
)
def test_a_bad_prompt_is_named_by_file_and_line(tmp_path, name, content, says):
    with pytest.raises(InvalidPromptError, match=says):
        read_prompts(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.txt", b"fine\n\xff\xfe\n", "line 2 is not UTF-8"),
        ("p.json", '[\n"one",\n', "line 3 is not JSON"),
        ("p.json", '{"prompt": "one"}', "holds no list"),
        ("p.csv", "text\none\n", "line 1 has no column `prompt`"),
        ("p.csv", "", "line 1 has no column `prompt`"),
    ],
)
def test_a_file_of_another_shape_says_which_line(tmp_path, name, content, says):
    with pytest.raises(ValidationError, match=says) as caught:
        read_prompts(write(tmp_path, name, content))
    assert caught.value.remedy


@pytest.mark.parametrize("make", [lambda folder: folder / "missing.txt", lambda folder: folder])
def test_what_is_not_a_file_says_so_with_a_remedy(tmp_path, make):
    with pytest.raises(ValidationError, match="cannot be read") as caught:
        read_prompts(make(tmp_path))
    assert caught.value.remedy


readable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60).filter(str.strip)


@given(st.lists(readable, min_size=1, unique=True, max_size=8))
def test_json_gives_back_exactly_what_was_written(tmp_path_factory, prompts):
    path = tmp_path_factory.mktemp("prompts") / "p.json"
    path.write_text(json.dumps(prompts), encoding="utf-8")
    assert read_prompts(path) == prompts


def test_json_and_csv_may_give_a_prompt_its_image(tmp_path):
    json_file = write(tmp_path, "p.json", json.dumps([{"prompt": "one", "image": "a.png"}, "two"]))
    csv_file = write(tmp_path, "p.csv", "prompt,image\none,a.png\ntwo,\n")
    for path in (json_file, csv_file):
        assert read_prompts_and_images(path) == (["one", "two"], {"one": str(tmp_path / "a.png")})
    absolute = write(tmp_path, "q.csv", "prompt,image\none,/pictures/a.png\n")
    assert read_prompts_and_images(absolute)[1] == {"one": "/pictures/a.png"}


@pytest.mark.parametrize("entries", [[{"prompt": "one", "image": 3}], [{"prompt": "one", "image": x} for x in "ab"]])
def test_an_image_that_is_none_or_one_of_two_is_refused(tmp_path, entries):
    with pytest.raises(ValidationError, match="image"):
        read_prompts_and_images(write(tmp_path, "p.json", json.dumps(entries)))
