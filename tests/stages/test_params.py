"""Every stage lists the params that it reads."""

from __future__ import annotations

import ast

import pytest

from tests.stages.graph import GRAPHS, ROOT, module_of, read_stages

STAGES = {name: stage for graph in GRAPHS for name, stage in read_stages(graph).items()}


def used_params(source: str) -> set[str]:
    """Dotted keys read from the result of `load_params`, as far as attributes go; '*' if it is passed on whole."""
    tree = ast.parse(source)
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target, value in _pairs(node)
        if _is_load(value) and isinstance(target, ast.Name)
    }
    used: set[str] = set()
    inner: set[ast.AST] = set()
    for node in ast.walk(tree):  # outer attributes come first
        if isinstance(node, ast.Attribute) and node not in inner:
            parts = [node.attr]
            value = node.value
            while isinstance(value, ast.Attribute):
                inner.add(value)
                parts.insert(0, value.attr)
                value = value.value
            if _is_load(value) or (isinstance(value, ast.Name) and value.id in names):
                inner.add(value)
                used.add(".".join(parts))
        elif isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load) and node not in inner:
            used.add("*")
    return used


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """Targets and values of an assignment, those of tuples one by one."""
    pairs = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += list(zip(target.elts, node.value.elts, strict=True))
        else:
            pairs.append((target, node.value))
    return pairs


def _is_load(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) == "load_params"


def covers(declared: str, used: str) -> bool:
    return used == declared or used.startswith(f"{declared}.")


def test_used_params_of_a_source() -> None:
    source = "params = load_params()\nf(params.video, params.face.train.steps)\nother.audio\n"
    assert used_params(source) == {"video", "face.train.steps"}
    assert used_params("p = load_params()\ng(p)\np.seed") == {"*", "seed"}
    assert used_params("p, q = load_params(), f()\np.seed, q.audio, load_params().device") == {"seed", "device"}


@pytest.mark.parametrize("name", STAGES)
def test_declares_what_it_reads(name: str) -> None:
    path = ROOT / (module_of(STAGES[name]).replace(".", "/") + ".py")
    used = used_params(path.read_text())
    declared = STAGES[name].get("params", [])
    if {"params.yaml": None} in declared:  # the whole file
        assert ("*" in used or "PARAMS" in path.read_text()) and len(declared) == 1  # or it shows the file itself
        return
    assert "*" not in used, f"{path.name}: pass groups on, or name all of params.yaml in dvc.yaml"
    missing = sorted(key for key in used if not any(covers(entry, key) for entry in declared))
    idle = sorted(entry for entry in declared if not any(covers(entry, key) for key in used))
    assert not missing, f"dvc.yaml: {name} reads {missing} without naming them in params"
    assert not idle, f"dvc.yaml: {name} names {idle} in params and does not read them"


@pytest.mark.parametrize("name", STAGES)
def test_results_can_come_from_the_run_cache(name: str) -> None:
    """DVC keeps no run of a stage with an uncached output, unless that is a metric or a plot."""
    outs = STAGES[name].get("outs", [])
    assert [out for out in outs if isinstance(out, dict) and not next(iter(out.values())).get("cache", True)] == []
