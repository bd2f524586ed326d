"""What we know a customer by, written one way. Pure."""

import unicodedata

ERASED = "customer.erased"
KINDS = ("ref", "email", "phone")
"""In order of weight: when two identities name different customers, the first decides."""


def identities(ref: str | None, email: str | None, phone: str | None) -> tuple[tuple[str, str], ...]:
    """Return (kind, value) of each identity given, in order of weight.

    A reference is taken as it is, an address in lower case, a phone number as E.164 (already checked).
    """
    given = {
        "ref": ref,
        "email": email and unicodedata.normalize("NFC", email.strip()).lower(),
        "phone": phone,
    }
    return tuple((kind, value) for kind in KINDS if (value := given[kind]))
