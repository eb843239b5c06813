"""A refinement within the main flow, on a real server."""

import asyncio
import json

import pytest

from flows.zoom import zoom
from prompts import Story
from tasks.specs import RunConfig, with_settings
from tests.doubles.openai_server import serving
from tests.flows.test_refine_command import OTHER, STORY, eye, here, settings

__all__ = ["here"]

pytestmark = [
    pytest.mark.usefixtures("server"),
    # Prefect leaves the sockets of its clients to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_as_a_flow_its_steps_are_tasks(here, model_folder):
    with serving(eye(OTHER)) as server:
        config = with_settings(RunConfig(), [*settings(model_folder, server), "plan.refine=1"])
        done = asyncio.run(zoom(Story.model_validate(STORY), config, here / "runs"))
    told = json.loads((here / "runs" / "small" / done["run_id"] / "config.json").read_text())["refinement"]
    assert told == done["refinement"]
    assert len(told["versions"]) == 2
