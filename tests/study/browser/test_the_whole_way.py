"""From consent to the code: by keyboard alone, by touch, by mouse, by drag; and what is stored."""

import pytest

from .conftest import RATIOS, TOUCH
from .exactness import check_told
from .making import Person


def focused(page) -> str:
    return page.evaluate(
        "() => { const e = document.activeElement;"
        " return e.getAttribute('aria-label') || e.textContent; }"
    )


def tab_to(page, name: str):
    for _ in range(30):
        if focused(page).startswith(name):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {name!r}; it is at {focused(page)!r}")


@pytest.mark.parametrize("ratio", RATIOS)
def test_by_keyboard_alone(person, site, ratio):
    someone = person(ratio=ratio).open()
    page = someone.page
    for name in ("I agree and take part", "Continue", "Begin with practice"):
        page.wait_for_selector(f"text={name}")
        tab_to(page, name)
        page.keyboard.press("Enter")
    someone.judging()
    orders = ["BCA", "cab", "abc", "CBA"]
    for turn, order in enumerate(orders):
        someone.judging()
        assert focused(page) == ["Practice 1 of 1", "1 of 3", "2 of 3", "3 of 3"][turn]
        for letter in order:
            page.keyboard.press(letter)
        page.keyboard.press("Enter")
        if turn == 0:
            page.wait_for_selector("text=Practice is over")
            tab_to(page, "Go on")
            page.keyboard.press("Enter")
        elif turn < 3:
            page.wait_for_selector(f"h1:text-is('{turn + 1} of 3')")
    page.wait_for_selector("#code")
    assert [ranks for ranks, *_ in site.answers()] == [[3, 1, 2], [2, 3, 1], [1, 2, 3], [3, 2, 1]]
    for _, around, shown, first, submit in site.answers():
        assert 0 < shown <= first <= submit
        assert around["input"] == "keyboard"
        assert around["magnify"] >= 1
        assert around["window"] == page.evaluate("[innerWidth, innerHeight]")
        assert (around["blurs"], around["hidden_ms"]) == (0, 0)
    check_told(site, ratio)


def test_numbers_give_ranks_to_the_picture_one_is_at(person, site):
    someone = person().begin()
    page = someone.page
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("1")  # C had it, and gets B's: none
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    page.keyboard.press("Backspace")
    assert page.locator("#said").inner_text() == "Undone. Picture C has no rank."
    page.keyboard.press("Enter")  # at C's picture, while ranks are missing: a click
    assert focused(page) == "Picture C, rank 2"
    assert "Every picture has a rank" in page.locator("#said").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Practice is over")
    assert site.answers()[0][0] == [3, 1, 2]


def test_numbers_alone_rank_from_left_to_right(person, site):
    someone = person().begin()
    page = someone.page
    page.keyboard.press("2")
    page.keyboard.press("2")  # B takes it from A, which has none then
    assert page.locator("#said").inner_text() == "Picture A has no rank. Picture B has rank 2."
    for key in ("3", "1", "1"):  # A, C, and nothing is left for the last
        page.keyboard.press(key)
    assert focused(page) == "Practice 1 of 1"
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Practice is over")
    assert site.answers()[0][0] == [3, 2, 1]


def test_a_key_that_is_held_down_presses_once(person):
    someone = person().begin()
    page = someone.page
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.down("Enter")  # from the second one on it repeats
    page.keyboard.up("Enter")
    assert focused(page) == "Picture A, rank 1"
    page.keyboard.press("B")
    page.keyboard.press("ArrowRight")
    for _ in range(3):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert page.locator(".rank[aria-pressed=true]").count() == 3
    assert someone.heading() == "Practice 1 of 1"


def test_keys_rank_after_the_instructions_were_read_but_not_meanwhile(person):
    someone = person().begin()
    page = someone.page
    someone.press("Instructions")
    page.keyboard.press("A")
    someone.press("Back to the pictures")
    assert page.locator(".rank[aria-pressed=true]").count() == 0
    assert focused(page) == "Instructions"
    page.keyboard.press("B")
    assert focused(page) == "Picture B, rank 1"


def test_letters_and_numbers_can_be_switched_off(person, site):
    """Who speaks to the computer, or hits keys by accident, needs that (WCAG 2.1.4)."""
    someone = person().begin()
    page = someone.page
    someone.press("Instructions")
    page.get_by_label("Letters and numbers are keys to rank with").uncheck()
    someone.press("Back to the pictures")
    for key in ("ArrowRight", "A", "1", "u", "B"):
        page.keyboard.press(key)
    assert page.locator(".rank[aria-pressed=true]").count() == 0
    for _ in range(3):  # arrows and buttons go on
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+z")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Practice is over")
    assert site.answers()[0][0] == [1, 2, 3]


def test_space_and_tab_are_enough(person, site):
    """As a screen reader's user does it: buttons, one after the other."""
    someone = person().begin()
    page = someone.page
    for name in ("Rank 2 for picture A", "Rank 3 for picture B", "Rank 1 for picture C"):
        tab_to(page, name)
        page.keyboard.press("Space")
    tab_to(page, "Next")
    page.keyboard.press("Space")
    page.wait_for_selector("text=Practice is over")
    assert site.answers()[0][0] == [2, 3, 1]


