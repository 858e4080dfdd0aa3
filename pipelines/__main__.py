"""The command `python -m pipelines`: run a flow here and now, or serve deployments."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from difftalker.errors import UserError

app = typer.Typer(
    help="Prefect flows around the stages of dvc.yaml. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def callback() -> None:
    """Check the place before anything slow is imported."""
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{Path.cwd()}: no dvc.yaml here; run the command in the project's folder")


@app.command()
def reproduce(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages; none means all of dvc.yaml.")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch missing outputs from the DVC remote.")] = False,
) -> int:
    """Bring all stages up to date, like `dvc repro`: independent ones at the same time."""
    from pipelines.reproduce import reproduce as flow

    return report(flow(targets=targets, pull=pull, return_state=True))


@app.command()
def serve() -> None:
    """Serve the deployments of pipelines/prefect.yaml and watch data/inbox/ for new footage, until Ctrl-C."""
    from pipelines.serve import serve as run

    run()


def report(state: Any) -> int:
    """Say in one line how a flow ended. Returns the exit status."""
    if state.is_completed():
        print(state.message)
        return 0
    print("error: " + " ".join((state.message or state.name).split()), file=sys.stderr)
    return 130 if state.is_cancelled() else 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; whatever a user can put right ends in one line and status 1, wrong usage in status 2."""
    try:
        status = app(arguments, prog_name="python -m pipelines", standalone_mode=False)
    except UserError as error:
        status = _complain(str(error), 1)
    except typer.TyperException as error:
        status = _complain(f"{error.format_message()}; see `python -m pipelines --help`", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        status = _complain("interrupted", 130)
    sys.exit(status or 0)


def _complain(message: str, status: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
