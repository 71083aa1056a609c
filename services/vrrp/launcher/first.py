"""The unit's program: an owner's first advert, then the engine, then the launcher. `python -I -S PATH/first.py [flags]`.

Flags and exit status are those of `python -m services.vrrp`, which does the same in the usual order: the launcher first.
"""

import sys

HERE = __file__.removesuffix("first.py")
ROOT = HERE.removesuffix("services/vrrp/launcher/")

if __name__ == "__main__":
    sys.path.insert(0, HERE)  # the packages above it would cost a tenth of a millisecond each
    import first_words  # type: ignore[import-not-found]

    sys.path[:1] = [ROOT, ROOT + "gen"]  # -I leaves the path alone
    known = first_words.speak(sys.argv[1:])

    from services.vrrp.launcher.beginning import main

    sys.exit(main(sys.argv[1:], known))
