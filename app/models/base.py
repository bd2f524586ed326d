"""What all tables share: naming of constraints, and the types of annotated columns."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import MetaData, String, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, mapped_column

from app.db.types import DOCUMENT, UTC_TIME

Key = Annotated[UUID, mapped_column(primary_key=True)]
Code = Annotated[str, mapped_column(String(40))]
Name = Annotated[str, mapped_column(String(200))]
Words = Annotated[str, mapped_column(Text)]


class Base(DeclarativeBase):
    """The root of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UTC_TIME(),
        UUID: Uuid(),
        dict[str, Any]: DOCUMENT,
        list[str]: DOCUMENT,
    }
