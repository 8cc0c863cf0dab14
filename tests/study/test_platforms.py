import random
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from snellen.errors import UserError
from snellen.study.config import Mturk, OpenLink, Prolific
from snellen.study.platforms import (
    MTURK_PREVIEW,
    Arrival,
    completion_code,
    form_action,
    frame_ancestors,
    is_preview,
    leave,
    read_platform,
    worker_hash,
)

PROLIFIC = Prolific(kind="prolific", completed="CDONE1", no_consent="CNONE1", screened_out="COUT01")
SANDBOX = Mturk(kind="mturk")
REAL = Mturk(kind="mturk", sandbox=False)
FROM_PROLIFIC = {"PROLIFIC_PID": "5f00aa", "STUDY_ID": "60bb", "SESSION_ID": "70cc"}
FROM_MTURK = {
    "workerId": "A1WORKER",
    "assignmentId": "3ASSIGNMENT",
    "hitId": "3HIT",
    "turkSubmitTo": "https://workersandbox.mturk.com",
}


def test_an_open_link_tells_nothing_of_the_person():
    assert read_platform(OpenLink(), {}) == Arrival("", "", "", None)


def test_an_invitation_finds_the_session_and_is_no_platforms_id():
    arrival = read_platform(OpenLink(invitations=True), {}, "tOk-en_123")
    assert arrival == Arrival("", "", "", key="tOk-en_123")


@pytest.mark.parametrize("invitation", [None, "", "a b", "x" * 129, "<script>", "a\n", "é"])
def test_without_a_whole_invitation_nobody_enters(invitation):
    with pytest.raises(UserError, match="open the whole link that you were sent"):
        read_platform(OpenLink(invitations=True), {}, invitation)


@pytest.mark.parametrize(
    ("platform", "body"), [(OpenLink(), {}), (PROLIFIC, FROM_PROLIFIC), (SANDBOX, FROM_MTURK)]
)
def test_an_invitation_where_none_is_expected_is_refused(platform, body):
    with pytest.raises(UserError, match="takes no invitations"):
        read_platform(platform, body, "token")


def test_prolific_names_the_person_what_is_paid_and_the_study():
    assert read_platform(PROLIFIC, FROM_PROLIFIC) == Arrival("5f00aa", "70cc", "60bb", "5f00aa")


def test_mechanical_turk_names_the_person_what_is_paid_and_the_task():
    arrival = read_platform(SANDBOX, FROM_MTURK)
    assert arrival == Arrival("A1WORKER", "3ASSIGNMENT", "3HIT", "A1WORKER")


@pytest.mark.parametrize(
    ("platform", "body", "name"),
    [(PROLIFIC, FROM_PROLIFIC, name) for name in FROM_PROLIFIC]
    + [(SANDBOX, FROM_MTURK, name) for name in FROM_MTURK],
)
def test_each_parameter_is_needed(platform, body, name):
    without = {key: value for key, value in body.items() if key != name}
    for left in (without, body | {name: ""}, body | {name: None}):
        with pytest.raises(UserError, match=f"lacks {name}"):
            read_platform(platform, left)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 65,
        "{{%PROLIFIC_PID%}}",
        "a b",
        "=1+1",
        "a\n",
        "../..",
        "<script>alert(1)</script>",
        "é",
        "١",  # a digit, but not one of ASCII
        7,
        ["5f00aa"],
        {"a": 1},
    ],
)
@pytest.mark.parametrize(
    ("platform", "body", "name"),
    [(PROLIFIC, FROM_PROLIFIC, name) for name in FROM_PROLIFIC]
    + [(SANDBOX, FROM_MTURK, name) for name in ("workerId", "assignmentId", "hitId")],
)
def test_what_is_no_id_is_refused_by_name(platform, body, name, value):
    with pytest.raises(UserError, match=f"^{name} in the link is none of"):
        read_platform(platform, body | {name: value})


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        (OpenLink(), FROM_PROLIFIC),
        (PROLIFIC, FROM_PROLIFIC | {"workerId": "A1"}),
        (SANDBOX, FROM_MTURK | {"admin": "1"}),
        (SANDBOX, FROM_PROLIFIC),
    ],
)
def test_parameters_of_another_platform_are_refused(platform, body):
    with pytest.raises(UserError, match="does not expect"):
        read_platform(platform, body)


