"""The dashboard as people use it, in a real browser: list, filters, search, order, pins, ranking, and news."""

import json
import shutil

import pandas as pd
import pytest

from evaluation import read_scores
from evaluation.statistics import ranking
from tests.browser import Watched
from tests.evaluation.dashboard.conftest import served
from tests.evaluation.dashboard.contrast import CONTRAST
from tests.evaluation.dashboard.made import make_run, make_runs, make_sweep

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
SHOWN = "[...document.querySelectorAll('#list a.open')]"
COUNT = "document.getElementById('count').textContent"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "runs"
    make_runs(folder, stories=("A forest", "A planet", HOSTILE), seeds=(0, 1))
    return folder


@pytest.fixture(scope="module")
def site(root):
    with served(root) as address:
        yield address


def keys(shown):
    return shown.run("[...document.querySelectorAll('#list [data-key]')].map((row) => row.dataset.key)")


def stories(shown):
    return shown.run(f"{SHOWN}.map((link) => link.textContent)")


def test_the_list_shows_every_run_with_its_poster_and_means(site, root, show):
    shown = show(site)
    assert shown.run(COUNT) == "12 runs"
    assert len(keys(shown)) == 12
    shown.until("[...document.querySelectorAll('#list img')].every((picture) => picture.complete)")
    assert shown.run("[...document.querySelectorAll('#list img')].every((one) => one.naturalWidth === 32 && one.alt)")
    cells = shown.run(
        "[...document.querySelectorAll('[data-key=\"a-forest/000fffffffff\"] .figure')].map((c) => c.textContent)"
    )
    frame = read_scores(root / "a-forest" / "000fffffffff")
    means = frame.groupby("score")["value"].mean()
    assert cells == [f"{means['clip_score']:.2f}", f"{means['seam']:.3f}"]


def test_filters_narrow_the_list_and_stay_in_the_address(site, show):
    shown = show(site)
    shown.page.get_by_role("checkbox", name="A planet").check()
    assert set(stories(shown)) == {"A planet"}
    shown.page.get_by_role("checkbox", name="superres").last.check()
    assert shown.run(COUNT) == "2 of 12 runs"
    counts = shown.run("[...document.querySelectorAll('#facets li')].map((one) => one.textContent)")
    assert "A forest2" in counts  # what this choice would add, the others kept
    again = show(site, at=shown.run("location.pathname + location.search"))
    assert keys(again) == keys(shown)
    again.page.get_by_role("button", name="Clear all").click()
    assert again.run(COUNT) == "12 runs"
    assert again.run("location.search") == ""


def test_dates_and_scores_can_be_limited(site, show):
    shown = show(site)
    shown.page.fill("#from", "2020-01-01")
    assert shown.run(COUNT) == "12 runs"
    shown.page.fill("#from", "2099-01-01")
    shown.page.get_by_text("No run fits these filters").wait_for()
    shown.page.get_by_role("button", name="Show all runs").click()
    shown.page.select_option("#score", "clip_score|bundled")
    shown.page.fill("#min", "71")
    values = shown.run("window.dashboard.wanted().map((row) => row.means['clip_score|bundled'])")
    assert 0 < len(values) < 12
    assert min(values) >= 71


def test_the_search_finds_titles_prompts_ids_and_settings(site, show):
    shown = show(site)
    for words, found in (
        ("planet", 4),
        ('"forest, level 2"', 4),
        ("level", 12),
        ("010fff", 1),
        ("seed=1", 6),
        ("GUIDANCE.scale=3.0", 6),
        ("planet superres", 2),
        ("unheard of", 0),
    ):
        shown.page.fill("#q", words)
        shown.until(f"window.dashboard.state.q === {json.dumps(words)}")
        assert shown.run("window.dashboard.wanted().length") == found, words


def test_every_column_sorts_both_ways(site, show):
    shown = show(site)
    for name, column in (("Text", "clip_score|bundled"), ("Seam", "seam")):
        button = shown.page.get_by_role("columnheader", name=name).get_by_role("button")
        orders = []
        for _ in range(2):
            button.click()
            orders.append(shown.run(f"window.dashboard.wanted().map((row) => row.means['{column}'])"))
        assert sorted(orders[0]) in (orders[0], orders[0][::-1])
        assert orders[0][0] == orders[1][-1]
        assert shown.run("document.querySelectorAll('th[aria-sort]').length") == 1
    shown.page.select_option("#sort", "-story")
    assert stories(shown) == sorted(stories(shown), reverse=True)


