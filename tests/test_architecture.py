"""The rules of the house that no linter knows: sizes, where SQL and transactions live, the map, words."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"
FILES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(APP.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in FILES.items()}

LONGEST = 300
SQL = {"select", "insert", "update", "delete", "text"}
DOORS = {"api", "cli", "edge", "main", "worker"}
FOLDERS = ("app", "migrations", "tests", "bench", "docs", "deploy", ".ci")
NOT_OURS = re.compile(r"__pycache__|^bench/out/|^\.(coverage|env)")
FOREIGN = "a folder that is not ours"
FORBIDDEN = {
    "a lock that names hosts": re.compile(r"\buv\.lock\b"),
    FOREIGN: re.compile(r"(?<![\w.-])shared/"),
    "a path of one machine": re.compile(r"(?<![\w.-])/(work|root|home/\w+|tmp/v)/"),
    "a download address": re.compile(r"https?://\S*(/simple\b|\.whl\b|\.tgz\b)"),
}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def from_sqlalchemy(tree: ast.AST) -> dict[str, str]:
    """Return what the file's names mean that come from SQLAlchemy: local name to original name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.split(".")[0] == "sqlalchemy"]
            names |= {alias.asname or "sqlalchemy": alias.name for alias in ours}
    return names


def is_sql(call: ast.Call, names: dict[str, str]) -> bool:
    match call.func:
        case ast.Name(id=name):
            return names.get(name) in SQL
        case ast.Attribute(value=ast.Name(id=module), attr=verb):
            return module in names and verb in SQL
        case _:
            return False


def in_map(pattern: str) -> set[str]:
    text = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    return set(re.findall(rf"^- `app/{pattern}` — \S", text, re.MULTILINE))


def test_no_file_is_long() -> None:
    assert [name for name, text in FILES.items() if len(text.splitlines()) > LONGEST] == []


def test_sql_is_written_in_stores_only() -> None:
    """Tables may say the condition of a partial index in words; that is no query."""
    outside = [n for n in TREES if not n.startswith("app/db/") and not n.endswith(("/store.py", "_store.py"))]
    found = {name: from_sqlalchemy(TREES[name]) for name in outside}
    for name in outside:
        if name.startswith("app/models/"):
            found[name].pop("text", None)
    assert [f"{n}:{c.lineno}" for n in outside for c in calls(TREES[n]) if is_sql(c, found[n])] == []


def test_transactions_end_in_the_database_folder_only() -> None:
    outside = [name for name in TREES if not name.startswith("app/db/")]
    ends = {"commit", "rollback"}
    assert [
        f"{name}:{call.lineno}"
        for name in outside
        for call in calls(TREES[name])
        if isinstance(call.func, ast.Attribute) and call.func.attr in ends
    ] == []


def test_imports_stand_at_the_top() -> None:
    assert [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        if not name.startswith("app/cli/")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ] == []


def is_quiet(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())) | ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case _:
            return False


def test_packages_run_nothing() -> None:
    packages = {name: tree for name, tree in TREES.items() if name.endswith("__init__.py")}
    assert [f"{n}:{s.lineno}" for n, tree in packages.items() for s in tree.body if not is_quiet(s)] == []


def test_every_folder_is_a_package() -> None:
    assert {path.parent for path in APP.rglob("*.py")} == {path.parent for path in APP.rglob("__init__.py")}


def test_the_map_names_exactly_what_is_there() -> None:
    assert in_map(r"(\w+)/") == {path.parent.name for path in APP.glob("*/*.py")}
    assert in_map(r"(\w+)\.py") == {path.stem for path in APP.glob("*.py")} - {"__init__"}


def test_everything_below_the_doors_is_kept_free_of_the_web() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = {contract["name"].split(":")[0]: contract for contract in tools["importlinter"]["contracts"]}
    units = {path.parent.name for path in APP.glob("*/*.py")} | {path.stem for path in APP.glob("*.py")}
    assert set(contracts["Web-free"]["source_modules"]) == {f"app.{u}" for u in units - DOORS - {"__init__"}}


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text file of the project but this one: its name and its content."""
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in [*ROOT.iterdir(), *below]:
        name = str(path.relative_to(ROOT))
        if path.is_file() and path != Path(__file__) and not NOT_OURS.search(name):
            yield name, path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_is_in_the_tree(what: str) -> None:
    """The tests that read real data may say where it lies."""
    found = [(name, text) for name, text in texts() if FORBIDDEN[what].search(text)]
    assert [
        name
        for name, text in found
        if what != FOREIGN or not (name.startswith("tests/") and "HEARD_REAL_DATA" in text)
    ] == []
    assert not (ROOT / "uv.lock").exists()
