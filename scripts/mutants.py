"""Print how many mutants the tests noticed, and fail if that is less than 97 %: the end of `make mutants`."""

import json
import sys
from pathlib import Path

GOAL = 0.97

stats = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text(encoding="utf-8"))
noticed = stats["killed"] + stats["timeout"]
print(f"The tests noticed {noticed} of {stats['total']} mutants, {noticed / stats['total']:.1%}.")
sys.exit(noticed < GOAL * stats["total"])
