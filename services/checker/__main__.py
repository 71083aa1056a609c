"""`python -m services.checker`: the checker's agent, which starts its workers."""

from services.checker.agent import main
from services.common.serve import run

if __name__ == "__main__":
    raise SystemExit(run("checker", main))
