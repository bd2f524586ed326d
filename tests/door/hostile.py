"""What hostile callers send, and every operation of the API, made from its document: none is left out."""

import json
from dataclasses import dataclass
from typing import Any

from app.main import create_app

CANARY = "Kanarienvogel-77"
ANY_ID = "0198c0de-0000-7000-8000-000000000001"
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
BAD_JSON = {
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "UTF-32": "{}".encode("utf-32-le"),
    "invalid UTF-8": b'{"x": "\xe9"}',
    "overlong UTF-8": b'{"x": "\xc0\xaf"}',
    "an encoded surrogate": b'{"x": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"x": "\xf4\x90\x80\x80"}',
    "a lone surrogate": b'{"x": "\\ud800"}',
    "a lone surrogate in a key": b'{"\\udfff": 1}',
    "NUL": b'{"x": "\\u0000"}',
    "NUL as it is": b'{"x": "\0"}',
    "a line feed as it is": b'{"x": "\n"}',
    "NaN": b'{"x": NaN}',
    "Infinity": b'{"x": -Infinity}',
    "a number too large": b'{"x": 1e999}',
    "an integer too large": b'{"x": 9007199254740992}',
    "5,000 digits": b'{"x": ' + b"9" * 5000 + b"}",
    "a leading zero": b'{"x": 01}',
    "a leading plus": b'{"x": +1}',
    "hexadecimal": b'{"x": 0x1}',
    "a key twice": b'{"x": 1, "x": 1}',
    "a key twice, spelled differently": b'{"x": 1, "\\u0078": 2}',
    "a key twice, deep inside": b'{"x": [{"y": {"z": 1, "z": 2}}]}',
    "33 levels": b"[" * 33 + b"]" * 33,
    "100,000 levels": b"[" * 30_000,
    "something after the end": b"{} " + CANARY.encode(),
    "two texts": b"{}{}",
    "nothing": b"",
    "white space": b" \n",
    "cut short": b'{"x": "' + CANARY.encode(),
    "no quotes": b"{x: 1}",
    "single quotes": b"{'x': 1}",
    "a trailing comma": b'{"x": 1,}',
    "a comment": b"{} // " + CANARY.encode(),
    "a bad escape": b'{"x": "\\x41"}',
    "form fields": b"x=1&y=2",
    "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>",
}
NOT_THE_MODEL = {
    "null": b"null",
    "a number": b"1",
    "a string": json.dumps(CANARY).encode(),
    "an unknown field": json.dumps({CANARY: CANARY}).encode(),
    "a field of Python's": b'{"__class__": "x", "__proto__": {"x": 1}, "model_config": {}}',
    "true for everything": b"true",
}
BAD_TYPES = (
    "", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json",
    "application/json-seq", "application/json, application/json", "application/jsonp", f"text/{CANARY}",
)  # fmt: skip
HOSTILE_PARTS = (
    CANARY, "null", "None", "-1", "0", "%00", "a%00b", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%5c..%5c",
    "%C0%AF", "%ED%A0%80", "%F0%9F%92%A9", "%E2%80%AE", "%27%20OR%201=1--", "%3Cscript%3E", "%25s%25n",
    "%7B%7B7*7%7D%7D", "x" * 5000, ANY_ID.upper(), ANY_ID.replace("-", ""), f"%7B{ANY_ID}%7D",
    f"urn:uuid:{ANY_ID}", f"{ANY_ID}%0A", f"%20{ANY_ID}", "*", ";x=y", "%3Fx", "%23x",
)  # fmt: skip
HOSTILE_VALUES = (
    "", " ", "%00", "0", "-1", "101", "1e3", "1.5", "NaN", "9" * 400, "０１", "true", "null", "[]", CANARY,
    "%FF", "%ED%A0%80", "' OR 1=1 --", "<script>", "{{7*7}}", "%25n%25s", "x" * 3000, "../../etc/passwd",
    "UTC/../UTC", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59",
    "2026-02-30", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "💩", "\u202e", "a,b,c",
)  # fmt: skip
DOCUMENT: dict[str, Any] = json.loads(json.dumps(create_app().openapi()))


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return str(self.said["operationId"])

    @property
    def url(self) -> str:
        """An address of something that is not there."""
        return self.at(ANY_ID)

    def at(self, part: str) -> str:
        """Return the address with the same in place of each parameter."""
        return "/".join(part if each.startswith("{") else each for each in self.path.split("/"))

    @property
    def media_types(self) -> list[str]:
        return list(self.said.get("requestBody", {}).get("content", {}))

    @property
    def takes_many(self) -> bool:
        return "application/x-ndjson" in self.media_types

    def parameters(self, place: str) -> list[str]:
        return [each["name"] for each in self.said.get("parameters", ()) if each["in"] == place]

    def statuses(self) -> set[int]:
        return {int(status) for status in self.said["responses"]}


OPERATIONS = [
    Operation(method.upper(), path, said)
    for path, operations in DOCUMENT["paths"].items()
    for method, said in operations.items()
]
PATHS = {path: {each.method for each in OPERATIONS if each.path == path} for path in DOCUMENT["paths"]}
WITH_BODY = [each for each in OPERATIONS if each.media_types]
WITH_KEY = [each for each in OPERATIONS if each.said["security"]]
WITH_PATH = [each for each in OPERATIONS if "{" in each.path]
