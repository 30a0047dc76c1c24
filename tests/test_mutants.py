"""Which mutants scripts/mutants.py takes for those that are listed with a reason."""

import pytest

from mutants import fits

CHANGED = """\
--- src/yandex_market_chats/_policy.py
+++ src/yandex_market_chats/_policy.py
@@ -1,3 +1,3 @@
 def wait(self) -> float:
-    return max(0.0, self._end)
+    return max(1.0, self._end)
"""
REMOVED = """\
--- src/yandex_market_chats/_policy.py
+++ src/yandex_market_chats/_policy.py
@@ -1,4 +1,2 @@
 def wait(self) -> float:
-    self._end = (
-        None
-    )
"""


@pytest.mark.parametrize(
    ("diff", "pattern"),
    [
        (CHANGED, "return max(1.0, self._end)"),
        (CHANGED, "return max(…, self._end)"),
        (CHANGED, "return…"),
        (REMOVED, "self._end = ( None"),
    ],
)
def test_a_mutant_fits_the_pattern_of_its_code(diff: str, pattern: str) -> None:
    """What it has anew counts, or else what it lacks; lines without a word are passed over."""
    assert fits(diff, pattern)


@pytest.mark.parametrize(
    ("diff", "pattern"),
    [
        (CHANGED, "return max(0.0, self._end)"),
        (CHANGED, "return max(2.0, self._end)"),
        (CHANGED, "return max(1.0, self._en"),
        (CHANGED, "max(1.0, self._end)"),
        (CHANGED, "return max(1.0, self..end)"),
        (CHANGED, ""),
        (REMOVED, "self._end = ("),
    ],
)
def test_another_mutant_does_not(diff: str, pattern: str) -> None:
    """A survivor must not pass for one that has a reason."""
    assert not fits(diff, pattern)
