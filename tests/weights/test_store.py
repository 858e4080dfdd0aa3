"""The cache of weights: what is used was verified; the table is consistent."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from difftalker.errors import UserError
from difftalker.presets import load_preset
from difftalker.weights import table
from difftalker.weights.store import cache_folder, check_file, import_weight, locate, path_of
from difftalker.weights.table import WEIGHTS, Weight, WeightFile, weight_named
from tests.weights.serving import CONTENT, sha256, single

ROOT = Path(__file__).parents[2]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Weight:
    """A weight of the table, published on a host that nobody reaches."""
    weight = single("http://weights.invalid/net.bin")
    monkeypatch.setitem(table.WEIGHTS, "net", weight)
    return weight


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "downloads/any name.bin"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


def test_table_is_consistent() -> None:
    for name, weight in WEIGHTS.items():
        assert name == weight.name and weight.licence and weight.purpose
        for file in weight.files:
            assert file.url is not None and file.url.startswith("https://")
            assert re.fullmatch(r"sha256:[0-9a-f]{64}|(sha1|git):[0-9a-f]{40}", file.hash)
            assert not Path(file.path).is_absolute() and ".." not in Path(file.path).parts
    for prefix in ("11f355bf06", "b90017e8"):  # parts of hashes that the file names carry
        assert any(
            f":{prefix}" in file.hash and prefix in file.path for each in WEIGHTS.values() for file in each.files
        )


def test_import_then_locate(known: Weight, source: Path, tmp_path: Path) -> None:
    path = import_weight(known, source, tmp_path / "cache")
    assert path == locate("net", cache=tmp_path / "cache") == path_of(known, tmp_path / "cache")
    assert path.read_bytes() == CONTENT and source.exists()


def test_missing_says_what_to_fetch(known: Weight, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        locate("net", cache=tmp_path)
    message = str(caught.value)
    assert "is not there" in message and "\n" not in message
    assert "difftalker weights fetch net" in message and "http://weights.invalid/net.bin" in message
    assert "difftalker weights import net PATH" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [(CONTENT[:-7], "it is cut"), (b"\0" + CONTENT[1:], "it is damaged")],
    ids=["truncated", "tampered"],
)
def test_changed_file_is_refused(known: Weight, source: Path, tmp_path: Path, content: bytes, reason: str) -> None:
    path = import_weight(known, source, tmp_path)
    path.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        locate("net", cache=tmp_path)
    other = source.with_name("other.bin")
    other.write_bytes(content)
    path.write_bytes(CONTENT)
    with pytest.raises(UserError, match=reason) as caught:
        import_weight(known, other, tmp_path)
    assert str(other) in str(caught.value)
    assert locate("net", cache=tmp_path).read_bytes() == CONTENT


def test_pin_stands_for_a_file_of_ones_own(known: Weight, source: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    import_weight(known, source, cache)
    pin = sha256(b"own")
    with pytest.raises(UserError, match=r"weights import net PATH.* with the file of this hash, or set weights\.net"):
        locate("net", pin, cache)
    source.write_bytes(b"own")
    import_weight(weight_named("net", pin), source, cache)
    assert locate("net", pin, cache).read_bytes() == b"own"
    assert locate("net", known.files[0].hash, cache) == locate("net", cache=cache)  # the published one is still there


def test_weight_of_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(WeightFile(path, "http://weights.invalid/x", sha256(path.encode())) for path in ("a/x.bin", "b.json"))
    weight = Weight("pair", files, "none", "tests")
    monkeypatch.setitem(table.WEIGHTS, "pair", weight)
    folder = tmp_path / "snapshot"
    (folder / "a").mkdir(parents=True)
    (folder / "a/x.bin").write_text("a/x.bin")
    with pytest.raises(UserError, match=r"b\.json: no such file"):
        import_weight(weight, folder, tmp_path / "cache")
    (folder / "b.json").write_text("b.json")
    assert import_weight(weight, folder, tmp_path / "cache") == locate("pair", cache=tmp_path / "cache")
    assert (locate("pair", cache=tmp_path / "cache") / "a/x.bin").read_text() == "a/x.bin"
    with pytest.raises(UserError, match="several files"):
        weight_named("pair", sha256(b""))


def test_names_that_git_gives(tmp_path: Path) -> None:
    # `printf 'hello\\n' | git hash-object --stdin`
    file = WeightFile("x", None, "git:ce013625030ba8dba906f756967f9e9ca394464a")
    (tmp_path / "x").write_bytes(b"hello\n")
    check_file(file, tmp_path / "x")
    (tmp_path / "x").write_bytes(b"hallo\n")
    with pytest.raises(UserError, match="it is damaged"):
        check_file(file, tmp_path / "x")


def test_unknown_name() -> None:
    with pytest.raises(UserError, match="known: deepspeech, fan2d, syncnet, sd15"):
        locate("deepspeach")


def test_unwritable_cache(known: Weight, source: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        import_weight(replace(known), source, blocked)


def test_folder_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIFFTALKER_WEIGHTS", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" and cache_folder(tmp_path) == tmp_path
    monkeypatch.delenv("DIFFTALKER_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name == "weights" and "difftalker" in cache_folder().parts


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda path: path.name)
def test_presets_pin_the_published_files(preset: Path) -> None:
    for name, pin in asdict(load_preset(preset).weights).items():
        assert weight_named(name, pin) == WEIGHTS[name]