def test_the_ranking_shows_what_python_computes(site, root, show):
    shown = show(site, at="/?view=ranking&by=clip_score%7Cbundled&base=superres")
    shown.until("document.querySelectorAll('.ranks tbody tr').length === 2")
    frame = read_scores(root)
    frame["arm"] = frame["variant"]
    expected = ranking(frame, "clip_score", baseline="superres")
    told = shown.run(
        "[...document.querySelectorAll('.ranks tbody tr')].map((row) => [row.dataset.arm,"
        " row.querySelector('.mean').textContent, row.querySelector('svg').getAttribute('aria-label')])"
    )
    for (arm, mean, interval), want in zip(told, expected.to_dict("records"), strict=True):
        assert arm == want["arm"]
        assert mean == f"{want['mean']:.2f}"
        assert interval == f"{want['mean']:.2f}, from {want['low']:.2f} to {want['high']:.2f}"
    shown.page.get_by_role("checkbox", name="A forest").check()
    shown.until("document.querySelector('.ranks td.value + td + td').textContent === '2'")  # runs of one story


def test_pinned_runs_are_compared_and_outlive_a_reload(site, show):
    shown = show(site, at="/?view=grid")
    for number in range(2):
        shown.page.locator("#list .pinner").nth(number).click()
    again = show(site, at=shown.run("location.pathname + location.search"))
    assert again.run("document.querySelectorAll('#tray li').length") == 2
    pinned = again.run("window.dashboard.state.pins")
    again.page.get_by_role("link", name="Compare 2").click(no_wait_after=True)
    again.page.wait_for_url("**/compare?*", wait_until="commit", timeout=120_000)
    again.until("document.querySelector('h1')")
    assert again.run("decodeURIComponent(location.search)") == f"?runs={','.join(pinned)}"
    assert again.run("document.querySelector('h1').textContent") != "Not possible"
    again.complaints.clear()  # films of these runs are no films


def test_no_more_than_five_runs_are_pinned(site, show):
    shown = show(site)
    for number in range(6):
        shown.page.locator("#list .pinner").nth(number).click()
    assert shown.run("window.dashboard.state.pins.length") == 5
    assert "At most 5" in shown.run("document.getElementById('tray').textContent")
    shown.page.get_by_role("button", name="Clear").click()
    assert shown.run("document.getElementById('tray').hidden")


def test_a_hostile_title_is_text(site, show):
    shown = show(site)
    dialogs = []
    shown.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    assert HOSTILE in stories(shown)
    shown.page.get_by_role("link", name=HOSTILE).first.click()
    shown.page.wait_for_url("**/run/**", wait_until="commit")
    shown.until("document.documentElement.dataset.shown === 'run'")
    assert shown.run("document.querySelector('h2').textContent") == HOSTILE
    assert shown.run("document.querySelectorAll('#run script, #run img[src=x]').length") == 0
    assert dialogs == []


def test_a_run_has_a_page_with_levels_scores_and_settings(site, show):
    shown = show(site, at="/?q=planet")
    shown.page.get_by_role("link", name="A planet").first.click()
    shown.page.wait_for_url("**/run/**", wait_until="commit")
    shown.until("document.documentElement.dataset.shown === 'run'")
    assert shown.run("document.querySelectorAll('.levels img').length") == 3
    assert "A planet, level 2" in shown.run("document.querySelector('.levels').textContent")
    assert "guidance.scale=" in shown.run("document.querySelector('.settings').textContent")
    assert shown.run("document.querySelector('video').getAttribute('src')").endswith("/zoom.mp4")
    shown.page.get_by_role("link", name="All runs").click()
    shown.page.wait_for_url("**/?q=planet", wait_until="commit")
    shown.until("window.dashboard?.runs.known")
    assert shown.run("window.dashboard.state.q") == "planet"
    shown.complaints.clear()  # its film is no film


def test_the_page_of_a_zoom_runs_but_cannot_reach_the_server(site, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/file/a-forest/000fffffffff/view.html")
    assert page.title() == "ran"
    assert page.evaluate("self.origin") == "null"
    context.close()


def test_the_page_works_by_keys_alone(site, show):
    shown = show(site)
    press = shown.page.keyboard.press
    press("/")
    assert shown.run("document.activeElement.id") == "q"
    shown.page.keyboard.type("forest")
    shown.until("window.dashboard.wanted().length === 4")
    press("ArrowDown")
    first, second = keys(shown)[:2]
    assert shown.run("document.activeElement.closest('[data-key]').dataset.key") == first
    press("p")
    press("ArrowDown")
    press("p")
    assert shown.run("window.dashboard.state.pins") == [first, second]
    press("ArrowUp")
    assert shown.run("document.activeElement.closest('[data-key]').dataset.key") == first
    press("2")
    assert shown.run("document.querySelector('.posters') !== null")
    press("?")
    assert shown.run("document.getElementById('help').open")
    press("Escape")
    assert not shown.run("document.getElementById('help').open")
    press("Escape")
    assert shown.run(COUNT) == "12 runs"
    press("ArrowDown")
    press("Enter")
    shown.page.wait_for_url("**/run/**", wait_until="commit")
    shown.until("document.documentElement.dataset.shown === 'run'")
    shown.complaints.clear()  # its film is no film


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1200, "dark")])
@pytest.mark.parametrize("view", ["table", "grid", "ranking"])
def test_nothing_is_wider_than_the_window_and_text_can_be_read(site, show, width, scheme, view):
    shown = show(site, at=f"/?view={view}", width=width, color_scheme=scheme)
    shown.until("document.querySelector('#list a.open, .ranks')")
    assert shown.run("document.documentElement.scrollWidth") <= width
    contrast = shown.run(CONTRAST)
    assert contrast["least"] >= 4.5, contrast


