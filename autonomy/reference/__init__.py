"""The reference pages of the documentation, made from the code they describe: `python -m autonomy.reference docs/reference`."""

from __future__ import annotations

RENEW = "python -m autonomy.reference docs/reference"


def pages() -> dict[str, str]:
    """File name -> text of every reference page. Needs the source tree: `.msg` files, `configs/`, `pyproject.toml`."""
    from autonomy.reference import command_line, configuration, exit_codes, messages

    makers = {
        "cli.md": command_line.page,
        "configuration.md": configuration.page,
        "messages.md": messages.page,
        "exit-codes.md": exit_codes.page,
    }
    note = f"<!-- Made by `{RENEW}`; changes by hand are lost. -->\n\n"
    return {name: note + make() for name, make in makers.items()}
