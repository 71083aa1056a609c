"""The unit's main process: starts, replaces and reloads all others."""
