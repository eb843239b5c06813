"""Films side by side: one clock, whatever is done to it. Times are the films' own, in seconds."""

import pytest

WATCH = """
() => {
  const films = tenfold.lockstep.films;
  window.seen = [];
  const note = () => {
    const times = films.map((film) => film.currentTime);
    if (films.every((film) => !film.seeking)) window.seen.push([Math.max(...times) - Math.min(...times), times[0]]);
  };
  const look = () => { note(); window.watching = requestAnimationFrame(look); };
  look();
  // On a slow machine every picture of the screen tells the films another frame: what is between would not be seen.
  for (const film of films) film.addEventListener("seeked", note);
}
"""
STEP_S = 0.05


def test_films_play_in_step_within_50_ms_also_after_jumps(show):
    shown = show()
    assert shown.run("tenfold.lockstep.films.length") == 3
    shown.run(WATCH)
    shown.page.locator("#stage").get_by_role("button", name="Play").click()
    shown.until("tenfold.lockstep.time > 1.8")
    shown.run("() => { tenfold.lockstep.seek(0.4); tenfold.lockstep.play(); }")
    shown.until("tenfold.lockstep.time > 1.5")
    shown.run("() => tenfold.lockstep.setRate(2)")
    shown.until("!tenfold.lockstep.playing")  # to the very end
    seen = shown.run("(cancelAnimationFrame(window.watching), window.seen)")
    assert len(seen) > 5
    assert max(gap for gap, _ in seen) < STEP_S
    assert max(time for _, time in seen) > 4.3  # films of 4.5 s
    assert min(time for _, time in seen) < 0.5


def test_what_is_shown_is_the_same_frame_in_all_films(show):
    """By what the browser says of the pictures that it has put on the screen, not of what it was asked for."""
    shown = show()
    shown.run("""() => {
        window.put = tenfold.lockstep.films.map(() => []);
        tenfold.lockstep.films.forEach((film, i) => {
          const note = (now, facts) => { window.put[i].push(facts.mediaTime); film.requestVideoFrameCallback(note); };
          film.requestVideoFrameCallback(note);
        });
    }""")
    shown.page.locator("#stage").get_by_role("button", name="Play").click()
    shown.until("!tenfold.lockstep.playing && tenfold.lockstep.settled")
    shown.until("window.put.every((film) => Math.round(film.at(-1) * 24) === 107)")  # the last that there is
    frames = [[round(time * 24) for time in film] for film in shown.run("window.put")]
    assert len(frames) == 3
    assert all(len(film) > 10 and film == sorted(film) for film in frames)
    # A compositor may leave out a frame of one film; of those that were shown nearly all were shown in every film.
    common = set.intersection(*map(set, frames))
    assert len(common) > 0.8 * max(len(set(film)) for film in frames)


@pytest.mark.parametrize("to", [0.0, 1.0, 2.345, 4.4])
def test_the_scrubber_takes_all_films_to_the_same_place(show, to):
    shown = show()
    shown.run(
        "(to) => { const s = document.querySelector('#stage input[type=range]'); s.value = to;"
        "s.dispatchEvent(new Event('input')); }",
        to,
    )
    shown.until("tenfold.lockstep.films.every((film) => !film.seeking)")
    times = shown.run("tenfold.lockstep.films.map((film) => film.currentTime)")
    assert len(set(times)) == 1
    assert times[0] == pytest.approx(to, abs=1 / 48 + 1e-6)  # the middle of the frame that it lies in
    level = min(4, int(to + 1e-6))
    assert f"level {level}" in shown.run("document.querySelector('#stage output').textContent")
    assert shown.texts("#stage .prompt")[0].startswith(f"level {level} ")


def test_a_frame_forward_is_one_frame_in_all_films(show):
    shown = show()
    for _ in range(3):
        shown.page.get_by_role("button", name="One frame on (→)").click()
    shown.page.get_by_role("button", name="One frame back (←)").click()
    shown.until("tenfold.lockstep.films.every((film) => !film.seeking)")
    assert shown.run("tenfold.lockstep.films.map((film) => Math.floor(film.currentTime * 24 + 1e-6))") == [2, 2, 2]


def test_two_to_five_arms_are_chosen_and_play_on_in_step(show):
    shown = show()
    shown.page.locator("#films-arms input").first.uncheck()
    shown.settle()
    assert shown.run("tenfold.lockstep.films.length") == 2
    assert "watch=1.2" in shown.page.url
    assert shown.run("document.activeElement.closest('#films-arms') !== null")
