"""`python -m prompts > docs/story.schema.json` writes the JSON Schema of a story."""

import json
import sys

from prompts.story import schema

json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
sys.stdout.write("\n")
