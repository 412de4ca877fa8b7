"""Makes a Python on Linux see no more of its system than macOS and Windows have; what is first in PYTHONPATH is run.

Hidden are ``/proc`` (psutil has other ways there, so it may look), affinity, process groups, uvloop and fcntl.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import subprocess
import sys
from typing import Any

for module in ("fcntl", "uvloop"):
    sys.modules[module] = None  # type: ignore[assignment] # how an import is made to fail
for name in ("sched_getaffinity", "sched_setaffinity", "killpg", "getpgid", "setpgid", "getsid", "setsid"):
    delattr(os, name)


def _hiding(looks: Any) -> Any:
    """Return a function that finds nothing below ``/proc``, unless psutil asks."""

    def look(place: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(place, str | os.PathLike) and os.fspath(place).startswith("/proc"):
            asking: Any = sys._getframe(1)
            if "psutil" not in asking.f_code.co_filename:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(place))
        return looks(place, *arguments, **options)

    return look


builtins.open = io.open = _hiding(open)
for name in ("listdir", "scandir", "stat", "readlink"):
    setattr(os, name, _hiding(getattr(os, name)))

_begin = subprocess.Popen.__init__


def _without_a_group(self: Any, *arguments: Any, **options: Any) -> None:
    _begin(self, *arguments, **{**options, "start_new_session": False})


subprocess.Popen.__init__ = _without_a_group  # type: ignore[method-assign] # Windows knows no such option
