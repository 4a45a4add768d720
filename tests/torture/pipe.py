# SPDX-License-Identifier: MIT
"""pipe - hookdir run --pipe, killed 500 times over 20,000 messages

Runners, commands, both and guards, at any moment: see the scene in
tests/e2e/test_pipe.py, which make test runs in short. HOOKDIR_KILLS and
HOOKDIR_MESSAGES are other numbers, HOOKDIR_SEED repeats a choice.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
os.environ.setdefault("HOOKDIR_KILLS", "500")
os.environ.setdefault("HOOKDIR_MESSAGES", "20000")
# pylint: disable=wrong-import-position
import test_pipe  # noqa: E402,F401 (it registers its tests)
from harness import main  # noqa: E402

if __name__ == "__main__":
    sys.argv[1:] = ["kills of runners"]
    main()
