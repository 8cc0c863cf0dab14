import functools
import json
import os
import sqlite3
import stat
from contextlib import closing
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from snellen.cli.study.mturk import mturk as command
from snellen.errors import UserError
from snellen.study.config import Mturk
from snellen.study.maintenance import purge_identities
from snellen.study.mturk import (
    approve,
    calls,
    connect,
    create_hit,
    external_question,
    mturk_of,
    qualifications,
    status,
)
from snellen.study.mturk.texts import code_of, shortened

from ..studies import MTURK, add_session, make_study
from .mturk_stub import Turk, serve

pytest.importorskip("boto3")

URL = "https://study.example.org/"


@pytest.fixture(scope="module")
def running():
    turk = Turk()
    server, thread = serve(turk)
    yield turk
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def turk(running):
    """The running one, which has forgotten everything."""
    running.__dict__.update(Turk(endpoint=running.endpoint).__dict__)
    return running


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study", platform=MTURK, people=4)


def client(turk, sandbox=True):
    return made_client(turk.endpoint, sandbox)


@functools.cache
def made_client(endpoint, sandbox):
    return connect(Mturk(kind="mturk", sandbox=sandbox), endpoint)


def offered(study, turk, **options):
    return create_hit(study, URL, client=client(turk), **options)


# What is asked


def test_the_task_is_what_study_yaml_says(study, turk):
    hit = offered(study, turk)
    ((operation, asked),) = [one for one in turk.calls if one[0] == "CreateHIT"]
    assert operation == "CreateHIT"
    assert asked["MaxAssignments"] == 4
    assert asked["Reward"] == "1.50"
    assert asked["AssignmentDurationInSeconds"] == 45 * 60
    assert asked["LifetimeInSeconds"] == 3 * 86_400
    assert asked["Title"] == "Which is closest?"
    assert asked["Description"] == "Rank the pictures. Best first."
    assert "QualificationRequirements" not in asked
    assert len(asked["UniqueRequestToken"]) == 64  # the longest that is taken
    assert hit.new
    assert hit.sandbox
    assert hit.link == "https://workersandbox.mturk.com/projects/3GROUP0/tasks"


def test_the_secrets_are_in_nothing_that_is_sent(study, turk):
    offered(study, turk)
    sent = json.dumps(turk.calls)
    assert study.secrets().salt not in sent
    assert study.secrets().admin not in sent


def test_the_question_shows_the_address_in_a_frame():
    root = ET.fromstring(external_question("https://study.example.org/a&b/", 800))
    space = "{http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/"
    space += "ExternalQuestion.xsd}"
    assert root.tag == f"{space}ExternalQuestion"
    assert root.findtext(f"{space}ExternalURL") == "https://study.example.org/a&b/"
    assert root.findtext(f"{space}FrameHeight") == "800"


@pytest.mark.parametrize(
    "url",
    [
        "http://study.example.org/",
        "https://",
        "https://localhost:8000/",
        "https://127.0.0.1/",
        "https://user:pass@study.example.org/",
        "https://study.example.org/?a=1",
        "https://study.example.org/#x",
        "https://study.example.org/ x",
        "https://study.example.org:port/",
        "https://[study/",
        "javascript:alert(1)",
        "study.example.org",
        "",
    ],
)
def test_an_address_that_cannot_be_shown_is_refused_before_anything_is_asked(study, turk, url):
    with pytest.raises(UserError, match=r"https addresses only|plain address|is no address"):
        create_hit(study, url, client=client(turk))
    assert turk.calls == []


def test_workers_may_be_chosen(study, turk):
    offered(study, turk, required=qualifications(95, 100, ["US", "DE"]))
    asked = turk.calls[-1][1]["QualificationRequirements"]
    rate, number, country = asked
    assert rate["QualificationTypeId"] == "000000000000000000L0"
    assert rate["IntegerValues"] == [95]
    assert number["QualificationTypeId"] == "00000000000000000040"
    assert number["Comparator"] == "GreaterThanOrEqualTo"
    assert country["LocaleValues"] == [{"Country": "US"}, {"Country": "DE"}]


@pytest.mark.parametrize(
    "wanted", [{"approval_rate": 101}, {"approved": -1}, {"countries": ["usa"]}]
)
def test_impossible_workers_are_refused(wanted):
    with pytest.raises(UserError):
        qualifications(**wanted)


