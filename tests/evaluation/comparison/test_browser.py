"""The comparison's page in a real browser: what it shows is what was measured, and people can use it."""

import io
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from evaluation.statistics import ranking
from tests.comparisons import ARMS, HOSTILE, LEVELS, PROMPTS, SEEDS, STORIES

RUNS = len(ARMS) * len(STORIES) * len(SEEDS) - 1
CELLS = "[...document.querySelectorAll('{} tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText))"


def cells(shown, selector):
    return shown.run(CELLS.format(selector))


def test_plots_have_a_mark_for_everything_that_was_measured(show):
    shown = show()
    marks = "{} .mark-symbol.role-mark path"
    assert shown.count(marks.format("#plot-ranking")) == len(ARMS)
    assert shown.count(marks.format("#plot-difference")) == len(ARMS)
    assert shown.count(marks.format("#plot-spread")) == RUNS
    assert shown.count(marks.format("#plot-stories")) == len(ARMS) * len(STORIES)
    assert shown.count(marks.format("#plot-levels")) == len(ARMS) * LEVELS
    assert shown.count("#plot-levels .mark-line path") == len(ARMS)
    for plot in ("ranking", "difference", "spread", "stories", "levels"):
        words = shown.run(f"document.querySelector('#plot-{plot} [role=img]').getAttribute('aria-label')")
        assert all(arm in words for arm in ARMS)
        assert shown.count(f"#plot-{plot} details table tbody tr") > 0


def test_lines_differ_by_dash_and_marks_by_shape_not_by_colour_alone(show):
    shown = show()
    lines = shown.run(
        "[...document.querySelectorAll('#plot-levels .mark-line path')].map((one) => "
        "[one.getAttribute('stroke-dasharray'), one.getAttribute('stroke')])"
    )
    assert len({dash for dash, _ in lines}) == len({colour for _, colour in lines}) == len(ARMS)
    shapes = shown.run(
        "[...document.querySelectorAll('#plot-ranking .mark-symbol.role-mark path')]"
        ".map((one) => one.getAttribute('d'))"
    )
    assert len(set(shapes)) == len(ARMS)


def test_the_ranking_is_the_one_of_the_statistics(show, comparison):
    shown = show()
    expected = ranking(comparison.frame, "clip_score", baseline=comparison.baseline)
    rows = cells(shown, "#ranking-table")
    assert [row[1] for row in rows] == list(expected["arm"])
    assert [float(row[2].split()[0]) for row in rows] == pytest.approx(list(expected["mean"]), abs=0.006)
    assert "baseline" in rows[0][3]
    told = [float(re.search(r"[-+]\d+\.\d+", row[3])[0]) for row in rows[1:]]
    assert told == pytest.approx(list(expected["difference"][1:]), abs=0.006)
    shown.choose("Score", "Flicker")
    expected = ranking(comparison.frame, "flicker", baseline=comparison.baseline)
    assert [float(row[2].split()[0]) for row in cells(shown, "#ranking-table")] == pytest.approx(list(expected["mean"]))
    assert "score=flicker" in shown.page.url
    assert shown.run("document.getElementById('by-level').hidden")  # a film has no levels


def test_filters_change_the_numbers_to_those_of_the_runs_that_are_left(show, comparison):
    shown = show()
    frame = comparison.frame[comparison.frame["score"] == "clip_score"]

    def expected(rows):
        runs = rows.groupby(["arm", "story", "run_id"], observed=True)["value"].mean()
        return runs.groupby(["arm", "story"], observed=True).mean().groupby("arm", observed=True).mean()

    def told():
        return {row[0]: float(row[1]) for row in cells(shown, "#summary")}

    assert told() == pytest.approx(dict(expected(frame)), abs=0.006)
    shown.page.get_by_label(STORIES[1], exact=True).first.uncheck()
    shown.page.get_by_label("1", exact=True).first.uncheck()
    shown.settle()
    left = frame[(frame["story"] != STORIES[1]) & (frame["seed"] == 0)]
    assert told() == pytest.approx(dict(expected(left)), abs=0.006)
    assert told() != pytest.approx(dict(expected(frame)), abs=0.006)
    assert shown.count("#plot-spread .mark-symbol.role-mark path") == left["run_id"].nunique() == 6
    assert "stories=0.2" in shown.page.url
    again = show(at="#" + shown.page.url.partition("#")[2])
    assert cells(again, "#summary") == cells(shown, "#summary")
    shown.page.get_by_role("button", name="Show all").click()
    shown.settle()
    assert told() == pytest.approx(dict(expected(frame)), abs=0.006)
    assert "stories" not in shown.page.url


