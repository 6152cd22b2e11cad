-- `awake_s` of intervals and their sums is the time in which frames came that showed something: a lens in the dark, or covered,
-- watches nothing. Where a month's records were dropped, hours in which no frame was looked at are none of it, unless `still` is
-- the reason that they tell.

-- Who sums waits until 0031 is through, too; who keeps or dates intervals waits here, not half-way with rows that these want.
SELECT FROM turn WHERE of_what = 'sums' FOR UPDATE;
LOCK TABLE interval_effort IN SHARE ROW EXCLUSIVE MODE;

-- In 0031 this is of bits: views of others on it are named now, not after minutes. Its lock goes with that.
SAVEPOINT dropped;
ALTER TABLE week_presence DROP COLUMN nights;
ROLLBACK TO dropped;

WITH blind AS (
    UPDATE interval_effort SET awake_s = 0 WHERE frames = 0 AND awake_s > 0 AND no_data IS DISTINCT FROM 'still'
    RETURNING node_id, night
) INSERT INTO dirty_night SELECT DISTINCT node_id, night FROM blind;

WITH told AS (
    SELECT ledger_id, seq, (body->>'awake_s')::float8 * sighted / greatest(1, sighted + blind) AS watched_s
    FROM record CROSS JOIN LATERAL (
        SELECT (body->>'frames')::float8 + coalesce(sum(frames::float8) FILTER (WHERE reason = 'still'), 0) AS sighted,
               coalesce(sum(frames::float8) FILTER (WHERE reason = ANY
                   ('{dark,overexposed,blocked,colourless,blurred,board}')), 0) AS blind
        FROM jsonb_each_text(body->'skipped') AS each (reason, frames)
    ) AS seen
    WHERE kind = 'interval' AND body->'skipped' <> '{}'
), changed AS (
    UPDATE interval_effort i SET awake_s = watched_s FROM told
    WHERE (i.ledger_id, i.seq) = (told.ledger_id, told.seq) AND awake_s <> watched_s
    RETURNING node_id, night
) INSERT INTO dirty_night SELECT DISTINCT node_id, night FROM changed;
