"""`python -m services.vrrp.runner`: see `services.vrrp.runner.process`."""

import sys

from services.vrrp.runner.process import main

sys.exit(main())
