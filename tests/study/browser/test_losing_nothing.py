"""Reload, back, two tabs, a slow or cut network, a killed server: the first unanswered trial."""

import json

import numpy as np
import pytest

from .conftest import RATIOS
from .exactness import check_exact, check_told, placed
from .making import Person, set_state, wait_until


def ranks(site):
    return [ranks for ranks, *_ in site.answers()]


@pytest.mark.parametrize("ratio", RATIOS)
def test_reload_in_the_middle(person, site, files, ratio):
    someone = person(ratio=ratio).begin()
    page = someone.page
    people = site.count()
    someone.pick(0, 1, 2)
    someone.next()
    someone.pick(2, 1)
    page.reload()
    someone.judging()
    assert someone.heading() == "1 of 3"
    assert page.locator("#notice").inner_text() == "Welcome back. You go on where you stopped."
    assert page.locator(".rank[aria-pressed=true]").count() == 0
    check_exact(page, files)
    assert site.count() == people
    code = someone.finish((2, 1, 0))
    assert page.locator("#notice").inner_text() == ""
    page.reload()
    page.wait_for_selector("#code")
    assert page.locator("#code").input_value() == code
    assert ranks(site) == [[1, 2, 3], [3, 2, 1], [3, 2, 1], [3, 2, 1]]
    check_told(site, ratio)


@pytest.mark.parametrize("ratio", RATIOS)
def test_back_and_forward(person, site, files, ratio):
    someone = person(ratio=ratio)
    page = someone.page
    page.goto("about:blank")
    someone.begin()
    someone.pick(0, 1, 2)
    someone.next()
    page.go_back()
    assert page.url == "about:blank"
    page.go_forward()
    someone.judging()
    assert someone.heading() == "1 of 3"
    check_exact(page, files)
    someone.finish()
    assert len(site.answers()) == 4
    check_told(site, ratio)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_second_tab_takes_over_and_gives_back(new_page, site, files, ratio):
    first = Person(new_page(ratio=ratio), site).begin()
    first.pick(0, 1, 2)
    first.next()
    people = site.count()
    second = Person(new_page(context=first.page.context), site).open()
    assert second.heading() == "The study goes on in another tab"
    assert first.heading() == "1 of 3"
    second.press("Go on here")
    second.judging()
    assert second.heading() == "1 of 3"
    check_exact(second.page, files)
    first.page.wait_for_selector("text=The study goes on in another tab")
    second.pick(1, 0, 2)
    second.next()
    first.look()
    first.press("Go on here")
    first.judging()
    assert first.heading() == "2 of 3"
    check_exact(first.page, files)
    second.page.wait_for_selector("text=The study goes on in another tab")
    first.finish()
    assert len(site.answers()) == 4
    assert site.count() == people
    check_told(site, ratio)


def test_two_tabs_that_both_read_the_consent(new_page, site):
    first = Person(new_page(), site).open()
    second = Person(new_page(context=first.page.context), site).open()
    people = site.count()
    first.look()
    first.press("I agree and take part")
    first.press("Continue")
    first.page.wait_for_selector("text=What to do")
    second.look()
    second.press("I agree and take part")
    second.press("Continue")
    second.page.wait_for_selector("h1:text-is('The study goes on in another tab')")
    assert site.count() == people + 1


