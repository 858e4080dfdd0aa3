"""The source files behind a module of this repository, found by walking its imports.

A stage's code is its module, what that imports from this repository, directly or not, and the data files beside the
modules that these name. An `__init__.py` counts if importing it does anything; what it imports in `__getattr__` belongs
to the modules that ask for such a name.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGES = ("difftalker", "demo_speaker", "stages")


def stage_code(module: str, root: Path = Path()) -> set[str]:
    """The files of this repository that running `python -m module` reads: paths below `root`, with forward slashes."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        path = _source(name, root)
        if name in seen or path is None:
            continue
        seen.add(name)
        pending += imported(path, name, root)
        if path.name != "__init__.py" or not _does_nothing(path):
            found |= {path.relative_to(root).as_posix(), *package_data(path, root)}
    return found


def imported(path: Path, name: str, root: Path = Path()) -> list[str]:
    """The first-party modules that a module imports anywhere in it, the packages around them and around it included."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    names = [package]
    for node in _executed(_tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
            names += [lazy for alias in node.names for lazy in _lazy(base, alias.name, root)]
    dotted = {name.rsplit(".", cut)[0] for name in names for cut in range(name.count(".") + 1)}
    return sorted(name for name in dotted if _source(name, root) is not None)


def third_party(path: Path) -> set[str]:
    """The top-level names that a module imports from outside of this repository and the standard library."""
    found = set()
    for node in _executed(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {*PACKAGES, "pipelines", "tests"}


def package_data(path: Path, root: Path = Path()) -> set[str]:
    """Data files and folders of the package that a module names, as literals, to find them beside its source."""
    tree = _tree(path)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not names & {"__file__", "files", "resources", "PackageLoader", "FileSystemLoader"}:
        return set()
    package = path.relative_to(root).parts[0]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip("./"):
            for folder in (path.parent, path.parent.parent, root / package):
                data = folder / node.value
                if "\n" not in node.value and _is_data(data) and (root / package) in data.parents:
                    found.add(data.relative_to(root).as_posix())
    return found


def _is_data(path: Path) -> bool:
    if path.is_dir():
        return not any(path.rglob("*.py")) and any(file.is_file() for file in path.rglob("*"))
    return path.is_file() and path.suffix != ".py"


def _source(name: str, root: Path) -> Path | None:
    if name.split(".")[0] not in PACKAGES:
        return None
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _parse(path: Path, changed: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _tree(path: Path) -> ast.Module:
    return _parse(path, path.stat().st_mtime_ns)


def _waits(node: ast.AST) -> bool:
    lazy = isinstance(node, ast.FunctionDef) and node.name == "__getattr__"
    return lazy or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))


def _lazy(package: str, name: str, root: Path) -> list[str]:
    """The modules behind a name that a package gives by `__getattr__`."""
    path = _source(package, root)
    if path is None or path.name != "__init__.py" or _source(f"{package}.{name}", root) is not None:
        return []
    given = [node for node in _tree(path).body if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"]
    inner = [node for function in given for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    return [node.module or "" for node in inner if name in {alias.name for alias in node.names}]


def _does_nothing(path: Path) -> bool:
    def harmless(node: ast.stmt) -> bool:
        if isinstance(node, ast.ImportFrom):
            return node.module in ("__future__", "typing")
        if isinstance(node, ast.Assign):
            return ast.unparse(node.targets[0]) == "__all__"
        return _waits(node) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))

    return all(harmless(node) for node in _tree(path).body)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker follows, or that wait for a name to be asked for."""
    for node in ast.iter_child_nodes(tree):
        if _waits(node):
            continue
        yield node
        yield from _executed(node)
