"""Mechanical Turk's frame with third parties' storage blocked, Prolific's ways, invitations."""

import json
import os

import httpx
import pytest

from snellen.study.maintenance import purge_identities
from snellen.study.store.opening import reading

from .conftest import RATIOS
from .exactness import check_exact, check_told, pictures_of
from .making import Person, set_state, wait_until

OUTSIDE = "https://workersandbox.mturk.com"


def frame_page(src: str) -> str:
    return f"""<!doctype html><html lang="en"><title>MTurk</title>
    <style>body {{ margin: 7px; }} h1 {{ margin: 0; font: 15px/21px serif; }}
    iframe {{ display: block; border: 0; width: 97.3vw; height: 93vh; }}</style>
    <h1>Task</h1><iframe title="task" src="{src}"></iframe>"""


@pytest.fixture(scope="module")
def browsers_without_third_parties(playwright, chromium_at, tmp_path_factory):
    """For each ratio a browser whose settings block all data of third parties."""
    running = {}
    settings = {
        "profile": {
            "cookie_controls_mode": 1,
            "block_third_party_cookies": True,
            "default_content_setting_values": {"cookies": 2},
        }
    }

    def at(ratio):
        if ratio not in running:
            profile = tmp_path_factory.mktemp("profile")
            (profile / "Default").mkdir()
            (profile / "Default" / "Preferences").write_text(json.dumps(settings))
            running[ratio] = playwright.chromium.launch_persistent_context(
                os.fspath(profile), **chromium_at(ratio), no_viewport=True
            )
        return running[ratio]

    yield at
    for browser in running.values():
        browser.close()


class Turk:
    """Amazon's two pages: one with the task in a frame, one that takes its form."""

    def __init__(self, browser):
        self.browser = browser
        self.posted = []
        self.task = ""
        browser.set_default_timeout(15_000)
        browser.route(f"{OUTSIDE}/**", self.answer)

    def answer(self, route):
        request = route.request
        if request.url.endswith("/mturk/externalSubmit"):
            self.posted.append((request.method, request.post_data))
            route.fulfill(content_type="text/html", body="<title>done</title><h1>Submitted</h1>")
        else:
            route.fulfill(content_type="text/html", body=frame_page(self.task))

    def open(self, site, query):
        """The page, and the frame in it."""
        self.task = site.url + query
        page = self.browser.new_page()
        page.goto(OUTSIDE + "/task")
        return page, self.frame(page, site)

    def frame(self, page, site):
        frame = next(frame for frame in page.frames if frame.url.startswith(site.url))
        frame.wait_for_selector("h1")
        return frame


@pytest.fixture
def turk(browsers_without_third_parties):
    used = []

    def at(ratio):
        used.append(browsers_without_third_parties(ratio))
        return Turk(used[-1])

    yield at
    for browser in used:
        browser.unroute_all()
        for page in browser.pages[1:]:
            page.close()


class InFrame(Person):
    """A participant in a frame: what `Person` asks of a page, a frame can do, too."""

    def open(self, query=""):
        return self


ACCEPTED = (
    "?assignmentId=A1&hitId=H1&workerId=W1&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
)


@pytest.mark.parametrize("ratio", RATIOS)
def test_mturk_from_the_frame_to_the_form(make_site, turk, ratio):
    site = make_site(platform="mturk")
    files = pictures_of(site.study)
    turk = turk(ratio)
    page, frame = turk.open(site, ACCEPTED)
    someone = InFrame(frame, site)
    someone.begin()
    check_exact(frame, files)
    with pytest.raises(Exception, match=r"SecurityError|Access is denied"):
        frame.evaluate("sessionStorage.length")
    someone.pick(0, 1, 2)
    someone.next()
    # A reload forgets the token; the worker's id finds the session.
    page.reload()
    frame = turk.frame(page, site)
    someone = InFrame(frame, site)
    someone.press("I agree and take part")
    someone.press("Continue")
    someone.judging()
    assert someone.heading() == "1 of 3"
    check_exact(frame, files)
    code = someone.finish((1, 0, 2))
    assert turk.posted == []
    frame.get_by_role("button", name="Submit to Mechanical Turk").click()
    frame.wait_for_selector("text=Submitted")
    ((method, body),) = turk.posted
    assert method == "POST"
    assert "assignmentId=A1" in body.split("&")
    assert code in body
    assert site.count() == 1
    assert len(site.answers()) == 4
    check_told(site, ratio)


