"""`python -m services.vrrp`: the launcher, which starts engine and agent."""

from __future__ import annotations

import sys

from services.vrrp.launcher.process import main

if __name__ == "__main__":
    sys.exit(main())
