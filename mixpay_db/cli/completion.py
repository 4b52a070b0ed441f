"""`mixpay completion`: what a shell needs to complete the command's words."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from mixpay_db.cli.help import examples
from mixpay_db.problem import Problem

SHELLS = ("bash", "zsh", "fish")
_NAME = "mixpay"
_VARIABLE = "_MIXPAY_COMPLETE"
_MARK = "# completes the words of mixpay"


@click.command(
    epilog=examples(
        "mixpay completion --install",
        "mixpay completion zsh --install",
        "mixpay completion fish > ~/.config/fish/completions/mixpay.fish",
    )
)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.option("--install", is_flag=True, help="Put it where the shell finds it.")
@click.pass_context
def completion(ctx: click.Context, shell: str | None, install: bool) -> None:
    """Print what a shell needs to complete commands, options and views; or install it.

    Without a shell it is that of $SHELL. Installing again replaces it. fish finds the file by
    itself; to the start file of bash or zsh, one line is added, once.
    """
    chosen = shell or _own_shell()
    text = _script(ctx, chosen)
    if not install:
        click.echo(text, nl=False)
        return
    place, start_file = _places(chosen)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        added = start_file is not None and _add(start_file, _line(chosen, place))
    except OSError as error:
        raise Problem(
            f"cannot write {error.filename or place}: {error.strerror}",
            f"Print it instead: mixpay completion {chosen}",
        ) from error
    click.echo(f"installed {place}")
    if added:
        click.echo(f"added a line to {start_file}")
    click.echo("It works in every shell that is started from now on.")


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise Problem(
            f"$SHELL is {name or 'not set'}, which is none of {', '.join(SHELLS)}",
            "Name one: mixpay completion bash --install",
        )
    return name


def _script(ctx: click.Context, shell: str) -> str:
    found = get_completion_class(shell)
    if found is None:
        raise Problem(f"click knows no completion for {shell}")
    completing = found(ctx.find_root().command, {}, _NAME, _VARIABLE)
    # Not `source()`: it starts the shell to learn its version, and the shell may be elsewhere.
    text: str = completing.source_template % completing.source_vars()
    # click's own for fish ends a description at its first comma.
    return text.lstrip("\n").replace('string split ","', 'string split -m 1 ","')


def _places(shell: str) -> tuple[Path, Path | None]:
    """Where the script goes, and which of the shell's files has to load it, if one has to."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        return config / "fish" / "completions" / f"{_NAME}.fish", None
    if shell == "zsh":
        start_file = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        return data / _NAME / "completion.zsh", start_file
    # The package bash-completion looks here, but on some systems nothing loads the package.
    return data / "bash-completion" / "completions" / _NAME, home / ".bashrc"


def _line(shell: str, place: Path) -> str:
    path = shlex.quote(str(place))
    load = f"[[ -r {path} ]] && source {path}"
    if shell == "zsh":
        load = f"(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}; {load}"
    return f"{load}  {_MARK}"


def _add(file: Path, line: str) -> bool:
    """Whether it was not there before."""
    before = file.read_text(encoding="utf-8", errors="surrogateescape") if file.exists() else ""
    if line in before.splitlines():
        return False
    others = [text for text in before.splitlines() if not text.endswith(_MARK)]
    text = "\n".join([*others, line]) + "\n"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    return True
