"""The API against its own document: schemathesis makes requests up and finds nothing."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from serve_case import site

from virality.workflow.prediction_log import open_log

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance, unsupported_method,
]  # fmt: skip


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    with (
        open_log(tmp_path_factory.mktemp("log") / "predictions.db") as log,
        site(waiting=200, clip_bytes=100_000, log=log) as one,
    ):
        yield schemathesis.openapi.from_url(f"{one.url}/api/v1/openapi.json")


def test_the_api_keeps_to_its_document(document):
    for found in document.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=15, deadline=None, derandomize=True,
            phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def keeps(case):
            text = case.operation.path == "/metrics"  # Prometheus reads it, not as JSON
            case.call_and_validate(checks=CHECKS[:2] if text else CHECKS)

        keeps()
