"""The page of the study's owner: progress, pause and close, the lock before the result, export."""

import zipfile

import pytest

from .making import Person, set_state
from .test_accessibility import check_page


@pytest.fixture
def owner(make_site, new_page):
    site = make_site()
    page = new_page(quiet=False, accept_downloads=True)
    page.clock.install()
    page.goto(f"{site.url}admin#{site.study.secrets().admin}")
    page.wait_for_selector("h1:text-is('Progress')")
    return page, site


def look(page):
    """Come back to the page, which then asks at once how far the study is."""
    page.bring_to_front()
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")


def wait_a_while(page):
    """Until the page asks by itself, on its own clock."""
    page.clock.fast_forward(5000)


def numbers(page):
    names = page.locator(".numbers dt").all_inner_texts()
    return dict(zip(names, page.locator(".numbers dd").all_inner_texts(), strict=True))


def test_the_secret_leaves_the_address_and_stays_out_of_storage(owner):
    page, site = owner
    assert page.url == site.url + "admin"
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    assert site.study.secrets().admin not in page.content()
    page.reload()
    page.wait_for_selector("h1:text-is('Administration')")


def test_a_wrong_secret_shows_nothing(owner):
    page, site = owner
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Secret").fill("0" * 32)
    page.get_by_role("button", name="Enter").click()
    page.wait_for_selector("text=This is not the study's secret.")
    assert page.locator("table").count() == 0
    page.get_by_label("Secret").fill(site.study.secrets().admin)
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:text-is('Progress')")


def test_progress_and_quality(owner, new_page):
    page, site = owner
    assert numbers(page)["done"] == "0 of 60"
    assert page.locator("text=Nobody has begun yet.").is_visible()
    someone = Person(new_page(), site).begin()
    someone.finish()
    Person(new_page(), site).begin()
    wait_a_while(page)
    page.wait_for_selector("th:text-is('P0002')")
    assert numbers(page)["done"] == "1 of 60"
    assert numbers(page)["at it now"] == "1"
    another = Person(new_page(), site).open()
    another.press("I do not agree")
    another.page.goto("about:blank")
    look(page)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.numbers div')]"
        ".some(e => e.textContent === 'did not agree1')"
    )
    assert numbers(page)["had too small a window"] == "0"
    first = page.locator("tbody tr").nth(0).locator("td").all_inner_texts()
    assert first[:2] == ["completed", "4 of 4"]
    assert first[2].endswith(" s")


def test_pause_close_and_open_again(owner, new_page):
    page, site = owner
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Cancel").click()
    assert page.locator(".pill").inner_text() == "open"
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    page.wait_for_selector(".pill:text-is('paused')")
    assert Person(new_page(), site).open().heading() == "The study takes a break"
    look(page)
    page.get_by_role("button", name="Open").click()
    page.get_by_role("dialog").get_by_role("button", name="Open").click()
    page.wait_for_selector(".pill:text-is('open')")
    assert [what for (what,) in site.rows("SELECT what FROM event ORDER BY id")][-2:] == [
        "paused",
        "open",
    ]


def test_no_result_before_the_end_unless_that_is_noted(owner, new_page):
    page, site = owner
    Person(new_page(), site).begin().finish()
    page.bring_to_front()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    wait_a_while(page)
    page.wait_for_selector("th:text-is('P0001')")
    assert page.get_by_role("button", name="Download the export").is_hidden()
    assert not any("/result" in url for url in asked)
    assert "mse" not in page.locator("main").inner_text()
    page.get_by_role("button", name="See it before the end").click()
    assert "it cannot be taken back" in page.get_by_role("dialog").inner_text()
    assert site.rows("SELECT count(*) FROM event WHERE what = 'unlocked'") == [(0,)]
    page.get_by_role("button", name="Unlock and note it").click()
    page.wait_for_selector("th:text-is('mse')")
    assert site.rows("SELECT count(*) FROM event WHERE what = 'unlocked'") == [(1,)]
    assert "The result was unlocked" in page.locator("main").inner_text()


def test_the_result_of_a_closed_study_and_its_export(owner, new_page):
    page, site = owner
    Person(new_page(), site).begin().finish()
    set_state(site, "closed")
    look(page)
    page.wait_for_selector("th:text-is('mse')")
    button = page.get_by_role("button", name="Download the export")
    with page.expect_download() as download:
        button.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist()


@pytest.mark.parametrize("width", [1100, 360])
def test_axe_finds_nothing(owner, new_page, width):
    page, site = owner
    page.set_viewport_size({"width": width, "height": 700})
    Person(new_page(), site).begin().finish()
    set_state(site, "closed")
    look(page)
    page.wait_for_selector("th:text-is('mse')")
    check_page(page, "progress")
    page.get_by_role("button", name="Open").click()
    check_page(page, "question")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Sign out").click()
    check_page(page, "secret")
