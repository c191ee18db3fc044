"""Fixtures that several rooms share."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Read when torch is imported. Two processes with two threads each on two cores wait for one another most of the time.

collect_ignore = ["plugin"]
"""A distribution of its own; tests/test_plugin.py installs it and runs its tests."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Family name (those of ``tiny_families.ALL``) to the folder of a tiny pipeline, each built once."""
    from tiny_families import ALL

    root = tmp_path_factory.mktemp("tiny")

    def folder(family: str) -> Path:
        path = root / family
        return path if path.exists() else ALL[family](path)

    return folder


@pytest.fixture(scope="session")
def tiny_networks_folder(tmp_path_factory):
    """Every published network at a tiny random size, written once."""
    from tiny_i3d import save_i3d
    from tiny_networks import save_networks

    return save_i3d(save_networks(tmp_path_factory.mktemp("networks")))


@pytest.fixture
def tiny_networks(tiny_networks_folder, monkeypatch):
    """The weights folder holds every published network at a tiny random size."""
    from tiny_networks import use_networks

    return use_networks(monkeypatch, tiny_networks_folder)


@pytest.fixture(scope="session", autouse=True)
def _no_users_cache(tmp_path_factory):
    """What outlives a test reads no features that another process kept, by another number of threads perhaps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDBENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """No test reads or writes the settings, models or caches of who runs it."""
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HF_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / ".home" / variable.lower()))
    for variable in ("HF_HUB_CACHE", "VIDBENCH_WEIGHTS_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(tmp_path / ".home" / "cache"))


class Answer(NamedTuple):
    """What a command line gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def vid_bench(capsys, tmp_path, monkeypatch):
    """Runs one command line in a folder of its own."""
    from vid_diffusion_bench.cli.app import run

    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capsys.readouterr()  # what fixtures printed is no answer
        code = run([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def named(tiny):
    """A tiny pipeline under each name that the references use."""
    from functools import partial

    from vid_diffusion_bench.config import GenerationParameters
    from vid_diffusion_bench.models import ModelInfo, ModelRegistry
    from vid_diffusion_bench.models.diffusers import DiffusersModel

    names = ("svd-xt", "svd", "cogvideo", "pika")
    before = {ModelRegistry.resolve(name): ModelRegistry.get(name) for name in names}
    small = GenerationParameters(height=32, width=32, num_frames=8, num_inference_steps=2)
    for name in before:
        info = ModelInfo(name=name, display_name=name, defaults=small)
        ModelRegistry.register(name, partial(DiffusersModel, name, tiny("animatediff"), info=info))
    yield
    for name, factory in before.items():
        ModelRegistry.register(name, factory)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        running = driver.chromium.launch(executable_path=chromium, args=options)
        yield running
        running.close()


@pytest.fixture
def opened(browser, written):
    """Opens the test module's page ``written``, from disk, with the network off, at a width.

    What it printed as errors, and what it asked for, must be nothing.
    """
    contexts, complaints, requests = [], [], []

    def open_at(width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine is no failure
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(written.as_uri())
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