def test_another_browser_of_the_same_person(make_site, new_page):
    """The server gives a new token; the old tab is told."""
    site = make_site(platform="prolific")
    query = "?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x1"
    first = Person(new_page(quiet=False), site).begin(query)
    first.pick(0, 1, 2)
    first.next()
    second = Person(new_page(quiet=False), site).open(query)
    second.press("I agree and take part")
    second.press("Continue")
    second.judging()
    assert second.heading() == "1 of 3"
    first.pick(0, 1, 2)
    first.press("Next")
    first.page.wait_for_selector("text=The study goes on in another tab")
    first.press("Go on here")
    # The answer that was on its way is sent first.
    first.page.wait_for_selector("h1:text-is('2 of 3')")
    assert len(site.answers()) == 2
    second.pick(2, 1, 0)
    second.press("Next")
    second.page.wait_for_selector("text=The study goes on in another tab")
    assert site.count() == 1
    first.judging()
    first.finish()
    assert ranks(site) == [[1, 2, 3]] * 4


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_network_that_is_cut(new_page, site, files, ratio):
    someone = Person(new_page(ratio=ratio, quiet=False), site).begin()
    page = someone.page
    before = placed(page)
    page.context.set_offline(True)
    someone.pick(2, 0, 1)
    someone.press("Next")
    banner = page.locator("#trouble")
    page.wait_for_selector("#trouble:not(.empty)")
    assert "There is no network. Your answer is kept and will be sent." in banner.inner_text()
    assert page.locator(".next").inner_text() == "Saving…"
    assert np.array_equal(placed(page), before)  # a word about the network moves no picture
    check_exact(page, files)
    # Nothing changes an answer that is on its way.
    someone.pick(0)
    assert page.locator(".slot .chip").all_inner_texts() == ["C", "A", "B"]
    page.context.set_offline(False)
    page.wait_for_selector("text=Practice is over")
    assert banner.inner_text() == ""
    assert ranks(site) == [[2, 3, 1]]
    someone.press("Go on")
    someone.judging()
    check_exact(page, files)
    assert someone.finish((2, 0, 1))
    assert ranks(site) == [[2, 3, 1]] * 4
    check_told(site, ratio)


def lose_two_replies(page, address):
    """The server hears every request, and the page only the third reply; what was posted."""
    posted = []

    def lose(route):
        posted.append(route.request.post_data)
        reply = route.fetch()
        if len(posted) < 3:
            route.abort("connectionreset")
        else:
            route.fulfill(response=reply)

    page.route(address, lose)
    return posted


def test_a_reply_that_is_lost(new_page, site):
    """The answer is on the disk, and nobody says so: it is sent again, and is the same answer."""
    someone = Person(new_page(quiet=False), site).begin()
    page = someone.page
    bodies = lose_two_replies(page, "**/api/answers/0")
    someone.pick(1, 2, 0)
    someone.press("Next")
    page.wait_for_selector("text=Practice is over")
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert ranks(site) == [[3, 1, 2]]


def test_a_consent_whose_reply_is_lost(make_site, new_page):
    """On an open link nothing but the request itself tells that it is the same person."""
    site = make_site()
    someone = Person(new_page(quiet=False), site)
    page = someone.page
    tried = lose_two_replies(page, "**/api/sessions")
    someone.open()
    someone.press("I agree and take part")
    someone.press("Continue")
    page.wait_for_selector("#trouble:not(.empty)")
    if len(tried) < 3:  # the page is loaded again while its request is on the way
        page.reload()
        someone.press("I agree and take part")
        someone.press("Continue")
    page.wait_for_selector("text=What to do")
    assert len({json.loads(body)["request"] for body in tried}) == 1
    assert site.count() == 1
    assert page.evaluate("sessionStorage.getItem('snellen-study-request')") is None


def test_a_reload_while_an_answer_is_on_its_way(new_page, site):
    someone = Person(new_page(quiet=False), site).begin()
    page = someone.page
    page.route("**/api/answers/*", lambda route: route.abort())
    someone.pick(1, 2, 0)
    someone.press("Next")
    page.wait_for_selector("#trouble:not(.empty)")
    assert site.answers() == []
    page.unroute_all()
    page.reload()
    page.wait_for_selector("h1:text-is('1 of 3')")
    assert ranks(site) == [[3, 1, 2]]


