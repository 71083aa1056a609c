"""`python -m services.vrrp.bfd`: see `services.vrrp.bfd.process`."""

import sys

from services.vrrp.bfd.process import main

sys.exit(main())