def test_no_run_left_is_said(show):
    shown = show(at="#arms=")
    assert shown.texts("#filtered") == [f"Text: 0 of {RUNS} runs with this score, 0 stories."]


def test_tables_sort_by_every_column_and_say_so(show):
    shown = show()
    heads = shown.page.locator("#runs thead button")
    for number, name in enumerate(heads.all_inner_texts()):
        heads.nth(number).click()
        order = shown.run(f"document.querySelectorAll('#runs thead th')[{number}].getAttribute('aria-sort')")
        values = [row[number] for row in cells(shown, "#runs")]
        if name in ("Seed", "Text"):
            values = [float(one) for one in values]
            assert values == sorted(values, reverse=order == "descending")
        first = values
        heads.nth(number).click()
        other = shown.run(f"document.querySelectorAll('#runs thead th')[{number}].getAttribute('aria-sort')")
        assert {order, other} == {"ascending", "descending"}
        if len(set(first)) > 1:
            assert cells(shown, "#runs")[0][number] != str(first[0])


def test_levels_stand_side_by_side_with_their_prompts(show):
    shown = show()
    alts = shown.run("[...document.querySelectorAll('#sheet img')].map((one) => one.alt)")
    assert alts == [prompt for prompt in PROMPTS for _ in ARMS]
    shown.run("document.querySelectorAll('#sheet img').forEach((one) => { one.loading = 'eager'; })")
    shown.until("[...document.querySelectorAll('#sheet img')].every((one) => one.complete && one.naturalWidth > 0)")
    shown.page.locator("#levels").get_by_label("Story", exact=True).select_option("1")
    shown.page.locator("#levels").get_by_label("Seed", exact=True).select_option("1")
    shown.settle()
    assert shown.count("#sheet img") == 2 * LEVELS  # the third arm's run failed
    assert shown.texts("#sheet .none") == ["no run"] * LEVELS
    assert "story=1" in shown.page.url
    assert "seed=1" in shown.page.url


def test_a_picture_is_enlarged_and_its_neighbours_are_a_key_away(show):
    shown = show()
    shown.page.locator("#sheet button").first.press("Enter")
    title = "document.querySelector('dialog .row span').textContent"
    assert shown.run(title) == f"{ARMS[0]}, level 0"
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp"):
        shown.page.keyboard.press(key)
    assert shown.run(title) == f"{ARMS[1]}, level 1"
    assert shown.run("document.querySelector('dialog img').alt") == PROMPTS[1]
    shown.page.keyboard.press("Escape")
    shown.until("!document.querySelector('dialog')")
    assert shown.run("document.activeElement.closest('#sheet') !== null")


def test_settings_differ_where_they_do(show):
    shown = show()
    rows = cells(shown, "#settings-table")
    assert rows == [["sampling.eta", "0", "0.5", "1"]]
    shown.page.get_by_role("button", name="All settings").click()
    shown.settle()
    rows = {row[0]: row[1:] for row in cells(shown, "#settings-table")}
    assert rows["sampling.note"] == [HOSTILE] * 3
    assert rows["sampling.steps"] == ["30"] * 3
    assert shown.count("#settings-table tr.differs") == 1
    seed_1 = next(i for i, run in enumerate(shown.run("scene.runs")) if run["seed"] == 1)
    shown.page.locator("#settings").get_by_label("Add").select_option(str(seed_1))
    shown.settle()
    assert {row[0]: row[1:] for row in cells(shown, "#settings-table")}["seed"] == ["0", "0", "0", "1"]


def test_downloads_are_exactly_the_rows(show, comparison):
    shown = show()
    files = {}
    for button in ("CSV", "Parquet"):
        with shown.page.expect_download() as waiting:
            shown.page.get_by_role("button", name=f"Download {button}").click()
        files[button] = waiting.value.path().read_bytes()
        assert waiting.value.suggested_filename == f"a-trial-script-alert-6-script.{button.lower()}"
    frame = comparison.frame.astype({"arm": str})
    parquet = pq.read_table(io.BytesIO(files["Parquet"])).to_pandas(types_mapper={}.get)
    csv = pd.read_csv(io.BytesIO(files["CSV"]), float_precision="round_trip")
    for read in (parquet, csv):
        assert list(read.columns) == list(frame.columns)
        plain = read.astype({name: frame[name].dtype for name in frame.columns})
        pd.testing.assert_frame_equal(plain, frame, check_dtype=False)


