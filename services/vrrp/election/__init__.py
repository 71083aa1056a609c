"""Who is master: one `step` over all virtual routers of a machine, and what that reads and wants done. Cores."""