def test_news_appear_without_losing_place_filters_or_pins(tmp_path, show):
    root = tmp_path / "runs"
    make_runs(root, stories=[f"Story {number:02d}" for number in range(10)], methods=("joint",))
    with served(root) as address:
        shown = show(address, at="/?method=joint&sort=story", height=500)
        shown.page.locator("#list .pinner").first.click()
        pins = shown.run("window.dashboard.state.pins")
        shown.run("window.scrollTo(0, 400)")
        watched = shown.run("document.querySelectorAll('#list tr')[12].dataset.key")
        top = f"document.querySelector('[data-key=\"{watched}\"]').getBoundingClientRect().top"
        before = shown.run(top)
        make_run(root, "a-first/aaafffffffff", story="A first one")
        make_run(root, "z/zzzfffffffff", story="Z other", method="superres")
        shown.until(f"{COUNT} === '21 of 22 runs'")
        assert "A first one" in stories(shown)
        assert shown.run("document.querySelector('tr.fresh').dataset.key") == "a-first/aaafffffffff"
        assert shown.run("window.dashboard.state.pins") == pins
        assert abs(shown.run(top) - before) < 2
        shutil.rmtree(root / "a-first")
        shown.until(f"{COUNT} === '20 of 21 runs'")
        (root / "z" / "zzzfffffffff" / "config.json").write_text("{")
        shown.until(f"{COUNT} === '20 runs'")
        assert "1 folder cannot be read" in shown.run("document.getElementById('notices').textContent")


def test_an_empty_folder_says_what_to_do_and_fills(tmp_path, show):
    root = tmp_path / "not there yet"
    with served(root) as address:
        shown = show(address)
        shown.until("document.querySelector('.empty h2')")
        assert "tenfold zoom" in shown.run("document.getElementById('list').textContent")
        assert str(root) in shown.run("document.getElementById('list').textContent")
        make_run(root, "a-forest/000fffffffff")
        shown.until(f"{COUNT} === '1 run'")


def test_a_sweep_shows_its_progress_and_failures(tmp_path, show):
    root = tmp_path / "runs"
    make_runs(root, methods=("joint",), seeds=(0,))
    done = ("joint", "A forest", 0, "a-forest/000fffffffff", None)
    make_sweep(
        root,
        [done, ("big", "A forest", 0, None, "too <b>big"), ("joint", "A planet", 7, None, None)],
        title="Night work",
    )
    with served(root) as address:
        shown = show(address)
        assert "1 of 3" in shown.run("document.getElementById('notices').textContent")
        assert "too <b>big" in shown.run("document.getElementById('notices').textContent")
        shown.page.get_by_role("button", name="Show its runs").click()
        assert keys(shown) == ["a-forest/000fffffffff"]
        make_sweep(root, [done, ("joint", "A planet", 0, "a-planet/100fffffffff", None)], title="Night work")
        shown.until("!document.querySelector('.progress')")
        assert len(keys(shown)) == 2


def test_a_server_that_is_gone_is_told(tmp_path, chromium):
    make_run(tmp_path, "a-forest/000fffffffff")
    context = chromium.new_context()
    shown = Watched(context.new_page())
    with served(tmp_path) as address:
        shown.page.goto(address.url)
        shown.until("window.dashboard?.runs.rows.size === 1")
    shown.until("document.getElementById('live').textContent === 'Not connected'")
    assert len(keys(shown)) == 1
    context.close()


def test_downloads_hold_the_runs_that_are_shown(site, root, show, tmp_path):
    shown = show(site, at="/?story=A+forest")
    for kind, read in (("CSV", pd.read_csv), ("Parquet", pd.read_parquet)):
        shown.page.locator("#download summary").click()
        with shown.page.expect_download() as download:
            shown.page.get_by_role("button", name=kind).click()
        download.value.save_as(tmp_path / "file")
        assert len(read(tmp_path / "file")) == len(read_scores(root / "a-forest"))
        shown.page.keyboard.press("Escape")


def test_the_link_with_its_token_opens_the_page_for_good(root, chromium):
    with served(root, host="0.0.0.0") as address:
        context = chromium.new_context()
        shown = Watched(context.new_page())
        local = f"http://127.0.0.1:{address.port}"
        assert shown.page.goto(local).status == 403
        shown.page.goto(f"{local}/?view=grid&t={address.token}", wait_until="commit")
        shown.page.wait_for_url("**/?view=grid")
        shown.until("window.dashboard?.runs.rows.size === 12")
        assert shown.run("location.search") == "?view=grid"
        assert shown.run("document.cookie") == ""  # scripts cannot read it
        context.close()