def test_long_texts_are_cut_where_amazon_would_refuse_them(tmp_path, turk):
    study = make_study(
        tmp_path / "s", platform=MTURK, title="word " * 39 + "end", instructions="x" * 5000
    )
    offered(study, turk)
    asked = turk.calls[-1][1]
    assert len(asked["Title"]) <= 128
    assert asked["Title"].endswith("word …")
    assert len(asked["Description"]) <= 1000


@pytest.mark.parametrize("length", range(1, 30))
def test_a_shortened_text_is_never_too_long(length):
    assert len(shortened("Which one is closest", max(length, 2))) <= max(length, 2)
    assert len(shortened("x" * 40, max(length, 3))) <= max(length, 3)


# Once


def test_a_second_call_makes_no_second_task(study, turk):
    first = offered(study, turk)
    again = offered(study, turk)
    assert (again.id, again.new) == (first.id, False)
    assert turk.count("CreateHIT") == 1
    kept = json.loads((study.path / "mturk.json").read_text())
    assert kept["sandbox"] == {"hit": first.id, "group": "3GROUP0", "url": URL}


@pytest.mark.parametrize("names_hit", [True, False])
def test_a_lost_reply_leads_to_the_task_that_was_made(study, turk, names_hit):
    turk.faults["CreateHIT"] = ["lost"]
    turk.names_hit = names_hit
    hit = offered(study, turk)
    assert turk.count("CreateHIT") == 2  # the client asked again, Amazon knew the token
    assert list(turk.hits) == [hit.id]
    assert hit.url == URL


def test_a_lost_reply_is_found_again_by_the_next_command_even_days_later(study, turk):
    turk.faults["CreateHIT"] = ["lost"] * 5
    turk.lists_hits = False
    turk.names_hit = False
    with pytest.raises(UserError, match=r"not list it yet|no answer"):
        offered(study, turk)
    assert not (study.path / "mturk.json").exists()
    assert len(turk.hits) == 1
    turk.lists_hits = True
    turk.tokens.clear()  # Amazon forgets them after 24 hours
    hit = offered(study, turk)
    assert list(turk.hits) == [hit.id]
    assert not hit.new


def test_a_lost_record_is_found_again_behind_many_pages_of_other_tasks(study, turk):
    turk.page = 2
    for k in range(5):
        other = {"HITId": f"3OTHER{k}", "RequesterAnnotation": "snellen-other", "Question": ""}
        turk.hits[other["HITId"]] = other
    first = offered(study, turk)
    (study.path / "mturk.json").unlink()
    again = offered(study, turk)
    assert again.id == first.id
    assert turk.count("CreateHIT") == 1


def test_two_studies_of_the_same_pictures_are_two_tasks(tmp_path, turk):
    studies = [make_study(tmp_path / name, platform=MTURK) for name in "ab"]
    assert studies[0].digest == studies[1].digest
    assert len({offered(study, turk).id for study in studies}) == 2


def test_another_address_than_the_task_has_is_refused(study, turk):
    offered(study, turk)
    with pytest.raises(UserError, match="offered already"):
        create_hit(study, "https://other.example.org/", client=client(turk))
    assert turk.count("CreateHIT") == 1


def test_a_damaged_record_is_said_and_can_be_removed(study, turk):
    (study.path / "mturk.json").write_text('{"sandbox": {"hit": 7}}')
    with pytest.raises(UserError, match=r"mturk\.json is damaged: remove it"):
        offered(study, turk)


# Money


def test_without_leave_to_pay_nothing_is_asked(tmp_path, turk):
    study = make_study(tmp_path / "s", platform=MTURK | {"sandbox": False}, people=20, pictures=40)
    real = client(turk, sandbox=False)
    with pytest.raises(UserError, match=r"20 assignments at \$1\.50 for real: \$30\.00.*--yes-pay"):
        create_hit(study, URL, client=real)
    assert turk.calls == []
    hit = create_hit(study, URL, client=real, yes_pay=True)
    assert hit.link.startswith("https://worker.mturk.com/")
    assert list(json.loads((study.path / "mturk.json").read_text())) == ["format", "real"]


def test_the_client_goes_to_the_sandbox_unless_study_yaml_says_otherwise():
    for sandbox in (True, False):
        made = connect(Mturk(kind="mturk", sandbox=sandbox))
        assert ("sandbox" in made.meta.endpoint_url) is sandbox
        assert made.meta.endpoint_url.startswith("https://mturk-requester")


def test_texts_that_are_not_filled_in_are_not_offered(tmp_path, turk):
    study = make_study(tmp_path / "s", platform=MTURK, contact="[FILL IN: who you are]")
    with pytest.raises(UserError, match="contact"):
        offered(study, turk)
    assert turk.calls == []


