"""Tokens and money: counted, bounded before a request, and stopped before a ceiling is exceeded."""

import base64
import threading
from contextlib import suppress
from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.errors import BudgetError, ServiceError
from prompts.service.budget import Budget, Price, Prices, Spent
from prompts.service.client import Form, Usage, connect
from prompts.service.prices import TABLE
from prompts.service.question import Question
from tests.doubles.openai_server import Reply, serving

PRICES = Prices({"m": Price(2.0, 10.0), "eye": Price(1.0, 1.0, image_tokens=1000)})
ASK = [{"role": "user", "content": "How many?"}]


def question(text="How many?", model="m", most=100) -> Question:
    return Question(model, "h", ({"role": "user", "content": text},), None, most)


def test_what_the_service_counts_is_what_is_spent():
    budget = Budget(PRICES)
    with serving([Reply("a", usage=(1000, 200)), Reply("b", usage=(500, 100))]) as server:
        service = connect("m", base_url=server.url, budget=budget)
        service.ask(ASK)
        service.ask(ASK)
    assert budget.spent == Spent(2, 0, 0, 1500, 300, pytest.approx(1500 * 2e-6 + 300 * 1e-5), "USD")


def test_where_nothing_is_counted_the_most_is_taken_and_said():
    budget = Budget(PRICES)
    with serving([Reply("a")]) as server:
        connect("m", base_url=server.url, budget=budget).ask(ASK, max_tokens=70)
    assert (budget.spent.requests, budget.spent.bounded, budget.spent.completion_tokens) == (1, 1, 70)
    assert budget.spent.prompt_tokens >= len("How many?")


def test_attempts_that_may_have_been_written_cost_and_refusals_do_not():
    budget = Budget(PRICES)
    at_once = {"retry-after-ms": "1"}
    replies = [Reply("x", status=500, headers=at_once), Reply("a" * 50, cut_at=400), Reply("a", usage=(10, 1))]
    with serving(replies, refuses=["json_schema"]) as server:
        service = connect("m", base_url=server.url, budget=budget, retries=2)
        service.ask(ASK, form=Form("f", {"type": "object"}), max_tokens=70)
    assert len(server.asked) == 4
    assert (budget.spent.requests, budget.spent.bounded, budget.spent.completion_tokens) == (2, 1, 71)


def test_what_is_counted_before_a_reply_is_whole_or_for_no_words_is_not_believed():
    counted = (
        b'data: {"choices": [{"delta": {"content": "a"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}\n\n'
    )
    cut = Reply(body=counted * 9, cut_at=len(counted) * 5)
    for reply in (cut, Reply(body=counted * 2000), Reply("a", usage=(0, 0))):
        budget = Budget(PRICES)
        with serving([reply]) as server, suppress(ServiceError):
            connect("m", base_url=server.url, budget=budget, retries=0).ask(ASK, max_tokens=70)
        assert (budget.spent.requests, budget.spent.bounded, budget.spent.completion_tokens) == (1, 1, 70)


def test_a_model_without_a_price_has_no_cost_and_no_ceiling_of_money():
    budget = Budget(PRICES)
    with serving([Reply("a", usage=(10, 1))]) as server:
        connect("unknown", base_url=server.url, budget=budget).ask(ASK)
        connect("m", base_url=server.url, budget=budget).ask(ASK)
        assert (budget.spent.cost, budget.spent.prompt_tokens) == (None, 20)
        with pytest.raises(BudgetError, match=r"'unknown' has no price.*ceiling of 0\.5 USD"):
            connect("unknown", base_url=server.url, budget=Budget(PRICES, max_cost=0.5))
    assert len(server.asked) == 2


def test_the_ceiling_of_money_stops_before_it_is_exceeded():
    budget = Budget(PRICES, max_cost=0.0095)
    with serving([Reply("a", usage=(100, 200))]) as server:
        service = connect("m", base_url=server.url, budget=budget)
        while budget.spent.cost < 0.0055:
            service.ask(ASK, max_tokens=300)
        with pytest.raises(BudgetError, match=r"up to 0\.00\d+ USD; 0\.00\d+ of at most 0\.0095 USD are spent"):
            service.ask(ASK, max_tokens=300)
        assert budget.spent.requests == len(server.asked) == 3
    assert budget.spent.cost == pytest.approx(3 * (100 * 2e-6 + 200 * 1e-5)), "a fourth could have gone beyond"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300), st.booleans()), max_size=20))
