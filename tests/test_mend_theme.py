"""What is mended in the built pages, on pieces of the pages as they come."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book" / "_ext"))
import mend_theme


@pytest.mark.parametrize(
    ("faulty", "mended"),
    [
        (
            '<section class="proposition-content" id="proof-content">',
            '<section class="proposition-content">',
        ),
        ('<section id="solution-content">', "<section>"),
        (
            '<summary aria-label="Toggle hidden content">\n'
            '<p class="collapsed admonition-title">Show code cell source</p>\n',
            '<summary>\n<span class="collapsed admonition-title">Show code cell source</span>\n',
        ),
        (
            '<dd><p><ul class="simple">\n<li><p>One.</p></li>\n</ul>\n</p>\n</dd>',
            '<dd><ul class="simple">\n<li><p>One.</p></li>\n</ul>\n</dd>',
        ),
        ('<th class="head"><p></p></th>', '<td class="head"></td>'),
        ('<th class="head text-right"></th>', '<td class="head text-right"></td>'),
        ('<th class="head"><p>pair</p></th>', '<th class="head"><p>pair</p></th>'),
    ],
)
def test_a_fault_is_mended_and_the_rest_left_alone(faulty: str, mended: str) -> None:
    assert mend_theme.mend(faulty) == mended
    assert mend_theme.mend(mended) == mended


def test_only_icons_that_are_named_are_kept() -> None:
    sun = 'sun:[9,9,[],"f1","M0"],'
    moon, star = '"old-moon":[9,9,[9728,"moon"],"f2",["M1","M2"]],', 'star:[1,1,[],"f3","M"]'
    kept = mend_theme.keep_icons(f"x={{{sun}{moon}{star}}}", {"moon", "star"})
    assert kept == f"x={{{moon}{star}}}"


def test_the_first_page_leads_to_the_book(tmp_path: Path) -> None:
    config = SimpleNamespace(root_doc="book/intro", html_title="A title", project="")
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(builder=builder, outdir=str(tmp_path), config=config)
    mend_theme.mend_site(app, None)
    written = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<title>A title</title>" in written
    assert "url=book/intro.html" in written


def test_a_failed_build_is_left_as_it_is(tmp_path: Path) -> None:
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=str(tmp_path))
    mend_theme.mend_site(app, RuntimeError())
    assert list(tmp_path.iterdir()) == []
