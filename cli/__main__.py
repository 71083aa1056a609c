"""`python -m cli` is `vipctl`."""

from cli.main import main

raise SystemExit(main())
