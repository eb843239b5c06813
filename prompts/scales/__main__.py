"""`python -m prompts.scales > docs/images/ladder.svg` draws the ladder: every thing at its size."""

import sys

from prompts.scales.chart import chart
from prompts.scales.ladder import things

sys.stdout.write(chart(things()))