def test_names_of_strangers_are_text(show):
    shown = show()
    assert shown.texts("h1") == ["A trial <script>alert(6)</script>"]
    assert shown.run("document.title").startswith("A trial <script>alert(6)</script>")
    assert shown.count("#ranking-table img, #notes script, main [onclick], main [onerror]") == 0
    assert any("the model broke </script>" in note for note in shown.texts("#notes li"))
    assert ARMS[2] in shown.texts("#filters .chip span")
    assert any(text.startswith(ARMS[2][:20]) for text in shown.texts("#plot-levels svg text"))
    shown.page.locator("#plot-ranking .mark-symbol.role-mark path").last.hover()
    shown.until("document.querySelector('#tip:not([hidden])')")
    assert ARMS[2] in shown.run("document.getElementById('tip').textContent")
    assert shown.count("#tip img") == 0


def test_a_narrow_screen_scrolls_one_way_only(show):
    shown = show(width=360, height=740)
    assert shown.run("document.documentElement.scrollWidth") == 360
    over = shown.run(
        "[...document.querySelectorAll('main button, main select, main img, main video, main label')]"
        ".filter((one) => !one.closest('.scroll') && one.getBoundingClientRect().right > 360).length"
    )
    assert over == 0


CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = words.nextNode(); node; node = words.nextNode()) {
    const element = node.parentElement;
    const away = element.closest("script, style, noscript, [hidden], :disabled") || !element.checkVisibility();
    if (away || !node.textContent.trim()) continue;
    const svg = element.closest("svg");
    const ink = rgba(svg ? element.getAttribute("fill") ?? "black" : getComputedStyle(element).color);
    const [a, b] = [light(ink), light(ground(svg ? svg.parentElement : element))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), element.tagName, node.textContent.slice(0, 30)]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_light_and_dark(show, scheme):
    shown = show(color_scheme=scheme)
    found = shown.run(CONTRAST)
    assert len(found) > 200
    assert found[0][0] >= 4.5, found[:3]
    shown.page.get_by_role("button", name="Light" if scheme == "dark" else "Dark", exact=True).click()
    shown.until("document.documentElement.dataset.plots >= 10")  # five plots, drawn again
    assert shown.run("getComputedStyle(document.body).colorScheme") == ("light" if scheme == "dark" else "dark")
    other = shown.run(CONTRAST)
    assert other[0][0] >= 4.5, other[:3]


NAMELESS = """
() => {
  const words = (one) =>
    one.alt || one.getAttribute("aria-label") || one.textContent.trim() || one.closest("label")?.textContent.trim() ||
    one.caption || one.querySelector("img")?.alt;
  const seen = document.querySelectorAll("img, video, [role=img], button, select, input, table, [role=region]");
  return [...seen].filter((one) => !words(one)).map((one) => one.outerHTML.slice(0, 120));
}
"""


def test_everything_that_is_seen_has_words(show):
    shown = show()
    nameless = shown.run(NAMELESS)
    assert nameless == []


def test_the_whole_page_can_be_used_by_keys(show):
    shown = show()
    shown.page.get_by_label("Score", exact=True).focus()
    shown.page.keyboard.press("End")
    shown.settle()
    assert "Flicker" in shown.texts("#mean-head")[0]
    chip = shown.page.locator("#filters input").first
    chip.focus()
    shown.page.keyboard.press("Space")
    shown.settle()
    assert shown.texts("#summary tbody th") == list(ARMS[1:])
    assert shown.run("document.activeElement.closest('#filters') !== null")
    shown.page.locator("#stage input[type=range]").focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.run("Math.round(tenfold.lockstep.time * tenfold.lockstep.fps)") == 1
    shown.page.keyboard.press("Home")
    assert shown.run("tenfold.lockstep.time") == 0
    shown.page.keyboard.press("Space")
    assert shown.run("tenfold.lockstep.playing")
    shown.page.keyboard.press("Space")
    assert not shown.run("tenfold.lockstep.playing")


def test_what_is_not_there_is_told(show):
    notes = " ".join(show().texts("#notes li"))
    assert "lacks 1 of 6 runs" in notes
    assert "Intervals are of 95 %, over 3 stories" in notes
    assert "bundled" in notes or "small scorer" in notes
