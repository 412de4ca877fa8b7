from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from benchmarks.measure import postgres
from benchmarks.measure.postgres import PostgresError, Programs

SCRIPT = """
import sys
from benchmarks.measure import postgres
with postgres.running(postgres.find()) as (url, process):
    print(process.pid, url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def programs() -> Programs:
    """PostgreSQL's programs; without them skip, or fail in CI."""
    try:
        return postgres.find()
    except PostgresError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with fake programs; Debian's are ignored."""
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path / "nothing")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for program in ("initdb", "postgres"):
        (tmp_path / program).write_text("#!/bin/sh\necho 'no room on this disk'\nexit 3\n", encoding="ascii")
        (tmp_path / program).chmod(0o755)
    # Whoever it runs as must get in there.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == Path.home().owner() and folder.stat().st_mode & stat.S_IXOTH == 0:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    return tmp_path


def folders() -> set[Path]:
    """Return the folders that clusters are in."""
    return set(Path(os.environ["TMPDIR"]).glob("lab-postgres-*"))


@pytest.mark.postgresql
def test_it_answers_inside_the_block_and_is_gone_after_it(programs: Programs) -> None:
    """Its processes and its folder are gone too. It requires its password: every user can reach loopback."""
    with postgres.running(programs) as (url, process):
        with psycopg.connect(url) as connection:
            (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
        assert programs.version in version
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace("lab:", "lab:not-", 1))
        leader = psutil.Process(process.pid)
        processes = [leader, *leader.children(recursive=True)]
        assert 1 == len(folders())

    assert [] == psutil.wait_procs(processes, timeout=10)[1]
    assert set() == folders()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.postgresql
@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="the watcher needs /bin/sh")
def test_it_does_not_outlive_a_lab_that_is_killed(programs: Programs) -> None:
    """After kill -9 the watcher ends its processes and removes its folder."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as lab:
        assert lab.stdout is not None
        pid = int(lab.stdout.readline().split()[0])
        started = psutil.Process(lab.pid).children(recursive=True)
        assert pid in {process.pid for process in started}
        assert 1 == len(folders())

        lab.kill()
        lab.wait()

    _, alive = psutil.wait_procs(started, timeout=20)
    assert [] == [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert set() == folders()


def test_without_an_installation_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to install."""
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PostgresError, match=r"its server is not installed .*apt-get install postgresql"):
        postgres.find()


def test_the_newest_release_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number: 9 is older than 17; a release that lacks a program is ignored."""
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setattr(postgres, "_account", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for release, names in (("9", ("initdb", "postgres")), ("17", ("initdb", "postgres")), ("18", ("postgres",))):
        (tmp_path / release / "bin").mkdir(parents=True)
        for name in names:
            program = tmp_path / release / "bin" / name
            program.touch(0o755)

    assert Programs(tmp_path / "17" / "bin", None) == postgres.find()


def test_programs_that_fail_say_why(pretended: Path) -> None:
    """The message has the end of what they printed, and the folder is removed."""
    found = postgres.find()

    with (
        pytest.raises(PostgresError, match="initdb ended with status 3: no room on this disk"),
        postgres.running(found),
    ):
        pytest.fail("it must not get here")
    assert set() == folders()
    with pytest.raises(PostgresError, match="do not run"):
        assert found.version


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root needs another user for it")
def test_root_needs_another_user_for_it(pretended: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL refuses to run as root."""
    monkeypatch.setattr(postgres, "_ACCOUNT", "nobody-of-this-name")

    with pytest.raises(PostgresError, match="no user nobody-of-this-name"):
        postgres.find()
