"""How does one probe of each type work? Sockets, TLS and child processes; no decisions about health."""
