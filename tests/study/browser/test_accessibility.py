"""WCAG 2.2 AA: axe on every page and state; sizes, focus, reflow, words for screen readers."""

import re

import pytest

from ...axe import violations
from .conftest import PHONE
from .making import Person, set_state

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check_page(page, where, thorough=True):
    if thorough:
        assert violations(page, TAGS) == [], where
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, summary, input, .slot .chip')]"
        ".filter(e => e.checkVisibility()).map(e => [e.outerHTML, e.getBoundingClientRect()])"
        ".filter(([, b]) => b.width < 24 || b.height < 24).map(([html]) => html)"
    )
    assert small == [], f"{where}: targets smaller than 24 pixels"
    wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{where}: one must scroll sideways"


@pytest.mark.parametrize("device", ["desktop", "phone", "zoomed to 400 %"])
def test_every_page_and_state_of_a_participant(site, new_page, device):
    options = {
        "desktop": {},
        "phone": {**PHONE, "device_scale_factor": 1},
        "zoomed to 400 %": {"viewport": {"width": 320, "height": 256}},
    }[device]
    someone = Person(new_page(quiet=False, **options), site).open()
    page = someone.page
    # Colours and names are the same on every device; what a trial looks like is not.
    everywhere = {"consent", "trial", "ranked", "instructions"}

    def check(page, where):
        check_page(page, where, thorough=device == "desktop" or where in everywhere)

    check(page, "consent")
    someone.press("I do not agree")
    check(page, "declined")
    someone.press("Read the information again")
    someone.press("I agree and take part")
    page.wait_for_selector(".grays")
    check(page, "screen")
    someone.press("Continue")
    page.wait_for_selector("text=What to do")
    page.locator("main summary").click()
    check(page, "ready")
    someone.press("Begin with practice")
    someone.judging()
    check(page, "trial")
    someone.pick(0, 2)
    check(page, "half ranked")
    someone.pick(1)
    check(page, "ranked")
    someone.press("Instructions")
    page.locator("#help summary").click()
    check(page, "instructions")
    someone.press("Back to the pictures")
    page.context.set_offline(True)
    someone.press("Next")
    page.wait_for_selector("#trouble:not(.empty)")
    check(page, "offline")
    page.context.set_offline(False)
    page.wait_for_selector("text=Practice is over")
    check(page, "between")
    someone.press("Go on")
    someone.judging()
    page.reload()
    someone.judging()
    check(page, "welcome back")
    someone.finish()
    check(page, "end")


def test_pages_for_those_who_cannot_take_part(make_site, new_page):
    site = make_site(platform="prolific", changes={"small_screens": "refuse"})
    page = new_page(viewport={"width": 500, "height": 700}, quiet=False)
    someone = Person(page, site).open("?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x1")
    someone.press("I agree and take part")
    page.wait_for_selector("#screen-way:visible")
    check_page(page, "small screen")
    refusal = {"error": "odd", "message": "Something odd."}
    page.route("**/api/study", lambda route: route.fulfill(status=400, json=refusal))
    page.reload()
    page.wait_for_selector("text=Something odd.")
    check_page(page, "failed")
    page.unroute_all()
    set_state(site, "closed")
    someone.open("?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x1")
    check_page(page, "closed")
    page.goto(site.url + "withdraw#0123")
    page.wait_for_selector("text=Delete all my answers")
    check_page(page, "withdraw")
    page.goto(site.url + "withdraw")
    page.wait_for_selector("text=This link is not complete")
    check_page(page, "withdraw without a token")


def test_preview_and_form(make_site, new_page):
    site = make_site(platform="mturk")
    page = new_page()
    page.goto(site.url + "?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H1")
    page.wait_for_selector("#example .picture img >> nth=3")
    check_page(page, "preview")
    query = (
        "?assignmentId=A1&hitId=H1&workerId=W1&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
    )
    Person(page, site).begin(query).finish()
    check_page(page, "the form of Mechanical Turk")


def test_two_and_six_models_on_a_phone(make_site, new_page):
    for models in (("a", "b"), tuple("abcdef")):
        site = make_site(models=models, people=4)
        page = new_page(viewport={"width": 360, "height": 640})
        someone = Person(page, site).begin()
        someone.pick(*range(len(models)))
        check_page(page, f"{len(models)} models")
        someone.next()
        assert site.answers()[0][0] == list(range(1, len(models) + 1))


