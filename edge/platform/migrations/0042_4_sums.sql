-- Sums of a night, a node and an area. Tables that `roll_up` keeps, since materialised views know no row-level
-- security and are made anew as a whole.
--
-- Rules of summing. `visits`, `new` and `affected_frames` of a night are sums over its intervals; `max_per_frame` is
-- the night's largest, for two looks at one crowd must not be added. The range of a sum runs from the sum of the lows to
-- the sum of the highs: a model makes the same mistakes on each node, so ranges do not shrink as independent errors
-- would. One part without a range leaves the sum without one.

-- As `info` says, of the last models of each node by itself: what one node says of pests@3 holds for no other one.
CREATE TABLE model_labels (
    node_id integer NOT NULL REFERENCES node ON DELETE CASCADE,
    model text NOT NULL,                                  -- name@version, as in interval_effort
    labels text[] NOT NULL,                               -- in order, each once
    told timestamptz NOT NULL,
    PRIMARY KEY (node_id, model)
);

-- Sets of labels that the sums are kept by. 0, which has no row, is of models whose labels are not known: everything.
CREATE TABLE vocabulary (
    vocabulary_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    labels text[] NOT NULL,
    EXCLUDE USING hash (labels WITH =)                    -- unique; too long for the other kind of index
);

CREATE TABLE night_effort (
    node_id integer NOT NULL REFERENCES node,
    night date NOT NULL,
    camera text NOT NULL,
    unit text NOT NULL,
    frames bigint NOT NULL,
    awake_s double precision NOT NULL,
    intervals integer NOT NULL,
    without_data integer NOT NULL,
    saturated integer NOT NULL,
    area_m2 double precision,                             -- counted on; null unless all intervals were of one area
    trap_nights double precision NOT NULL DEFAULT 1,      -- in which the catch came, whole ones: at least one
    vocabulary_id integer NOT NULL DEFAULT 0,             -- what the models that made it could tell together
    PRIMARY KEY (node_id, night, camera, unit)
);
CREATE INDEX night_effort_night ON night_effort (night);
CREATE TABLE night_count (
    node_id integer NOT NULL REFERENCES node,
    night date NOT NULL,
    camera text NOT NULL,
    unit text NOT NULL,
    taxon_id integer NOT NULL REFERENCES taxon,
    count bigint NOT NULL,
    low bigint,
    high bigint,
    PRIMARY KEY (node_id, night, camera, unit, taxon_id)
);
CREATE INDEX night_count_taxon ON night_count (taxon_id, night) INCLUDE (node_id, unit, count) WHERE count > 0;