def test_a_study_for_another_platform_is_refused(tmp_path):
    study = make_study(tmp_path / "s")
    with pytest.raises(UserError, match="not for Mechanical Turk"):
        mturk_of(study)


# Who has done what


@pytest.fixture
def worked(study, turk):
    """Two are done; others have another code, no session, are not done, have withdrawn."""
    hit = offered(study, turk)
    add_session(study, 1, worker="A1", assignment="3A1", code="GOOD-1")
    add_session(study, 2, worker="A2", assignment="3OLD", code="GOOD-2")  # accepted once more
    add_session(study, 3, worker="A3", assignment="3A3", code="GOOD-3")
    add_session(study, 4, worker="A4", assignment="3A4", state="active", code=None)
    add_session(study, 5, worker="A6", assignment="", state="withdrawn", code=None)
    for k, code in enumerate(["GOOD-1", "GOOD-2", "FORGED", "GOOD-3", "GOOD-1", ""], start=1):
        turk.submit(hit.id, f"3A{k}", f"A{k}", code)
    turk.submit(hit.id, "3A3B", "A3", "GOOD-3")
    return study


VERDICTS = {
    "3A1": ("P0001", "matched"),
    "3A2": ("P0002", "matched"),
    "3A3": ("P0003", "other code"),
    "3A4": ("P0004", "unfinished"),
    "3A5": ("", "no session"),
    "3A6": ("P0005", "withdrawn"),
    "3A3B": ("P0003", "matched"),
}


@pytest.mark.parametrize("page", [1, 2, 100])
def test_each_assignment_is_given_its_session(worked, turk, page):
    turk.page = page
    found = status(worked, client=client(turk))
    assert {one.id: (one.session, one.verdict) for one in found.assignments} == VERDICTS
    assert (found.state, found.wanted, found.pending) == ("Assignable", 4, 1)


def test_sessions_are_found_after_the_plain_ids_are_purged(worked, turk):
    with closing(sqlite3.connect(worked.database)) as database:
        database.execute("DELETE FROM identity")
        database.commit()
    found = status(worked, client=client(turk))
    assert {one.id: (one.session, one.verdict) for one in found.assignments} == VERDICTS


def test_after_a_purge_codes_are_paid_and_nobody_is_rejected(worked, turk):
    with closing(sqlite3.connect(worked.database)) as database:
        database.execute("UPDATE setting SET value = 'closed' WHERE name = 'state'")
        database.commit()
    purge_identities(worked)
    done = approve(worked, client=client(turk), reject=True)
    assert [(one.id, one.session) for one in done.approved] == [
        ("3A1", "P0001"),
        ("3A2", "P0002"),
        ("3A4", "P0003"),
    ]
    assert done.rejected == ()
    assert {one.id: one.verdict for one in done.others} == {
        "3A3": "forgotten",
        "3A5": "paid already",
        "3A6": "forgotten",
        "3A3B": "paid already",
    }


def test_only_what_matches_is_approved_and_nothing_is_rejected(worked, turk):
    done = approve(worked, client=client(turk))
    assert [one.id for one in done.approved] == ["3A1", "3A2", "3A3B"]
    assert [one.id for one in done.others] == ["3A3", "3A4", "3A5", "3A6"]
    states = {name: one["AssignmentStatus"] for name, one in turk.assignments.items()}
    assert {name for name, state in states.items() if state == "Approved"} == {
        "3A1",
        "3A2",
        "3A3B",
    }
    assert turk.count("RejectAssignment") == 0


def test_a_second_approval_approves_nothing(worked, turk):
    approve(worked, client=client(turk))
    again = approve(worked, client=client(turk))
    assert again.approved == ()
    assert [one.id for one in again.before] == ["3A1", "3A2", "3A3B"]
    assert turk.count("ApproveAssignment") == 3


def test_one_session_is_paid_once(study, turk):
    hit = offered(study, turk)
    add_session(study, 1, worker="A1", assignment="3A1", code="GOOD")
    turk.submit(hit.id, "3A1", "A1", "GOOD")
    turk.submit(hit.id, "3B1", "A1", "GOOD")
    done = approve(study, client=client(turk))
    assert [one.id for one in done.approved] == ["3A1"]
    assert [(one.id, one.verdict) for one in done.others] == [("3B1", "paid already")]
    assert approve(study, client=client(turk)).approved == ()


