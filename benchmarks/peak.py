"""Send one message and print the greatest memory of this process in KiB: `peak.py CLIENT URL`.

Linux hands `ru_maxrss` down from the process that started this one, so there `VmHWM`, the same figure
without that inheritance, is read instead.
"""

import importlib
import resource
import sys


def main(name: str, url: str) -> None:
    """Send and look."""
    importlib.import_module(f"client_{name}").sender(url)()
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 -- pathlib weighs, too
            print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
