"""Which of the areas below one is worst: its cities, counties, townships or villages side by side."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from psycopg.rows import class_row

from edge.platform.areas.population import (
    CAN_TELL,
    IS_OF_TAXA,
    LEVELS,
    Cameras,
    Wanted,
    as_area,
    cameras_in,
    is_incidence,
)
from edge.platform.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaBelow:
    """One taxon over some nights; without frames of models that can tell it the count is None: no data."""

    area: str
    nodes: int  # that looked and can tell it, most in one night
    frames: int
    count: int | None  # of `max_per_frame` in its own night with the most
    low: int | None
    high: int | None
    per_m2: float | None  # mean of the nights with a calibrated camera, see Night
    per_camera_night: float | None
    called: str | None  # by a name that the station keeps
    cameras: Cameras | None = None  # asked for where a density is known

    @property
    def is_above(self) -> bool:
        """Its nodes told none of this level: its code means the area above."""
        return as_area(self.area) != self.area

    @property
    def incidence(self) -> float | None:
        """Per cent of the frames."""
        return None if self.count is None else 100 * self.count / self.frames


# Effort and counts are stacked and not joined: the planner takes row-level security for far narrower than it is, and a
# join that it thinks small took 1.4 s over a year of 40 townships.
_BELOW = f"""
    WITH below AS MATERIALIZED (
        SELECT DISTINCT left(area_code, %(digits)s) AS area FROM node WHERE area_code ^@ %(area)s AND since <= %(last)s
    ), nightly AS (
        SELECT prefix AS area, night, sum(nodes)::integer AS nodes, bounded(sum(frames)) AS frames,
               sum(area_m2) AS area_m2, sum(camera_nights) AS camera_nights, sum(per_night) AS per_night,
               bounded(sum(count)) AS count, sum(on_area) AS on_area,
               CASE WHEN bool_and(low IS NOT NULL) FILTER (WHERE count IS NOT NULL) THEN bounded(sum(low)) END AS low,
               CASE WHEN bool_and(high IS NOT NULL) FILTER (WHERE count IS NOT NULL) THEN bounded(sum(high)) END AS high
        FROM (
            SELECT prefix, night, nodes, frames, area_m2, camera_nights, NULL::float8 AS per_night,
                   NULL::bigint AS count, NULL::bigint AS low, NULL::bigint AS high, NULL::float8 AS on_area
            FROM area_effort WHERE prefix = ANY (ARRAY(SELECT area FROM below)) AND unit = %(unit)s AND {CAN_TELL}
              AND night BETWEEN %(first)s AND %(last)s
            UNION ALL SELECT prefix, night, NULL, NULL, NULL, NULL, per_night, count, low, high, on_area
            FROM area_count WHERE prefix = ANY (ARRAY(SELECT area FROM below)) AND unit = %(unit)s AND {IS_OF_TAXA}
              AND night BETWEEN %(first)s AND %(last)s
        ) AS stacked GROUP BY prefix, night
    )
    SELECT area, area_called(area) AS called, coalesce(max(nodes), 0) AS nodes,
           coalesce(bounded(sum(frames)), 0) AS frames,
           CASE WHEN sum(frames) > 0 THEN coalesce(summed(%(unit)s, array_agg(count)), 0) END AS count,
           CASE WHEN sum(frames) > 0 AND coalesce(bool_and(low IS NOT NULL) FILTER (WHERE count IS NOT NULL), true)
                THEN coalesce(summed(%(unit)s, array_agg(low)), 0) END AS low,
           CASE WHEN sum(frames) > 0 AND coalesce(bool_and(high IS NOT NULL) FILTER (WHERE count IS NOT NULL), true)
                THEN coalesce(summed(%(unit)s, array_agg(high)), 0) END AS high,
           avg(coalesce(on_area, 0) / nullif(area_m2, 0)) FILTER (WHERE %(unit)s <> 'visits') AS per_m2,
           coalesce(sum(per_night), 0) / nullif(sum(camera_nights), 0) AS per_camera_night
    FROM below LEFT JOIN nightly USING (area) GROUP BY area ORDER BY area
"""  # noqa: S608  our own words


def areas_below(database: Database, wanted: Wanted) -> Sequence[AreaBelow]:
    """Of the next level on which there are several, the worst first, those without data last; none of a village."""
    digits = next((digits for digits in LEVELS if digits > len(wanted.area)), None)
    if digits is None:
        return []
    with database.cursor(row_factory=class_row(AreaBelow)) as cursor:
        found = cursor.execute(_BELOW, asdict(wanted) | {"digits": digits}).fetchall()
    one_alone = len(found) == 1 and len(found[0].area) == digits
    if one_alone and (digits < LEVELS[-1] or found[0].is_above):  # as a city without counties, 441900: its townships
        return areas_below(database, replace(wanted, area=found[0].area))
    if any(one.per_m2 is not None for one in found):
        cameras = cameras_in(database, wanted, digits)
        found = [replace(one, cameras=cameras.get(one.area)) for one in found]
    return sorted(found, key=lambda one: _badness(one, wanted.unit), reverse=True)


def _badness(one: AreaBelow, unit: str) -> float:
    value = one.incidence if is_incidence(unit) else one.per_camera_night  # as levels go: many calm cameras count more
    return -1 if value is None else value
