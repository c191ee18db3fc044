from __future__ import annotations

import dataclasses
import json

import pytest

from vid_diffusion_bench.cli.app import run


@dataclasses.dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def vid_bench(capsys, tmp_path, monkeypatch):
    """Runs one command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call
