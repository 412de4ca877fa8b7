"""What make does about an environment that is not right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


# Does what Python does, but for pip: to put a real one into each environment takes seconds.
PYTHON = f"""#!{sys.executable}
import pathlib, subprocess, sys
if sys.argv[1] == "-c":
    exec(sys.argv[2])
else:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", sys.argv[3]], check=True)
    (packages,) = pathlib.Path(sys.argv[3]).glob("lib/python3*/site-packages")
    (packages / "pip.py").touch()
"""


def executable(path: Path, text: str) -> Path:
    """Write a script that can be run."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def make(clone: Path, python: str = "../python3") -> subprocess.CompletedProcess[str]:
    """Make the environment of a clone right, without what is installed into it."""
    # This make may have been started by one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--silent", ".venv/.python", f"PYTHON={python}"]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=100)


def prefix(clone: Path) -> str:
    """Return where the Python of an environment says that it lies."""
    command = [str(clone / ".venv" / "bin" / "python"), "-c", "import pip, sys; print(sys.prefix)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Put the Makefile into a folder, and an environment beside it."""
    folder = tmp_path / "meine Büro-Ablage"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    executable(tmp_path / "python3", PYTHON)
    assert 0 == make(folder).returncode
    return folder


def test_an_environment_that_is_right_is_left_alone(clone: Path) -> None:
    """Nothing is made, and nothing is newer than it was: what was installed is not installed again."""
    (clone / ".venv" / "kept").touch()
    before = (clone / ".venv" / ".python").stat().st_mtime_ns

    done = make(clone)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    assert before == (clone / ".venv" / ".python").stat().st_mtime_ns
    assert (clone / ".venv" / "kept").exists()


def test_an_environment_of_a_clone_that_was_moved_is_made_anew(clone: Path) -> None:
    """Its scripts name the Python that was there before, and what is installed there is the clone that was there."""
    moved = clone.rename(clone.with_name("moved"))
    (moved / ".venv" / "stale").touch()

    done = make(moved)

    assert (0, "") == (done.returncode, done.stderr)
    assert ".venv was moved or is incomplete, or its Python is missing or older than 3.11" in done.stdout
    assert str(moved / ".venv") == prefix(moved)
    assert not (moved / ".venv" / "stale").exists()


@pytest.mark.parametrize("left", ["a link to nothing", "an older Python", "nothing of pip"])
def test_an_environment_whose_python_does_not_serve_is_made_anew(clone: Path, left: str) -> None:
    """Python was upgraded or removed, or the environment was made by an old one, or only half."""
    python = clone / ".venv" / "bin" / "python"
    if left == "nothing of pip":
        shutil.rmtree(next((clone / ".venv" / "lib").glob("python3*")) / "site-packages")
    else:
        python.unlink()
        python.symlink_to(clone / "gone" if left == "a link to nothing" else older(clone))

    done = make(clone)

    assert (0, "") == (done.returncode, done.stderr)
    assert "creating it again" in done.stdout
    assert str(clone / ".venv") == prefix(clone)


def older(clone: Path) -> Path:
    """Make a Python that says of itself what 3.10 does."""
    old = f"#!{sys.executable}\nimport sys\nsys.version_info = (3, 10, 14)\nexec(sys.argv[2])\n"
    return executable(clone / "python3.10", old)


@pytest.mark.parametrize("found", ["older", "no such command"])
def test_without_a_python_that_is_new_enough_nothing_is_thrown_away(clone: Path, found: str) -> None:
    """The message says which Python it was, and how to name another."""
    moved = clone.rename(clone.with_name("moved"))

    done = make(moved, f"./{older(moved).name}" if found == "older" else "python3.99")

    assert 0 != done.returncode
    assert "is not Python 3.11 or newer, which is required: make env PYTHON=python3.12" in done.stderr
    assert (moved / ".venv" / "pyvenv.cfg").exists()


def test_a_python_without_venv_is_named_as_such(tmp_path: Path) -> None:
    """Debian has that in a package of its own; and only then is it said."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    lacking = f"#!{sys.executable}\nimport sys\nsys.modules['ensurepip'] = None\nexec(sys.argv[2])\n"
    python = executable(tmp_path / "python3", lacking)

    done = make(tmp_path, str(python))

    assert 0 != done.returncode
    assert f"{python} has no venv module; on Debian and Ubuntu: apt-get install python3-venv" in done.stderr
