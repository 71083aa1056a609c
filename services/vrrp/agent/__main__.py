"""`python -m services.vrrp.agent`: see `services.vrrp.agent.process`."""

import os
import sys

from services.common.serve import run
from services.vrrp.agent.process import main

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # its handlers complain when the runner is started
sys.exit(run("vrrp", main))
