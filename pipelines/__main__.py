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
Runner = Annotated[Literal["threads", "dask"], typer.Option(help="Where stages or items are run.")]
Scheduler = Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:PORT.")]


@app.callback()
def callback() -> None:
    """Check the place before anything slow is imported."""
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{Path.cwd()}: no dvc.yaml here; run the command in the project's folder")


@app.command("reproduce")
def reproduce_command(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages; none means all of dvc.yaml.")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch missing outputs from the DVC remote.")] = False,
    runner: Runner = "threads",
    scheduler: Scheduler = None,
) -> int:
    """Bring all stages up to date, like `dvc repro`: independent ones at the same time."""
    from pipelines.reproduce import STAGES_AT_ONCE, reproduce

    return run_flow(reproduce, (runner, STAGES_AT_ONCE, scheduler), targets=targets, root=str(Path.cwd()), pull=pull)


@app.command("serve")
def serve_command() -> None:
    """Serve the deployments of pipelines/prefect.yaml and watch data/inbox/ for new footage, until Ctrl-C."""
    from pipelines.serve import serve_and_watch

    serve_and_watch()


@app.command("retrain")
def retrain_command(
    recording: Annotated[str | None, typer.Argument(help="New footage: a folder of data/raw.")] = None,
    overrides: Overrides = None,
) -> int:
    """Train a candidate and promote it if it is no worse than the champion in every gate."""
    from pipelines.retrain import retrain

    return run_flow(retrain, ("threads",), recording=recording, overrides=overrides)


@app.command("promote")
def promote_command(name: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="A DVC experiment.")]) -> None:
    """Make an experiment the champion by hand, without gates."""
    from pipelines.champion import adopt, finish, promote
    from pipelines.experiment import find_experiment

    root = Path.cwd()
    finish(root)
    tag = promote(root, find_experiment(root, name), f"Promote {name}\n\nBy hand, without gates.")
    obstacle = adopt(root, tag)
    print(f"{name} is the champion: {tag}")
    if obstacle:
        print(obstacle)


@app.command("demote")
def demote_command() -> None:
    """Undo the last promotion: the champion before it is the champion again."""
    from pipelines.champion import demote, finish

    finish(Path.cwd())
    tag, present = demote(Path.cwd())
    print(f"{tag} is removed; the champion is {present}")


@app.command("check-cache")
def check_cache_command() -> None:
    """Find damaged files in DVC's cache and remove them, so that they are made anew."""
    from pipelines.cache_check import check_cache

    count, removed = check_cache(Path.cwd())
    for path in removed:
        print(f"{path}: damaged, removed")
    print(f"{count} files in the cache")
    if removed:
        print("next: `dvc repro` makes outputs anew; footage comes back with `dvc pull` or `difftalker add`")


@app.command("study")
def study_command(
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="KEY=A,B", help="Values to try; repeat for combinations.")
    ] = None,
    overrides: Overrides = None,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments at the same time.")] = 1,
) -> int:
    """Run the paper's ablations, or a grid, as DVC experiments; ends with their tables."""
    from difftalker.report.study import parse_grid
    from pipelines.study import study

    return run_flow(study, ("threads", jobs), grid=parse_grid(grid or []), overrides=overrides)


@app.command("dub")
def dub_command(
    items: Annotated[str, typer.Argument(metavar="LIST", help="YAML or CSV list of sounds to render.")],
    face: Annotated[str | None, typer.Option(help="Exported face; by default this project's models.")] = None,
    out: Annotated[str, typer.Option(help="Folder for the films that the list does not name.")] = "dubs",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Render again what is there.")] = False,
    retries: Annotated[int, typer.Option(min=0, help="Further tries of an item that failed.")] = 2,
    runner: Runner = "threads",
    workers: Annotated[int, typer.Option(min=1, help="Items at the same time, with threads.")] = 1,
    scheduler: Scheduler = None,
) -> int:
    """Render a list of sounds with a trained face; an item that fails never stops the others."""
    from pipelines.dub import dub_list

    options = {"items": items, "face": face, "out": out, "overwrite": overwrite, "retries": retries}
    return run_flow(dub_list, (runner, workers, scheduler), **options)


def run_flow(flow: Any, runner: tuple, **parameters: Any) -> int:
    """Run a flow on the task runner with these arguments and say in one line how it ended. Returns the exit status."""
    from pipelines.runtime import task_runner

    state = flow.with_options(task_runner=task_runner(*runner))(**parameters, return_state=True)
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
