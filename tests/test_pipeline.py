"""The real `dvc repro`, end to end, on a few seconds of the demo speaker with tiny networks."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from difftalker.media.wav import write_wav
from difftalker.presets import preset_text
from difftalker.talking_face import TalkingFace
from tests.footage import noise
from tests.painting.tiny_diffusion import write_model
from tests.project import ROOT, STEPS, Project

METRICS = (
    "landmark_distance",
    "ld",
    "ld_mouth",
    "psnr",
    "ssim",
    "lse_d",
    "lse_c",
    "jitter_ratio",
    "sharpness_ratio",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """After the first `dvc repro`."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.repro()
    return project


def test_results_are_there(project: Project) -> None:
    metrics = json.loads((project.root / "data/results/metrics.json").read_text())
    assert not [name for name in METRICS if not isinstance(metrics.get(name), float)]
    assert len(metrics["reference"]) == 5 and set(metrics["film"]) == {"own", "detected", "driven", "voice"}
    assert list((project.root / "data/results/synthesis").rglob("*.mp4"))
    page = (project.root / "data/results/report.html").read_text()
    assert "<video" in page and not re.search(r'(src|href)="(?!data:|#)', page), "the page needs no other file"
    assert not list((project.root / "data/scratch").rglob("*.pt")), "checkpoints are removed on success"


def test_models_are_a_face(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("difftalker.dub.speaker_measures.measure_speaker", None)
    monkeypatch.setattr("difftalker.dub.footage_face.find_face_in_footage", None)
    sound = project.root / "data/results/synthesis/demo.mp4"
    face = TalkingFace.load(project.root / "data/models", project.root / "data/raw/demo/demo.mp4")
    report = face.dub(sound, tmp_path / "talk.mp4")
    assert report.frames > 25 and not report.unpainted


def test_memory_is_recorded(project: Project) -> None:
    timings = {path.stem: json.loads(path.read_text()) for path in (project.root / "data/timings").glob("*.json")}
    assert {"extract_frames@demo", "train_face", "synthesise", "report"} <= timings.keys()
    assert all(timing["peak_bytes"] < 4 * 2**30 for timing in timings.values())


def test_second_run_does_nothing(project: Project) -> None:
    started = time.perf_counter()
    output = project.repro()
    seconds = time.perf_counter() - started
    assert "Data and pipelines are up to date." in output
    assert seconds < 15  # 3 s on a machine that does nothing else


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_training_goes_on(project: Project, how: signal.Signals) -> None:
    """Ctrl-C and a power cut, then the same command: the weights of a training that was not interrupted."""
    expected = project.hash_of("train_face", "data/models/face")

    def checkpoints() -> list[Path]:  # whole ones; while it is written, a checkpoint has a hidden name
        found = (project.root / "data/scratch/train_face").glob("*/*.pt")
        return [path for path in found if not path.name.startswith(".")]

    process = project.start("--single-item", "--force", "train_face")
    try:
        while not checkpoints() and process.poll() is None:
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, how)
        output, _ = process.communicate()
    assert process.returncode != 0, output
    assert checkpoints(), "the checkpoint stays"
    assert "Traceback" not in output

    output = project.repro("--single-item", "--force", "train_face")
    done = [int(step) for step in re.findall(rf"step (\d+)/{STEPS}", output)]
    assert min(done) > 4, "the training began again"
    assert project.hash_of("train_face", "data/models/face") == expected


def test_wrong_params_stop_a_stage_in_one_line(project: Project) -> None:
    path = project.root / "params.yaml"
    text = path.read_text()
    try:
        path.write_text(text.replace("mouth_weight", "mouth_wait"))
        process = project.start("--single-item", "train_face")
        output, _ = process.communicate()
        assert process.returncode != 0 and "Traceback" not in output
        path.write_text(text.replace("fps: 25.0", "fps: -1.0"))
        process = project.start("--single-item", "--force", "extract_frames@demo")
        output, _ = process.communicate()
        assert process.returncode != 0
        assert "error: params.yaml: video.fps = -1.0" in output and "Traceback" not in output
    finally:
        path.write_text(text)


def test_wrong_params_cost_no_output(project: Project) -> None:
    """DVC removes a stage's outputs before it runs; a mistake must come out before that."""
    project.repro()  # a stage that failed in an earlier test has lost its outputs; they come from the cache
    path = project.root / "params.yaml"
    text = path.read_text()
    before = sorted((project.root / "data").rglob("*"))
    try:
        path.write_text(text.replace("mouth_weight", "mouth_wait").replace("fps: 25.0", "fps: 24.0"))
        output, _ = (process := project.start()).communicate()
    finally:
        path.write_text(text)
    assert process.returncode != 0
    assert "error: params.yaml: unknown key face.mouth_wait; did you mean face.mouth_weight?" in output
    lost = set(before) - set((project.root / "data").rglob("*"))
    assert {path.name for path in lost} <= {"params.checked"}
    project.repro()
    assert sorted((project.root / "data").rglob("*")) == before


