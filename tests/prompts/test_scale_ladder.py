"""The ladder's code: reading and refusing data, what lies in what, its picture. Its things: test_ladder_data."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from prompts.scales import ladder
from prompts.scales.chart import LEFT, LETTER, WIDTH, chart, lines, power, rungs
from prompts.scales.reading import LadderError
from prompts.scales.thing import Thing

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs/ladder.md"
SOURCES = "book: {author: Someone, title: A book, year: 2000}\n"
ROOT = """
- id: observable-universe
  size_m: 8.8e26
  range_m: [8e26, 1e27]
  names: [universe]
  surroundings: []
  domain: cosmos
  source: book
  looks: the universe full of light
  centre: the universe
  around: blackness
  detail: threads of the universe
"""


def entry(**changes: object) -> str:
    """A sound thing as a data file says it, with changes; None leaves a key out."""
    values = {
        "id": "pebble", "size_m": "0.03", "names": "[pebble]", "surroundings": "[observable-universe]",
        "domain": "earth", "source": "book", "looks": "a pebble", "centre": "a pebble", "around": "sand",
        "detail": "the grains of a pebble",
    } | changes  # fmt: skip
    return "\n- " + "\n  ".join(f"{key}: {value}" for key, value in values.items() if value is not None) + "\n"


def folder_with(tmp_path, *entries: str, sources: str = SOURCES):
    (tmp_path / "sources.yaml").write_text(sources, encoding="utf-8")
    (tmp_path / "things.yaml").write_text(ROOT + "".join(entries), encoding="utf-8")
    return tmp_path


def refusal(tmp_path, *entries: str, sources: str = SOURCES) -> str:
    with pytest.raises(LadderError) as caught:
        ladder.read(folder_with(tmp_path, *entries, sources=sources))
    return str(caught.value)


def test_a_thing_without_a_range_is_met_from_a_third_to_three_times_its_size(tmp_path):
    found = ladder.read(folder_with(tmp_path, entry())).by_id["pebble"]
    assert found.range_m == pytest.approx((0.01, 0.09))


def test_numbers_may_be_written_without_a_point(tmp_path):
    found = ladder.read(folder_with(tmp_path, entry(size_m="3e-2", range_m="[1e-2, 1e-1]"))).by_id["pebble"]
    assert (found.size_m, found.range_m) == (0.03, (0.01, 0.1))


def test_the_source_of_a_size_can_be_looked_up(tmp_path):
    read = ladder.read(folder_with(tmp_path, entry()))
    assert str(read.sources[read.by_id["pebble"].source]) == "Someone: A book (2000)"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size_m": None}, "size_m is missing"),
        ({"size_m": "large"}, "size_m is 'large'"),
        ({"size_m": "-1"}, "size_m is '-1'"),
        ({"size_m": "nan"}, "size_m is 'nan'"),
        ({"names": "[]"}, "names is []"),
        ({"looks": '""'}, "looks is ''"),
        ({"id": "A pebble"}, "id is 'A pebble'"),
        ({"colour": "grey"}, "colour is no key of it. The keys of a thing are id, size_m"),
        ({"range_m": "[1, 2]"}, "outside its range of 1 to 2 m"),
        ({"domain": "stones"}, "'stones' is no domain. The domains are cosmos"),
        ({"source": "hearsay"}, "'hearsay' is no work of sources.yaml. Add the work there"),
        ({"surroundings": "[]"}, "It has no surroundings. Name at least one"),
        ({"surroundings": "[beach]"}, "It is met in 'beach', and there is no such thing"),
        ({"size_m": "1e27", "range_m": "[1e26, 1e28]"}, "and 'observable-universe', in which it is met, 8.8e+26 m"),
    ],
)
def test_a_faulty_thing_is_refused_with_its_place_and_what_to_do(tmp_path, changes, said):
    message = refusal(tmp_path, entry(**changes))
    assert said in message
    assert "things.yaml, line 14" in message
    assert str(changes.get("id", "pebble")) in message


def test_no_id_and_no_name_stands_twice(tmp_path):
    message = refusal(tmp_path, entry(), entry(size_m="0.02", names="[PEBBLE]"))
    assert "The id stands also in things.yaml, line 14" in message
    assert "The name 'PEBBLE' stands also in things.yaml, line 14" in message


def test_every_fault_of_the_entries_is_said_at_once(tmp_path):
    message = refusal(tmp_path, entry(domain=None, size_m="x"), entry(id="two", looks=None))
    assert message.count("\n- ") == 3


def test_a_ladder_needs_its_root(tmp_path):
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "things.yaml").write_text(entry(), encoding="utf-8")
    with pytest.raises(LadderError, match="no thing 'observable-universe'"):
        ladder.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- [", "things.yaml, line"),
        ("a: 1", "A list of things was expected"),
        ("- pebble", "'pebble': the entry is 'pebble'"),
        ("- {id: x, size_m: 1e400}", "size_m"),
    ],
)
def test_what_is_no_list_of_things_is_refused(tmp_path, text, said):
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "things.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(LadderError) as caught:
        ladder.read(tmp_path)
    assert said in str(caught.value)


def test_a_faulty_work_is_refused(tmp_path):
    assert "sources.yaml: book.year is 'lately'" in refusal(
        tmp_path, sources="book: {author: A, title: B, year: lately}"
    )


def test_things_come_from_the_largest_to_the_smallest():
    sizes = [t.size_m for t in ladder.things()]
    assert sizes == sorted(sizes, reverse=True)
    assert ladder.things()[0] == ladder.root()


def test_inside_is_the_inverse_of_surroundings():
    pairs = {(outer, t.id) for t in ladder.things() for outer in t.surroundings}
    assert pairs == {(t.id, inner.id) for t in ladder.things() for inner in ladder.inside(t.id)}


def test_a_way_exists_where_a_walk_down_finds_one():
    for outer in ("spiral-galaxy", "city", "forest", "leaf"):
        reached, waiting = set(), [outer]
        while waiting:
            waiting += [t.id for t in ladder.inside(waiting.pop()) if t.id not in reached and not reached.add(t.id)]
        assert {t.id for t in ladder.things() if ladder.path_exists(outer, t.id)} == reached
        assert not ladder.path_exists(outer, outer)


def test_everything_lies_in_the_observable_universe_and_on_the_way_to_a_quark():
    for t in ladder.things():
        assert t == ladder.root() or ladder.path_exists(ladder.root().id, t.id)
    assert ladder.path_exists("city", "quark")


def test_an_unknown_id_is_a_key_error():
    with pytest.raises(KeyError, match="unicorn"):
        ladder.thing("unicorn")


def test_importing_stories_reads_no_ladder():
    code = "import sys, prompts; sys.exit(any(name.startswith('prompts.scales') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_picture_names_every_thing_within_its_borders():
    picture = chart(ladder.things())
    texts = [e for e in ET.fromstring(picture).iter() if e.tag.endswith("text")]
    assert {t.names[0] for t in ladder.things()} <= {e.text for e in texts}
    for _, things in rungs(ladder.things()):
        for line in lines(things):
            assert all(LEFT <= x <= WIDTH - LETTER * len(t.names[0]) for x, t in line)


@pytest.mark.parametrize(("metres", "exponent"), [(1, 0), (9.99, 0), (10, 1), (1e23, 23), (1e-18, -18), (4e-19, -19)])
def test_a_rung_holds_what_begins_with_its_power_of_ten(metres, exponent):
    assert power(metres) == exponent


def test_every_work_is_the_source_of_some_size():
    assert set(ladder.ladder().sources) == {t.source for t in ladder.things()}


def test_the_entry_that_the_documentation_shows_is_the_one_that_is_there():
    text = DOCUMENTATION.read_text(encoding="utf-8")
    shown = text.partition("```yaml\n")[2].partition("```")[0]
    (entry,) = yaml.safe_load(shown)
    assert Thing.model_validate(entry) == ladder.thing(entry["id"])
