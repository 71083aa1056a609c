"""The runner: the process that runs scripts and looks after files and processes."""
