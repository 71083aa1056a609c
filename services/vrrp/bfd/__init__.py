"""Bidirectional forwarding detection (RFC 5880): a small process of its own beside the engine, and what both know of it."""