def test_a_task_that_was_given_back_and_taken_again(make_site, new_page):
    """The second assignment is paid, so its id must be in the form, whatever the tab remembers."""
    site = make_site(platform="mturk")
    someone = Person(new_page(), site).begin(ACCEPTED)
    someone.pick(0, 1, 2)
    someone.next()
    someone.open(ACCEPTED.replace("A1", "A2"))
    someone.press("I agree and take part")
    someone.press("Continue")
    someone.judging()
    assert someone.heading() == "1 of 3"
    someone.finish()
    assert someone.page.locator("input[name=assignmentId]").get_attribute("value") == "A2"
    assert site.count() == 1
    # Who comes back when it was forgotten whose the task is, finds no form that nobody takes.
    set_state(site, "closed")
    purge_identities(site.study)
    someone.page.reload()
    someone.page.wait_for_selector("#code")
    assert someone.page.locator("form").count() == 0
    assert "can no longer be handed in" in someone.page.locator("main").inner_text()


def test_a_simulated_study_lets_nobody_in(make_site, new_page):
    site = make_site()
    admin = {"X-Snellen-Admin": site.study.secrets().admin}
    body = {"consent": True, "simulated": True}
    assert httpx.post(site.url + "api/sessions", json=body, headers=admin).status_code == 201
    someone = Person(new_page(), site).open()
    assert someone.heading() == "The study takes no answers from people"
    assert someone.page.get_by_role("button").count() == 0


def test_mturk_preview_creates_nothing(make_site, turk):
    site = make_site(platform="mturk")
    _, frame = turk(1).open(site, "?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H1")
    frame.wait_for_selector("#example .picture img >> nth=3")
    assert "This is a preview" in frame.locator("main").inner_text()
    assert frame.locator("button:visible:not([disabled])").count() == 0
    for place in range(3):
        frame.locator("button.picture").nth(place).click(force=True)
    assert frame.locator(".rank[aria-pressed=true]").count() == 0
    assert site.count() == 0
    with reading(site.study.database) as connection:
        assert connection.execute("SELECT count(*) FROM image").fetchone() == (0,)


def test_another_site_cannot_frame_the_study(make_site, turk):
    site = make_site(platform="mturk")
    turk = turk(1)
    turk.browser.route(
        "https://evil.example/**",
        lambda route: route.fulfill(content_type="text/html", body=frame_page(site.url + ACCEPTED)),
    )
    page = turk.browser.new_page()
    with page.expect_event("requestfailed", lambda request: request.url.startswith(site.url)):
        page.goto("https://evil.example/")
    assert all("I agree" not in frame.content() for frame in page.frames)
    assert site.count() == 0


WHO = "?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x1"


@pytest.fixture
def prolific(make_site, new_page):
    site = make_site(
        platform="prolific",
        changes={
            "platform": {
                "kind": "prolific",
                "completed": "CDONE1",
                "no_consent": "CNONE2",
                "screened_out": "COUT03",
            },
            "small_screens": "refuse",
            "smallest_window": 800,
        },
    )
    return Person(new_page(), site)


def test_prolific_to_the_end(prolific):
    prolific.begin(WHO)
    assert "CDONE1" not in prolific.page.content()
    prolific.finish()
    link = prolific.page.get_by_role("link", name="Finish on Prolific")
    end = "https://app.prolific.com/submissions/complete?cc="
    assert link.get_attribute("href") == end + "CDONE1"


def test_prolific_without_consent(prolific):
    prolific.open(WHO)
    prolific.press("I do not agree")
    link = prolific.page.get_by_role("link", name="Back to Prolific")
    assert link.get_attribute("href").endswith("?cc=CNONE2")
    assert prolific.site.count() == 0
    prolific.press("Read the information again")
    assert prolific.page.get_by_role("button", name="I agree and take part").is_visible()
    prolific.page.goto("about:blank")  # a mind that was changed is not counted
    assert refused(prolific) == {}
    prolific.open(WHO)
    prolific.press("I do not agree")
    prolific.page.goto("about:blank")
    wait_until(prolific.page, lambda: refused(prolific))
    assert refused(prolific) == {"refused_consent": "1"}


