-- Density: of a trap a night, as its mean is, or a trap that was off for a week is seven times as dense on the night that it comes
-- back. None of visits: an insect that comes back is another visit.
ALTER TABLE area_count
    ALTER COLUMN on_area TYPE double precision,           -- of calibrated cameras: each one's count by its trap-nights
    ALTER COLUMN on_area_low TYPE double precision,
    ALTER COLUMN on_area_high TYPE double precision;

-- From the nights' own sums: the intervals of old ones may be gone.
INSERT INTO dirty_area
    SELECT DISTINCT area_code, night FROM night_effort JOIN node USING (node_id) WHERE trap_nights > 1 AND area_m2 > 0;
