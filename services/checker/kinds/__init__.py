"""Which types of checks are there? One file for each: what it asks, what its fields may be, what it inherits. Core."""
