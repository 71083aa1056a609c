"""The engine's process: sends the first advert as soon as it can, then everything that makes it punctual.

Started by the launcher as `python -I -S services/vrrp/engine/process.py --control FD --handover FD --config PATH
[--orphan leave|release] [--normal-priority] [--successor]` (`channel.engine_command`). `--successor`: another engine runs, and
hands over when the launcher says so (`handing_over`). Reads PATH once; after that it touches no disk,
never forks and waits for nobody. Exit status 0: declared stop; 1: cannot run, the reason is one line on stderr;
3: the launcher is gone and a successor is to go on.
"""

from __future__ import annotations

import os
import sys

if __package__ in (None, ""):  # run by path under -I, which leaves sys.path alone
    root = os.path.abspath(__file__).removesuffix("services/vrrp/engine/process.py")
    sys.path.insert(0, root)

from services.vrrp.channel import Channel, from_fd, load_configuration
from services.vrrp.engine.changeover import succeed
from services.vrrp.engine.handover import Handover
from services.vrrp.engine.runtime import Runtime, clock

USAGE = "usage: engine --handover FD [--control FD] [--config PATH] [--orphan leave|release] [--normal-priority] [--successor]"
OPTIONS = ("--control", "--handover", "--config", "--orphan")
SWITCHES = ("--normal-priority", "--successor")


def main(arguments: list[str]) -> int:
    """Run until a declared stop."""
    options = _options(arguments)
    if options is None:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        control = Channel(from_fd(int(options["--control"]))) if "--control" in options else None
        handover = Handover(int(options["--handover"]))
        runtime = Runtime(handover, control, options.get("--orphan") == "leave", "--successor" in options)
    except OSError as error:
        print(f"the engine cannot start: {error.strerror or error}", file=sys.stderr)
        return 1
    rt_priority = _configure(runtime, options.get("--config", ""))
    rt_priority = 0 if "--normal-priority" in options else rt_priority
    if "--successor" in options:
        wake = _settle(runtime, 0)  # a busy start in the real-time class would delay the predecessor's adverts
        if not _succeed(runtime, rt_priority):
            return 0
    else:
        runtime.tick()  # an owner's, or a resumed master's, first advert leaves here
        wake = _settle(runtime, rt_priority)
    runtime.run(wake)
    return 0


def _succeed(runtime: Runtime, rt_priority: int) -> bool:
    return succeed(runtime, lambda: _hurry(runtime, rt_priority), clock)


def _hurry(runtime: Runtime, rt_priority: int) -> None:
    runtime.agent.scheduling = _schedule(rt_priority)


def _options(arguments: list[str]) -> dict[str, str] | None:
    """argparse would cost as much as everything else before the first advert."""
    options: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        if word in SWITCHES:
            options[word] = ""
        elif word in OPTIONS:
            options[word] = next(rest, "")
        else:
            return None
    return options if options.get("--handover", "").isdigit() and options.get("--control", "0").isdigit() else None


def _configure(runtime: Runtime, path: str) -> int:
    """The last good configuration, as far as it can be used; gives vrrp_rt_priority."""
    try:
        revision, objects = load_configuration(path) if path else (0, {})
    except (OSError, ValueError) as error:
        print(f"the engine starts without its last good configuration: {error}", file=sys.stderr)
        revision, objects = 0, {}
    staging = runtime.agent.staging
    staging.begin(complete=True)
    usable = bool(objects)
    for kind, name in list(objects):
        staging.put(kind, name, objects.pop((kind, name)))  # what has been decoded is free to be used again
    committed = staging.commit(revision)
    assert committed is not None
    resolved, _problems = committed
    if usable:
        runtime.configure(resolved)
    return resolved.globals.vrrp_rt_priority


def _settle(runtime: Runtime, rt_priority: int) -> int:
    """Signals, scheduling, memory: all that can wait until the first advert has left. Gives the signals' descriptor."""
    import gc
    import signal

    import services.common.problems
    import services.vrrp.election.rogue
    import services.vrrp.views  # noqa: F401  (loaded now, so that no disk is touched later)
    from services.vrrp.timer import lock_memory

    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)  # the loop finds the byte in the pipe
    runtime.agent.memory_locked = lock_memory()
    _hurry(runtime, rt_priority)
    gc.collect()
    gc.freeze()
    gc.disable()  # the engine makes no cycles that matter, and a collection would delay adverts
    return reader


def _schedule(rt_priority: int) -> str:
    """SCHED_FIFO that children do not inherit, else the best nice value, else as it is; gives what it became."""
    if not rt_priority:
        return "normal"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(rt_priority))
    except OSError:
        try:
            os.setpriority(os.PRIO_PROCESS, 0, -20)
        except OSError:
            return "normal"
        return "nice -20"
    return f"fifo {rt_priority}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
