"""Write the generated files of docs/; with `--check` write nothing and fail if one is stale.

Names given as arguments narrow it: `python docs/generate.py openapi`.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from app.cli import announcing  # noqa: F401  (the server refuses too, below the app)
from app.customers.rules import ERASED as CUSTOMER_ERASED
from app.errors import AppError
from app.main import create_app
from app.metrics import definitions
from app.settings import Settings
from app.sla.cases import REJUDGED
from app.sla.verdicts import BREACHED, RETRACTED, WARNED
from app.tickets.rules import ERASED, OPENED, SCORED, TABLE, Move, diagram

DOCS = Path(__file__).parent
SAID = {
    WARNED: "so much of the target was used up (`counted_seconds`)",
    BREACHED: "it fell due without a stop; `retroactive`: before anybody could know",
    RETRACTED: "the breach was none, or at another instant",
    REJUDGED: "other terms hold since an edit; `due` says when each clock that moved falls due now",
}
BEGIN, END = "<!-- states:begin -->", "<!-- states:end -->"


def openapi() -> str:
    """Return the app's own description, as it is committed."""
    return json.dumps(create_app().openapi(), indent=2, ensure_ascii=False) + "\n"


def architecture() -> str:
    """Return the architecture page with the state diagram made from the table of moves."""
    page = (DOCS / "ARCHITECTURE.md").read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n```mermaid\n{diagram()}```\n{END}{after}"


def settings() -> str:
    """Return the page of settings."""
    rows = [
        f"| `HEARD_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = (
        "# Settings\n\nRead once, at start, from the environment.\n\n"
        "| variable | default | meaning |\n| --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def problems() -> str:
    """Return the page of error codes."""
    kinds = {kind.code: kind for kind in _family(AppError)}
    rows = [f"| `{code}` | {kind.status} | {kind.title} |" for code, kind in sorted(kinds.items())]
    head = (
        "# Problems\n\nEvery error is `application/problem+json` (RFC 9457). `code` is stable; `type` is"
        " `/problems/` and the code;\n`errors` points at each field that is wrong, and never repeats what was"
        " sent.\n\n"
        "| code | status | meaning |\n| --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def events() -> str:
    """Return the page of event types."""
    allowed = {move: [status.value for status, moves in TABLE.items() if move in moves] for move in Move}
    moves = [f"| `{move.value}` | {', '.join(statuses)} |" for move, statuses in allowed.items()]
    head = (
        "# Events\n\nEach write leaves one in the same transaction: ids, codes and numbers, never what was"
        " said.\n\n"
        "| type | on a ticket that is |\n| --- | --- |\n"
    )
    first = f"| `{OPENED}` | not there yet |\n| `{SCORED}` | any, or none |\n"
    last = f"\n| `{ERASED}` | any |\n| `{CUSTOMER_ERASED}` | none: it is about a customer |\n"
    said = (
        "\nOf a live ticket's clocks, each once, at the instant it became true (`at`). `due_at` is the"
        "\ninstant it is about, `revision` how often a breach was taken back.\n\n"
        "| type | what is said |\n| --- | --- |\n"
    )
    return (
        head
        + first
        + "\n".join(moves)
        + last
        + said
        + "".join(f"| `{kind}` | {meaning} |\n" for kind, meaning in SAID.items())
    )


GENERATED: dict[str, tuple[Path, Callable[[], str]]] = {
    "openapi": (DOCS / "openapi.json", openapi),
    "architecture": (DOCS / "ARCHITECTURE.md", architecture),
    "settings": (DOCS / "settings.md", settings),
    "problems": (DOCS / "problems.md", problems),
    "events": (DOCS / "events.md", events),
    "definitions": (DOCS / "definitions.md", definitions.markdown),
}
# What clients were promised: written when that changes on purpose, never along with the rest.
RELEASED: dict[str, tuple[Path, Callable[[], str]]] = {
    "openapi-released": (DOCS / "openapi.released.json", openapi),
}


def main(arguments: list[str]) -> int:
    """Write or check the files asked for; answer the exit status."""
    names = [name for name in arguments if name != "--check"] or list(GENERATED)
    stale = []
    for name in names:
        path, make = (GENERATED | RELEASED)[name]
        text = make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    if "--check" in arguments and stale:
        print(f"Stale: {', '.join(stale)}. Run `make docs`.")
        return 1
    return 0


def _family(kind: type[AppError]) -> Iterator[type[AppError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _default(value: object) -> str:
    return "" if value is None or value == "" else f"`{value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
