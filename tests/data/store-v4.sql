-- A store of version 4 with three records, of which one was delivered; to be opened by every later version.
BEGIN TRANSACTION;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    utc_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    outcome TEXT NOT NULL,
    command TEXT UNIQUE                     -- transaction id, if a command over the network did it
);
CREATE TABLE counted (                      -- pictures of a folder that are in an interval already
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE delivered (                    -- records that do not wait; oldest are shed first
    seq INTEGER PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO "delivered" VALUES(1);
CREATE TABLE draft (                        -- intervals that a late picture can still correct
    seq INTEGER PRIMARY KEY,
    end_ms INTEGER NOT NULL,
    state BLOB NOT NULL,                    -- what was counted, see edge.late
    crc INTEGER NOT NULL                    -- as in record
);
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BLOB NOT NULL,                    -- 16 bytes, new with each file
    sessions INTEGER NOT NULL DEFAULT 0,    -- starts of the node
    lost INTEGER NOT NULL DEFAULT 0         -- undelivered records that were shed
);
INSERT INTO "identity" VALUES(1,X'0C9A64A158C84F2A9A0E3F5D5F0E7B11',1,0);
CREATE TABLE picture (
    seq INTEGER PRIMARY KEY,                -- first record that was committed with it
    id TEXT NOT NULL UNIQUE,                -- name of the file without .jpg
    bytes INTEGER NOT NULL
);
CREATE TABLE question (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                -- name of the photograph's file without .jpg
    utc_ms INTEGER NOT NULL,
    clock INTEGER NOT NULL,                 -- as in record
    boot TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    guess TEXT NOT NULL,
    eppo TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    answered_ms INTEGER,
    answered_by TEXT,
    answer TEXT,
    answer_label TEXT,
    answer_eppo TEXT
);
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, not even after the newest was deleted
    kind INTEGER NOT NULL,
    priority INTEGER NOT NULL,              -- 0 leaves first and is shed last
    utc_ms INTEGER NOT NULL,                -- of the moment, or of the interval's end
    clock INTEGER NOT NULL,                 -- how far utc_ms can be trusted
    body BLOB NOT NULL,                     -- the record as a batch of one, see edge.wire
    crc INTEGER NOT NULL                    -- CRC-32 of body: SQLite does not notice a flipped bit in a row
, revision INTEGER NOT NULL DEFAULT 0);
INSERT INTO "record" VALUES(1,0,3,1782907200000,0,X'A9000101500C9A64A158C84F2A9A0E3F5D5F0E7B11021B0000019F1D8CE2000301048182506B1F8C1E6F0B4F529D4C0C5B0A3F9A111A000F424005816463616D3006816B706573747340302E312E3007818273506C7574656C6C612078796C6F7374656C6C6166504C55544D410981A70000010002840000000005000619036B0748333366669999FFFF0802',1808962874,0);
INSERT INTO "record" VALUES(2,1,2,1782910800000,0,X'AA000101500C9A64A158C84F2A9A0E3F5D5F0E7B11021B0000019F1D8CE2000302048182506B1F8C1E6F0B4F529D4C0C5B0A3F9A111A000F424005816463616D3006816B706573747340302E312E3007828273506C7574656C6C612078796C6F7374656C6C6166504C55544D41826E4D797A7573207065727369636165664D595A5550450883646C697665646461726B67626C75727265640981AA0001010002840000000005841A0036EE800000000600070108190DD40982820118288202140A1A0036EE800B8284000C0911840118E618C9190104',4108453189,0);
INSERT INTO "record" VALUES(3,2,1,1782907200000,0,X'A7000101500C9A64A158C84F2A9A0E3F5D5F0E7B11021B0000019F1D8CE2000303048182506B1F8C1E6F0B4F529D4C0C5B0A3F9A111A000F424008816A73746F72655F66756C6C0981A7000201000284000000000501060207000802',3889992024,0);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "setting" VALUES('card','7');
CREATE TABLE waiting (                      -- the outbox: what the broker has not acknowledged
    priority INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (priority, seq)
) WITHOUT ROWID;
INSERT INTO "waiting" VALUES(1,3);
INSERT INTO "waiting" VALUES(2,2);
CREATE INDEX record_by_time ON record (kind, utc_ms);
CREATE INDEX record_unsynced ON record (seq) WHERE clock = 1;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('record',3);
COMMIT;
