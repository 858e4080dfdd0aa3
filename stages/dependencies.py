"""The source files that every DVC stage depends on: found by walking imports, compared with or written to `dvc.yaml`.

`python -m stages.dependencies` says what is missing or superfluous; `--write` puts it right and leaves comments and
layout as they are. `stages.imports` says which files are a stage's code.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from difftalker.files import replacing
from difftalker.project import layout_yaml
from stages.imports import PACKAGES, stage_code

GRAPHS = (Path("dvc.yaml"), Path("data/raw/dvc.yaml"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the source files in the stages' deps with their imports.")
    parser.add_argument("--write", action="store_true", help="correct the files")
    arguments = parser.parse_args()
    wrong = [line for graph in GRAPHS for line in (rewrite(graph) if arguments.write else compare(graph))]
    print("\n".join(wrong) or "the dependencies of all stages are right")
    sys.exit(bool(wrong) and not arguments.write)


def compare(graph: Path, root: Path = Path()) -> list[str]:
    """One line for every source file that a stage of `graph` lacks or lists for nothing."""
    lines = []
    for name, stage in layout_yaml().load((root / graph).read_text(encoding="utf-8"))["stages"].items():
        listed, needed = listed_code(stage), stage_code(module_of(stage), root)
        if not needed:
            lines.append(f"{graph}: {name} runs {module_of(stage)}, which does not exist")
        lines += [f"{graph}: {name} lacks the dependency {path}" for path in sorted(needed - listed)]
        lines += [f"{graph}: {name} does not need the dependency {path}" for path in sorted(listed - needed)]
    return lines


def rewrite(graph: Path, root: Path = Path()) -> list[str]:
    """Correct the source files in the deps of every stage; data comes first and stays. Returns what `compare` said."""
    wrong = compare(graph, root)
    if wrong:
        yaml = layout_yaml()
        document = yaml.load((root / graph).read_text(encoding="utf-8"))
        for stage in document["stages"].values():
            listed, needed = listed_code(stage), stage_code(module_of(stage), root)
            dependencies = stage["deps"]
            for position in reversed(range(len(dependencies))):
                if dependencies[position] in listed - needed:
                    del dependencies[position]
            dependencies.extend(sorted(needed - listed))
        with replacing(root / graph) as partial, partial.open("w", encoding="utf-8") as file:
            yaml.dump(document, file)
    return wrong


def module_of(stage: dict[str, Any]) -> str:
    """The dotted name after `-m` in a stage's command."""
    words = stage["cmd"].split()
    return words[words.index("-m") + 1]


def listed_code(stage: dict[str, Any]) -> set[str]:
    """A stage's dependencies that are source files or data files of the packages."""
    return {path for path in stage["deps"] if path.split("/")[0] in PACKAGES}


if __name__ == "__main__":
    main()