def test_a_server_that_is_stopped_and_started(make_site, new_page):
    site = make_site()
    someone = Person(new_page(quiet=False), site).begin()
    page = someone.page
    someone.pick(0, 1, 2)
    someone.next()
    site.stop()
    someone.pick(2, 1, 0)
    someone.press("Next")
    page.wait_for_selector("#trouble:not(.empty)")
    site.start()
    page.wait_for_selector("h1:text-is('2 of 3')")
    someone.judging()
    someone.finish()
    assert ranks(site) == [[1, 2, 3], [3, 2, 1], [1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_slow_network(new_page, site, files, ratio):
    """Pictures come late: nobody judges them before all are there, and time runs from then."""
    someone = Person(new_page(ratio=ratio), site)
    page = someone.page
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/images/*", hold)
    someone.open()
    someone.press("I agree and take part")
    someone.press("Continue")
    someone.press("Begin with practice")
    page.wait_for_selector(".trial[data-stage=loading]")
    wait_until(page, lambda: len(held) == 4)
    *three, last = held
    for route in three:
        with page.expect_response(route.request.url):
            route.continue_()
    page.keyboard.press("a")
    assert page.locator(".trial[data-stage=loading]").count() == 1
    assert page.locator(".picture img").count() == 0
    assert page.locator(".rank[aria-pressed=true]").count() == 0
    begun = page.evaluate("performance.now()")
    last.continue_()
    page.unroute_all()
    someone.judging()
    check_exact(page, files)
    someone.pick(0, 1, 2)
    someone.next()
    ((_, _, shown, first, submit),) = site.answers()
    assert begun < shown < first < submit
    assert someone.finish()
    check_told(site, ratio)


def test_pictures_that_break_off_come_again(new_page, site):
    someone = Person(new_page(quiet=False), site)
    broken = []

    def sometimes(route):
        if len(broken) < 3:
            broken.append(route)
            route.abort()
        else:
            route.continue_()

    someone.page.route("**/api/images/*", sometimes)
    someone.begin()
    assert someone.page.locator(".picture img").count() == 4


def test_a_second_answer_of_another_place_is_left_behind(new_page, site):
    """Two tabs with the same token, as after `Duplicate tab`, where tabs cannot speak."""
    first = Person(new_page(quiet=False), site)
    first.page.add_init_script("delete window.BroadcastChannel")
    first.begin()
    kept = first.page.evaluate("sessionStorage.getItem('snellen-study')")
    second = Person(new_page(context=first.page.context, quiet=False), site)
    second.page.add_init_script(
        f"delete window.BroadcastChannel; sessionStorage.setItem('snellen-study', {kept!r})"
    )
    second.open()
    second.press("Begin with practice")
    second.judging()
    first.look()
    first.pick(0, 1, 2)
    first.next()
    second.look()
    second.pick(2, 1, 0)
    second.press("Next")
    second.page.wait_for_selector("h1:text-is('1 of 3')")
    assert "the first answer counts" in second.page.locator("#notice").inner_text()
    assert ranks(site) == [[1, 2, 3]]


def test_a_study_that_is_closed_and_opened_again_goes_on(make_site, new_page):
    site = make_site(people=1, trials=3)
    someone = Person(new_page(quiet=False), site).begin()
    page = someone.page
    someone.pick(0, 1, 2)
    set_state(site, "closed")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("text=All that you answered so far are kept")
    assert someone.heading() == "The study has ended"
    assert page.locator("#said").inner_text() == ""
    page.reload()
    page.wait_for_selector("text=All that you answered so far are kept")
    set_state(site, "open")
    someone.press("Try again")
    someone.judging()
    assert ranks(site) == [[1, 2, 3]]  # what was on the way is not lost
    someone.finish()
    assert site.count() == 1
    set_state(site, "closed")
    page.reload()
    page.wait_for_selector("#code")  # who has finished still gets the code


def test_who_withdraws_in_another_tab_is_told(new_page, site):
    someone = Person(new_page(quiet=False), site).begin()
    someone.pick(0, 1, 2)
    someone.next()
    page = new_page(context=someone.page.context)
    someone.page.get_by_role("button", name="Instructions").click()
    address = someone.page.get_by_role("link", name="your link to withdraw").evaluate("a => a.href")
    someone.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    someone.page.get_by_role("button", name="Copy the link").click()
    someone.page.wait_for_selector("text=Copied.")
    assert someone.page.evaluate("navigator.clipboard.readText()") == address
    page.goto(address)
    page.wait_for_selector("text=All your rankings and their times are deleted")  # no id came
    assert "#" not in page.url
    page.get_by_role("button", name="Delete all my answers").click()
    page.wait_for_selector("text=Your answers are deleted")
    assert site.answers() == []
    someone.look()
    someone.press("Back to the pictures")
    someone.pick(0, 1, 2)
    someone.press("Next")
    someone.page.wait_for_selector("h1:text-is('Your answers were deleted')")
    someone.page.reload()
    someone.page.wait_for_selector("text=I agree and take part")
