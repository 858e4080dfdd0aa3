"""The flow `dub`: many sounds rendered with a trained face, one task each; one that fails never stops the others."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from difftalker.dub.film_list import FilmItem, read_items
from pipelines.process import run_command, stopping_at_exit
from pipelines.runtime import cancellation, in_one_line, showing_progress

COMMAND = (sys.executable, "-m", "difftalker.cli.main", "dub")
DELAY = 10.0  # seconds before a failed item is tried again


@flow(name="dub")
@in_one_line
def dub_list(
    items: str,
    face: str | None = None,
    out: str = "dubs",
    overwrite: bool = False,
    retries: int = 2,
    root: str = ".",
    command: list[str] | None = None,
) -> State[list[dict[str, str]]]:
    """Render a list of sounds. Films that are there already stay, so that a stopped run can be started again.

    Args:
        items: YAML or CSV list (`difftalker.dub.film_list`).
        face: exported face for the items that name none; None takes this project's models.
        out: folder for the films.
        overwrite: render again what is there.
        retries: further tries of an item that failed, unless its sound is missing; an interrupted film goes on where it
            stopped.
        root: the project's folder, the working directory of the commands.
        command: what renders a film, with the options of `difftalker dub`, which it is by default.

    Returns:
        The summary, a row for each item as `row` makes it. Failed if an item failed, the others being rendered all the
        same, or if the list is wrong.
    """
    listed = read_items(Path(items), Path(out))
    log = get_run_logger()
    with stopping_at_exit():
        futures = [
            render_film.with_options(
                name=item.output.stem, retries=retries if item.audio.is_file() else 0, retry_delay_seconds=DELAY
            ).submit(item, face, overwrite, str(Path(root).resolve()), command or list(COMMAND))
            for item in listed
        ]
        for future in futures:
            future.wait()
    rows = [row(item, future.state) for item, future in zip(listed, futures, strict=True)]
    counts = {name: sum(entry["state"] == name for entry in rows) for name in ("rendered", "present", "failed")}
    summary = f"{len(rows)} films: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    create_table_artifact(rows, key="dub", description=summary)
    for entry in rows:
        log.info("{output}: {state} {note}".format(**entry).rstrip())
    failed = [entry["note"] for entry in rows if entry["state"] == "failed"]
    if failed:
        return Failed(message=f"{summary}; {failed[0]}")
    return Completed(message=summary, data=rows)


@task(name="render")
@in_one_line
def render_film(item: FilmItem, face: str | None, overwrite: bool, root: str, command: Sequence[str]) -> bool:
    """Render one film. Returns whether there was anything to do."""
    if item.output.is_file() and not overwrite:
        return False
    item.output.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["--audio", str(item.audio), "--output", str(item.output)]
    model = item.face or (Path(face).resolve() if face else None)
    for option, value in (("--video", item.video), ("--face", model)):
        arguments += [option, str(value)] if value is not None else []
    parts = item.output.with_suffix(".parts")
    arguments += ["--overwrite"] * overwrite + ["--resume"] * parts.exists()
    log = showing_progress(f"dub-{item.output.stem}")
    run_command([*command, *arguments], title=item.audio.name, log=log, cwd=root, stop=cancellation())
    return True


def row(item: FilmItem, state: State[Any]) -> dict[str, str]:
    """The summary's line for an item; its state is rendered, present or failed, its note why."""
    note = "" if state.is_completed() else str(state.message or state.name)
    word = "failed" if note else "rendered" if state.result() else "present"
    return {"audio": item.audio.name, "output": str(item.output), "state": word, "note": note}
