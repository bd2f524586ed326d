"""A customer as a sender describes one."""

from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _as_e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        message = "a phone number is written with its country, such as +351912345678"
        raise ValueError(message)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


Email = Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]
Phone = Annotated[str, Field(max_length=40), AfterValidator(_as_e164)]


class CustomerIn(BaseModel):
    """Who speaks. From a secret key these are identities; from a public form only claims."""

    model_config = ConfigDict(extra="forbid")

    ref: (
        Annotated[str, Field(min_length=1, max_length=200, description="Your own id of the customer.")] | None
    ) = None
    email: Email | None = None
    phone: Phone | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
