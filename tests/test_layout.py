"""The library's layout: imports point downwards from folder to folder, and no two public things share a name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "difftalker"

# From low to high; a folder or module imports what is below it. Those of one line do not import each other, but for the
# first one: what everything may import.
LEVELS = (
    ("config", "errors", "files", "intervals", "model_folder", "tables", "version", "weights"),
    ("compute", "media"),
    ("audio", "dataset"),
    ("face",),
    ("training",),
    ("completion", "painting", "sync"),
    ("face_folder",),
    ("provenance",),
    ("dub",),
    ("export", "talking_face"),
    ("project",),
    ("presets",),
    ("evaluation",),
    ("doctor", "report"),
    ("app",),
    ("cli",),
)
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(LIBRARY.rglob("*.py")):
        if path != LIBRARY / "__init__.py":
            yield path.relative_to(LIBRARY).with_suffix(""), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Parts of the library that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "difftalker":
            yield from (alias.name for alias in node.names if alias.name in LEVEL)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("difftalker."):
            yield (node.module or "").split(".")[1]


def defined(tree: ast.Module) -> Iterator[str]:
    """Public names that a module defines at its top."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def test_imports_point_downwards() -> None:
    def allowed(part: str, other: str) -> bool:
        return other == part or LEVEL[other] < LEVEL[part] or LEVEL[other] == LEVEL[part] == 0

    wrong = [
        f"{path} imports {other}"
        for path, tree in modules()
        for other in imported(tree)
        if not allowed(path.parts[0], other)
    ]
    assert wrong == []


def test_no_two_public_things_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in modules():
        for name in dict.fromkeys(defined(tree)):
            if not name.startswith("_"):
                places[name].append(str(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
