import threading

import pytest
import torch
from torch import nn

from evaluation.measures import load_measure
from evaluation.networks import clip
from evaluation.scoring import score_stack
from evaluation.stream import Job, score_stacks
from tests.evaluation import tiny_heads, tiny_scorer
from tests.evaluation.tiny_heads import write
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    tokenizer = tiny_scorer.tokenizer()
    config = tiny_scorer.config(tokenizer.get_vocab_size())
    torch.manual_seed(0)
    return clip.load_scorer(clip.save(clip.create(config), config, tokenizer, tmp_path_factory.mktemp("s") / "tiny"))


def job(count, side=48):
    stack = ZoomStack(tiny_scorer.pictures(count, side), 2.0)
    prompts = [f"{tiny_scorer.WORDS[i % 4]} {i // 4}".strip() for i in range(count)]
    return Job(stack, prompts, {"estimates": stack.levels.flip(0)})


@pytest.mark.parametrize("threads", [1, 3])
def test_many_stacks_get_what_each_gets_alone(scorer, tmp_path, threads):
    """Of any sizes and numbers of levels, in their order: to 1e-4, as batches differ."""
    file = write(nn.Linear(tiny_heads.WIDTH, 1).state_dict(), tmp_path / "head.safetensors")
    measures = [load_measure(name, scorer=scorer) for name in (f"aesthetic:{file}", "clip_iqa")]
    jobs = [job(count, side) for count, side in ((3, 48), (1, 32), (5, 64), (4, 48), (21, 32), (2, 40))]
    outcomes = list(score_stacks([lambda one=one: one for one in jobs], scorer, measures, threads=threads, ahead=3))
    assert len(outcomes) == len(jobs)
    for one, outcome in zip(jobs, outcomes, strict=True):
        alone = score_stack(one.stack, one.prompts, scorer, measures=measures, **one.more)
        key = lambda s: (s.score, s.scope, s.level, s.scorer, s.scorer_revision)  # noqa: E731
        assert {key(s) for s in outcome} == {key(s) for s in alone}
        values = {key(s): s.value for s in alone}
        assert [s.value for s in outcome] == pytest.approx([values[key(s)] for s in outcome], abs=1e-4, nan_ok=True)


def test_a_job_that_is_refused_does_not_stop_the_others(scorer):
    def broken():
        raise InvalidInputError("level_02.png is no picture")

    few = Job(job(3).stack, ["one prompt"])
    outcomes = list(score_stacks([lambda: job(2), broken, lambda: few, lambda: job(3)], scorer, ahead=2))
    assert [type(outcome) for outcome in outcomes] == [list, InvalidInputError, InvalidInputError, list]
    assert "level_02" in str(outcomes[1])
    assert "one prompt per level" in str(outcomes[2])
    assert [sum(s.score == "clip_score" for s in outcome) for outcome in (outcomes[0], outcomes[3])] == [2, 3]


def test_another_error_ends_the_stream(scorer):
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(score_stacks([broken], scorer))


def test_no_more_stacks_are_read_than_may_be_ahead(scorer):
    """Of 40 stacks, asked for one by one, never more than `ahead` are read and not yet handed out."""
    read, lock, ahead = [], threading.Lock(), 4

    def reading():
        with lock:
            read.append(1)
        return job(2, 32)

    for handed, _ in enumerate(score_stacks((reading for _ in range(40)), scorer, ahead=ahead, threads=2)):
        assert len(read) <= handed + 2 * ahead
    assert len(read) == 40


def test_plain_scores_can_be_left_out_and_so_can_the_scorer(scorer):
    with_text, bare = (
        {s.score for s in next(score_stacks([lambda: job(3)], one, plain=plain))}
        for one, plain in ((scorer, False), (None, True))
    )
    assert with_text == {"clip_score", "clip_margin", "clip_rank", "prompt_tokens", "prompt_truncated"}
    assert {"window_psnr", "seam", "blur", "estimate_psnr"} <= bare
    assert not with_text & bare
    assert list(score_stacks([], scorer)) == []


def test_a_prompt_is_read_once_and_says_the_same_again(scorer):
    read = []
    counting = clip.Scorer(
        scorer.model, lambda texts: (read.extend(texts), scorer.tokenize(texts))[1], "x", "y", scorer.device
    )
    first = counting.embed_texts(["a red galaxy", "a blue nebula", "a red galaxy"])
    again = counting.embed_texts(["a blue nebula", "a red galaxy"])
    assert read == ["a red galaxy", "a blue nebula"]
    assert torch.equal(first[[1, 0]], again)
    assert torch.equal(first[0], first[2])
