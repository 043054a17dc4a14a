"""Columns that give what they are said to hold, or say that they do not.

SQLite keeps any value in any column, and JSON may be of any shape, while the program relies on
both. So every value is looked at where it is read: a blob of another kind counts as a damaged one,
and anything else makes its row one that cannot be read.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
)

from reactcnn_dash.kinds import fits, name_of, read_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Column
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

    Reads = Callable[[Any], Any]

KIND: Final = "kind"
"""In a column's `info`: what its value must be, see `kinds.fits`; all of JSON says so."""
LEAST: Final = "least"
"""In a column's `info`: the least whole number that it may hold, where that is not 0."""
_MOST_SMALL: Final = 2**31 - 1
_MOST: Final = 2**63 - 1
_YEARS: Final = range(1970, 9000)
_TEXTS: Final = 4
"""Texts of a JSON column whose values are kept: a page that follows a run reads the same ones again
and again. Nobody changes such a value."""


class DamagedValue(Exception):
    """A value is none that its column may hold; the text names the column and says what it is."""


class Checked(TypeDecorator[Any]):
    """A column's type, whose values are looked at as they are read.

    Args:
        inner: the type.
        where: table and column.
        kind: what a value must be, as `kinds.fits` has it; None for what the type says.
        least: the least whole number.
        known: whether there must be a value.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(
        self, inner: TypeEngine[Any], where: str, kind: Any, least: int, *, known: bool
    ) -> None:
        super().__init__()
        self.inner = inner
        self.impl = inner  # type: ignore[assignment]
        self.where, self.kind, self.least, self.known = where, kind, least, known

    @classmethod
    def of(cls, column: Column[Any]) -> Checked:
        """Return the type of a column, made one that looks."""
        kind, least = column.info.get(KIND), column.info.get(LEAST, 0)
        where = f"{column.table.name}.{column.name}"
        return cls(column.type, where, kind, least, known=not column.nullable)

    def result_processor(self, dialect: Dialect, coltype: object) -> Reads:
        """Return what turns a value as the driver gives it into what the program gets."""
        inner = self.impl_instance.result_processor(dialect, coltype)
        reads: tuple[tuple[type, Callable[[], Reads]], ...] = (
            (JSON, self._json),
            (LargeBinary, lambda: _certain_blob if self.known else _blob),
            (Integer, self._whole),
            (Boolean, lambda: self._when(_is_flag, inner)),
            (Double, self._real),
            (String, self._text),
        )
        for type_, read in reads:
            if isinstance(self.inner, type_):
                return read()
        return self._moment(inner)

    def _wrong(self, value: Any) -> DamagedValue:
        return DamagedValue(f"{self.where} holds {name_of(value)}")

    def _whole(self) -> Reads:
        least, known, wrong = self.least, self.known, self._wrong
        most = _MOST if isinstance(self.inner, BigInteger) else _MOST_SMALL

        def read(value: Any) -> Any:
            if type(value) is int and least <= value <= most:
                return value
            if value is None and not known:
                return None
            raise wrong(value)

        return read

    def _real(self) -> Reads:
        other = self._when(lambda value: fits(value, float) and math.isfinite(value), None)
        # By far the most values are these, here and below.
        return lambda value: (
            value if type(value) is float and -math.inf < value < math.inf else other(value)
        )

    def _text(self) -> Reads:
        kind = str if self.kind is None else self.kind
        other = self._when(lambda value: fits(value, kind), None)
        if self.kind is not None:
            return other
        return lambda value: value if type(value) is str and value.isascii() else other(value)

    def _when(self, good: Callable[[Any], bool], inner: Reads | None) -> Reads:
        known, wrong = self.known, self._wrong

        def read(value: Any) -> Any:
            if value is None:
                if known:
                    raise wrong(value)
                return None
            if not good(value):
                raise wrong(value)
            return value if inner is None else inner(value)

        return read

    def _moment(self, inner: Reads | None) -> Reads:
        known, wrong = self.known, self._wrong

        def read(value: Any) -> Any:
            if value is None and not known:
                return None
            try:
                moment = value if inner is None else inner(value)
            except (ValueError, TypeError, OverflowError) as error:
                raise wrong(value) from error
            if not isinstance(moment, datetime) or moment.year not in _YEARS:
                raise wrong(value)
            return moment

        return read

    def _json(self) -> Reads:
        kind, wrong = self.kind, self._wrong

        def checked(value: Any) -> Any:
            if not fits(value, kind):
                raise wrong(value)
            return value

        @lru_cache(maxsize=_TEXTS)
        def decoded(text: str | bytes) -> Any:
            try:
                value = read_json(text)
            except ValueError as error:
                raise DamagedValue(f"{self.where} holds no JSON") from error
            return checked(value)

        # PostgreSQL's driver has read it already.
        return lambda value: (decoded if isinstance(value, str | bytes) else checked)(value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, int) and value in (0, 1)


def _blob(value: Any) -> bytes | None:
    """Return bytes; what is no bytes is an array of no length, which is a damaged one."""
    if value is None or type(value) is bytes:
        return value
    return bytes(value) if isinstance(value, memoryview | bytearray) else b""


def _certain_blob(value: Any) -> bytes:
    return _blob(value) or b""


def optional(column: Column[Any]) -> Checked:
    """Return a column's type where there may be no row: of an outer join, or the largest of none.

    Raises:
        TypeError: its values are not looked at.
    """
    found = column.type
    if not isinstance(found, Checked):
        raise TypeError(f"the values of {column} are not looked at")
    return Checked(found.inner, found.where, found.kind, found.least, known=False)
