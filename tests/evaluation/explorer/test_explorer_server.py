"""What the explorer's server gives: the plane's own pixels, what there is of far tiles, and nothing for strangers."""

import http.client
import io
import json
import time

import numpy as np
import pytest
from PIL import Image

from evaluation.explorer import app as explorer_app
from tests.evaluation.explorer.conftest import served
from tests.evaluation.explorer.formula import MOST, STEP, FormulaTiles, pixels


def connected(address, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=60)
    connection.request("GET", path, headers=headers)
    return connection


def get(address, path, **headers):
    connection = connected(address, path, **headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


@pytest.mark.parametrize(
    ("seed", "row", "column"), [(0, 0, 0), (2**64 - 1, -3, 5), (7, MOST - 1, -MOST)], ids=["near", "left", "ends"]
)
def test_a_tile_is_the_planes_pixels_without_loss(site, seed, row, column):
    answer, content = get(site, f"/tile/1/{seed}/0/{row}/{column}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert (answer.headers["x-painted"], answer.headers["x-tiles"]) == ("1", "1")
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.mode == "RGB"
        assert np.array_equal(picture, pixels(seed, row * STEP, column * STEP, STEP, STEP, model=1))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("2/0/0/0/0", 404),
        ("0/-1/0/0/0", 404),
        (f"0/{2**64}/0/0/0", 404),
        ("0/0/6/0/0", 404),
        (f"0/0/0/{MOST}/0", 404),
        (f"0/0/5/0/{-MOST // 32 - 1}", 404),
        ("0/0/0/x/0", 422),
        ("0/0/0/0.5/0", 422),
        (f"0/0/0/{'9' * 5000}/0", 422),
        ("0/0/0/..%2f..%2fsecret/0", 404),
    ],
)
def test_there_are_no_other_tiles(site, path, status):
    answer, content = get(site, f"/tile/{path}")
    assert answer.status == status
    assert b"Traceback" not in content


@pytest.mark.parametrize(
    ("asker", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)]
)
def test_other_pages_of_the_browser_make_nobody_paint(site, asker, status):
    assert get(site, "/tile/0/0/0/0/0", **{"sec-fetch-site": asker})[0].status == status


def test_the_page_says_what_there_is_and_its_policy_admits_nothing_else(site):
    page, _ = get(site, "/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    facts = json.loads(get(site, "/api/planes")[1])
    assert [model["name"] for model in facts["models"]] == ["first", "it's two"]
    assert facts["start"] == {"seed": "3", "y": "-12", "x": "40"}
    assert get(site, "/static/main.js")[0].status == 200
    assert get(site, "/static/app.py")[0].status == 404
    assert get(site, "/", Host="evil.example")[0].status == 403


def test_far_tiles_come_in_pieces_and_are_let_go_by_who_has_left(monkeypatch):
    source, patient = FormulaTiles(), explorer_app.PIECE_S * 60
    source.open.clear()
    with served(source) as (address, studio):
        monkeypatch.setattr(explorer_app, "PIECE_S", 0.1)
        until(
            lambda: get(address, "/tile/0/0/1/0/0")[0].status == 204 and source.begun.is_set()
        )  # nothing is there yet
        monkeypatch.setattr(explorer_app, "PIECE_S", patient)
        leaving = connected(address, "/tile/0/9/0/0/0")
        until(lambda: studio.waiting == 1)
        leaving.sock.close()
        until(lambda: studio.waiting == 0)
        source.open.set()
        until(lambda: studio.painted == 1)
        source.open.clear()
        monkeypatch.setattr(explorer_app, "PIECE_S", 0.1)
        answer, content = get(address, "/tile/0/0/1/0/0?painted=0")
        assert (answer.status, answer.headers["x-painted"], answer.headers["x-tiles"]) == (200, "1", "4")
        with Image.open(io.BytesIO(content)) as picture:
            alpha = np.asarray(picture)[..., 3]
        assert np.array_equal(np.unique(alpha), [0, 255])
        assert np.all(alpha[: STEP // 2, : STEP // 2] == 255)
        monkeypatch.setattr(explorer_app, "PIECE_S", patient)
        source.broken = {(0, 1), (1, 0), (1, 1)}
        source.open.set()
        answer, content = get(address, "/tile/0/0/1/0/0?painted=1")
        assert answer.status == 422
        assert json.loads(content)["detail"] == "There is a hole here. Walk around it."


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
