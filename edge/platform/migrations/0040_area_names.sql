-- What people call areas, as the station names them. A code without a name stands alone. In bytes, as by its index is found
-- what begins with a code: a country has 700,000.
CREATE TABLE area_name (code text COLLATE "C" PRIMARY KEY, name text NOT NULL);
GRANT SELECT ON area_name TO fieldeye_reader;

-- Name and code; of an area without a name its own code below the nearest above it that has one; else null.
CREATE FUNCTION area_called(area text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN rtrim(substr(area, length(code) + 1), '0') = '' THEN name || ' (' || area || ')'
                ELSE name || ' › ' || area END
    FROM area_name WHERE code = ANY (ARRAY[left(area, 2), left(area, 4), left(area, 6), left(area, 9), area])
    ORDER BY length(code) DESC LIMIT 1
$$;
