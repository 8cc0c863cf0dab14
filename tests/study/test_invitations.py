"""Personal links: told once, kept as hashes, each for one person."""

import csv
import re
import sqlite3
import stat
import time

import pytest

from snellen.errors import UserError
from snellen.study.folder import open_study
from snellen.study.invitations import invite, read_labels
from snellen.study.store.beginning import Begin, begin
from snellen.study.store.refusals import Refused
from snellen.study.store.store import open_store
from snellen.study.store.tokens import token_hash

from .making import study

URL = "https://study.example.org"


@pytest.fixture
def personal(tmp_path):
    made = study(tmp_path / "study")
    place = made.path / "study.yaml"
    place.write_text(place.read_text().replace("invitations: false", "invitations: true"))
    return open_study(made.path)


def rows(made):
    with sqlite3.connect(made.database) as connection:
        found = connection.execute("SELECT label, token_hash, session FROM invitation").fetchall()
    connection.close()
    return sorted(found)


def token(invitation):
    return re.fullmatch(rf"{URL}/\?invitation=([0-9a-f]{{32}})", invitation.link)[1]


def test_links_differ_and_their_hashes_are_kept(personal):
    made = invite(personal, URL + "/", count=3)
    tokens = [token(each) for each in made]
    assert len(set(tokens)) == 3
    assert [each.label for each in made] == ["1", "2", "3"]
    assert rows(personal) == sorted(
        (e.label, token_hash(t), None) for e, t in zip(made, tokens, strict=True)
    )
    assert not any(t.encode() in personal.database.read_bytes() for t in tokens)


def test_a_link_lets_one_person_in(personal):
    (made,) = invite(personal, URL, count=1)
    store = open_store(personal)

    def ask(text):
        asked = Begin(
            personal.digest, 4, personal.plan.trials, 60.0, "00" * 32, invitation=token_hash(text)
        )
        return store.write(lambda c: begin(c, asked, time.time())).result()

    assert ask(token(made)).session == ask(token(made)).session
    with pytest.raises(Refused):
        ask("0" * 32)
    store.close()


def test_numbers_go_on(personal):
    invite(personal, URL, count=2)
    assert [each.label for each in invite(personal, URL, count=2)] == ["3", "4"]
    assert len(rows(personal)) == 4


def test_a_file_that_its_owner_alone_reads(personal, tmp_path):
    out = tmp_path / "links" / "links.csv"
    made = invite(personal, URL, labels=["Anna", "=Bo"], out=out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with out.open(newline="") as file:
        found = list(csv.reader(file))
    assert found == [["label", "link"], ["Anna", made[0].link], ["'=Bo", made[1].link]]
    with pytest.raises(UserError, match="exists"):
        invite(personal, URL, count=1, out=out)
    assert len(rows(personal)) == 2


def test_a_file_that_cannot_be_written_draws_nothing(personal, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        invite(personal, URL, count=1, out=tmp_path / "file" / "links.csv")
    assert rows(personal) == []


def test_a_study_that_takes_none(tmp_path):
    with pytest.raises(UserError, match="invitations: true"):
        invite(study(tmp_path / "study"), URL, count=1)
    with pytest.raises(UserError, match="invitations: true"):
        invite(study(tmp_path / "other", platform="prolific"), URL, count=1)


@pytest.mark.parametrize(
    "url",
    [
        *("study.example.org", "ftp://a.org", "https://", "https://a.org/path", ""),
        *("https://a.org/?x=1", "https://a.org/#x", "https://me@a.org", "https://a.org:99999"),
        "https://a b.org",
    ],
)
def test_what_is_no_address(personal, url):
    with pytest.raises(UserError, match="--url"):
        invite(personal, url, count=1)


def test_numbers_and_labels_that_cannot_be(personal):
    for arguments, said in (
        ({}, "need --count"),
        ({"count": 0}, "--count 0"),
        ({"count": 3, "labels": ["a", "b"]}, "leave --count out"),
        ({"labels": ["a", "a"]}, "comes twice"),
        ({"labels": ["a\x1b[31m"]}, "is no label"),
        ({"labels": ["x" * 201]}, "is no label"),
    ):
        with pytest.raises(UserError, match=said):
            invite(personal, URL, **arguments)
    invite(personal, URL, labels=["Anna"])
    with pytest.raises(UserError, match="has a link already"):
        invite(personal, URL, labels=["Bo", "Anna"])
    assert [label for label, _, _ in rows(personal)] == ["Anna"]


def test_labels_from_a_file(tmp_path):
    place = tmp_path / "labels.txt"
    place.write_bytes("\ufeffAnna\r\n\r\n  Bo \n".encode())
    assert read_labels(place) == ["Anna", "Bo"]
    place.write_text("\n")
    with pytest.raises(UserError, match="holds no label"):
        read_labels(place)
    place.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        read_labels(place)
    with pytest.raises(UserError, match="cannot read"):
        read_labels(tmp_path / "nowhere")
