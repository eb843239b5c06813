"""What the server answers to those who ask it for something that they should not."""

import json
from http.client import HTTPConnection

import pytest

from evaluation.serving import serving
from evaluation.study.answers import read_answers
from evaluation.study.desk import Desk
from evaluation.study.people import label
from evaluation.study.server import application
from tests.evaluation.study.studies import study

TOKEN = "a-token-for-a-test"


def asked(address, method, path, body=None, **headers):
    """(status, answer) of a request as a browser makes it."""
    connection = HTTPConnection(address.host, address.port, timeout=30)
    own = {"origin": address.url, "content-type": "application/json", **headers}
    connection.request(method, path, None if body is None else json.dumps(body), own)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def answer(place=0, side="left", **more):
    return {
        "place": place,
        "side": side,
        "response_ms": 3000,
        "watched_ms": 2500,
        "plays": 1,
        "client": "wide mouse",
        **more,
    }


@pytest.fixture
def desk(tmp_path):
    return Desk(study(repeats=1), tmp_path)


@pytest.fixture
def served(desk):
    with serving(application(desk, admits=True)) as address:
        yield address, desk, asked(address, "POST", "/api/people", {})[1]["id"]


def test_an_answer_is_on_the_disk_when_it_is_confirmed(served):
    address, desk, person = served
    for place in range(desk.study.design.trials):
        status, state = asked(address, "POST", f"/api/people/{person}/answers", answer(place))
        assert (status, state["done"]) == (200, place + 1)
        assert len(read_answers(desk.folder)[0]) == place + 1
    assert state["trial"] is None
    assert asked(address, "GET", f"/api/people/{person}")[1] == state


def test_an_answer_that_is_sent_twice_counts_once(served):
    address, desk, person = served
    path = f"/api/people/{person}/answers"
    assert asked(address, "POST", path, answer()) == asked(address, "POST", path, answer())
    assert len(read_answers(desk.folder)[0]) == 1


def test_another_answer_to_a_question_that_is_answered_or_not_yet_open_is_refused(served):
    address, desk, person = served
    path = f"/api/people/{person}/answers"
    asked(address, "POST", path, answer(0))
    for wrong in (answer(0, "right"), answer(2), answer(10_000)):
        status, said = asked(address, "POST", path, wrong)
        assert (status, said["state"]["done"]) == (409, 1)
    assert read_answers(desk.folder)[0]["chosen_side"].tolist() == ["left"]


@pytest.mark.parametrize("early", [{"plays": 0}, {"watched_ms": 900}, {"response_ms": 900}])
def test_an_answer_about_films_that_were_not_seen_is_refused(served, early):
    address, desk, person = served
    status, said = asked(address, "POST", f"/api/people/{person}/answers", answer(**early))
    assert status == 409
    assert "seen to their end" in said["detail"]
    assert read_answers(desk.folder)[0].empty


@pytest.mark.parametrize(
    "wrong",
    [{}, [], {"place": 0}, answer(-1), answer(side="both"), answer(client="Mozilla/5.0"), answer(name="Eve"),
     answer(response_ms=float("nan")), answer(plays=1.5), answer(place="x")],
)  # fmt: skip
def test_what_is_no_answer_is_refused(served, wrong):
    address, desk, person = served
    assert asked(address, "POST", f"/api/people/{person}/answers", wrong)[0] == 422
    assert read_answers(desk.folder)[0].empty


def test_forged_and_foreign_ids_are_refused(served, tmp_path):
    address, desk, person = served
    foreign = Desk(study(), tmp_path / "another").people.admit()
    for forged in (
        foreign,
        desk.people.id_of(1),
        f"{person}x",
        "0-",
        f"%D9%A0{person[1:]}",
        "..%2Fsecret",
        "%00",
        person.upper(),
    ):
        assert asked(address, "GET", f"/api/people/{forged}")[0] == 404
        assert asked(address, "POST", f"/api/people/{forged}/answers", answer())[0] == 404
    assert read_answers(desk.folder)[0].empty


def test_only_films_and_files_of_the_page_are_served(served):
    address, desk, _ = served
    media = ("/media/secret", "/media/..%2Fsecret", "/media/../secret")
    others = (
        "/static/study.html",
        "/static/..%2Fplan.py",
        "/secret",
        "/study.json",
        "/answers/p00000.parquet",
        "/docs",
    )
    for path in (*media, *others):
        assert asked(address, "GET", path)[0] == 404, path
    secret = (desk.folder / "secret").read_text()
    assert secret not in str(asked(address, "GET", "/api/study"))


def test_a_study_by_invitation_admits_nobody_else(desk):
    own = desk.people.invite(2)
    with serving(application(desk, admits=False)) as address:
        assert asked(address, "POST", "/api/people", {})[0] == 403
        assert asked(address, "GET", "/api/study")[1]["admits"] is False
        assert asked(address, "GET", f"/api/people/{own[1]}")[0] == 200
    assert len(list(desk.people.folder.iterdir())) == 2


def test_pages_elsewhere_cannot_answer_for_somebody(served):
    address, desk, person = served
    path = f"/api/people/{person}/answers"
    assert asked(address, "POST", path, answer(), origin="https://elsewhere.example")[0] == 403
    assert asked(address, "GET", path[:-8], host="elsewhere.example")[0] == 403
    assert read_answers(desk.folder)[0].empty


def test_the_network_needs_the_token_of_the_link(desk):
    with serving(application(desk, admits=True), host="0.0.0.0", token=TOKEN) as address:
        assert f"t={TOKEN}" in address.link("/p/x")
        local = type(address)("127.0.0.1", address.port)
        for path in ("/", "/api/study", f"/media/{next(iter(desk.films))}", "/static/main.js"):
            assert asked(local, "GET", path)[0] == 403
        assert asked(local, "POST", "/api/people", {})[0] == 403
        assert asked(local, "GET", "/api/study", authorization=f"Bearer {TOKEN}")[0] == 200


def test_a_damaged_file_of_answers_is_told_and_kept(served):
    address, desk, person = served
    asked(address, "POST", f"/api/people/{person}/answers", answer())
    path = desk.folder / "answers" / f"{label(0)}.parquet"
    path.write_bytes(b"PAR1 damaged")
    status, said = asked(address, "POST", f"/api/people/{person}/answers", answer(1))
    assert status == 503
    assert "tell whoever invited you" in said["detail"]
    assert path.read_bytes() == b"PAR1 damaged"


def test_two_servers_at_one_study_agree(served):
    address, desk, person = served
    with serving(application(Desk(desk.study, desk.folder), admits=True)) as other:
        for place in range(4):
            at = (address, other)[place % 2]
            assert asked(at, "POST", f"/api/people/{person}/answers", answer(place))[0] == 200
        ids = {asked(at, "POST", "/api/people", {})[1]["id"] for at in (address, other) * 3}
    assert len(ids) == 6
    assert asked(address, "GET", f"/api/people/{person}")[1]["done"] == 4
