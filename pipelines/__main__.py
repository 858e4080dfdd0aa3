"""The command `python -m pipelines`: run a flow here and now, or serve deployments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from difftalker.cli.entry import print_error, run_command_line
from difftalker.errors import UserError

app = typer.Typer(
    help="Prefect flows around the stages of dvc.yaml. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-S", metavar="KEY=VALUE", help="Parameter to change, as for `dvc exp run -S`; repeatable."),
]


@app.callback()
def callback() -> None:
    """Check the place before anything slow is imported."""
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{Path.cwd()}: no dvc.yaml here; run the command in the project's folder")


@app.command()
def reproduce(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages; none means all of dvc.yaml.")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch missing outputs from the DVC remote.")] = False,
    runner: Annotated[Literal["threads", "dask"], typer.Option(help="Where stages are run.")] = "threads",
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:PORT.")] = None,
) -> int:
    """Bring all stages up to date, like `dvc repro`: independent ones at the same time."""
    from pipelines.reproduce import STAGES_AT_ONCE
    from pipelines.reproduce import reproduce as flow
    from pipelines.runner import task_runner

    chosen = flow.with_options(task_runner=task_runner(runner, STAGES_AT_ONCE, scheduler))
    return report(chosen(targets=targets, root=str(Path.cwd()), pull=pull, return_state=True))


@app.command()
def serve() -> None:
    """Serve the deployments of pipelines/prefect.yaml and watch data/inbox/ for new footage, until Ctrl-C."""
    from pipelines.serve import serve as forever

    forever()


@app.command()
def retrain(
    recording: Annotated[str | None, typer.Argument(help="New footage: a folder of data/raw.")] = None,
    overrides: Overrides = None,
) -> int:
    """Train a candidate and promote it if it is no worse than the champion in every gate."""
    from pipelines.retrain import retrain as flow

    return report(flow(recording=recording, overrides=overrides, return_state=True))


@app.command()
def promote(experiment: Annotated[str, typer.Argument(help="Name of a DVC experiment.")]) -> None:
    """Make an experiment the champion by hand, without gates."""
    from pipelines.git import experiment as find
    from pipelines.promote import adopt, advice, finish, run_quietly
    from pipelines.promote import promote as crown

    root = Path.cwd()
    finish(root, run_quietly)
    tag = crown(root, find(root, experiment), f"Promote {experiment}\n\nBy hand, without gates.")
    obstacle = advice(adopt(root, tag, run_quietly), tag)
    print(f"{experiment} is the champion: {tag}")
    if obstacle:
        print(obstacle)


@app.command()
def demote() -> None:
    """Undo the last promotion: the champion before it is the champion again."""
    from pipelines.promote import demote as undo
    from pipelines.promote import finish, run_quietly

    finish(Path.cwd(), run_quietly)
    tag, present = undo(Path.cwd(), run_quietly)
    print(f"{tag} is removed; the champion is {present}")


@app.command()
def study(
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="KEY=A,B", help="Values to try; repeat for combinations.")
    ] = None,
    overrides: Overrides = None,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments at the same time.")] = 1,
) -> int:
    """Run the paper's ablations, or a grid, as DVC experiments; ends with their tables."""
    from pipelines.overrides import parse_grid
    from pipelines.runner import task_runner
    from pipelines.study import study as flow

    chosen = flow.with_options(task_runner=task_runner("threads", jobs))
    return report(chosen(grid=parse_grid(grid or []), overrides=overrides, return_state=True))


@app.command()
def dub(
    items: Annotated[Path, typer.Argument(metavar="LIST", help="YAML or CSV list of sounds to render.")],
    face: Annotated[Path | None, typer.Option(help="Exported face; by default this project's models.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the films that the list does not name.")] = Path("dubs"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Render again what is there.")] = False,
    retries: Annotated[int, typer.Option(min=0, help="Further tries of an item that failed.")] = 2,
    runner: Annotated[Literal["threads", "dask"], typer.Option(help="Where items are rendered.")] = "threads",
    workers: Annotated[int, typer.Option(min=1, help="Items at the same time, with threads.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:PORT.")] = None,
) -> int:
    """Render a list of sounds with a trained face; an item that fails never stops the others."""
    from pipelines.dub import dub as flow
    from pipelines.runner import task_runner

    chosen = flow.with_options(task_runner=task_runner(runner, workers, scheduler))
    options = {"items": str(items), "face": None if face is None else str(face), "out": str(out)}
    return report(chosen(**options, overwrite=overwrite, retries=retries, return_state=True))


def report(state: Any) -> int:
    """Say in one line how a flow ended. Returns the exit status."""
    if state.is_completed():
        print(state.message)
        return 0
    print_error(state.message or state.name)
    return 130 if state.is_cancelled() else 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; whatever a user can put right ends in one line and status 1, wrong usage in status 2."""
    run_command_line(app, "python -m pipelines", arguments, "interrupted")


if __name__ == "__main__":
    main()
