"""What the dashboard's server gives: news, files of known runs only, numbers that are Python's."""

import gzip
import http.client
import io
import json
import math
from urllib.parse import quote

import pandas as pd
import pytest
from PIL import Image

from evaluation import read_scores
from evaluation.statistics import ranking
from tests.evaluation.dashboard.conftest import served
from tests.evaluation.dashboard.made import make_run, make_runs, make_sweep

FIRST = "a-forest/000fffffffff"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "runs"
    make_runs(folder, seeds=(0, 1, 2))
    make_run(folder, "odd/666fffffffff", story="Odd", files={"zoom./../../../secret.mp4": "0"})
    (folder.parent / "secret.mp4").write_bytes(b"secret")
    (folder / "odd" / "666fffffffff" / "contact_sheet.png").symlink_to(folder.parent / "secret.mp4")
    (folder / "odd" / "666fffffffff" / "poster.png").write_bytes(b"no picture")
    make_sweep(folder, [("the plain way", "A forest", 0, FIRST, None)])
    return folder


@pytest.fixture(scope="module")
def site(root):
    with served(root) as address:
        yield Site(address)


class Site:
    """Asks a server."""

    def __init__(self, address):
        self.address = address
        self.news()

    def get(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=60)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def post(self, path, value):
        text = json.dumps(value)
        answer, content = self.get(path, "POST", text, Origin=self.address.url, Content_Type="application/json")
        return answer, content

    def news(self, since=""):
        while True:
            facts = json.loads(gzip.decompress(self.get(f"/api/news?since={since}")[1]))
            if facts["reading"] == 0 and (since or facts["rows"]):
                return facts


def test_news_tell_all_once_and_then_only_what_is_new(site, root):
    first = site.news()
    assert len(first["rows"]) == 13
    assert first["whole"]
    row = next(row for row in first["rows"] if row["key"] == FIRST)
    assert [first["strings"][i] for i in row["prompts"]] == [f"A forest, level {i}" for i in range(3)]
    again = site.news(first["state"])
    assert "rows" not in again
    assert again["strings"] == []
    other = site.news("another.1.1")
    assert other["rows"] == first["rows"]


def test_the_files_of_a_run_are_served_each_as_what_it_is(site, root):
    answer, content = site.get(f"/file/{FIRST}/zoom.mp4")
    assert (answer.status, answer.headers["content-type"]) == (200, "video/mp4")
    assert content == (root / FIRST / "zoom.mp4").read_bytes()
    assert site.get(f"/file/{FIRST}/stack/level_02.png")[0].headers["content-type"] == "image/png"
    assert site.get(f"/file/{FIRST}/config.json")[0].status == 200
    assert site.get(f"/file/{FIRST}/scores.parquet")[0].status == 200


def test_a_part_of_a_film_can_be_asked_for(site, root):
    whole = (root / FIRST / "zoom.mp4").read_bytes()
    answer, content = site.get(f"/file/{FIRST}/zoom.mp4", Range="bytes=100-299")
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes 100-299/{len(whole)}"
    assert content == whole[100:300]
    assert site.get(f"/file/{FIRST}/zoom.mp4", Range=f"bytes={len(whole)}-")[0].status == 416


def test_the_page_of_a_run_is_nobody_here(site):
    policy = site.get(f"/file/{FIRST}/view.html")[0].headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    "path",
    [
        f"/file/{FIRST}/../../../../etc/passwd",
        f"/file/{FIRST}/%2e%2e/%2e%2e/_sweeps/first-123/sweep.json",
        f"/file/{FIRST}/..%2f..%2f..%2fsecret.mp4",
        f"/file/{FIRST}//etc/passwd",
        f"/file/{FIRST}/zoom.mp4%00.png",
        "/file/../runs/zoom.mp4",
        "/file/%2e%2e/runs/config.json",
        "/file/.cache/dashboard/index.json.gz",
        f"/file/{FIRST}/stack/level_99.png",
        f"/file/{FIRST}/records.json",
        "/file/odd/666fffffffff/" + quote("zoom./../../../secret.mp4"),
        "/file/odd/666fffffffff/" + quote("zoom./../../../secret.mp4", safe=""),
        "/file/odd/666fffffffff/contact_sheet.png",
        "/static/../site.py",
        "/static/..%2fsite.py",
        "/static/index.html",
        "/web/..%2f__init__.py",
        "/thumb/../..",
        "/thumb/odd/666fffffffff",
        "/run/nowhere/1",
        "/api/run/nowhere/1",
        "/scores.pickle",
        "/docs",
    ],
)
def test_nothing_else_is_served(site, path):
    answer, content = site.get(path)
    assert answer.status == 404
    assert b"secret" not in content