CREATE FUNCTION area_above(prefix text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(prefix, CASE length(prefix) WHEN 12 THEN 9 WHEN 9 THEN 6 WHEN 6 THEN 4 WHEN 4 THEN 2 ELSE 0 END)
$$;

CREATE TABLE area_effort (
    prefix text NOT NULL,                                 -- 0, 2, 4, 6, 9 or 12 digits of the area code
    night date NOT NULL,
    unit text NOT NULL,
    nodes integer NOT NULL,                               -- that looked
    camera_nights integer NOT NULL,                       -- cameras with at least one frame
    frames bigint NOT NULL,
    awake_s double precision NOT NULL,
    saturated integer NOT NULL,                           -- cameras whose trap was too full to count on
    area_m2 double precision NOT NULL,                    -- of the calibrated cameras
    vocabulary_id integer NOT NULL DEFAULT 0,             -- what a node's cameras could tell together
    PRIMARY KEY (prefix, unit, night, vocabulary_id)
);
CREATE TABLE area_count (
    prefix text NOT NULL,
    night date NOT NULL,
    unit text NOT NULL,
    taxon_id integer NOT NULL REFERENCES taxon,
    nodes integer NOT NULL,                               -- that saw it
    count bigint NOT NULL,
    low bigint,
    high bigint,
    on_area bigint NOT NULL,                              -- of count: by calibrated cameras, and its range
    on_area_low bigint,
    on_area_high bigint,                                  -- null where one is not known, zero where none listed it
    per_night double precision NOT NULL DEFAULT 0,        -- each camera's count by its trap-nights
    PRIMARY KEY (prefix, unit, taxon_id, night)
);
CREATE INDEX area_effort_below ON area_effort (night, area_above(prefix));
CREATE INDEX area_count_below ON area_count (night, area_above(prefix));

-- Whole weeks of a node, and where a taxon was seen in them: range is asked for over seasons, and nights would be seven
-- times as many (a year of 1,000 nodes is 365,000).
CREATE TABLE week_presence (
    taxon_id integer NOT NULL REFERENCES taxon,
    week date NOT NULL,                                   -- its Monday
    node_id integer NOT NULL REFERENCES node,
    first_night date NOT NULL,
    last_night date NOT NULL,
    night_bits integer NOT NULL,                          -- 1 for Monday's: stages and nodes share nights, none is counted twice
    PRIMARY KEY (taxon_id, week, node_id) INCLUDE (first_night, last_night, night_bits)  -- read from the index alone
);
CREATE INDEX week_presence_node ON week_presence (node_id, week);

CREATE TABLE week_effort (
    unit text NOT NULL,                                   -- empty: of all units together
    week date NOT NULL,                                   -- its Monday
    node_id integer NOT NULL REFERENCES node,
    nights integer NOT NULL,                              -- with a frame
    frames bigint NOT NULL,
    saturated bigint NOT NULL,
    vocabulary_id integer NOT NULL DEFAULT 0,
    PRIMARY KEY (unit, week, node_id, vocabulary_id) INCLUDE (nights, frames, saturated)
);
CREATE INDEX week_effort_node ON week_effort (node_id, week);
CREATE TABLE week_count (
    taxon_id integer NOT NULL REFERENCES taxon,
    unit text NOT NULL,
    week date NOT NULL,
    node_id integer NOT NULL REFERENCES node,
    camera text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (taxon_id, unit, week, node_id, camera) INCLUDE (count)
);
CREATE INDEX week_count_node ON week_count (node_id, week);

-- What one node tells, however large, breaks no sum: sums end at the largest integer that JSON readers keep exactly.
CREATE FUNCTION bounded(total numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN total > 9007199254740991 THEN 9007199254740991 ELSE total END::bigint
$$;

CREATE FUNCTION summed(unit text, each bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN unit = 'max_per_frame' THEN max(one) ELSE bounded(sum(one)) END FROM unnest(each) AS one
$$;

-- Of a node, or of one of its models: those that wait already do not wait twice. `roll_up` takes none of those before this is
-- committed, and what it takes right now is queued anew. One card that dates nights decades ahead, or tells another zone each
-- second, keeps no other node's counts out of the sums.
CREATE FUNCTION queue_nights(id integer, of_model text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dirty_night
        SELECT node_id, night FROM interval_effort
        WHERE node_id = id AND night IS NOT NULL AND (of_model IS NULL OR model = of_model)
        EXCEPT SELECT * FROM (SELECT * FROM dirty_night WHERE node_id = id FOR SHARE SKIP LOCKED) AS waiting
$$;

-- Of a node's model; of one that told other labels before the newest hold. Its nights are summed anew.
CREATE FUNCTION note_labels(id integer, of_model text, new_labels text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO model_labels VALUES (id, of_model, new_labels, clock_timestamp())
        ON CONFLICT (node_id, model) DO UPDATE SET labels = excluded.labels, told = excluded.told
        WHERE model_labels.labels <> excluded.labels;
    IF NOT FOUND THEN RETURN; END IF;
    PERFORM queue_nights(id, of_model);
    DELETE FROM model_labels WHERE node_id = id AND model IN (  -- as many as a node keeps itself
        SELECT model FROM model_labels WHERE node_id = id ORDER BY told DESC OFFSET 32
    );
END $$;

-- Vocabularies in which a label stands, and the one of everything.
CREATE FUNCTION telling(of_label text) RETURNS TABLE (vocabulary_id integer) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT v.vocabulary_id FROM vocabulary v WHERE of_label = ANY (labels) UNION ALL SELECT 0
$$;

-- Of what several could tell together; it may be new. Only `roll_up` makes some, one at a time.
CREATE FUNCTION together(vocabularies integer[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    all_of text[];
    kept integer;
BEGIN
    IF 0 = ANY (vocabularies) THEN RETURN 0; END IF;
    IF cardinality(vocabularies) = 1 THEN RETURN vocabularies[1]; END IF;
    all_of := ARRAY(SELECT DISTINCT label COLLATE "C" AS label FROM vocabulary, unnest(labels) AS label
                    WHERE vocabulary_id = ANY (vocabularies) ORDER BY 1);
    SELECT vocabulary_id INTO kept FROM vocabulary WHERE labels = all_of;
    IF kept IS NULL THEN
        INSERT INTO vocabulary (labels) VALUES (all_of) RETURNING vocabulary_id INTO kept;
    END IF;
    RETURN kept;
END $$;

-- Makes the sums of changed nights anew, from the intervals up to the country; says how many changes. One at a time: who
-- changes these tables takes the same turn first. Nights that no clock may tell yet come last.
CREATE FUNCTION roll_up(most integer DEFAULT 2000) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    done integer;
    digits integer;
BEGIN
    PERFORM FROM turn WHERE of_what = 'sums' FOR UPDATE;
    CREATE TEMP TABLE IF NOT EXISTS due (node_id integer, night date) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS due_area (prefix text, night date) ON COMMIT DELETE ROWS;
    WITH taken AS (                                       -- tonight first: a fleet's new labels bring its whole history
        DELETE FROM dirty_night
        WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM dirty_night ORDER BY night > current_date + 1, night DESC LIMIT most
        )) RETURNING *
    ), kept AS (INSERT INTO due SELECT DISTINCT node_id, night FROM taken)
    SELECT count(*) INTO done FROM taken;
    DELETE FROM night_effort USING due WHERE (night_effort.node_id, night_effort.night) = (due.node_id, due.night);
    DELETE FROM night_count USING due WHERE (night_count.node_id, night_count.night) = (due.node_id, due.night);
    PERFORM roll_up_nights();
    UPDATE node SET since = first FROM (
        SELECT node_id, (SELECT min(night) FROM night_effort e WHERE e.node_id = d.node_id) AS first
        FROM (SELECT DISTINCT node_id FROM due) AS d
    ) AS begun WHERE node.node_id = begun.node_id AND since IS DISTINCT FROM first;
    PERFORM roll_up_weeks();
    WITH taken AS (DELETE FROM dirty_area RETURNING *)
    INSERT INTO due_area
        SELECT area_code, night FROM due JOIN node USING (node_id) UNION SELECT prefix, night FROM taken;
    FOREACH digits IN ARRAY ARRAY[12, 9, 6, 4, 2, 0] LOOP
        PERFORM roll_up_level(digits);
        INSERT INTO due_area SELECT DISTINCT area_above(prefix), night FROM due_area
            WHERE length(prefix) = digits AND digits > 0;
    END LOOP;
    IF done BETWEEN 1 AND most - 1 THEN                   -- all are summed; a node may tell other labels without end
        DELETE FROM vocabulary v WHERE NOT EXISTS (
            SELECT FROM area_effort WHERE prefix = '' AND vocabulary_id = v.vocabulary_id
        );
    END IF;
    DELETE FROM due; DELETE FROM due_area;
    RETURN done;
END $$;

-- Nights of `due` from their intervals. Where a night counts what its models cannot tell as they say, they say it wrongly.
CREATE FUNCTION roll_up_nights() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vocabulary (labels)
        SELECT DISTINCT labels FROM model_labels m
        WHERE (node_id, model) IN (SELECT node_id, model FROM interval_effort JOIN due USING (node_id, night))
          AND NOT EXISTS (SELECT FROM vocabulary v WHERE v.labels = m.labels);
    INSERT INTO night_effort
        WITH known AS MATERIALIZED (
            SELECT node_id, model, vocabulary_id FROM model_labels JOIN vocabulary USING (labels)
            WHERE node_id IN (SELECT node_id FROM due)
        )
        SELECT i.node_id, i.night, camera, unit, least(sum(frames), 9223372036854775807)::bigint, sum(awake_s),
               count(*), count(*) FILTER (WHERE frames = 0), count(*) FILTER (WHERE saturated),
               CASE WHEN unit <> 'affected_frames' AND min(coalesce(area_mm2, 0)) FILTER (WHERE frames > 0)
                    = max(area_mm2) FILTER (WHERE frames > 0) THEN max(area_mm2) FILTER (WHERE frames > 0) / 1e6 END,
               greatest(1, round(sum(exposed_s) FILTER (WHERE frames > 0) / 86400)),
               together(coalesce(array_agg(DISTINCT coalesce(vocabulary_id, 0)) FILTER (WHERE frames > 0),
                                 array_agg(DISTINCT coalesce(vocabulary_id, 0))))
        FROM interval_effort i JOIN due USING (node_id, night) LEFT JOIN known USING (node_id, model)
        GROUP BY i.node_id, i.night, camera, unit;
    INSERT INTO night_count
        SELECT i.node_id, i.night, camera, unit, taxon_id, summed(unit, array_agg(count)),
               CASE WHEN bool_and(low IS NOT NULL) THEN summed(unit, array_agg(low)) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN summed(unit, array_agg(high)) END
        FROM interval_effort i JOIN due USING (node_id, night) JOIN interval_count USING (ledger_id, seq)
        GROUP BY i.node_id, i.night, camera, unit, taxon_id;
    UPDATE night_effort e SET vocabulary_id = 0
        FROM due, night_count c, taxon t, vocabulary v
        WHERE (e.node_id, e.night) = (due.node_id, due.night) AND v.vocabulary_id = e.vocabulary_id
          AND (c.node_id, c.night, c.camera, c.unit) = (e.node_id, e.night, e.camera, e.unit)
          AND t.taxon_id = c.taxon_id AND t.label <> ALL (v.labels);
END $$;

CREATE FUNCTION roll_up_weeks() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS due_week (node_id integer, week date) ON COMMIT DELETE ROWS;
    INSERT INTO due_week SELECT DISTINCT node_id, date_trunc('week', night)::date FROM due;
    DELETE FROM week_presence USING due_week d WHERE (week_presence.node_id, week_presence.week) = (d.node_id, d.week);
    DELETE FROM week_effort USING due_week d WHERE (week_effort.node_id, week_effort.week) = (d.node_id, d.week);
    DELETE FROM week_count USING due_week d WHERE (week_count.node_id, week_count.week) = (d.node_id, d.week);
    INSERT INTO week_presence
        SELECT taxon_id, week, c.node_id, min(night), max(night), bit_or(1 << night - week)
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, week, c.node_id;
    INSERT INTO week_effort                               -- of all units together of everything, whoever could tell it
        SELECT coalesce(unit, ''), week, e.node_id, count(DISTINCT night) FILTER (WHERE frames > 0),
               bounded(sum(frames)), sum(saturated), coalesce(vocabulary_id, 0)
        FROM due_week d JOIN night_effort e ON e.node_id = d.node_id AND night >= week AND night < week + 7
        GROUP BY GROUPING SETS ((week, e.node_id, unit, vocabulary_id), (week, e.node_id));
    INSERT INTO week_count
        SELECT taxon_id, unit, week, c.node_id, camera, summed(unit, array_agg(count))
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, unit, week, c.node_id, camera;
    DELETE FROM due_week;
END $$;

REVOKE EXECUTE ON FUNCTION queue_nights, note_labels, together, roll_up, roll_up_nights, roll_up_weeks FROM PUBLIC;
