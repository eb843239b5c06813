"""Slots: who may draw now, told to threads by their context; accounts of what each of several jobs has asked."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context

import pytest

from prompts.service.budget import Budget
from prompts.service.question import Question, Usage
from tasks import slots, stopping
from tasks.services import Services, spent_here, using
from tasks.specs import RunConfig


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    with stopping.fresh():
        yield


@contextmanager
def another_holds(slot):
    """Another thread holds a slot in the body."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with slot():
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    try:
        yield done.set
    finally:
        done.set()
        thread.join()


def test_the_slot_is_the_contexts_and_threads_have_it_by_a_copy():
    entered = []

    @contextmanager
    def slot():
        entered.append(threading.current_thread().name)
        yield

    def draw():
        with slots.held(["cpu"]):
            return slots.current()

    assert slots.current() is slots.free
    with slots.holding(slot), ThreadPoolExecutor(1, thread_name_prefix="video") as pool:
        assert pool.submit(copy_context().run, draw).result() is slot
        assert pool.submit(draw).result() is slots.free
    assert entered == ["video_0"]
    assert slots.current() is slots.free


def test_two_slots_are_taken_in_their_order_and_given_back_whatever_happens():
    told = []

    def named(name):
        @contextmanager
        def slot():
            told.append(f"{name} taken")
            try:
                yield
            finally:
                told.append(f"{name} back")

        return slot

    with pytest.raises(ValueError, match="x"), slots.holding(slots.beside(named("a"), named("b"))), slots.held(["cpu"]):
        raise ValueError("x")
    assert told == ["a taken", "b taken", "b back", "a back"]


@pytest.mark.parametrize("kind", ["turn", "device"])
def test_who_waits_goes_on_when_the_slot_is_free(kind):
    waits = []
    turn = slots.in_turn() if kind == "turn" else lambda: slots.held(["cuda:0"], on_wait=lambda: waits.append(1))
    with another_holds(turn) as give_back:
        threading.Timer(0.3, give_back).start()
        with turn():
            pass
    assert waits == ([1] if kind == "device" else [])


@pytest.mark.parametrize("kind", ["turn", "device"])
def test_waiting_can_be_stopped(kind):
    turn = slots.in_turn() if kind == "turn" else lambda: slots.held(["cuda:0"])
    with another_holds(turn):
        stopping.ask()
        with pytest.raises(KeyboardInterrupt), turn():
            pass


def test_devices_have_slots_of_their_own_by_one_name_each(tmp_path):
    with another_holds(lambda: slots.held(["cuda:1", "cuda:0", "cuda:0"])):
        files = list((tmp_path / "slots").iterdir())
        assert len(files) == 2
        with slots.held(["cuda:2", "cpu"]):
            pass
    same = slots.held(["cuda:0"], on_wait=_raise)
    with another_holds(lambda: slots.held(["cuda"])), pytest.raises(RuntimeError, match="waits"), same:
        pass


def _raise():
    raise RuntimeError("waits")


def ask(services: Services, tokens: int) -> None:
    budget: Budget = services.budget
    budget.settle(budget.reserve(Question("m", "", (), None, 10)), Usage(tokens, 1))


def test_each_job_has_an_account_of_its_own_and_all_share_the_budget(tmp_path):
    services, together = Services(RunConfig(), tmp_path), threading.Barrier(2)

    def job(tokens):
        with using(services):
            before = services.spent
            for _ in range(3):
                together.wait(30)
                ask(services, tokens)
            services.budget.found()
            return before, services.spent, spent_here()

    with using(services), ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(copy_context().run, job, tokens) for tokens in (10, 100)]
        (before, one, told), (_, two, _) = (future.result() for future in futures)
        assert spent_here()["requests"] == 6
    assert before.requests == 0
    assert (one.requests, one.prompt_tokens, one.cached) == (3, 30, 1)
    assert (two.requests, two.prompt_tokens) == (3, 300)
    assert (told["prompt_tokens"], told["currency"], told["cost"]) == (30, "USD", None)
    assert (services.spent.requests, services.spent.prompt_tokens) == (6, 330)
    assert spent_here() == {}
