"""People take part in a real browser: what they see is filed, through reloads, restarts and lost connections."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from evaluation.serving import serving
from evaluation.study.server import application
from tests.evaluation.study.sittings import filmed, kept, short

TOTAL = 5
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> Which {{TITLE}}?"


def test_a_whole_session_is_filed_as_it_was_seen(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.begin()
    seen = []
    for number in range(TOTAL):
        assert person.place == f"{number + 1} of {TOTAL}"
        shown, side = person.wait(), ("left", "right")[number % 2]
        seen.append((*shown, side))
        person.page.click(f"#choose-{side}")
        person.after(f"{number + 1} of {TOTAL}")
        assert len(kept(desk, number + 1)) == number + 1  # filed before the next question is shown
    person.until("!document.getElementById('done').hidden")
    assert "Thank you" in person.words
    frame = kept(desk, TOTAL)
    assert [(one.arm, other.arm, side) for one, other, side in seen] == list(
        zip(frame.arm_left, frame.arm_right, frame.chosen_side, strict=True)
    )
    assert [(one.run, other.run) for one, other, _ in seen] == list(zip(frame.run_left, frame.run_right, strict=True))
    assert [(one if side == "left" else other).arm for one, other, side in seen] == frame.chosen_arm.tolist()
    assert sorted(frame.kind) == ["catch", "pair", "pair", "pair", "repeat"]
    assert (frame.response_s >= 0.35).all()
    assert (frame.response_s < 60).all()
    assert ((frame.answered_at - frame.shown_at).dt.total_seconds() - frame.response_s).abs().max() < 0.01
    assert set(frame.client) == {"wide mouse"}
    assert (frame.plays >= 1).all()


def test_a_session_by_keyboard_alone_with_a_reload_and_a_closed_browser_in_its_middle(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.begin()
    order = []
    for number in range(2):
        order.append(person.wait())
        person.page.keyboard.press(["1", "ArrowRight"][number])
        person.after(f"{number + 1} of {TOTAL}")
    before = person.wait()
    person.page.reload()
    person.until("!document.getElementById('welcome').hidden")
    assert f"2 of {TOTAL} are done" in person.words
    person.begin()
    assert person.wait() == before
    own = person.page.url
    person.page.context.close()
    again = sit(own, desk)  # another browser, by the address that the first one showed
    again.begin()
    assert again.wait() == before
    for number in range(2, TOTAL):
        again.wait()
        again.page.keyboard.press("2" if number % 2 else "ArrowLeft")
        again.after(f"{number + 1} of {TOTAL}")
    frame = kept(desk, TOTAL)
    assert set(frame.participant) == {"p00000"}
    assert frame.chosen_side.tolist() == ["left", "right", "left", "right", "left"]
    assert [(one.run, other.run) for one, other in [*order, before]] == list(
        zip(frame.run_left[:3], frame.run_right[:3], strict=True)
    )


def test_who_comes_back_to_the_open_link_goes_on(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.begin()
    person.wait()
    person.page.keyboard.press("1")
    person.after(f"1 of {TOTAL}")
    person.page.goto(address.link("/"))
    person.until("!document.getElementById('welcome').hidden")
    assert f"1 of {TOTAL} are done" in person.words
    assert len(list((desk.folder / "people").iterdir())) == 1


def test_an_answer_that_meets_a_dead_server_is_kept_and_counts_once_when_it_is_back(tmp_path, sit):
    desk = filmed(tmp_path, short(stories=4, seeds=1))
    with ExitStack() as first:
        address = first.enter_context(serving(application(desk, admits=True)))
        person = sit(address.link("/"), desk, complains=True)
        person.begin()
        person.wait()
        person.page.keyboard.press("1")
        person.after("1 of 4")
        shown = person.wait()
    person.page.keyboard.press("2")
    person.until("document.getElementById('word').textContent.includes('No connection')")
    person.page.keyboard.press("1")  # it is given: nothing changes it any more
    with serving(application(type(desk)(desk.study, desk.folder), admits=True), port=address.port):
        person.after("2 of 4")
        frame = kept(desk, 2)
        assert frame.chosen_side.tolist() == ["left", "right"]
        assert (frame.run_left[1], frame.run_right[1]) == tuple(one.run for one in shown)
        for number in (2, 3):
            person.wait()
            person.page.keyboard.press("1")
            person.after(f"{number + 1} of 4")
        person.until("!document.getElementById('done').hidden")
    assert len(kept(desk, 4)) == 4


def test_no_choice_is_possible_before_both_films_were_seen(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.page.route("**/media/*", lambda route: None)  # films that never come
    person.begin()
    for key in ("1", "2", "ArrowLeft", "ArrowRight"):
        person.page.keyboard.press(key)
    person.page.evaluate("choose('left')")
    assert person.page.is_disabled("#choose-left")
    assert person.page.is_disabled("#choose-right")
    assert person.place == f"1 of {TOTAL}"
    assert kept(desk, 0).empty


def test_films_begin_again_by_themselves(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.begin()
    person.until("pair.plays >= 3")
    person.until("pair.steps.playing && pair.steps.time > 0")


def test_films_play_in_step(tmp_path, sit):
    desk = filmed(tmp_path, short(stories=1, seeds=1), frames=75)
    with serving(application(desk, admits=True)) as address:
        person = sit(address.link("/"), desk)
        person.begin()
        gaps = person.run(
            """() => new Promise((done) => {
              const gaps = [];
              const note = () => {
                const films = [...document.querySelectorAll("video")];
                const shown = pair.steps?.playing && films.every((film) => !film.seeking && film.readyState > 1);
                if (shown) gaps.push(Math.abs(films[0].currentTime - films[1].currentTime));
              };
              const look = () => {
                note();
                if (pair.plays > 0) done(gaps);
                else requestAnimationFrame(look);
              };
              look();
              // On a slow machine every picture of the screen tells the films another frame.
              document.addEventListener("seeked", note, true);
            })"""
        )
    assert len(gaps) > 5
    assert max(gaps) < 0.05


def test_space_pauses_and_r_begins_anew(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.begin()
    person.until("pair.steps?.playing")
    person.page.keyboard.press(" ")
    person.until("!pair.steps.playing && document.getElementById('pause').textContent === 'Play'")
    person.page.keyboard.press("r")
    person.until("pair.steps.playing")
    person.wait()


def test_nothing_moves_by_itself_for_those_who_asked_for_less_motion(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk, reduced_motion="reduce")
    person.begin()
    person.until("pair.steps && document.querySelectorAll('video')[1]?.readyState > 2")
    person.page.wait_for_timeout(300)
    assert person.run("pair.started") is None
    person.page.keyboard.press(" ")
    person.wait()


def test_two_people_at_once_do_not_disturb_each_other(at_home, sit):
    desk, address = at_home
    people = [sit(address.link("/"), desk) for _ in range(2)]
    for person in people:
        person.begin()
    for number in range(TOTAL):
        for person, key in zip(people, "12", strict=True):
            person.wait()
            person.page.keyboard.press(key)
        for person in people:
            person.after(f"{number + 1} of {TOTAL}")
    frame = kept(desk, 2 * TOTAL)
    assert {name: set(own.chosen_side) for name, own in frame.groupby("participant")} == {
        "p00000": {"left"},
        "p00001": {"right"},
    }
    assert (frame.groupby("participant").size() == TOTAL).all()


def test_two_windows_of_one_person_count_each_answer_once(at_home, sit):
    desk, address = at_home
    first = sit(address.link("/"), desk)
    first.begin()
    first.wait()
    second = sit(first.page.url, desk, complains=True)
    second.begin()
    second.wait()
    first.page.keyboard.press("1")
    first.after(f"1 of {TOTAL}")
    second.page.keyboard.press("2")
    second.after(f"1 of {TOTAL}")
    frame = kept(desk, 1)
    assert frame.chosen_side.tolist() == ["left"]
    assert second.place == f"2 of {TOTAL}"


def test_a_hostile_question_is_shown_as_text(tmp_path, sit):
    desk = filmed(tmp_path, replace(short(stories=2, seeds=1), question=HOSTILE, name=HOSTILE))
    with serving(application(desk, admits=True)) as address:
        person = sit(address.link("/"), desk)
        person.until("!document.getElementById('welcome').hidden")
        assert HOSTILE in person.words
        person.begin()
        assert HOSTILE in person.words
        assert person.run("document.querySelectorAll('img, main script').length") == 0


def overheard(app, said):
    """The application; what it answers is also put into `said`, as (path, header or piece of a body)."""

    async def heard(scope, receive, send):
        async def noted(message):
            said.append((scope["path"], repr(message.get("headers")).encode()))
            said.append((scope["path"], bytes(message.get("body", b""))))
            await send(message)

        await app(scope, receive, noted)

    return heard


def test_nothing_that_reaches_the_browser_names_an_arm_a_run_or_a_story(tmp_path, sit):
    secret = ("armadillo-method", "ocelot-method")
    plan = short(arms=secret, stories=2, seeds=1, repeats=1, catches=1)
    desk = filmed(tmp_path, replace(plan, name="armadillo against ocelot"))
    said = []
    with serving(overheard(application(desk, admits=True), said)) as address:
        person = sit(address.link("/"), desk)
        person.begin()
        for number in range(4):
            person.wait()
            person.page.keyboard.press("1")
            person.after(f"{number + 1} of 4")
    assert len({path for path, _ in said}) > 15
    told = [path.encode() + text for path, text in said] + [path.read_bytes() for path in desk.films.values()]
    facts = [text for path, text in said if "/api/" in path]
    assert b"Which is better?" in b"".join(facts)
    for word in (b"armadillo", b"ocelot", b"story 0", b"story 1", b"spoiled"):
        assert not any(word in text.lower() for text in told), word
    for word in (b"kind", b"catch", b"repeat", b"run", b"clip", b"swapped", b"seed"):
        assert not any(word in text.lower() for text in facts), word


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(1280, 800, "light"), (390, 844, "dark"), (844, 390, "light"), (320, 568, "dark")],
)
def test_all_of_a_question_fits_a_screen_without_scrolling_sideways(at_home, sit, width, height, scheme):
    desk, address = at_home
    person = sit(address.link("/"), desk, width, height, color_scheme=scheme)
    person.begin()
    person.wait()
    assert person.run("document.documentElement.scrollWidth <= innerWidth")
    left, right = (person.page.locator(f"#{side}").bounding_box() for side in ("left", "right"))
    assert left["width"] == pytest.approx(right["width"], abs=1)
    assert left["width"] > 120
    stacked = right["y"] > left["y"]
    assert stacked == (width < 620 and height > width)


def test_what_is_shown_can_be_found_by_its_name(at_home, sit):
    desk, address = at_home
    person = sit(address.link("/"), desk)
    person.begin()
    person.wait()
    page = person.page
    assert page.get_by_role("heading", name="Which is better?").is_visible()
    assert page.get_by_role("button", name="First film").is_enabled()
    assert page.get_by_role("button", name="Second film").is_enabled()
    assert page.get_by_role("progressbar", name=f"1 of {TOTAL}").is_visible()
    assert page.get_by_role("status").inner_text() == "Now choose one. There is no hurry."
    names = person.run("[...document.querySelectorAll('video')].map((film) => film.getAttribute('aria-label'))")
    assert names == ["First film", "Second film"]
    assert person.run("document.activeElement.id") == "question"
