"""Requests made up from the description of the interface, right ones and wrong ones."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from .conftest import running
from .making import Person, owner, study

EXAMPLES = 20  # of each kind for each operation
FEW = 5  # where there is nothing but a header to vary
PAGES = (
    "GET /health",
    "GET /api/study",
    "GET /api/preview",
    "GET /",
    "GET /withdraw",
    "GET /admin",
)
# Any header and any name is a right one.
NEVER_WRONG = (*PAGES, "GET /static/{name}")
OPERATIONS = (
    "GET /health",
    "GET /api/study",
    "POST /api/sessions",
    "GET /api/trial",
    "GET /api/images/{image}",
    "POST /api/answers/{number}",
    "POST /api/complete",
    "POST /api/withdraw",
    "POST /api/refused",
    "GET /api/preview",
    "GET /api/admin/status",
    "POST /api/admin/state",
    "POST /api/admin/unlock",
    "GET /api/admin/result",
    "GET /api/admin/export",
    "GET /",
    "GET /withdraw",
    "GET /admin",
    "GET /static/{name}",
)
# How many were shown, what the platform sends, how deep an object may be.
MORE_THAN_A_SCHEMA_SAYS = ("POST /api/sessions", "POST /api/answers/{number}")
# Where there is nothing for made-up names, and a platform or a ranking must be as it is.
BY_SECRET_NAMES = (
    "GET /api/images/{image}",
    "POST /api/answers/{number}",
    "POST /api/complete",
    "POST /api/withdraw",
    "GET /api/preview",
    "GET /api/admin/result",
    "GET /api/admin/export",
    "GET /static/{name}",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = study(tmp_path_factory.mktemp("fuzz"), people=2000, design="crossed")
    free = {
        f"{name}_{kind}": 1e9 for name in ("token", "begin", "guess") for kind in ("rate", "burst")
    }
    with running(made, **free) as client:
        client.study = made
        client.schema = schemathesis.openapi.from_dict(client.app.openapi())
        yield client


def operations(schema):
    found = (result.ok() for result in schema.get_all_operations())
    return {f"{each.method.upper()} {each.path}": each for each in found}


def test_every_operation_is_tried(served):
    assert set(operations(served.schema)) == set(OPERATIONS)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, GenerationMode.POSITIVE) for name in OPERATIONS),
        *((name, GenerationMode.NEGATIVE) for name in OPERATIONS if name not in NEVER_WRONG),
    ],
)
def test_what_comes_back_is_as_described(served, name, mode):
    operation = operations(served.schema)[name]
    served.post("/api/admin/state", headers=owner(served.study), json={"state": "open"})
    person = Person(served)
    left_out = [positive_data_acceptance] if name in MORE_THAN_A_SCHEMA_SAYS else []
    headers = owner(served.study) if "admin/" in name else person.headers

    statuses = set()

    @hypothesis.settings(
        max_examples=FEW if name in PAGES else EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case):
        # As it came (mostly without a token), and with a good one.
        for more in ({}, headers):
            reply = case.call_and_validate(
                base_url=str(served.base_url),
                headers=more,
                timeout=20,
                excluded_checks=left_out,
            )
            statuses.add(reply.status_code)

    tried()
    if mode is GenerationMode.POSITIVE and name not in BY_SECRET_NAMES:
        assert min(statuses) < 300, statuses
