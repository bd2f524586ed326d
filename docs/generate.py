"""Write the generated files of docs/; with `--check` write nothing and fail if one is stale.

Names given as arguments narrow it: `python docs/generate.py openapi`.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from app.main import create_app

DOCS = Path(__file__).parent


def openapi() -> str:
    """Return the app's own description, as it is committed."""
    return json.dumps(create_app().openapi(), indent=2, ensure_ascii=False) + "\n"


GENERATED: dict[str, tuple[Path, Callable[[], str]]] = {
    "openapi": (DOCS / "openapi.json", openapi),
}


def main(arguments: list[str]) -> int:
    """Write or check the files asked for; answer the exit status."""
    names = [name for name in arguments if name != "--check"] or list(GENERATED)
    stale = []
    for name in names:
        path, make = GENERATED[name]
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
