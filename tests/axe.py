"""axe-core on a page in a browser: what breaks its rules of accessibility."""

import pytest


def violations(page, tags=None) -> list[str]:
    """The rules a page breaks, each with the element and what is wrong with it.

    Args:
        page: playwright's.
        tags: of the rules; all by default.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(axe.Axe().axe_script)
    # Only what is wrong is handed over: the rest is long, and takes ten times as long as the rules.
    found = page.evaluate(
        "options => axe.run(document, options).then(({ passes, violations }) => ("
        "{ passed: passes.length, violations }))",
        {
            "resultTypes": ["violations"],
            **({"runOnly": {"type": "tag", "values": tags}} if tags else {}),
        },
    )
    assert found["passed"], "axe has looked at nothing"
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
