PRAGMA application_id = 1128813145;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        seq INTEGER NOT NULL,
        id TEXT NOT NULL,
        turn INTEGER NOT NULL,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        form INTEGER NOT NULL,
        body TEXT NOT NULL
    );
INSERT INTO "events" VALUES(1,'s_01jd9yk3hm7r2k9x0q',1,'e_n6307vz80184nfvz',0,1750000000.0,'session.started',0,'{"v":1,"kind":"session.started","workspace":"/home/ada/project","model":"openai/gpt-5","title":"","cherry":"0.1.0","forked_from":"","forked_at":0}');
INSERT INTO "events" VALUES(2,'s_01jd9yk3hm7r2k9x0q',2,'e_g2hv7e4w8bbawf47',1,1750000002.0,'turn.started',0,'{"v":1,"kind":"turn.started","model":"openai/gpt-5","limits":{"max_steps":100,"max_seconds":3600.0,"max_cost_usd":null,"max_tokens":null}}');
INSERT INTO "events" VALUES(3,'s_01jd9yk3hm7r2k9x0q',3,'e_08at4ntxg7kt1d5m',1,1750000002.0,'user.message',0,'{"v":1,"kind":"user.message","message_id":"m_01","parts":[{"type":"text","text":"Mend the parser"}],"steering":false,"author":"user"}');
INSERT INTO "events" VALUES(4,'s_01jd9yk3hm7r2k9x0q',4,'e_pgyg8qaz3w9t2v2x',1,1750000005.0,'assistant.message',0,'{"v":1,"kind":"assistant.message","step":1,"message":{"role":"assistant","parts":[{"type":"text","text":"The parser is mended."}]},"finish":"stop","usage":{"input_tokens":900,"output_tokens":20,"cache_read_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,"estimated":false},"cost":{"usd":"0.0042","known":true},"model":"gpt-5","seconds":0.0,"first_byte_seconds":0.0}');
INSERT INTO "events" VALUES(5,'s_01jd9yk3hm7r2k9x0q',5,'e_yxq0yjvmvygvcwar',1,1750000005.0,'turn.finished',0,'{"v":1,"kind":"turn.finished","outcome":"done","fault":null,"steps":1,"usage":{"input_tokens":900,"output_tokens":20,"cache_read_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,"estimated":false},"cost":{"usd":"0.0042","known":true},"seconds":3.0,"nonce":"n_01"}');
CREATE TABLE leases (
        session TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        fence INTEGER NOT NULL,
        seconds REAL NOT NULL,
        renewed_at REAL NOT NULL
    ) WITHOUT ROWID
    ;
INSERT INTO "leases" VALUES('s_01jd9yk3hm7r2k9x0q','',3,0.0,0.0);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE reservations (
        id TEXT PRIMARY KEY,
        session TEXT NOT NULL,
        workspace TEXT NOT NULL,
        nano INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        holder TEXT NOT NULL,
        seconds REAL NOT NULL,
        made_at REAL NOT NULL
    ) WITHOUT ROWID
    ;
INSERT INTO "reservations" VALUES('r_gone','s_01jd9yk3hm7r2k9x0q','/home/ada/project',1000000,500,'another-machine:17:boot.1',60.0,1750000000.0);
CREATE TABLE sessions (
        session TEXT PRIMARY KEY,
        workspace TEXT NOT NULL,
        updated_at REAL NOT NULL,
        damaged TEXT NOT NULL,
        form INTEGER NOT NULL,
        info TEXT NOT NULL
    );
INSERT INTO "sessions" VALUES('s_01jd9yk3hm7r2k9x0q','/home/ada/project',1750000005.0,'',0,'{"id":"s_01jd9yk3hm7r2k9x0q","workspace":"/home/ada/project","title":"Mend the parser","model":"openai/gpt-5","created_at":1750000000.0,"updated_at":1750000005.0,"turns":1,"last_seq":5,"usage":{"input_tokens":900,"output_tokens":20,"cache_read_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,"estimated":false},"cost":{"usd":"0.0042","known":true},"open_turn":0,"damaged":""}');
CREATE TABLE spending (
        scope TEXT NOT NULL,
        name TEXT NOT NULL,
        nano INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        PRIMARY KEY (scope, name)
    ) WITHOUT ROWID
    ;
INSERT INTO "spending" VALUES('day','2025-06-15',4200000,1234);
INSERT INTO "spending" VALUES('project','/home/ada/project',4200000,1234);
INSERT INTO "spending" VALUES('session','s_01jd9yk3hm7r2k9x0q',4200000,1234);
CREATE TABLE texts (position INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO "texts" VALUES(3,'Mend the parser');
INSERT INTO "texts" VALUES(4,'The parser is mended.');
CREATE UNIQUE INDEX events_in_order ON events (session, seq);
CREATE UNIQUE INDEX events_by_id ON events (session, id);
CREATE INDEX sessions_by_workspace ON sessions (workspace);
COMMIT;