def test_a_moved_project_is_up_to_date_and_dubs(project: Project, tmp_path: Path) -> None:
    project.repro()
    moved = copy.copy(project)
    moved.root = tmp_path / "umgezogen ü"
    shutil.copytree(project.root, moved.root, symlinks=True)
    assert "up to date" in moved.repro()
    write_wav(tmp_path / "speech.wav", [noise(0.6)])
    words = ["dub", "--audio", str(tmp_path / "speech.wav"), "-o", "talk.mp4"]
    command = [sys.executable, "-m", "difftalker.cli.main", *words]
    done = subprocess.run(command, cwd=moved.root, env=project.environment, capture_output=True)
    assert done.returncode == 0 and (moved.root / "talk.mp4").exists(), done.stderr


@pytest.mark.slow
def test_another_folder_with_one_worker_makes_the_same(project: Project, tmp_path: Path) -> None:
    project.repro()
    (tmp_path / "project").mkdir()
    alone = Project(tmp_path / "project")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})  # children follow: one core, so one worker
    try:
        alone.repro()
    finally:
        os.sched_setaffinity(0, before)
    outs = [alone.outs(), project.outs()]
    timed = {"data/results/speed.json", "data/results/report.html"}  # they hold seconds
    assert {path: md5 for path, md5 in outs[0].items() if path not in timed} == {
        path: md5 for path, md5 in outs[1].items() if path not in timed
    }


@pytest.mark.slow
def test_two_runs_at_once(project: Project) -> None:
    """The second is told of the first, which goes on."""
    first = project.start("--force", "--single-item", "train_face")
    try:
        while not list((project.root / "data/scratch/train_face").glob("*/*.pt")) and first.poll() is None:
            time.sleep(0.01)
        second, _ = project.start("--force", "--single-item", "train_face").communicate()
    finally:
        output, _ = first.communicate()
    assert first.returncode == 0, output[-2000:]
    assert "is busy" in second and "Traceback" not in second, second
    assert "up to date" in project.repro()


@pytest.mark.slow
@pytest.mark.parametrize("size", [10, 3000], ids=["first_write", "later"])
def test_a_full_disk_is_one_line_in_every_stage(project: Project, size: int) -> None:
    """No traceback, nothing left over, what was there stays; and with room again all is up to date."""
    project.repro()
    commands = yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]
    before = {path: path.stat().st_mtime_ns for path in (project.root / "data").rglob("*") if path.is_file()}
    for name, stage in commands.items():
        words = stage["cmd"].replace("${item.rec}", "demo").split()
        assert words[:2] == ["python", "-m"]
        done = subprocess.run(
            [sys.executable, "-c", _ON_A_FULL_DISK, str(size), *words[2:]],
            cwd=project.root,
            env=project.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:  # all that it writes is smaller
            continue
        assert done.returncode == 1 and "Traceback" not in done.stderr, (name, done.stderr[-3000:])
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and "make room" in errors[0], (name, done.stderr[-3000:])
    after = {path: path.stat().st_mtime_ns for path in (project.root / "data").rglob("*") if path.is_file()}
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    kept = {path for path in changed if "scratch" in path.parts}  # for the next run to go on from, or to write anew
    assert size > 10 or changed == kept, changed
    assert "up to date" in project.repro()


# Runs a module as `python -m` does, where files may grow to so many bytes only.
_ON_A_FULL_DISK = """
import resource, runpy, sys
size, module, *arguments = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__")
"""


def test_stable_diffusion_as_the_prior(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stages of the paper's preset that a prior decides, on a tiny model of Stable Diffusion's architecture."""
    root = tmp_path / "project"
    shutil.copytree(project.root, root, ignore=shutil.ignore_patterns(".git", ".dvc", "prior", "face", "results"))
    write_model(tmp_path / "model", with_text=importlib.util.find_spec("transformers") is not None)
    params = yaml.safe_load((root / "params.yaml").read_text())
    paper = yaml.safe_load(preset_text(ROOT / "presets/paper.yaml"))
    params["prior"] = paper["prior"] | {"model": str(tmp_path / "model")}
    params["face"] = paper["face"]
    params["face"]["train"] |= {"steps": 4, "batch_size": 2, "accumulate": 2, "warmup_steps": 1}
    params["detector"]["name"] = "mesh"
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    monkeypatch.chdir(root)
    commands = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    for name in (
        "build_prior",
        "encode_latents",
        "train_face",
        "train_decoder",
        "synthesise",
        "make_films",
        "evaluate",
    ):
        monkeypatch.setattr(sys, "argv", commands[name]["cmd"].split()[2:])
        runpy.run_module(f"stages.{name}", run_name="__main__")
    assert "step 4/4" in capsys.readouterr().err
    kinds = [json.loads((root / f"data/models/prior/{part}/config.json").read_text()) for part in ("vae", "unet")]
    assert [kind["_class_name"] for kind in kinds] == ["AutoencoderKL", "UNet2DConditionModel"]
    metrics = json.loads((root / "data/results/metrics.json").read_text())
    assert not [name for name in METRICS if not isinstance(metrics.get(name), float)]
    assert "vae_reconstruction" in metrics["reference"]
    assert (root / "data/results/synthesis/demo.mp4").exists()