def test_no_ceiling_is_ever_exceeded(asked):
    budget = Budget(PRICES, max_cost=0.02, max_tokens=3000)
    for length, most, told in asked:
        try:
            number = budget.reserve(question("x" * length, most=most))
        except BudgetError:
            continue
        budget.settle(number, Usage(length // 4, most // 2) if told else None)
    assert budget.spent.cost <= 0.02
    assert budget.spent.prompt_tokens + budget.spent.completion_tokens <= 3000


def test_requests_at_once_are_counted_before_they_are_answered():
    budget = Budget(PRICES, max_tokens=1000)
    refused = []

    def ask(service):
        try:
            service.ask(ASK, max_tokens=350)
        except BudgetError as error:
            refused.append(error)

    with serving([Reply("a", delay_s=0.3, usage=(1, 1))]) as server:
        service = connect("m", base_url=server.url, budget=budget)
        threads = [threading.Thread(target=ask, args=(service,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 4 - len(refused) <= 2


def test_pictures_and_forms_are_within_the_bound():
    url = "data:image/png;base64," + base64.b64encode(bytes(90_000)).decode()
    content = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": url}}]
    tokens, cost = Budget(PRICES).bound("eye", [{"role": "user", "content": content}], 100)
    assert 1100 < tokens < 2000, "by the table, not by the bytes of the file"
    assert cost == pytest.approx(tokens * 1e-6)
    assert Budget(PRICES).bound("unknown", ASK, 100)[1] is None
    form = Form("f", {"type": "object", "description": "x" * 5000})
    assert PRICES.bound(Question("m", "h", tuple(ASK), form, 1)).prompt_tokens > 5000


@given(st.text(max_size=200))
def test_the_bound_holds_for_a_tokenizer_of_single_bytes(text):
    assert question(text).text_tokens >= len(text.encode("utf-8", "replace"))


def test_the_table_that_comes_along_is_sound():
    prices, written = Prices.load(), yaml.safe_load(TABLE.read_text(encoding="utf-8"))["models"]
    assert len(prices.by_model) == len(written) >= 5
    assert all(entry["source"] for entry in written)
    assert all(0 < price.input < price.output for price in prices.by_model.values())


def test_a_price_is_found_by_name_dated_name_and_pattern():
    prices = Prices({"m": Price(1, 1), "m-mini": Price(2, 2), "m*": Price(3, 3), "*": Price(4, 4)})
    names = ["m", f"m-{date(2026, 9, 22)}", "m-mini-20260922", "m-large", "other"]
    assert [prices.of(name).input for name in names] == [1, 1, 2, 3, 4]
    assert Prices({"m": Price(1, 1)}).of("m-fast") is None, "which may cost more"


def test_a_file_of_one_s_own_goes_before_the_table(tmp_path):
    file = tmp_path / "prices.yaml"
    file.write_text("models:\n- {model: gpt-4o-mini, input: 9, output: 9}\n- {model: 'mine*', input: 0, output: 0}\n")
    prices = Prices.load(file)
    assert prices.of("gpt-4o-mini").input == 9
    assert prices.of("mine-7b") == Price(0, 0)
    assert prices.of("gpt-4.1") == Prices.load().of("gpt-4.1")
    file.write_text("currency: EUR\nmodels:\n- {model: m, input: 1, output: 1}\n")
    assert (Prices.load(file).currency, Prices.load(file).of("gpt-4.1")) == ("EUR", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "need a list 'models'"),
        ("[]", "need a list 'models'"),
        ("models: {m: 1}", "need a list 'models'"),
        ("models: [m]", "Entry 1 .* needs model, input and output"),
        ("models: [{model: m, input: 1}]", "Entry 1 .* needs model, input and output"),
        ("models: [{model: m, input: 1, output: 1, cheap: yes}]", "may have image_tokens"),
        ("models: [{model: m, input: .nan, output: 1}]", "0 or more"),
        ("models: [{model: m, input: -1, output: 1}]", "0 or more"),
        ("models: [{model: m, input: '1', output: 1}]", "0 or more"),
        ("models: [{model: m, input: 1, output: 1, image_tokens: 1.5}]", "whole number"),
        ("models: [", "cannot be read"),
        ("models: !!python/object:os.system []", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, words):
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(ServiceError, match=words) as caught:
        Prices.load(file)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ServiceError, match=r"'none\.yaml' cannot be read"):
        Prices.load(tmp_path / "none.yaml")
