"""The page as a reader and a browser get it."""

import base64
import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.errors import UserError
from difftalker.report import page as page_module
from difftalker.report.page import ReportInputs, build_page, read_timings
from difftalker.report.paper import PAPER_PROTOCOLS, PAPER_ROWS
from difftalker.report.plots import loss_curves
from difftalker.report.results_tables import columns
from difftalker.report.verdicts import headline_cards
from tests.report.figures import METRICS

VOID = {"meta", "img", "br", "link", "input", "circle", "path", "use", "polyline", "polygon", "rect"}


class Reader(HTMLParser):
    """Collects what the page loads, and checks that elements close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.loads += [values[name] or "" for name in ("src", "data", "poster") if name in values]
        if tag == "link":
            self.loads.append(values.get("href") or "")
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def swap(landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
    """A completion that knows the sound's own mouth: two frames, each gets the other's."""
    mixed = landmarks.copy()
    mixed[:, 48:] = landmarks[::-1, 48:]
    return mixed


@pytest.fixture(scope="module")
def build(inputs: ReportInputs) -> Callable[[ReportInputs], str]:
    return lambda chosen: build_page(chosen, swap)


@pytest.fixture(scope="module")
def html(inputs: ReportInputs, build: Callable[[ReportInputs], str]) -> str:
    return build(inputs)


def test_the_page_loads_nothing_and_is_well_formed(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    assert not reader.open
    assert reader.loads
    assert all(source.startswith("data:") for source in reader.loads)
    assert not re.search(r"@import|url\((?!#)", html)
    assert len(reader.ids) == len(set(reader.ids)), "two figures share an identifier"
    assert reader.tags.count("video") == 4 + 3  # two recordings; films over their own pictures and over others
    assert len(html) < 10_000_000


def test_every_reference_inside_a_figure_exists(html: str) -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', html))
    assert used <= ids


def test_the_page_says_what_it_must(html: str) -> None:
    for text in (
        "Synthetic media",
        "0.0031",
        "31.25",
        "24.31",
        "33.40",
        "34.60",
        "quoted",
        "face widths a side",
        "12.3",
    ):
        assert text in html, text
    for name in ("Prior", "Sync expert"):  # no loss was recorded for these
        assert f">{name}</text>" not in html
    assert ">Face synthesis</text>" in html


def test_every_figure_of_the_paper_is_marked_and_every_protocol_named(html: str) -> None:
    section = html[html.index('<section id="comparison">') : html.index('<section id="curves">')]
    rows = re.findall(r"<tr[^>]*><td>(.*?)</tr>", section, re.DOTALL)
    for name, figures in PAPER_ROWS.items():
        row = next(row for row in rows if row.startswith(name))
        assert '<span class="tag">quoted</span>' in row
        assert re.findall(r"<td[^>]*>([\d.]+)</td>", row) == [figures[k] for k in PAPER_PROTOCOLS if k in figures]
    assert sum("quoted" in row for row in rows) == len(PAPER_ROWS)  # no other row claims to be quoted
    for text in (*METRICS["protocol"].values(), *PAPER_PROTOCOLS.values()):
        assert text == "25" or text in section


def test_figures_without_their_protocol_are_refused(
    inputs: ReportInputs, build: Callable[[ReportInputs], str], tmp_path: Path
) -> None:
    path = tmp_path / "metrics.json"
    for missing in ("protocol", "film"):
        path.write_text(json.dumps({key: value for key, value in METRICS.items() if key != missing}))
        with pytest.raises(UserError, match=r"does not say how its figures were taken, .* run `dvc repro evaluate`"):
            build(replace(inputs, metrics=path))


def test_verdicts_compare_with_both_baselines(html: str) -> None:
    cards = dict(re.findall(r'class="name">([^<]+)<.*?class="verdict (\w+)"', html, re.DOTALL))
    assert cards["PSNR jaw"] == "good"  # better than all
    assert cards["SSIM jaw"] == cards["LD mouth"] == "fair"  # the nearest frame is better
    assert cards["Landmark distance"] == "fair"
    assert cards["LSE-D"] == "good"  # 0.69 is within 5 % of the real video's 0.66
    assert cards["Mouth sharpness"] == cards["Mouth opening"] == cards["Sound offset"] == "good"
    assert cards["Flicker"] == cards["Lips closed"] == "fair"
    assert "5 of 10 measures are as good as they should be." in html


def test_the_films_come_first(html: str) -> None:
    section = html[html.index('<section id="films">') : html.index('<section id="video">')]
    assert "Held-out speech, own pictures" in section and "Held-out speech, other pictures" in section
    assert section.count("<video") == 3 and section.count("<img") == 2 * 2 * 8
    times = [float(time) for time in re.findall(r">c2, ([\d.]+) s<", section)]
    assert len(times) == 16 and min(times) >= 5 / 25, "the first frames were not painted"
    table = html[html.index('<section id="comparison">') :]
    assert table.index("Films made by dub") < table.index("The paper, on its own footage")
    rows = re.findall(r"<tr([^>]*)><td>(.*?)</td>", table)
    assert [name for style, name in rows if "ours" in style][:4] == [
        "Held-out speech, own pictures",
        "The same, painted from detected landmarks",
        "Held-out speech, other pictures",
        "Generated",
    ]


def test_stills_show_the_film_below_the_footage(html: str, inputs: ReportInputs) -> None:
    """Frame for frame: the films are the footage upside down."""
    section = html[html.index('<section id="films">') : html.index('<section id="video">')]
    shots = [
        cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR).astype(float)
        for data in re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', section)
    ]
    for recorded, film in zip(shots[:8], shots[8:16], strict=True):
        assert np.abs(recorded[::-1] - film).mean() < 8 < np.abs(recorded - film).mean()


def test_a_run_without_films_has_a_page(
    inputs: ReportInputs, build: Callable[[ReportInputs], str], tmp_path: Path
) -> None:
    (tmp_path / "films.json").write_text("[]")
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS | {"film": {}}))
    html = build(replace(inputs, films=tmp_path, metrics=tmp_path / "metrics.json"))
    assert 'id="films"' not in html and "Films made by dub" not in html and "PSNR jaw" in html


def test_the_mismatch_test_reports_the_openings(html: str) -> None:
    notes = re.findall(
        r"truth ([\d.]+), completed ([\d.]+); with the sound of frame \d+: ([\d.]+), .*? has ([\d.]+)\.", html
    )
    assert len(notes) == 2
    for truth, _, mixed, sounding in notes:
        assert mixed == sounding != truth
    assert re.search(r'class="verdict \w+">The mouth follows \w+[^<]*</span> Over all test frames, .* \d+\u00a0%', html)


def test_frames_left_out_are_listed(html: str) -> None:
    assert "anna/c1: 5–7, 20" in html
    assert "anna/c1: 3; bert/d: 3" in html  # interpolated


def test_parameters_are_text_not_markup(html: str) -> None:
    assert "&lt;b&gt;not markup" in html


def test_time_and_memory_per_stage_in_the_order_of_the_graph(inputs: ReportInputs, html: str) -> None:
    timings = read_timings(inputs.timings)
    assert list(timings) == ["extract_frames@anna", "synthesise"]
    assert "2.0 minutes in total" in html


def test_a_page_without_timings_is_whole(
    inputs: ReportInputs, build: Callable[[ReportInputs], str], tmp_path: Path
) -> None:
    assert "Wall time" not in build(replace(inputs, timings=tmp_path / "none"))


def test_the_same_run_gives_the_same_page(
    inputs: ReportInputs, html: str, build: Callable[[ReportInputs], str]
) -> None:
    assert build(inputs) == html


def test_videos_beyond_the_budget_are_named_not_embedded(
    inputs: ReportInputs, build: Callable[[ReportInputs], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "VIDEO_BYTES", 100)
    html = build(inputs)
    assert html.count("<video") == 3  # films are embedded as far as they are short
    assert "bert.mp4" in html


def test_an_expert_that_ranks_real_lips_behind_a_still_mouth_gives_no_verdict() -> None:
    shown = columns(METRICS["protocol"])
    metrics = copy.deepcopy(METRICS)
    metrics["reference"]["ground_truth"] |= {"lse_d": 1.2, "sync_offset": -15}
    verdicts = {card["name"]: card["verdict"] for card in headline_cards(metrics, {"fps": 1.0}, shown)}
    assert verdicts["LSE-D"] == verdicts["Sound offset"] == "Expert cannot tell"
    before = {card["name"]: card["verdict"] for card in headline_cards(METRICS, {"fps": 1.0}, shown)}
    assert (before["LSE-D"], before["Sound offset"]) == ("As real lips", "In sync")


@pytest.mark.parametrize(
    ("kind", "key", "card", "grades"),
    [
        (
            "own",
            "sharpness_ratio",
            "Mouth sharpness",
            {0.2: "poor", 0.7: "fair", 0.9: "good", 1.1: "good", 1.5: "fair"},
        ),
        ("own", "flicker_ratio", "Flicker", {0.0: "poor", 0.8: "fair", 0.92: "good", 1.2: "fair", 3.0: "poor"}),
        ("driven", "closure", "Lips closed", {0.5: "poor", 0.8: "fair", 0.96: "good"}),
        ("driven", "opening_r", "Mouth opening", {0.3: "poor", 0.7: "fair", 0.9: "good"}),
        ("driven", "opening_slope", "Mouth opening", {0.5: "fair", 1.1: "good", 1.5: "fair"}),
        ("driven", "lse_d", "LSE-D", {0.69: "good", 0.75: "fair", 0.9: "poor"}),
    ],
)
def test_grades_of_the_films(kind: str, key: str, card: str, grades: dict[float, str]) -> None:
    for value, grade in grades.items():
        metrics = copy.deepcopy(METRICS)
        metrics["film"][kind][key] = value
        found = headline_cards(metrics, {"fps": 1.0}, columns(METRICS["protocol"]))
        assert next(shown["grade"] for shown in found if shown["name"] == card) == grade, value


def test_trainings_in_one_table_get_a_panel_each(tmp_path: Path) -> None:
    table = "network,step,loss\nautoencoder,1,2\nautoencoder,2,1\nunet,1,3\nunet,2,2\n"
    (tmp_path / "prior_loss.csv").write_text(table)
    (tmp_path / "face_loss.csv").write_text("step,loss\n1,2\n")  # one row is no curve
    svg = loss_curves(tmp_path)
    assert svg is not None
    assert re.findall(r">((?:Prior|Face)[^<]*)</text>", svg) == ["Prior: autoencoder", "Prior: unet"]
    assert loss_curves(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("field", "content", "message"),
    [
        ("metrics", "{", "not valid JSON"),
        ("metrics", None, "no such file"),
        ("speed", None, "no such file"),
    ],
)
def test_a_missing_or_broken_part_is_one_clear_line(
    inputs: ReportInputs,
    build: Callable[[ReportInputs], str],
    tmp_path: Path,
    field: str,
    content: str | None,
    message: str,
) -> None:
    path = tmp_path / f"{field}.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=message) as error:
        build(replace(inputs, **{field: path}))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
