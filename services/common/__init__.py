"""What the four services share: contracts, shells, and cores that need nothing."""

import os

# gRPC's C core writes lines of its own format to stderr at every failed handshake; what matters reaches us as errors. It
# reads this once, when grpc is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