def test_thumbs_are_small_pictures_that_browsers_keep(site):
    answer, content = site.get(f"/thumb/{FIRST}?v=1")
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (32, 32))


def test_downloads_hold_every_row_of_the_runs_that_are_meant(site, root):
    expected = read_scores(root / "a-forest").sort_values(["run_id", "score", "level"], ignore_index=True)
    keys = [f"a-forest/{path.name}" for path in sorted((root / "a-forest").iterdir())]
    _, content = site.post("/scores.parquet", {"runs": [*keys, "gone/gone"]})
    found = pd.read_parquet(io.BytesIO(content)).sort_values(["run_id", "score", "level"], ignore_index=True)
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_dtype=False)
    answer, content = site.get(f"/scores.csv?runs={','.join(keys)}")
    assert 'filename="scores.csv"' in answer.headers["content-disposition"]
    assert len(pd.read_csv(io.BytesIO(content))) == len(expected)
    assert len(pd.read_parquet(io.BytesIO(site.get("/scores.parquet")[1]))) == len(read_scores(root))


@pytest.mark.parametrize(("column", "group"), [("clip_score|bundled", "variant"), ("seam", "method")])
def test_the_ranking_is_that_of_python(site, root, column, group):
    keys = [row["key"] for row in site.news()["rows"] if row["story"] != "Odd"]
    answer, content = site.post(
        "/api/ranking", {"runs": keys, "column": column, "group": group, "baseline": "superres"}
    )
    assert answer.status == 200
    frame = read_scores([root / key for key in keys])
    frame["arm"] = frame[group]
    expected = ranking(frame, column.partition("|")[0], baseline="superres")
    found = json.loads(content)["rows"]
    assert [row["arm"] for row in found] == list(expected["arm"])
    for name in ("rank", "mean", "low", "high", "runs", "stories", "difference", "wins", "pairs", "p_value"):
        assert [numbered(row[name]) for row in found] == pytest.approx(
            list(map(numbered, expected[name])), nan_ok=True
        ), name


def numbered(value):
    return math.nan if value is None or pd.isna(value) else float(value)


def test_the_score_by_level_is_the_mean_over_runs(site, root):
    keys = [row["key"] for row in site.news()["rows"] if row["story"] != "Odd"]
    _, content = site.post("/api/ranking", {"runs": keys, "column": "clip_score|bundled", "group": "method"})
    frame = read_scores([root / key for key in keys])
    means = frame[frame["score"] == "clip_score"].groupby(["method", "level"])["value"].mean()
    levels = json.loads(content)["levels"]
    assert {m: levels[m] for m in levels} == {m: pytest.approx(list(means[m])) for m in ("joint", "superres")}


def test_runs_of_a_sweep_take_its_names(site):
    _, content = site.post("/api/ranking", {"runs": [FIRST], "column": "seam", "sweep": "first-123"})
    assert [row["arm"] for row in json.loads(content)["rows"]] == ["the plain way"]


@pytest.mark.parametrize("wrong", [{"group": "shoe size"}, {"more": 1}, {"runs": "all"}, {"column": 3}])
def test_what_makes_no_sense_is_refused_and_answered(site, wrong):
    asked = {"runs": [FIRST], "column": "seam"} | wrong
    assert site.post("/api/ranking", asked)[0].status == 422


def test_a_score_that_nobody_has_ranks_nobody(site):
    _, content = site.post("/api/ranking", {"runs": [FIRST], "column": "nonsense"})
    assert json.loads(content)["rows"] == []


def test_a_comparison_names_known_runs_and_no_folders(site, root):
    answer, content = site.get(f"/compare?runs={FIRST},a-planet/100fffffffff", Accept="text/html")
    assert answer.status == 200
    assert f"/file/{FIRST}/zoom.mp4".encode() in content
    assert f"/file/{FIRST}/stack/level_00.png".encode() in content
    for runs in (str(root), "a-forest", f"{FIRST}/..,{FIRST}/../111fffffffff", FIRST):
        answer, content = site.get(f"/compare?runs={quote(runs)}", Accept="text/html")
        assert answer.status == 422
        assert str(root.parent).encode() not in content.replace(str(root).encode(), b"")


def test_the_facts_of_a_run_are_those_of_its_files(site):
    facts = json.loads(site.get(f"/api/run/{FIRST}")[1])
    assert facts["prompts"][2] == "A forest, level 2"
    assert facts["levels"]["seam"] == [1.0, 1.2, 1.5]
    assert {"name": "zoom.mp4", "bytes": 2048} in facts["files"]
    assert "film.fps=30" in facts["settings"]
