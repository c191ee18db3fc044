"""The OpenAPI says everything: who may ask, what can go wrong, what the headers are, and shows each body once."""

import re
from pathlib import Path

import jsonschema_rs
import pytest

from server_clients import app_of
from vid_diffusion_bench.auth import PERMISSIONS
from vid_diffusion_bench.server import docs
from vid_diffusion_bench.server.examples import operations
from vid_diffusion_bench.server.routing import RATE_HEADERS, SECURITY

PAGE = Path(__file__).parents[2] / "docs" / "server.md"


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    app = app_of(tmp_path_factory.mktemp("openapi"))
    yield app.openapi()
    app.state.services.database.close()


def test_every_operation_says_who_may_ask(schema):
    for name, operation in operations(schema):
        needed = operation["x-permission"]
        assert needed in (*PERMISSIONS, "public", "known"), name
        assert operation["security"] == ([] if needed == "public" else SECURITY), name
        expected = {"public": set(), "known": {"401"}}.get(needed, {"401", "403"})
        assert expected <= operation["responses"].keys(), name
    assert {name for option in SECURITY for name in option} <= schema["components"]["securitySchemes"].keys()


def test_every_operation_documents_errors_and_headers(schema):
    for name, operation in operations(schema):
        assert {"422", "429", "503"} <= operation["responses"].keys(), name
        for status, answer in operation["responses"].items():
            assert answer["description"], name
            if status == "304":
                continue
            assert RATE_HEADERS.keys() <= answer["headers"].keys(), (name, status)
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503")), (name, status)
            if int(status) >= 400:
                body = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                # A server that is not healthy says so in the body of its health.
                expected = "Health" if status == "503" and name.endswith("/health") and "{" not in name else "ErrorBody"
                assert body == expected, (name, status)


def bodies(schema):
    for name, operation in operations(schema):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            yield name, "request", media
        for status, answer in operation["responses"].items():
            for media in answer.get("content", {}).values():
                yield name, status, media


def test_every_body_has_an_example_that_is_one(schema):
    for name, what, media in bodies(schema):
        assert "example" in media, f"{name}, {what}: write it with scripts/api_examples.py"
        whole = {**media["schema"], "components": schema["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(media["example"])


def test_the_page_has_every_route_setting_limit_and_error():
    page = PAGE.read_text(encoding="utf-8")
    assert docs.written(page) == page, "make docs"


def test_the_page_names_no_route_or_setting_that_is_not(schema):
    from vid_diffusion_bench.server.settings import ServerSettings

    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"VIDBENCH_([A-Z_]+)", page))
    assert named - {"KEY", "API_KEY"} <= {name.upper() for name in ServerSettings.model_fields}
