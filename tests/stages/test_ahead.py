"""What the first stages look for, so that nothing is missing after hours of work."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stages.runner import run

ROOT = Path(__file__).parents[2]
READS = {"deepspeech": ("audio", "encoder"), "fan2d": ("detector", "name"), "syncnet": ("syncnet", "source")}
VALUES = {"deepspeech": "deepspeech", "fan2d": "fan", "syncnet": "official"}


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFTALKER_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return tmp_path / "params.yaml"


@pytest.mark.parametrize("stage", ["check_params", "extract_frames@anna"])
@pytest.mark.parametrize("weight", READS)
def test_missing_weights_stop_the_first_stages(
    params: Path, weight: str, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = yaml.safe_load(params.read_text())
    group, key = READS[weight]
    document[group][key] = VALUES[weight]
    params.write_text(yaml.safe_dump(document))
    with pytest.raises(SystemExit) as ended:
        run(stage, lambda: pytest.fail("the work has begun"))
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert f"weights '{weight}'" in said and f"difftalker weights fetch {weight}" in said and said.count("\n") == 1


def test_what_is_not_read_need_not_be_there(params: Path) -> None:
    done: list[str] = []
    run("extract_frames@anna", lambda: done.append("work"))
    assert done == ["work"]