@pytest.mark.parametrize("touched", TOUCH)
def test_by_touch(new_page, site, touched):
    someone = Person(new_page(**touched), site)
    page = someone.open().page
    for name in ("I agree and take part", "Continue", "Begin with practice"):
        page.get_by_role("button", name=name).tap()
    for turn in range(4):
        someone.judging()
        page.locator("button.picture").nth(2).tap()
        page.get_by_role("button", name="Rank 2 for picture A").tap()
        page.locator("button.picture").nth(1).tap()
        before = someone.heading()
        page.get_by_role("button", name="Next").tap()
        page.wait_for_function("h => document.querySelector('h1')?.textContent !== h", arg=before)
        if turn == 0:
            page.get_by_role("button", name="Go on").tap()
    page.wait_for_selector("#code")
    found = site.answers()
    assert [ranks for ranks, *_ in found] == [[2, 3, 1]] * 4
    assert all(around["input"] == "touch" for _, around, *_ in found)
    check_told(site, page.evaluate("devicePixelRatio"))


def centre(page, selector, index=0):
    box = page.locator(selector).nth(index).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("ratio", RATIOS)
def test_by_drag(person, site, ratio):
    someone = person(ratio=ratio).begin()
    page = someone.page
    beside = (3, 3)  # of all places

    def drag(start, end):
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(*end, steps=4)
        page.mouse.up()

    drag(centre(page, "button.picture", 0), centre(page, ".slot", 1))
    drag(centre(page, ".handle", 2), centre(page, ".slot", 0))
    drag(centre(page, "button.picture", 1), beside)
    assert page.locator(".slot .chip").all_inner_texts() == ["C", "A"]
    drag(centre(page, ".slot .chip", 0), centre(page, ".slot", 1))  # they change places
    assert page.locator(".slot .chip").all_inner_texts() == ["A", "C"]
    drag(centre(page, ".slot .chip", 1), beside)  # out of the ranking
    assert page.locator(".slot .chip").all_inner_texts() == ["A"]
    assert page.locator(".ghost").count() == 0
    drag(centre(page, ".handle", 1), centre(page, ".slot", 1))
    drag(centre(page, "button.picture", 2), centre(page, ".slot", 2))
    someone.next()
    while page.locator(".trial").count():
        for place, rank in ((0, 2), (1, 0), (2, 1)):
            drag(centre(page, "button.picture", place), centre(page, ".slot", rank))
        someone.next()
    assert page.locator("#code").input_value()
    assert [ranks for ranks, *_ in site.answers()] == [[1, 2, 3], *[[3, 1, 2]] * 3]
    check_told(site, ratio)


@pytest.mark.parametrize("touched", TOUCH)
def test_by_drag_with_a_finger(new_page, site, touched):
    someone = Person(new_page(**touched), site).begin()
    page = someone.page
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for place, rank in ((0, 2), (1, 0), (2, 1)):
        (x, y), (to_x, to_y) = centre(page, ".handle", place), centre(page, ".slot", rank)
        touch("touchStart", (x, y))
        for step in range(1, 6):
            touch("touchMove", (x + (to_x - x) * step / 5, y + (to_y - y) * step / 5))
        touch("touchEnd")
    assert page.locator(".slot .chip").all_inner_texts() == ["B", "C", "A"]
    someone.next()
    assert site.answers()[0][0] == [3, 1, 2]


def test_undo_and_what_is_said(person):
    someone = person().begin()
    page = someone.page
    undo = page.get_by_role("button", name="Undo")
    assert undo.get_attribute("aria-disabled") == "true"
    someone.pick(2, 0)
    undo.click()
    assert page.locator("#said").inner_text() == "Undone. Picture A has no rank."
    page.keyboard.press("Control+z")
    assert page.locator(".rank[aria-pressed=true]").count() == 0
    page.get_by_role("button", name="Next").click(force=True)
    assert page.locator("#said").inner_text() == "Some pictures have no rank yet."
    assert someone.heading() == "Practice 1 of 1"


def test_ties(make_site, new_page):
    site = make_site(ties=True)
    someone = Person(new_page(), site).begin()
    page = someone.page
    for name in ("Rank 3 for picture A", "Rank 1 for picture B", "Rank 3 for picture C"):
        page.get_by_role("button", name=name).click()
    assert page.locator(".slot .chip").all_inner_texts() == ["B", "A", "C"]
    someone.next()
    assert site.answers()[0][0] == [2, 1, 2]


def test_a_double_click_answers_once(person, site):
    someone = person().begin()
    someone.pick(0, 1, 2)
    someone.page.get_by_role("button", name="Next").dblclick()
    someone.page.wait_for_selector("text=Practice is over")
    assert len(site.answers()) == 1


def test_the_code_can_be_copied(person):
    someone = person(permissions=["clipboard-read", "clipboard-write"]).begin()
    code = someone.finish()
    someone.press("Copy")
    someone.page.wait_for_selector("button:text-is('Copied')")
    assert someone.page.evaluate("navigator.clipboard.readText()") == code


def test_the_next_pictures_are_there_before_they_are_needed(person):
    someone = person()
    asked = []
    someone.page.on("request", lambda request: asked.append(request.url))
    someone.begin()
    someone.page.wait_for_timeout(200)
    assert sum("/api/images/" in url for url in asked) == 8
    asked.clear()
    someone.pick(0, 1, 2)
    someone.press("Next")
    someone.page.wait_for_selector("text=Practice is over")
    someone.page.wait_for_timeout(200)
    # The second trial's came with the first; now the third's.
    assert sum("/api/images/" in url for url in asked) == 4


def test_nothing_tells_the_model(person):
    someone = person().begin()
    text = someone.page.locator("body").inner_html().lower()
    for model in ("mse", "mae", "ssim"):
        assert model not in text
    assert someone.page.context.cookies() == []
    assert someone.page.evaluate("localStorage.length") == 0
