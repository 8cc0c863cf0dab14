"""Six losses with long names in a browser: rows stay rows, names whole, the page still."""

import pytest

from snellen.reports import write_reconstruction_report

from .test_html import opened

LOSSES = ("mse", "mae", "ssim", "ms-ssim", "mse>ms-ssim@0.5", "a_long_package.losses:Factory")


@pytest.fixture(scope="module")
def many(build, tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "report.html"
    write_reconstruction_report(path, build(LOSSES, count=4, seeds=1))
    return path


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("width", [768, 1280])
def test_pictures_stand_in_one_row_which_scrolls_alone(browser, many, width, script):
    with opened(browser, many, width, java_script_enabled=script) as tab:
        rows = tab.evaluate(
            "[...document.querySelectorAll('.cells')]"
            ".map(c => new Set([...c.children].map(e => e.offsetTop)).size)"
        )
        assert set(rows) == {1}
        assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_a_name_breaks_only_where_one_loss_follows_another(browser, many):
    with opened(browser, many, 390) as tab:
        heights = dict(
            tab.evaluate(
                "[...document.querySelectorAll('.scores tbody th .stage')]"
                ".map(e => [e.textContent, e.offsetHeight])"
            )
        )
        assert heights["mse>"] == heights["ms-ssim@0.5"] == heights["mse"]
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
