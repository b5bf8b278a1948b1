"""Types of Parquet's INT96 timestamps: nanoseconds of a day, and the number of that day, in twelve bytes.

Spark, Hive and Impala write them. pyarrow converts them to 64 bits of nanoseconds, which wrap around outside of 1677 to 2262. So
they are read as twelve plain bytes (`footer_rewrite.as_plain`), and `stored_times` converts these to timestamps.
"""

from __future__ import annotations

import pyarrow as pa

from gpuflow.arrow import passthrough
from gpuflow.arrow.stored_times import INT96


def typed(schema: pa.Schema, stored: pa.Schema, origin: pa.Schema | None, unit: str | None) -> pa.Schema:
    """Replace INT96 timestamps in a schema by the types that they are read as.

    Parameters
    ----------
    schema, stored : pyarrow.Schema
        As pyarrow reads the file, and with twelve bytes in place of each INT96 timestamp.
    origin : pyarrow.Schema, optional
        Schema of the table that was written, which has the unit and the zone.
    unit : str, optional
        Microseconds by default, in which Spark writes: they reach far beyond the years 1 to 9999.
    """
    fields = []
    for field, plain in zip(schema, stored, strict=True):
        written = None if origin is None or field.name not in origin.names else origin.field(field.name).type
        fields.append(field.with_type(_typed(field.type, plain.type, written, unit)))
    return pa.schema(fields, schema.metadata)


def _typed(kind: pa.DataType, stored: pa.DataType, origin: pa.DataType | None, unit: str | None) -> pa.DataType:
    if stored == INT96 and pa.types.is_timestamp(kind):
        if origin is None or not pa.types.is_timestamp(origin):
            return pa.timestamp(unit or "us")
        return pa.timestamp(unit or origin.unit, origin.tz)
    if not pa.types.is_nested(kind):
        return kind
    fields, plain = passthrough.fields_of(kind), passthrough.fields_of(stored)
    written = [] if origin is None else [field.type for field in passthrough.fields_of(origin)]
    origins = written if len(written) == len(fields) else [None] * len(fields)
    kinds = [_typed(f.type, p.type, o, unit) for f, p, o in zip(fields, plain, origins, strict=True)]
    return (
        kind
        if kinds == [f.type for f in fields]
        else passthrough.with_fields(kind, [f.with_type(k) for f, k in zip(fields, kinds, strict=True)])
    )