def test_prolific_with_a_small_screen(prolific, new_page):
    page = prolific.open(WHO).page
    page.set_viewport_size({"width": 600, "height": 700})
    prolific.press("I agree and take part")
    page.wait_for_selector("text=Your window is 600 pixels wide; this study needs 800.")
    link = page.get_by_role("link", name="Back to Prolific")
    assert link.get_attribute("href").endswith("?cc=COUT03")
    page.get_by_role("button", name="Continue").click(force=True)
    page.wait_for_timeout(200)
    assert prolific.site.count() == 0
    page.set_viewport_size({"width": 900, "height": 700})
    page.wait_for_selector("text=Your window is 900 × 700 pixels large.")
    assert link.is_hidden()
    prolific.press("Continue")
    page.wait_for_selector("text=What to do")
    page.goto("about:blank")
    # Who leaves with too small a window is counted; who makes it larger is not.
    assert refused(prolific) == {}
    prolific.page = new_page()
    prolific.open(WHO.replace("p1", "p2"))
    prolific.page.set_viewport_size({"width": 600, "height": 700})
    prolific.press("I agree and take part")
    prolific.page.wait_for_selector("text=this study needs 800.")
    prolific.page.goto("about:blank")
    wait_until(prolific.page, lambda: refused(prolific))
    assert refused(prolific) == {"refused_screen": "1"}


def refused(person):
    person.page.wait_for_timeout(100)
    return dict(person.site.rows("SELECT name, value FROM setting WHERE name LIKE 'refused%'"))


def test_a_link_that_lacks_something(make_site, new_page):
    prolific = Person(new_page(quiet=False), make_site(platform="prolific"))
    page = prolific.open("?PROLIFIC_PID=p1").page
    prolific.press("I agree and take part")
    prolific.press("Continue")
    page.wait_for_selector("text=You cannot take part with this link")
    assert "STUDY_ID" in page.locator("main").inner_text()


def test_paused_closed_and_full(make_site, new_page):
    site = make_site(people=1, trials=3)
    first = Person(new_page(), site).begin()
    second = Person(new_page(), site).open()
    assert second.heading() == "All places are taken"
    set_state(site, "paused")
    assert second.open().heading() == "The study takes a break"
    first.page.reload()  # who has begun goes on
    first.page.wait_for_selector("text=What to do")
    set_state(site, "closed")
    assert second.open().heading() == "The study has ended"
    assert site.count() == 1


def test_the_last_place_goes_while_somebody_reads(make_site, new_page):
    site = make_site(people=1, trials=3)
    late = Person(new_page(quiet=False), site).open()
    Person(new_page(), site).begin()
    late.press("I agree and take part")
    late.press("Continue")
    late.page.wait_for_selector("h1:text-is('All places are taken')")


def test_a_study_by_invitation(make_site, new_page):
    changes = {"platform": {"kind": "open", "invitations": True}}
    site = make_site(changes=changes)
    someone = Person(new_page(quiet=False), site).open()
    assert someone.heading() == "This link is not an invitation"
    someone.open("?invitation=guessed")
    someone.press("I agree and take part")
    someone.press("Continue")
    someone.page.wait_for_selector("h1:text-is('This link is not an invitation')")
    assert site.count() == 0


EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_script_in_every_text_is_text(make_site, new_page):
    texts = {name: f"{name} {EVIL}" for name in ("title", "instructions", "consent", "contact")}
    site = make_site(changes={**texts, "language": "de-CH"})
    page = new_page()
    someone = Person(page, site)

    def check(*names):
        text = page.locator("body").inner_text()
        for name in names:
            assert texts[name] in text, name
        assert page.locator("img[src=x]").count() == 0
        assert page.title() != "owned"

    someone.open()
    check("title", "consent", "contact")
    assert page.locator("main .prose").get_attribute("lang") == "de-CH"
    assert page.locator("h1").get_attribute("lang") == "de-CH"
    someone.press("I agree and take part")
    someone.press("Continue")
    page.wait_for_selector("text=What to do")
    check("instructions", "contact")
    page.get_by_role("button", name="Begin").click()
    someone.judging()
    check("title")
    page.get_by_role("button", name="Instructions").click()
    check("instructions", "contact")
    page.goto(site.url + "withdraw#0123")
    page.wait_for_selector("h1")
    page.wait_for_selector("text=title <img")
    check("title", "contact")
