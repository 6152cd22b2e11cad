-- The county desk: people, the photographs that farmers ask about, and who takes care of an alert.

CREATE TABLE person (
    name text PRIMARY KEY,
    password_hash text NOT NULL,
    role name NOT NULL REFERENCES reader,
    failures integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    log_outs integer NOT NULL DEFAULT 0                   -- each ends all log-ins of that name from before
);
CREATE TABLE desk_secret (only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), secret bytea NOT NULL);

CREATE TABLE question (
    node_id integer NOT NULL REFERENCES node,
    id text NOT NULL,
    bytes integer NOT NULL,
    received timestamptz NOT NULL DEFAULT now(),
    utc timestamptz,                                      -- by the node's clock
    who text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    guess text NOT NULL DEFAULT '',
    eppo text NOT NULL DEFAULT '',
    jpeg bytea,                                           -- null while parts are missing
    answer text,
    answer_who text,
    answer_label text NOT NULL DEFAULT '',
    answered timestamptz,
    told timestamptz,                                     -- when the answer was last sent to the node
    command text,                                         -- with which it was sent
    outcome text,                                         -- what the node replied: done, or why not
    deleted timestamptz,                                  -- at the desk: by the key nothing brings it back
    deleted_by text,
    PRIMARY KEY (node_id, id)
);
-- They go with their photograph, also one that another worker adds while it makes room.
CREATE TABLE question_part (
    node_id integer NOT NULL,
    id text NOT NULL,
    first integer NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (node_id, id, first),
    FOREIGN KEY (node_id, id) REFERENCES question ON DELETE CASCADE
);

ALTER TABLE question ENABLE ROW LEVEL SECURITY;
CREATE POLICY subtree ON question FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree_answers ON question FOR UPDATE USING (node_id IN (SELECT node_id FROM node));
GRANT SELECT ON question TO fieldeye_reader;
GRANT UPDATE (answer, answer_who, answer_label, answered, told, command, outcome, jpeg, utc, who, note, guess, eppo, deleted,
    deleted_by) ON question TO fieldeye_desk;

-- That somebody takes care of what stands above its action level, said at the desk or at the node. `health` of a node says
-- what stands; a row here is on its way until `outcome` is done, and goes when the node's page has taken it back.
CREATE TABLE acknowledgement (
    node_id integer NOT NULL REFERENCES node,
    label text NOT NULL,
    unit text NOT NULL,
    level text NOT NULL,
    since timestamptz NOT NULL,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    sent timestamptz,                                     -- to the node, the last time
    command text,                                         -- with which it was sent
    outcome text,                                         -- what the node replied: done, or why not
    given_back boolean NOT NULL DEFAULT false,            -- by `who`, at `at`: nobody takes care of it
    former text[] NOT NULL DEFAULT '{}',                  -- who did before: what the node still tells of them is no news
    PRIMARY KEY (node_id, label, unit, level, since)
);
ALTER TABLE acknowledgement ENABLE ROW LEVEL SECURITY;
CREATE POLICY subtree ON acknowledgement FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree_says ON acknowledgement FOR INSERT WITH CHECK (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree_changes ON acknowledgement FOR UPDATE USING (node_id IN (SELECT node_id FROM node));
GRANT SELECT ON acknowledgement TO fieldeye_reader;
GRANT INSERT (node_id, label, unit, level, since, who) ON acknowledgement TO fieldeye_desk;
GRANT UPDATE (who, at, sent, command, outcome, given_back, former) ON acknowledgement TO fieldeye_desk;

-- Who took care of what when. An empty `who`: it was open again at the node, taken back on its page or since it asks again.
CREATE TABLE care (
    care_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_id integer NOT NULL REFERENCES node ON DELETE CASCADE,
    label text NOT NULL,
    unit text NOT NULL,
    level text NOT NULL,
    since timestamptz NOT NULL,
    who text NOT NULL,
    at timestamptz NOT NULL,
    given_back boolean NOT NULL
);
CREATE INDEX care_of ON care (node_id, label, unit, level, since);
ALTER TABLE care ENABLE ROW LEVEL SECURITY;
CREATE POLICY subtree ON care FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree_says ON care FOR INSERT WITH CHECK (node_id IN (SELECT node_id FROM node));
GRANT SELECT ON care TO fieldeye_reader;
GRANT INSERT (node_id, label, unit, level, since, who, at, given_back) ON care TO fieldeye_desk;
