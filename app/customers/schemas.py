"""A customer as a sender describes one, and as we know one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


def _as_e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise PydanticCustomError(
            "not_a_phone_number", "a phone number is written with its country, such as +351912345678"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


Ref = Annotated[str, Field(min_length=1, max_length=200, description="Your own id of the customer.")]
Email = Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]
Phone = Annotated[
    str,
    Field(
        max_length=40,
        description="With its country, such as +351912345678.",
        json_schema_extra={"format": "phone-number"},
    ),
    AfterValidator(_as_e164),
]


Segment = Annotated[
    str,
    Field(min_length=1, max_length=200, description="What kind of customer, for policies and figures."),
]


class CustomerIn(BaseModel):
    """Who speaks. From a secret key these are identities; from a public form only claims."""

    model_config = ConfigDict(extra="forbid")

    ref: Ref | None = None
    email: Email | None = None
    phone: Phone | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    segment: Segment | None = None


class Identity(BaseModel):
    """One thing we know a customer by."""

    kind: Literal["ref", "email", "phone"]
    value: str


class CustomerKnown(BaseModel):
    """A customer, with all we know them by."""

    id: UUID
    name: str | None
    identities: list[Identity]
    created_at: datetime


class CustomersKnown(BaseModel):
    """The customers who have what was asked for."""

    data: list[CustomerKnown]
