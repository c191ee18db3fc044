import json
import shutil
import subprocess
import sys

import pytest

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import (
    ModelLoadingError,
    ModelNotFoundError,
    ValidationError,
    WeightsNotFoundError,
)
from vid_diffusion_bench.models import (
    ModelRegistry,
    catalogue,
    get_model,
    list_models,
    model_info,
    register_model,
)
from vid_diffusion_bench.models.oracle import OracleModel
from vid_diffusion_bench.weights.places import hub_cache

KNOWN = [
    *("shapes-base", "shapes-small", "shapes-oracle", "svd", "svd-xt", "cogvideox-2b", "cogvideox-5b", "ltx-video"),
    *("wan2.1-t2v-1.3b", "wan2.1-t2v-14b", "wan2.2-ti2v-5b", "hunyuanvideo", "mochi-1", "latte", "allegro"),
    *("animatediff", "modelscope-t2v", "zeroscope", "pika"),
]


def _into_hub_cache(folder, hub_id, commit="0123abcd"):
    repository = hub_cache() / f"models--{hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    return shutil.copytree(folder, repository / "snapshots" / commit)


def test_the_catalogue_knows_the_families():
    assert [info.name for info in catalogue()] == KNOWN
    assert [info.name for info in list_models()][: len(KNOWN)] == KNOWN


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("svd_xt_1_1", "svd-xt"),
        ("svd-xt-1.1", "svd-xt"),
        ("stable_video", "svd"),
        ("cogvideo", "cogvideox-2b"),
        ("pika_labs", "pika"),
        ("pika-lumiere", "pika"),
        ("Wan2.1_T2V_1.3B", "wan2.1-t2v-1.3b"),
    ],
)
def test_spellings_and_aliases_meet(spelling, name):
    assert model_info(spelling).name == name


def test_every_hub_entry_can_run_once_its_weights_are_here():
    """The defaults of an entry are possible sizes, written as its resolutions are."""
    for info in catalogue():
        if info.hub and info.defaults.width:
            assert f"{info.defaults.width}x{info.defaults.height}" in info.resolutions, info.name
            assert info.max_frames is None or info.defaults.num_frames <= info.max_frames, info.name


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ModelNotFoundError) as caught:
        get_model("svd-xd")
    assert "svd-xt" in caught.value.suggestions
    assert "svd-xt" in caught.value.remedy


def test_missing_weights_say_how_to_get_them():
    with pytest.raises(WeightsNotFoundError) as caught:
        get_model("cogvideox-2b")
    assert "vid-bench models download cogvideox-2b" in caught.value.remedy
    assert model_info("cogvideox-2b").status == "not_downloaded"
    with pytest.raises(WeightsNotFoundError, match="hf:org/name"):
        get_model("hf:org/name")
    assert "save_pretrained" in model_info("animatediff").status_reason


def test_a_hosted_model_is_unconfigured():
    assert model_info("pika").status == "unconfigured"
    with pytest.raises(ModelLoadingError, match="hosted"):
        get_model("pika")


def test_a_downloaded_model_is_available_and_opens(tiny):
    _into_hub_cache(tiny("ltx"), "Lightricks/LTX-Video")
    assert model_info("ltx-video").status == "available"
    model = get_model("ltx")
    assert model.defaults.num_frames == 161
    assert model.provenance()["licence"] == "LTX-Video Open Weights License"


def test_half_a_download_is_not_available(tiny):
    folder = _into_hub_cache(tiny("ltx"), "Lightricks/LTX-Video")
    shutil.rmtree(folder / "text_encoder")
    info = model_info("ltx-video")
    assert (info.status, info.status_reason) == ("not_downloaded", "text_encoder is missing")


def test_a_hub_id_opens_from_the_cache_at_a_revision(tiny):
    _into_hub_cache(tiny("wan"), "org/name", commit="feed")
    assert get_model("hf:org/name").identity() == get_model("hf:org/name@feed").identity()
    with pytest.raises(WeightsNotFoundError) as caught:
        get_model("hf:org/name@other")
    assert "--revision other" in caught.value.remedy


