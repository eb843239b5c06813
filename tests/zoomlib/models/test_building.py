"""Networks are built one at a time, whoever builds them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from evaluation.networks.clip import load_scorer
from zoomlib.building import alone
from zoomlib.models import load_denoiser


def test_builders_wait_for_each_other_and_may_call_each_other():
    at_work, most = [], []

    @alone
    def part(number):
        at_work.append(number)
        most.append(len(at_work))
        threading.Event().wait(0.01)
        at_work.pop()
        return number

    @alone
    def whole(number):
        """A network of two parts."""
        return part(number), part(number)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(whole, range(8))) == [(number, number) for number in range(8)]
    assert most == [1] * 16


def test_one_that_fails_stands_in_nobodys_way():
    @alone
    def broken():
        raise ValueError("no weights")

    for _ in range(2):
        with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="no weights"):
            pool.submit(broken).result()


@pytest.mark.slow  # run 2026-11-22, green
def test_a_model_and_a_scorer_that_are_loaded_at_once_both_have_their_weights():
    """While diffusers builds a network, another library's would be built without weights."""
    both = threading.Barrier(2)

    def denoiser():
        both.wait(30)
        return load_denoiser("bundled", device="cpu", dtype=torch.float32)

    def scorer():
        both.wait(30)
        return load_scorer("bundled")

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            loaded = pool.submit(denoiser), pool.submit(scorer)
            for each in loaded:
                each.result(60)
