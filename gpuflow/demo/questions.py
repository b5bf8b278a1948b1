"""The questions of the demo: each a query on five frames, and the same in SQL for another engine to check it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gpuflow as gf
from gpuflow import col

Frames = Mapping[str, Any]
"""`flights`, `airlines`, `planes`, `airports` and `weather` as frames."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the query that answers it, the same in DuckDB's SQL, and the columns that tell its rows apart."""

    name: str
    title: str
    ask: Callable[[Frames], Any]
    sql: str
    keys: tuple[str, ...]


def delay_by_airline(t: Frames) -> Any:
    return (
        t["flights"]
        .filter(col("arr_delay").is_not_null())
        .join(t["airlines"], on="carrier")
        .group_by("name")
        .agg(flights=gf.len(), delay=col("arr_delay").mean(), worst=col("arr_delay").max())
        .sort("delay", descending=True)
    )


def delay_by_age(t: Frames) -> Any:
    planes = t["planes"].filter(col("year").is_not_null()).select("tailnum", "seats", col("year").alias("built"))
    return (
        t["flights"]
        .filter(col("dep_delay").is_not_null())
        .join(planes, on="tailnum")
        .with_columns(((col("year") - col("built")) // 5 * 5).alias("age"))
        .group_by("age")
        .agg(flights=gf.len(), seats=col("seats").mean(), delay=col("dep_delay").mean())
        .sort("age")
    )


def delay_by_hour_and_weather(t: Frames) -> Any:
    weather = t["weather"].select("origin", "time_hour", "precip", "wind_speed")
    return (
        t["flights"]
        .filter(col("dep_delay").is_not_null())
        .join(weather, on=["origin", "time_hour"])
        .with_columns((col("precip") > 0).alias("wet"))
        .group_by("hour", "wet")
        .agg(flights=gf.len(), delay=col("dep_delay").mean(), wind=col("wind_speed").mean())
        .sort("hour", "wet")
    )


def busiest_routes(t: Frames) -> Any:
    airports = t["airports"].select(col("faa").alias("dest"), col("name").alias("airport"))
    return (
        t["flights"]
        .filter(col("air_time").is_not_null())
        .group_by("origin", "dest")
        .agg(flights=gf.len(), miles=col("distance").max(), minutes=col("air_time").mean())
        .join(airports, on="dest", how="left")
        .with_columns((col("miles") / col("minutes") * 60).alias("mph"))
        .sort("flights", descending=True)
        .head(10)
    )


def cancelled_by_month(t: Frames) -> Any:
    return (
        t["flights"]
        .group_by("month")
        .agg(planned=gf.len(), flown=col("dep_time").count())
        .with_columns((col("planned") - col("flown")).alias("cancelled"))
        .with_columns((col("cancelled") / col("planned") * 100).alias("percent"))
        .sort("month")
    )


def time_made_up(t: Frames) -> Any:
    return (
        t["flights"]
        .filter((col("dep_delay") > 30) & (col("air_time") > 60))
        .with_columns(((col("dep_delay") - col("arr_delay")) / (col("air_time") / 60)).alias("gain"))
        .join(t["airlines"], on="carrier")
        .group_by("name")
        .agg(late_starts=gf.len(), minutes_made_up_per_hour=col("gain").mean(), spread=col("gain").std())
        .filter(col("late_starts") >= 100)
        .sort("minutes_made_up_per_hour", descending=True)
    )


QUESTIONS = (
    Question(
        "delay_by_airline",
        "Which airlines arrive latest?",
        delay_by_airline,
        """
        SELECT name, count(*) AS flights, avg(arr_delay) AS delay, max(arr_delay) AS worst
        FROM flights JOIN airlines USING (carrier)
        WHERE arr_delay IS NOT NULL
        GROUP BY name ORDER BY delay DESC
        """,
        ("name",),
    ),
    Question(
        "delay_by_age",
        "Do old planes leave late?",
        delay_by_age,
        """
        SELECT (flights.year - planes.year) // 5 * 5 AS age, count(*) AS flights, avg(seats) AS seats,
               avg(dep_delay) AS delay
        FROM flights JOIN planes USING (tailnum)
        WHERE dep_delay IS NOT NULL AND planes.year IS NOT NULL
        GROUP BY age ORDER BY age
        """,
        ("age",),
    ),
    Question(
        "delay_by_hour_and_weather",
        "How do delays build up over the day, dry and wet?",
        delay_by_hour_and_weather,
        """
        SELECT flights.hour, precip > 0 AS wet, count(*) AS flights, avg(dep_delay) AS delay, avg(wind_speed) AS wind
        FROM flights JOIN weather USING (origin, time_hour)
        WHERE dep_delay IS NOT NULL
        GROUP BY flights.hour, wet ORDER BY flights.hour, wet
        """,
        ("hour", "wet"),
    ),
    Question(
        "busiest_routes",
        "Which routes are flown most, and how fast?",
        busiest_routes,
        """
        WITH routes AS (
            SELECT origin, dest, count(*) AS flights, max(distance) AS miles, avg(air_time) AS minutes
            FROM flights WHERE air_time IS NOT NULL GROUP BY origin, dest
        )
        SELECT routes.*, airports.name AS airport, miles / minutes * 60 AS mph
        FROM routes LEFT JOIN airports ON dest = faa
        ORDER BY flights DESC LIMIT 10
        """,
        ("origin", "dest"),
    ),
    Question(
        "cancelled_by_month",
        "When are flights cancelled?",
        cancelled_by_month,
        """
        SELECT month, count(*) AS planned, count(dep_time) AS flown, count(*) - count(dep_time) AS cancelled,
               (count(*) - count(dep_time)) / count(*) * 100 AS percent
        FROM flights GROUP BY month ORDER BY month
        """,
        ("month",),
    ),
    Question(
        "time_made_up",
        "Who makes up time in the air after a late start?",
        time_made_up,
        """
        SELECT name, count(*) AS late_starts, avg(gain) AS minutes_made_up_per_hour, stddev_samp(gain) AS spread
        FROM (SELECT carrier, (dep_delay - arr_delay) / (air_time / 60) AS gain
              FROM flights WHERE dep_delay > 30 AND air_time > 60)
        JOIN airlines USING (carrier)
        GROUP BY name HAVING count(*) >= 100 ORDER BY minutes_made_up_per_hour DESC
        """,
        ("name",),
    ),
)
