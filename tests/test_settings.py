"""Settings: file under environment under nothing; wrong names and values are refused before anything is written."""

from pathlib import Path

import pytest

from vid_diffusion_bench import settings
from vid_diffusion_bench.exceptions import StorageError, ValidationError


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_settings_of_the_reference_are_kept_and_reset():
    for name, value in [("optimization_level", "balanced"), ("default_locale", "es"), ("gpu_memory_fraction", "0.8")]:
        settings.save_setting(name, value)
    stored = settings.load_settings()
    assert (stored.optimization_level, stored.default_locale, stored.gpu_memory_fraction) == ("balanced", "es", 0.8)
    settings.reset_settings()
    assert settings.load_settings().gpu_memory_fraction == 1.0
    settings.reset_settings()


def test_a_variable_beats_the_file(monkeypatch):
    settings.save_setting("device", "cuda:0")
    monkeypatch.setenv("VIDBENCH_DEVICE", "cpu")
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", "/elsewhere")
    assert settings.load_settings().device == "cpu"
    assert settings.load_settings().cache_dir == Path("/elsewhere")
    monkeypatch.delenv("VIDBENCH_CACHE_DIR")
    monkeypatch.setenv("vidbench_cache_dir", "/lower")
    assert settings.load_settings().cache_dir == Path("/lower")
    monkeypatch.setenv("VIDBENCH_DEVICE", "quantum")
    with pytest.raises(ValidationError, match="device"):
        settings.load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("no_such", "1"), ("gpu_memory_fraction", "2"), ("optimization_level", "max"), ("device", "quantum")],
)
def test_wrong_settings_are_refused_and_not_written(name, value):
    with pytest.raises(ValidationError, match=name):
        settings.save_setting(name, value)
    assert not settings.settings_file().exists()


@pytest.mark.parametrize("text", ["device = ", "gpu_memory_fraction = 7\n", "colour = 'red'\n"])
def test_a_damaged_file_is_one_clear_error(text):
    settings.settings_file().parent.mkdir(parents=True)
    settings.settings_file().write_text(text)
    with pytest.raises(ValidationError):
        settings.load_settings()


def test_a_damaged_file_is_one_clear_error_also_when_a_setting_is_written():
    settings.settings_file().parent.mkdir(parents=True)
    settings.settings_file().write_text("device = ")
    with pytest.raises(ValidationError, match="not valid TOML"):
        settings.save_setting("device", "cpu")
    assert settings.settings_file().read_text() == "device = "


def test_a_file_that_cannot_be_removed_is_a_storage_error():
    settings.settings_file().mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot be removed"):
        settings.reset_settings()
