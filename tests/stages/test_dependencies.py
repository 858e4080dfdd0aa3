"""Every stage depends on the code that it imports, but for what all stages share, and on no other."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from tests.stages.graph import GRAPHS, ROOT, SHARED, compare, module_of, read_stages, within
from tests.stages.imports import PACKAGES, imported, package_data, stage_code, third_party

GRAPH = """\
stages:
  first:
    cmd: >-
      python -m stages.first
      --out data/out
    deps: [data/in, stages/first.py, difftalker/unused]
    outs: [data/out]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one stage that reads five source files and one data file."""
    for name, text in {
        "difftalker/__init__.py": '"""Only a docstring."""\n',
        "difftalker/errors.py": "",
        "difftalker/unused/a.py": "",
        "difftalker/direct.py": "import difftalker.errors\nfrom difftalker.part import inner\n",
        "difftalker/part/__init__.py": "LIMIT = 3\n",
        "difftalker/part/inner.py": "def f():\n    from . import lazy\n",
        "difftalker/part/lazy.py": "from pathlib import Path\nWEIGHTS = Path(__file__).parent / 'weights.bin'\n",
        "difftalker/part/weights.bin": "1",
        "difftalker/part/typed.py": "",
        "stages/__init__.py": "",
        "stages/first.py": (
            "import numpy\nfrom typing import TYPE_CHECKING\nimport difftalker.direct\n"
            "if TYPE_CHECKING:\n    from difftalker.part import typed\n"
        ),
        "dvc.yaml": GRAPH,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


NEEDED = {
    "stages/first.py",
    "difftalker/errors.py",
    "difftalker/direct.py",
    "difftalker/part/__init__.py",
    "difftalker/part/inner.py",
    "difftalker/part/lazy.py",
    "difftalker/part/weights.bin",
}


def test_walks_imports_and_data(project: Path) -> None:
    assert stage_code("stages.first", project) == NEEDED


def test_names_missing_and_superfluous(project: Path) -> None:
    assert compare(GRAPHS[0], project) == [
        "dvc.yaml: first uses difftalker/direct.py; add its folder to deps",
        *(f"dvc.yaml: first uses {path}; add its folder to deps" for path in sorted(NEEDED) if "/part/" in path),
        "dvc.yaml: first does not need difftalker/unused; take it out of deps",
    ]


def depends(project: Path, *code: str) -> list[str]:
    """What is said if the stage depends on its script and on some more code."""
    (project / "dvc.yaml").write_text(GRAPH.replace("difftalker/unused", ", ".join(code)))
    return compare(GRAPHS[0], project)


def test_folders_cover_what_lies_in_them(project: Path) -> None:
    assert depends(project, "difftalker/direct.py", "difftalker/part") == []
    assert depends(project, "difftalker/direct.py", "difftalker/par") != [], "a name that begins alike is another"


def test_shared_code_may_but_need_not_be_listed(project: Path) -> None:
    assert depends(project, "difftalker/direct.py", "difftalker/part", "difftalker/errors.py") == []
    (project / "difftalker/direct.py").write_text("import difftalker.compute.device\n")
    (project / "difftalker/compute").mkdir()
    (project / "difftalker/compute/device.py").write_text("")
    assert depends(project, "difftalker/direct.py") == []
    assert depends(project, "difftalker/direct.py", "difftalker/compute") == []


def test_nothing_is_listed_twice(project: Path) -> None:
    lines = depends(project, "difftalker/direct.py", "difftalker/part", "difftalker/part/inner.py")
    assert lines == ["dvc.yaml: first does not need difftalker/part/inner.py; take it out of deps"]


def test_absent_module_is_named(project: Path) -> None:
    (project / "stages/first.py").unlink()
    assert "dvc.yaml: first runs stages.first, which does not exist" in compare(GRAPHS[0], project)


def test_data_needs_a_reason(project: Path) -> None:
    module = project / "difftalker/part/plain.py"
    module.write_text("NAME = 'weights.bin'\n")  # a name, but nothing that would open it beside the source
    assert package_data(module, project) == set()


def test_relative_imports(project: Path) -> None:
    module = project / "difftalker/part/up.py"
    module.write_text("from ..direct import x\nfrom .inner import f\n")
    assert set(imported(module, "difftalker.part.up", project)) == {
        "difftalker",
        "difftalker.direct",
        "difftalker.part",
        "difftalker.part.inner",
    }


def test_lazy_names_belong_to_those_who_ask(project: Path) -> None:
    (project / "difftalker/__init__.py").write_text(
        '''"""Doc."""\n__all__ = ["Inner"]\n\ndef __getattr__(name):\n    from difftalker.part.inner import Inner\n'''
        "    return Inner\n"
    )
    asking, other = project / "difftalker/asking.py", project / "difftalker/other.py"
    asking.write_text("from difftalker import Inner\n")
    other.write_text("import difftalker\n")
    assert "difftalker.part.inner" in imported(asking, "difftalker.asking", project)
    assert imported(other, "difftalker.other", project) == ["difftalker"]
    assert "difftalker/__init__.py" not in stage_code("difftalker.other", project)


@pytest.mark.parametrize("graph", GRAPHS, ids=str)
def test_repository(graph: Path) -> None:
    assert compare(graph) == []


def test_shared_code_is_shared() -> None:
    stages = [stage for graph in GRAPHS for stage in read_stages(graph).values()]
    used = [stage_code(module_of(stage), ROOT) for stage in stages]
    for entry in SHARED:
        assert (ROOT / entry).exists()
        assert sum(any(within(path, [entry]) for path in paths) for paths in used) > 2, f"{entry} belongs to its stages"


OPTIONAL = {"faster_whisper"}  # proves what `audio/whisper/convert.py` converts, where it happens to be there


def test_imports_are_declared() -> None:
    """What the packages import is in pyproject.toml, not there by way of something else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    declared = {_normal(re.split(r"[\s<>=!;\[]", line)[0]) for line in lines}
    providers = importlib.metadata.packages_distributions()
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for name in third_party(path) - OPTIONAL:
            found = {_normal(provider) for provider in providers.get(name, [name])}
            assert found & declared, f"{path.relative_to(ROOT)} imports {name}: add it to pyproject.toml"


def test_lock_pins_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = _pins(ROOT / "requirements.lock")
    tools = _pins(ROOT / "requirements-dev.lock")
    for line in project["project"]["dependencies"]:
        assert _normal(re.split(r"[\s<>=!;\[]", line)[0]) in runtime
    extras = [line for extra in project["project"]["optional-dependencies"].values() for line in extra]
    for line in [*project["dependency-groups"]["dev"], *extras]:
        assert _normal(re.split(r"[\s<>=!;\[]", line)[0]) in tools
    assert not set(runtime) & set(tools)


def test_lock_has_no_accelerator_packages() -> None:
    assert not [name for name in _pins(ROOT / "requirements.lock") if re.match(r"nvidia|cuda|triton", name)]


def _pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r"))]
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)( ; .+)?", line) for line in lines]
    assert all(pins), "every line is an exact pin"
    return {_normal(pin[1]): pin[2] for pin in pins if pin}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