def test_each_step_is_announced_and_has_the_focus(person):
    someone = person().open()
    page = someone.page

    def focused():
        return page.evaluate("() => [document.activeElement.tagName, document.title]")

    title = "Which picture looks closest to the original?"
    assert focused() == ["H1", f"{title} · {title}"]
    someone.press("I agree and take part")
    assert focused() == ["H1", f"A look at your screen · {title}"]
    someone.press("Continue")
    page.wait_for_selector("text=What to do")
    assert focused() == ["H1", f"What to do · {title}"]
    someone.press("Begin with practice")
    someone.judging()
    assert focused() == ["H1", f"Practice 1 of 1 · {title}"]
    said = page.locator("#said")
    assert said.get_attribute("role") == "status"
    someone.pick(1)
    assert said.inner_text() == "Picture B has rank 1."
    someone.pick(1)
    assert said.inner_text() == "Picture B has no rank."
    someone.pick(0, 1)
    page.get_by_role("button", name="Rank 1 for picture B").click()
    assert said.inner_text() == "Picture A has rank 2. Picture B has rank 1."


def test_what_a_screen_reader_is_told_of_a_trial(person):
    someone = person().begin()
    someone.pick(2)
    tree = someone.page.locator("main").aria_snapshot()
    assert 'heading "Practice 1 of 1" [level=1]' in tree
    assert 'img "The original"' in tree
    assert 'button "Picture A, no rank yet"' in tree
    assert 'button "Picture C, rank 1"' in tree
    assert 'button "Rank 1 for picture C" [pressed]' in tree
    assert 'group "Rank of Picture B"' in tree
    assert re.search(r'list "Your ranking, the best first"', tree)


def test_instructions_open_at_their_beginning_and_give_the_focus_back(new_page, site):
    someone = Person(new_page(viewport={"width": 390, "height": 500}), site).begin()
    page = someone.page
    someone.press("Instructions")
    assert page.evaluate("() => document.querySelector('#help').scrollTop") == 0
    assert page.evaluate("() => document.activeElement.id") == "help-title"
    page.keyboard.press("a")  # not a key of the trial behind
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.id") == "instructions"
    assert page.locator(".rank[aria-pressed=true]").count() == 0


def test_focus_can_be_seen_everywhere(person):
    someone = person().begin()
    page = someone.page
    someone.pick(0, 1, 2)
    for _ in range(15):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.tagName, s.outlineStyle, parseFloat(s.outlineWidth)]; }"
        )
        if style[0] != "BODY":
            assert style[1] == "solid", style
            assert style[2] >= 2, style


def test_focus_is_not_hidden_by_the_bar(make_site, new_page):
    """WCAG 2.4.11: what has the focus can be seen, on a window in which one must scroll."""
    site = make_site(changes={"magnify": 4})
    someone = Person(new_page(viewport={"width": 500, "height": 420}), site).begin()
    page = someone.page
    for _ in range(16):
        page.keyboard.press("Tab")
        hidden = page.evaluate(
            "() => { const e = document.activeElement; if (e === document.body) return false;"
            " const b = e.getBoundingClientRect();"
            " const bar = document.querySelector('.bar').getBoundingClientRect();"
            " return !e.closest('.bar') && b.top >= bar.top; }"
        )
        assert not hidden


def test_forced_colours_and_less_motion(browsers, site):
    context = browsers(1).new_context(forced_colors="active", reduced_motion="reduce")
    try:
        page = context.new_page()
        someone = Person(page, site).begin()
        someone.pick(0)
        pressed, free = (
            page.locator(".rank").nth(place).evaluate("e => getComputedStyle(e).backgroundColor")
            for place in (0, 1)
        )
        assert pressed != free
        moving = page.evaluate(
            "() => [...document.querySelectorAll('*')].filter(e => {"
            " const s = getComputedStyle(e);"
            " return s.animationName !== 'none' || parseFloat(s.transitionDuration) > 0; }).length"
        )
        assert moving == 0
    finally:
        context.close()