def test_a_preview_begins_nothing():
    preview = {"assignmentId": MTURK_PREVIEW, "hitId": "3HIT"}
    assert is_preview(preview)
    assert not is_preview(FROM_MTURK)
    with pytest.raises(UserError, match="preview"):
        read_platform(SANDBOX, preview)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "http://workersandbox.mturk.com",
        "https://workersandbox.mturk.com.evil.example",
        "https://workersandbox.mturk.com@evil.example",
        "https://workersandbox.mturk.com/other",
        "https://workersandbox.mturk.com:444",
        "//workersandbox.mturk.com",
        "javascript:alert(1)",
        "https://WORKERSANDBOX.mturk.com",
        7,
    ],
)
def test_a_foreign_address_to_post_to_is_refused(address):
    with pytest.raises(UserError, match="not Mechanical Turk"):
        read_platform(SANDBOX, FROM_MTURK | {"turkSubmitTo": address})


def test_the_sandbox_and_the_real_one_are_not_mixed():
    with pytest.raises(UserError, match="in the sandbox only"):
        read_platform(SANDBOX, FROM_MTURK | {"turkSubmitTo": "https://www.mturk.com"})
    with pytest.raises(UserError, match="on the real Mechanical Turk only"):
        read_platform(REAL, FROM_MTURK)
    read_platform(REAL, FROM_MTURK | {"turkSubmitTo": "https://www.mturk.com/"})


def test_a_person_is_known_by_a_hash_that_depends_on_study_and_platform():
    salt = "0123456789abcdef" * 4
    kept = worker_hash(salt, "prolific", "5f00aa")
    assert len(kept) == 32
    assert kept == worker_hash(salt, "prolific", "5f00aa")
    others = {
        worker_hash("00" * 32, "prolific", "5f00aa"),
        worker_hash(salt, "mturk", "5f00aa"),
        worker_hash(salt, "prolific", "5f00ab"),
    }
    assert len(others - {kept}) == 3


def test_on_an_open_link_the_own_code_is_all():
    assert leave(OpenLink(), "AB-CD", Arrival()) == {"code": "AB-CD", "leave": None}


def test_prolific_is_gone_back_to_with_the_studys_code_not_the_sessions():
    end = leave(PROLIFIC, "AB-CD", read_platform(PROLIFIC, FROM_PROLIFIC))
    url = urlsplit(end["leave"]["url"])
    assert end["code"] == "CDONE1"
    assert (url.scheme, url.netloc, url.path) == (
        "https",
        "app.prolific.com",
        "/submissions/complete",
    )
    assert parse_qs(url.query) == {"cc": ["CDONE1"]}


@pytest.mark.parametrize(
    ("platform", "host"), [(SANDBOX, "workersandbox.mturk.com"), (REAL, "www.mturk.com")]
)
def test_mechanical_turk_gets_a_form_with_the_assignment_and_the_code(platform, host):
    end = leave(platform, "AB-CD", Arrival("A1", "3ASSIGNMENT", "3HIT", "A1"))
    assert end == {
        "code": "AB-CD",
        "leave": {
            "form": {
                "action": f"https://{host}/mturk/externalSubmit",
                "fields": {"assignmentId": "3ASSIGNMENT", "code": "AB-CD"},
            }
        },
    }


@pytest.mark.parametrize("platform", [SANDBOX, REAL])
def test_where_the_form_goes_the_policy_allows(platform):
    action = leave(platform, "AB-CD", Arrival("A1", "3A", "3H", "A1"))["leave"]["form"]["action"]
    parts = urlsplit(action)
    assert f"{parts.scheme}://{parts.netloc}" in form_action(platform)


def test_only_mechanical_turk_may_frame_the_study_or_be_posted_to():
    for platform in (OpenLink(), PROLIFIC):
        assert frame_ancestors(platform) == ("'none'",)
        assert form_action(platform) == ("'self'",)
    for platform in (SANDBOX, REAL):
        for source in (*frame_ancestors(platform), *form_action(platform)[1:]):
            assert re.fullmatch(r"https://[a-z]+\.mturk\.com", source)


def test_codes_are_long_plain_and_never_the_same_twice():
    codes = {completion_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{6}-[0-9A-HJKMNP-TV-Z]{6}", code) for code in codes)
    assert completion_code(random.Random(3)) == completion_code(random.Random(3))
