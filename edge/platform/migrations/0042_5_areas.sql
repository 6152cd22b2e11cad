-- Areas: which one a code means, which one may be asked for, who reads which, and what people call them.

CREATE TABLE reader (
    role name PRIMARY KEY,
    prefix text NOT NULL CHECK (prefix ~ '^[0-9]*$' AND length(prefix) IN (0, 2, 4, 6, 9, 12))
);

-- The area that a code means: zeros down to a village, a township or a county stand for the area above, as 330106000000 for
-- the county 330106. The zeros of a node that stands nowhere are no area's.
-- In both functions names are bound here: a reader's own `left` or temporary `reader` would stand before ours in a search_path
-- of its own, and show it all.
CREATE FUNCTION as_area(code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT left(code, min(digits)) FROM unnest(ARRAY[2, 4, 6, 9, 12]) AS digits WHERE digits >= length(rtrim(code, '0'));
END;

CREATE FUNCTION my_area() RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT as_area(prefix) FROM reader WHERE role = current_user;
END;

-- The area to ask for. What a role may not see, and a unit in which nobody counts, would read as no data.
CREATE FUNCTION asked_area(code text, unit text DEFAULT 'new') RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (code ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$') IS NOT TRUE THEN
        RAISE 'area % is no area code; give 2, 4, 6, 9 or 12 digits of it', code USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF row_security_active('node') AND (as_area(code) ^@ my_area()) IS NOT TRUE THEN
        RAISE 'area %: % reads % and nothing beside it; give an area within that', code, current_user,
            coalesce(my_area(), 'none') USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (unit IN ('max_per_frame', 'visits', 'new', 'affected_frames')) IS NOT TRUE THEN
        RAISE 'nodes count in no unit %; give max_per_frame, visits, new or affected_frames', unit
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN as_area(code);
END $$;

-- What people call areas, as the station names them. A code without a name stands alone. In bytes, as by its index is found
-- what begins with a code: a country has 700,000.
CREATE TABLE area_name (code text COLLATE "C" PRIMARY KEY, name text NOT NULL);

-- Name and code; of an area without a name its own code below the nearest above it that has one; else null.
CREATE FUNCTION area_called(area text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN rtrim(substr(area, length(code) + 1), '0') = '' THEN name || ' (' || area || ')'
                ELSE name || ' › ' || area END
    FROM area_name WHERE code = ANY (ARRAY[left(area, 2), left(area, 4), left(area, 6), left(area, 9), area])
    ORDER BY length(code) DESC LIMIT 1
$$;