@pytest.mark.parametrize("text", ["hf:", "hf:name", "hf:../../etc", "hf:a/b/c", "hf:org/../name"])
def test_a_hub_id_never_becomes_a_path(text):
    with pytest.raises(ValidationError):
        get_model(text)


def test_a_folder_named_like_a_model_in_the_users_models_folder_wins(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(tmp_path / "mine"))
    shutil.copytree(tiny("svd"), tmp_path / "mine" / "models" / "svd-xt")
    assert model_info("svd_xt_1_1").status == "available"
    assert get_model("svd-xt-1.1").provenance()["class"] == "StableVideoDiffusionPipeline"


def test_a_missing_dependency_is_told_from_missing_weights(tiny):
    info = model_info("ltx-video").model_copy(update={"name": "x"})
    needs = info.requirements.model_copy(update={"dependencies": ["no-such-distribution>=1"]})
    from vid_diffusion_bench.models.resolve import _with_status

    status = _with_status(info.model_copy(update={"requirements": needs}), tiny("ltx"))
    assert (status.status, "no-such-distribution" in status.status_reason) == ("missing_dependency", True)


def test_a_registered_model_is_known_like_the_built_in_ones():
    @register_model("my.own_model", aliases=("mine",))
    class Mine(OracleModel):
        """A model of my own."""

    try:
        assert isinstance(get_model("mine"), Mine)
        assert model_info("my-own-model").description == "A model of my own."
        assert "my-own-model" in [info.name for info in list_models()]
    finally:
        ModelRegistry.unregister("my.own_model")


def test_models_are_listed_without_torch():
    code = (
        "import sys; from vid_diffusion_bench.models import list_models; list_models(); "
        "print({'torch', 'numpy', 'httpx2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_damaged_list_of_shards_is_named_not_a_crash(tiny, tmp_path):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "damaged")
    (folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text("{")
    info = model_info(str(folder))
    assert info.status == "not_downloaded"
    assert "index.json is damaged" in info.status_reason
    with pytest.raises(WeightsNotFoundError, match="damaged"):
        get_model(str(folder))


def test_what_makes_no_videos_is_not_available(tiny, tmp_path):
    info = model_info(str(tiny("stable_diffusion")))
    assert (info.status, "not a video pipeline" in info.status_reason) == ("unconfigured", True)
    folder = shutil.copytree(tiny("ltx"), tmp_path / "ltx")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "LTXDreamPipeline"}))
    assert "no pipeline LTXDreamPipeline" in model_info(str(folder)).status_reason
    assert model_info(str(tiny("ltx"))).status == "available"


def test_a_folder_with_code_of_its_own_is_not_listed_as_available(tiny, tmp_path):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "own")
    (folder / "pipeline.py").write_text("")
    info = model_info(str(folder))
    assert info.status == "unconfigured"
    assert "pipeline.py" in info.status_reason


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"num_frames": 100_000, "height": 512, "width": 512}, "num_frames=2730"),
        ({"height": 16384, "width": 16384}, "=2"),
    ],
)
def test_the_oracle_refuses_what_would_exhaust_the_memory(changes, remedy):
    model = OracleModel()
    with pytest.raises(ValidationError) as caught:
        model.check(GenerationParameters(**changes), 1)
    assert caught.value.remedy.endswith(remedy)
    model.check(GenerationParameters(num_frames=100, height=512, width=512), 4)


@pytest.mark.parametrize("name", ["../outside", "/etc", "vae/../../outside", ""])
def test_a_component_outside_the_folder_is_refused(tiny, tmp_path, name):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "hostile")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {name: index["vae"]}))
    with pytest.raises(ModelLoadingError, match="no plain folder"):
        get_model(str(folder))
