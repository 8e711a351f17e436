"""``python -m w8a16`` is the command ``w8a16`` of the same environment."""

import os
import sys
import sysconfig


def main() -> None:
    command = os.path.join(sysconfig.get_path("scripts"), "w8a16")
    if not os.path.exists(command):
        sys.exit(f"error: {command} is not there: install the package with pip, which brings the command w8a16")
    os.execv(command, [command, *sys.argv[1:]])


if __name__ == "__main__":
    main()