def test_a_lost_reply_to_an_approval_is_no_failure(worked, turk):
    turk.faults["ApproveAssignment"] = ["lost"]
    assert len(approve(worked, client=client(turk)).approved) == 3


def test_rejection_needs_its_word_and_spares_who_has_withdrawn(worked, turk):
    done = approve(worked, client=client(turk), reject=True)
    assert [one.id for one in done.rejected] == ["3A3", "3A4", "3A5"]
    assert [one.id for one in done.others] == ["3A6"]


def test_where_someone_withdrew_without_a_trace_nobody_unknown_is_rejected(worked, turk):
    add_session(worked, 6, worker=None, assignment="", state="withdrawn", code=None)
    done = approve(worked, client=client(turk), reject=True)
    assert [one.id for one in done.rejected] == ["3A3", "3A4"]
    assert {one.id: one.verdict for one in done.others}["3A5"] == "withdrawn"


def test_before_it_is_offered_there_is_no_status(study, turk):
    for ask in (status, approve):
        with pytest.raises(UserError, match="not offered in the sandbox yet"):
            ask(study, client=client(turk))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "not XML",
        "<a/>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "<Answer><QuestionIdentifier>x</QuestionIdentifier><FreeText>y</FreeText></Answer>",
    ],
)
def test_an_answer_without_a_code_has_none(answer):
    assert code_of(answer) == ""


# What goes wrong at Amazon


def test_throttling_is_waited_out(study, turk):
    turk.faults["CreateHIT"] = ["throttle"] * 4
    assert offered(study, turk).new


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("throttle", "too busy for CreateHIT"),
        ("fault", "fault of its own"),
        ("denied", "does not take these credentials"),
        ("funds", r"refuses CreateHIT: This Requester has insufficient funds in their account"),
    ],
)
def test_a_failure_is_one_sentence(study, turk, fault, sentence):
    turk.faults["CreateHIT"] = [fault] * 10
    with pytest.raises(UserError, match=sentence) as caught:
        offered(study, turk)
    assert "\n" not in str(caught.value)
    assert not (study.path / "mturk.json").exists()


def test_nobody_there_is_one_sentence(study, turk):
    with pytest.raises(UserError, match="check the network"):
        create_hit(study, URL, client=connect(study.config.platform, "http://127.0.0.1:9"))


def test_missing_credentials_are_one_sentence(study, turk, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match="aws configure"):
        create_hit(study, URL, client=connect(study.config.platform, turk.endpoint))


def test_without_boto3_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(UserError, match=r"pip install 'snellen\[mturk\]'"):
        connect(Mturk(kind="mturk"))


def test_a_task_that_amazon_no_longer_knows_is_said(study, turk):
    offered(study, turk)
    turk.hits.clear()
    with pytest.raises(UserError, match=r"refuses GetHIT: Hit 3.* does not exist"):
        status(study, client=client(turk))


# The command


@pytest.fixture
def run(turk, monkeypatch):
    endpoints = dict.fromkeys((True, False), turk.endpoint)
    monkeypatch.setattr(calls, "ENDPOINTS", endpoints)
    return lambda *words: CliRunner().invoke(command, [str(word) for word in words])


def test_the_way_from_offer_to_payment(study, turk, run):
    made = run("create", study.path, "--url", URL, "--approval-rate", "95", "--country", "DE")
    assert made.exit_code == 0
    assert "offered in the sandbox (nobody is paid): HIT 3HIT" in made.stdout
    assert "is offered already" in run("create", study.path, "--url", URL).stdout
    add_session(study, 1, worker="A1", assignment="3A1", code="GOOD")
    turk.submit(next(iter(turk.hits)), "3A1", "A1", "GOOD")
    turk.submit(next(iter(turk.hits)), "3A2", "A2", "\x1b[31mred")
    shown = run("status", study.path).stdout
    assert "4 assignments" in shown
    assert "3A1  submitted  P0001   matched  GOOD" in shown
    assert "\x1b" not in shown
    approved = run("approve", study.path)
    assert approved.exit_code == 1  # not all of it
    assert "1 approved now, 0 before, 1 left to be looked at" in approved.stdout
    assert "3A2" in approved.stdout


def test_the_record_is_plain_and_readable(study, turk, run):
    run("create", study.path, "--url", URL)
    mode = stat.S_IMODE((study.path / "mturk.json").stat().st_mode)
    assert mode & 0o400
    assert [path.name for path in study.path.glob(".tmp-*")] == []
