"""The client that the second API reference prints, as it is printed (R25), and the job path over HTTP only."""

import re
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from live_server import working
from vid_diffusion_bench.client import VidBenchClient
from vid_diffusion_bench.exceptions import ConflictError, MetricNotFoundError, ModelNotFoundError, ValidationError

PROMPTS = ["a red circle moving left on a black background", "a blue square growing on a white background"]
PRINTED = re.search(
    r"```python\n(.*?)```", (Path(__file__).parent / "reference_client.md").read_text(), flags=re.DOTALL
)[1]


@pytest.fixture(scope="module", autouse=True)
def worker(app, live):
    with working(app) as process:
        yield process


@pytest.fixture
def client(live, key):
    with VidBenchClient(live, key) as made:
        yield made


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    from vid_diffusion_bench.video import Video, write_preview

    folder = tmp_path_factory.mktemp("clips")
    for name in ("one", "two"):
        frames = np.random.default_rng(len(name)).integers(0, 255, (5, 32, 32, 3), dtype=np.uint8)
        write_preview(folder / f"{name}.mp4", Video(frames, 8.0))
    return folder


def test_the_printed_class_runs_as_it_is(live, key):
    definition, usage = PRINTED.split("# Usage\n")
    assert "VidBenchClient(" in usage
    names = {}
    exec(definition, names)
    # Its ten seconds between two looks are the only thing that is not waited for.
    names["time"] = types.SimpleNamespace(time=time.time, sleep=lambda _: time.sleep(0.2))
    client = names["VidBenchClient"](f"{live}/api/v1", key)
    benchmark = client.start_benchmark(model_name="shapes-oracle", prompts=PROMPTS, num_frames=16, fps=8)
    results = client.wait_for_completion(benchmark["benchmark_id"])
    score = results["results"]["metrics"]["overall_score"]
    assert 0 <= score <= 100, f"Quality score: {score}"
    assert client.get_results(benchmark["benchmark_id"]) == results


def test_the_whole_printed_text_runs_with_what_this_server_has(live, key):
    mine = {
        "http://localhost:8080/api/v1": f"{live}/api/v1",
        "your-api-key": key,
        "svd-xt": "shapes-oracle",
        '["A cat playing piano", "Ocean waves"]': repr(PROMPTS),
    }
    text = PRINTED
    for printed, ours in mine.items():
        assert text.count(printed) == 1
        text = text.replace(printed, ours)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"Quality score: \d+\.\d+\n", done.stdout)


def test_the_job_path_by_the_clients_own_words(client):
    made = client.evaluate("shapes_oracle", PROMPTS, metrics=["temporal_consistency"], config={"num_frames": 8})
    seen = []
    results = client.wait_for_completion(made["benchmark_id"], timeout=300, on_event=seen.append)
    assert [event["type"] for event in seen][:: len(seen) - 1] == ["benchmark.started", "benchmark.completed"]
    figures = results["results"]
    assert figures["success_rate"] == 1.0
    assert figures["details"]["temporal_consistency"]["n"] == 2
    assert client.get(made["benchmark_id"])["progress"]["percentage"] == 100.0
    kept = {
        figure["metric"]: figure["value"]
        for figure in client.history(page_size=1)
        if figure["benchmark_id"] == made["benchmark_id"]
    }
    assert kept["temporal_consistency"] == figures["metrics"]["temporal_consistency"]
    known = client.model("shapes-oracle")
    assert known["benchmarks"]["details"]["temporal_consistency"]["n"] >= 1
    assert "temporal_consistency" in known["benchmarks"]["average_scores"]
    assert {"avg_latency_ms", "peak_ram_gb", "success_rate"} <= known["benchmarks"]["performance"].keys()
    assert made["created_at"] < known["last_updated"] <= figures["completed_at"]
    listed = next(client.list_benchmarks(status="completed", model_name="shapes-oracle"))
    assert listed["benchmark_id"] == made["benchmark_id"]
    with pytest.raises(ConflictError):
        client.cancel(made["benchmark_id"])


def test_lists_come_page_by_page_whole_and_once(client):
    ids = [client.submit(["a red circle"], model_name="shapes-oracle")["benchmark_id"] for _ in range(5)]
    for name in ids:
        client.cancel(name)
    listed = [found["benchmark_id"] for found in client.list_benchmarks(page_size=2)]
    assert listed[:5] == ids[::-1]
    assert len(listed) == len(set(listed))
    assert [found["benchmark_id"] for found in client.list_benchmarks(page_size=2, sort="created_at")] == listed[::-1]


def test_models_and_health(client):
    assert {"shapes-oracle", "shapes-base"} <= {model["name"] for model in client.models()}
    assert client.model("shapes-oracle")["name"] == "shapes-oracle"
    assert client.health()["status"]
    with pytest.raises(ModelNotFoundError) as error:
        client.submit(["a"], model_name="shapes-orakel")
    assert error.value.model_name == "shapes-orakel"
    assert error.value.request_id.startswith("req_")


def test_metrics_of_uploads_and_of_paths(app, client, clips):
    files = [clips / "one.mp4", clips / "two.mp4"]
    found = client.upload_and_compute(["temporal_consistency"], files)
    assert set(found["clips"]) == {"one.mp4", "two.mp4"}
    assert 0 < found["metrics"]["temporal_consistency"] <= 1
    root = app.state.services.settings.data_root
    (root / "clips").mkdir()
    for file in files:
        (root / "clips" / file.name).write_bytes(file.read_bytes())
    same = client.compute_metrics(["temporal_consistency"], ["clips/one.mp4", "clips/two.mp4"])
    assert same["metrics"] == found["metrics"]
    with pytest.raises(MetricNotFoundError):
        client.compute_metrics(["no_such_metric"], ["clips/one.mp4"])
    with pytest.raises(ValidationError, match="no such file"):
        client.upload_and_compute(["temporal_consistency"], [clips / "none.mp4"])


def test_logins_and_keys(app, live):
    from server_clients import make_user

    user = make_user(app, password="correct horse battery staple", tier="enterprise")
    with VidBenchClient(live) as client:
        client.login(user.username, "correct horse battery staple")
        assert client.me()["username"] == user.username
        made = client.make_key("a key", ["models.read"])
        with VidBenchClient(live, made["api_key"]) as other:
            assert other.me()["permissions"] == ["models.read"]
        assert [found["id"] for found in client.keys()] == [made["id"]]  # noqa: SIM118 - no dict
        assert client.revoke_key(made["id"])["revoked_at"]
        client.logout()
