"""The page: what it shows, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from difftalker.app.jobs import KEPT_SECONDS, JobRequest, JobResult, JobRunner, ProgressText
from difftalker.app.limits import Limits, sound_seconds
from difftalker.dub.paste_back import LABEL_TEXT
from difftalker.dub.settings import Interrupted
from difftalker.errors import UserError

PAGE_STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")

_FONTS = ("system-ui", "sans-serif")
_INTRODUCTION = """
# DiffTalker
Make a trained face say something new. Use it only with the consent of the person shown, and say of every result that it
is generated: the files carry a mark that says so.
"""
_START = "Choose a face, give a sound, then look at the landmarks or make the video."


def theme() -> Any:
    """Look of the page, with fonts that the system has."""
    return gr.themes.Soft(primary_hue="sky", neutral_hue="slate", font=_FONTS, font_mono=("ui-monospace", "monospace"))


def build_page_layout(runner: JobRunner) -> gr.Blocks:
    """Lay out the page."""
    names = list(runner.faces)
    with gr.Blocks(title="DiffTalker", analytics_enabled=False, delete_cache=(600, KEPT_SECONDS)) as page:
        gr.Markdown(_INTRODUCTION, elem_id="introduction")
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=330):
                face = gr.Dropdown(names, value=names[0] if names else None, label="Face", elem_id="face")
                audio = gr.Audio(
                    sources=["upload", "microphone"], type="filepath", label="Sound", elem_id="audio", buttons=[]
                )
                note = gr.HTML(_limits(runner.limits), elem_id="note", padding=False)
                with gr.Accordion("Base video", open=False, elem_id="base"):
                    gr.Markdown("Of the same person. Without one, the face's own footage is used.", elem_classes="hint")
                    video = gr.Video(sources=["upload"], label="Base video", elem_id="video", height=220, buttons=[])
                with gr.Accordion("Mouth", open=False, elem_id="mouth"):
                    gain = gr.Slider(
                        0,
                        2,
                        1,
                        step=0.05,
                        label="Opening",
                        info="1 as learnt, 0 closed, 2 twice as far",
                        elem_id="gain",
                    )
                    smoothing = gr.Slider(
                        0, 0.2, 0, step=0.01, label="Smoothing", info="seconds; more moves less, less distinct"
                    )
                    points = gr.File(
                        label="Edited landmark file", file_types=[".parquet"], elem_id="points", height=110
                    )
                label = gr.Checkbox(False, label=f"Write “{LABEL_TEXT}” into the picture", elem_id="label")
                with gr.Row():
                    look = gr.Button("Preview landmarks", elem_id="preview", min_width=150)
                    make = gr.Button("Make video", variant="primary", elem_id="make", min_width=120)
                stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
            with gr.Column(scale=6, min_width=360):
                status = gr.HTML(_say(_START), elem_id="status", padding=False)
                result = gr.Video(
                    label="Video", interactive=False, visible=False, elem_id="result", height=420, buttons=[]
                )
                save = gr.DownloadButton("Download video", visible=False, elem_id="download", variant="primary")
                film = gr.Video(
                    label="Landmarks", interactive=False, visible=False, elem_id="film", height=330, buttons=[]
                )
                table = gr.DownloadButton("Download landmark file", visible=False, elem_id="download-points")

        def check(path: str | None) -> str:
            if path is None:
                return _limits(runner.limits)
            try:
                return _say(f"{sound_seconds(Path(path), runner.limits):.1f} s of sound", "done")
            except UserError as error:
                return _say(_plain(error, path), "error")

        def worker(make: Callable[[JobRequest, str, ProgressText], JobResult], text: str) -> Callable[..., list[Any]]:
            """What a button does: the status, the film, and the file to download."""

            def work(
                face: str,
                audio: str,
                video: str,
                gain: float,
                smoothing: float,
                points: str,
                label: bool,
                request: gr.Request,
                progress: gr.Progress = gr.Progress(),  # noqa: B008
            ) -> list[Any]:
                job = JobRequest(face, audio, video, gain, smoothing, points, label)
                try:
                    job_result = make(job, _visitor(request), _bar(progress))
                except (UserError, Interrupted) as error:
                    return [_explain(error, job), gr.update(visible=False), gr.update(visible=False)]
                first, last = str(job_result.files[0]), str(job_result.files[-1])
                return [_finished(text, job_result, job), first, gr.update(value=last, visible=True)]

            return work

        preview = worker(runner.preview, "These are the landmarks. If you like them, make the video.")
        dub = worker(runner.dub, "The video is ready. Its metadata say that it is synthetic.")

        def cancel(request: gr.Request) -> Any:
            runner.stop(_visitor(request))
            return gr.update(value="Stopping …", interactive=False)  # the status may have its last word

        def leave(request: gr.Request) -> None:
            runner.stop(_visitor(request))

        def beginner(text: str) -> Callable[..., list[Any]]:
            """What comes before the work."""

            def begin(request: gr.Request) -> list[Any]:
                runner.announce(_visitor(request))
                off, on = gr.update(interactive=False), gr.update(visible=True, value="Stop", interactive=True)
                return [off, off, on, gr.update(visible=True, value=None), _say(text)]

            return begin

        def end() -> list[Any]:
            return [gr.update(interactive=True), gr.update(interactive=True), gr.update(visible=False)]

        audio.change(check, audio, note, show_progress="hidden")
        chosen = [face, audio, video, gain, smoothing, points, label]
        for button, text, work, place, download in (
            (look, "Completing the landmarks …", preview, film, table),
            (make, "Making the video …", dub, result, save),
        ):
            button.click(beginner(text), None, [look, make, stop, place, status], show_progress="hidden").then(
                work,
                chosen,
                [status, place, download],
                show_progress_on=place,
                concurrency_limit=1,
                concurrency_id="work",
            ).then(end, None, [look, make, stop], show_progress="hidden")
        stop.click(cancel, None, stop, show_progress="hidden")
        page.unload(leave)
    return page


def _visitor(request: gr.Request) -> str:
    return str(request.session_hash)


def _bar(progress: gr.Progress) -> Any:
    progress(0.0, desc="Reading")
    return lambda part, text: progress(part, desc=text)


def _limits(limits: Limits) -> str:
    return f'<div class="hint">At most {limits.minutes:g} minutes and {limits.megabytes} MB.</div>'


def _finished(text: str, job_result: JobResult, job: JobRequest) -> str:
    warnings = [_plain(warning, job.audio, job.video, job.points) for warning in job_result.warnings]
    return _say(text, "done") + "".join(_say(warning, "warning") for warning in warnings)


def _say(text: str, kind: str = "plain") -> str:
    role = "alert" if kind == "error" else "status"
    return f'<div class="say {kind}" role="{role}">{escape(text)}</div>'


def _explain(error: UserError | Interrupted, job: JobRequest) -> str:
    if isinstance(error, Interrupted):
        return _say("Stopped; nothing was kept.")
    return _say(_plain(error, job.audio, job.video, job.points), "error")


def _plain(error: UserError | str, *paths: str | None) -> str:
    """A message with files called by their names, not by where the server keeps them."""
    text = str(error)
    for path in filter(None, paths):
        text = text.replace(path, Path(path).name)
    return text
