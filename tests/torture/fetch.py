# SPDX-License-Identifier: MIT
"""fetch - 1,000 Tradecloud events, and hosts of all kinds

See fetch_scene: hosts that are dead, slow, lying and redirecting. All on
loopback, some minutes.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from fetch_scene import scene  # noqa: E402
from harness import main, test  # noqa: E402


@test("1,000 events: each order once, in order, each document whole or "
      "marked", seconds=3600)
def _():
    print(f"# figure fetch | dead, slow, lying and redirecting hosts | "
          f"{scene(1000)} | all delivered, each document whole or marked",
          flush=True)


if __name__ == "__main__":
    main()
