"""Benchmarks over HTTP: what is asked is queued as asked, and what is in the queue is answered as the contract says."""

import threading

import pytest

from server_clients import app_of, client_as, key_of, make_user
from vid_diffusion_bench.auth import READ_ONLY
from vid_diffusion_bench.jobs import Filter, Leases
from vid_diffusion_bench.jobs.child import Outcome
from vid_diffusion_bench.jobs.record import Recorder

PROMPT = "a red circle moving left on a black background"
REQUEST = {"model_name": "shapes-oracle", "prompts": [PROMPT]}


def submitted(ask, **fields):
    answer = ask.post("/benchmarks", json={**REQUEST, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()["benchmark_id"]


def figures(value=0.5):
    result = {"name": "m", "value": value, "confidence_interval": None, "n": 1, "total": 1}
    return {
        "metrics": {"m": value, "overall_score": 80.0}, "performance": {"avg_latency_ms": 20.0}, "success_rate": 1.0,
        "metric_results": {"m": result}, "performance_results": {}, "load_seconds": None, "error": None,
    }  # fmt: skip


def finish(app, *models, status="completed", error=None):
    """Do what a worker does, with the next benchmark of the queue."""
    leases = Leases(app.state.services.database, "w")
    lease = leases.claim()
    value = {"metric": "sharpness", "value": 0.5, "protocol": "p", "result": {"confidence_interval": None, "n": 1}}
    values = [{"model": model, **value} for model in models]
    outcome = Outcome(status, {model: figures() for model in models}, values, 3.5, error)
    Recorder(leases, lease).ended(outcome)
    return lease.job.id


def test_both_forms_of_the_references_are_taken(app, ask):
    first = {
        "name": "model_comparison_benchmark", "models": ["shapes_base", "shapes-small"], "prompts": [PROMPT],
        "metrics": ["fvd", "is", "clip_similarity"], "config": {"batch_size": 4, "num_inference_steps": 25},
    }  # fmt: skip
    second = {
        **REQUEST, "parameters": {"num_frames": 17, "fps": 8, "guidance_scale": 7.5},
        "evaluation_settings": {"compute_metrics": True, "save_videos": False, "optimization_level": "balanced"},
        "metadata": {"experiment_name": "cat_piano_test"},
    }  # fmt: skip
    for body in (first, second):
        answer = ask.post("/benchmarks", json=body)
        assert answer.status_code == 202, answer.text
        assert answer.json() | {"status": "submitted", "estimated_duration": None} == answer.json()
        assert answer.json()["created_at"].endswith("Z")
    latest, earlier = app.state.services.queue.page(Filter())
    assert earlier.models == ["shapes_base", "shapes-small"]
    assert earlier.config["num_inference_steps"] == 25
    assert earlier.total_samples == 2
    assert latest.config | {"num_frames": 17, "optimization": "balanced", "save_videos": False} == latest.config
    assert latest.metadata == {"experiment_name": "cat_piano_test"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"prompts": [PROMPT]}, 400, "INVALID_PARAMETERS"),
        ({**REQUEST, "models": ["shapes-base"]}, 400, "INVALID_PARAMETERS"),
        ({**REQUEST, "config": {"seed": 1}, "parameters": {"seed": 2}}, 400, "INVALID_PARAMETERS"),
        ({**REQUEST, "metrics": ["no-such"]}, 400, "METRIC_NOT_FOUND"),
        ({**REQUEST, "model_name": "invalid-model"}, 404, "MODEL_NOT_FOUND"),
        ({**REQUEST, "model_name": "/etc"}, 404, "MODEL_NOT_FOUND"),
        ({**REQUEST, "model_name": "hf:org/name"}, 403, "PERMISSION_DENIED"),
        ({**REQUEST, "model_name": "endpoint:http://169.254.169.254/v1#m"}, 403, "PERMISSION_DENIED"),
        ({**REQUEST, "prompts": []}, 422, "VALIDATION_FAILED"),
        ({**REQUEST, "prompts": [" "]}, 422, "INVALID_PROMPT"),
        ({**REQUEST, "prompts": ["x" * 10_001]}, 422, "INVALID_PROMPT"),
        ({**REQUEST, "prompts": [PROMPT] * 10_001}, 422, "INVALID_PROMPT"),
        ({**REQUEST, "unknown": 1}, 422, "VALIDATION_FAILED"),
        ({**REQUEST, "parameters": {"num_frames": 0}}, 422, "VALIDATION_FAILED"),
        ({**REQUEST, "parameters": {"image": "../secret.png"}}, 403, "PERMISSION_DENIED"),
        ({**REQUEST, "parameters": {"reference": "/etc"}}, 403, "PERMISSION_DENIED"),
        ({**REQUEST, "parameters": {"image": "none.png"}}, 404, "NOT_FOUND"),
    ],
)
def test_what_cannot_be_is_refused(app, ask, body, status, code):
    answer = ask.post("/benchmarks", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert app.state.services.queue.count(Filter()) == 0


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1, "a": 2}', "{", ""])
def test_only_json_is_json(ask, text):
    answer = ask.post("/benchmarks", content=text, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_FAILED")


def test_a_body_is_bounded(tmp_path):
    app = app_of(tmp_path / "data", max_body_mb=1)
    ask = client_as(app)
    answer = ask.post("/benchmarks", json={**REQUEST, "prompts": ["x" * (2 << 20)]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "CONTENT_TOO_LARGE")
    chunks = (b"x" * 65536 for _ in range(64))
    answer = ask.post("/benchmarks", content=chunks, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_from_submission_to_results(app, ask):
    name = submitted(ask)
    before = ask.get(f"/benchmarks/{name}").json()
    assert (before["status"], before["progress"]["total_prompts"], before["results"]) == ("submitted", 1, None)
    assert ask.get(f"/benchmarks/{name}/results").status_code == 409
    assert finish(app, "shapes-oracle") == name
    after = ask.get(f"/benchmarks/{name}").json()
    assert after["status"] == "completed"
    assert after["results"] == {"shapes-oracle": {"m": 0.5, "overall_score": 80.0}}
    assert after["execution_time"] == 3.5
    assert after["completion_time"].endswith("Z")
    answer = ask.get(f"/benchmarks/{name}/results")
    found = answer.json()
    assert found["model_name"] == "shapes-oracle"
    assert found["results"]["metrics"]["overall_score"] == 80.0
    assert found["results"]["performance"] == {"avg_latency_ms": 20.0}
    assert found["results"]["details"]["m"]["n"] == 1
    again = ask.get(f"/benchmarks/{name}/results", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    (figure,) = ask.get("/metrics/history", params={"metric": "sharpness"}).json()["history"]
    assert (figure["benchmark_id"], figure["value"], figure["protocol"]) == (name, 0.5, "p")
    averages = ask.get("/models/shapes-oracle").json()["benchmarks"]
    assert averages["average_scores"] == {"sharpness": 0.5}
    assert averages["performance"] is None


def test_several_models_have_results_by_name(app, ask):
    name = submitted(ask, model_name=None, models=["shapes-base", "shapes-small"])
    finish(app, "shapes-base", "shapes-small")
    found = ask.get(f"/benchmarks/{name}/results").json()
    assert set(found["models"]) == {"shapes-base", "shapes-small"}
    assert found["results"] is None


def test_a_failed_benchmark_says_why(app, ask):
    name = submitted(ask)
    finish(app, status="failed", error={"code": "MODEL_LOADING_FAILED", "message": "it broke", "details": {}})
    assert ask.get(f"/benchmarks/{name}").json()["error"]["code"] == "MODEL_LOADING_FAILED"
    assert ask.get(f"/benchmarks/{name}/results").json()["error"]["message"] == "it broke"


def test_cancelling(app, ask):
    name = submitted(ask)
    assert ask.delete(f"/benchmarks/{name}").json()["status"] == "cancelled"
    assert ask.delete(f"/benchmarks/{name}").status_code == 409
    running = submitted(ask)
    Leases(app.state.services.database, "w").claim()
    assert ask.delete(f"/benchmarks/{running}").json()["status"] == "cancelling"
    assert app.state.services.queue.get(running).cancel_requested
    assert ask.delete("/benchmarks/bench_none").status_code == 404


def test_lists_have_pages_and_cursors(app, ask):
    names = [submitted(ask, metadata={"n": n}) for n in range(5)]
    first = ask.get("/benchmarks", params={"limit": 2}).json()
    assert [found["benchmark_id"] for found in first["benchmarks"]] == names[:2:-1]
    assert first["pagination"] | {"page": 1, "limit": 2, "total": 5, "pages": 3} == first["pagination"]
    submitted(ask)
    second = ask.get("/benchmarks", params={"limit": 2, "cursor": first["pagination"]["next_cursor"]}).json()
    assert [found["benchmark_id"] for found in second["benchmarks"]] == [names[2], names[1]]
    for wrong, status in (
        ({"sort": "name"}, 400), ({"cursor": "x"}, 400), ({"limit": 101}, 422), ({"page": 0}, 422),
        ({"status": "odd"}, 422), ({"created_after": "yesterday"}, 422),
    ):  # fmt: skip
        assert ask.get("/benchmarks", params=wrong).status_code == status, wrong
    assert ask.get("/benchmarks", params={"status": "completed"}).json()["benchmarks"] == []


def test_what_is_somebody_elses_is_not_there(app, ask):
    name = submitted(ask)
    other = client_as(app, ["benchmark.read", "benchmark.cancel"])
    for method, path in (("GET", ""), ("GET", "/results"), ("DELETE", "")):
        answer = other.request(method, f"/benchmarks/{name}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "BENCHMARK_NOT_FOUND")
    assert other.get("/benchmarks").json()["benchmarks"] == []
    assert client_as(app, READ_ONLY).post("/benchmarks", json=REQUEST).status_code == 403


def test_the_same_key_has_its_effect_once(app, ask):
    headers = {"Idempotency-Key": "k1"}
    first = ask.post("/benchmarks", json=REQUEST, headers=headers)
    again = ask.post("/benchmarks", json=REQUEST, headers=headers)
    assert first.json() == again.json()
    other = ask.post("/benchmarks", json={**REQUEST, "name": "x"}, headers=headers)
    assert other.status_code == 409
    assert app.state.services.queue.count(Filter()) == 1
    somebody = client_as(app)
    assert somebody.post("/benchmarks", json=REQUEST, headers=headers).json() != first.json()


def test_many_at_once_with_one_key(app):
    key = key_of(app, make_user(app, tier="enterprise"))
    found, lock = [], threading.Lock()

    def go():
        from server_clients import client

        answer = client(app, **{"X-API-Key": key}).post("/benchmarks", json=REQUEST, headers={"Idempotency-Key": "k"})
        with lock:
            found.append(answer)

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in found} == {202}
    assert len({answer.json()["benchmark_id"] for answer in found}) == 1
    assert app.state.services.queue.count(Filter()) == 1


def test_a_full_queue_says_when_to_come_again(tmp_path):
    app = app_of(tmp_path / "data", queue_limit=1)
    ask = client_as(app)
    submitted(ask)
    answer = ask.post("/benchmarks", json=REQUEST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVER_OVERLOADED")
    assert int(answer.headers["Retry-After"]) > 0


def test_estimates_come_from_clips_that_were_made(app, ask):
    from sqlalchemy import insert

    from vid_diffusion_bench.database.tables import samples

    name = submitted(ask)
    row = {
        "benchmark_id": name, "model": "shapes-oracle", "prompt_id": "p", "seed": 1, "status": "completed",
        "record": {}, "created_at": 1.0,
    }  # fmt: skip
    with app.state.services.database.writing() as connection:
        connection.execute(insert(samples), [{**row, "key": str(n), "latency": 2.0 + n} for n in range(3)])
    answer = ask.post("/benchmarks", json={**REQUEST, "prompts": [PROMPT, "another"]}).json()
    assert answer["estimated_duration"] == pytest.approx(6.0)
    assert answer["estimated_completion"] > answer["created_at"]
    assert ask.post("/benchmarks", json={**REQUEST, "model_name": "shapes-base"}).json()["estimated_duration"] is None


def test_links_do_not_lead_out_of_the_data_root(app, ask, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"x")
    root = tmp_path / "data"
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    for path in ("link.mp4", "../secret.mp4", str(tmp_path / "secret.mp4"), "a/../../secret.mp4", "\0"):
        body = {"generated_videos": [path], "metrics": ["temporal_consistency"]}
        answer = ask.post("/metrics/compute", json=body)
        assert answer.status_code in (400, 403, 404), (path, answer.text)
        assert "root" in answer.text or "NUL" in answer.text
    body = {"generated_videos": ["x.mp4"], "real_videos": ["/etc/passwd"], "metrics": ["psnr"]}
    assert ask.post("/metrics/compute", json=body).status_code in (403, 404)


def test_metrics_of_videos_of_the_root_and_of_the_request(app, ask, tmp_path):
    from natural import natural_clip
    from vid_diffusion_bench.video.write import write_preview

    video, _ = natural_clip("pan", 0, 8, 64, 64)
    folder = tmp_path / "data" / "clips"
    folder.mkdir(parents=True)
    write_preview(folder / "a.mp4", video)
    body = {"generated_videos": ["clips/a.mp4"], "real_videos": ["clips/a.mp4"], "metrics": ["psnr", "sharpness"]}
    found = ask.post("/metrics/compute", json=body).json()
    assert found["clips"]["clips/a.mp4"]["sharpness"]["value"] == found["metrics"]["sharpness"]
    file = (folder / "a.mp4").read_bytes()
    files = [("generated", ("mine.mp4", file)), ("generated", ("bad.mp4", b"no video"))]
    sent = ask.post("/metrics/compute/upload", data={"metrics": ["sharpness"]}, files=files).json()
    assert sent["clips"]["mine.mp4"]["sharpness"]["value"] == found["metrics"]["sharpness"]
    assert "bad.mp4" in sent["broken"]
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith("upload-")] == []


def test_the_list_of_models_and_one_that_is_not_there(ask):
    models = {model["name"]: model for model in ask.get("/models").json()["models"]}
    assert models["shapes-base"]["status"] == "available"
    assert models["svd-xt"]["status"] != "available"
    assert models["svd-xt"]["supported_resolutions"] == ["1024x576"]
    assert ask.get("/models/svd_xt_1_1").json()["name"] == "svd-xt"
    assert ask.get("/models/none").json()["error"]["details"]["available_models"]
