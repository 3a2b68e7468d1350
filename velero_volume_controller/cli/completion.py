"""``vvc completion``: Tab finds commands and options."""

import click
from click.shell_completion import get_completion_class

_EPILOG = """
\b
Examples:
  vvc completion bash > ~/.local/share/bash-completion/completions/vvc
  vvc completion zsh > ~/.zfunc/_vvc
  vvc completion fish > ~/.config/fish/completions/vvc.fish
"""


@click.command(epilog=_EPILOG, short_help="Print a completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete the commands of vvc."""
    completer = get_completion_class(shell)
    assert completer is not None, "click brings all three"
    click.echo(completer(context.find_root().command, {}, "vvc", "_VVC_COMPLETE").source())
