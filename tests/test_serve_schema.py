"""The API against its own document: schemathesis makes requests up and finds nothing."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from serve_case import site

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance, unsupported_method,
]  # fmt: skip


@pytest.fixture(scope="module")
def document():
    with site(waiting=200, clip_bytes=100_000) as one:
        yield schemathesis.openapi.from_url(f"{one.url}/api/v1/openapi.json")


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(
    max_examples=15, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_the_api_keeps_to_its_document(case):
    if case.operation.path == "/metrics":  # read as text by Prometheus, not as JSON
        case.call_and_validate(checks=[not_a_server_error, status_code_conformance])
        return
    case.call_and_validate(checks=CHECKS)
