"""Every statement on the tables of the store, in the words SQLite and PostgreSQL share; parameters are named.

What differs between them (types, pragmas, the full-text index, locking) stays with each adapter.
"""

LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM events WHERE session = :session"

EVENT_BY_ID = """
SELECT id, session, seq, turn, at, kind, form, CAST(body AS BLOB) FROM events WHERE session = :session AND id = :id
"""
EVENTS_AFTER = """
SELECT id, session, seq, turn, at, kind, form, CAST(body AS BLOB) FROM events
WHERE session = :session AND seq > :after AND seq <= :upto ORDER BY seq
"""
ADD_EVENT = """
INSERT INTO events (session, seq, id, turn, at, kind, form, body)
VALUES (:session, :seq, :id, :turn, :at, :kind, :form, :body) RETURNING position
"""
POSITIONS = "SELECT seq, position FROM events WHERE session = :session"
DELETE_EVENTS = "DELETE FROM events WHERE session = :session"

TENURE = "SELECT holder, fence, seconds, renewed_at FROM leases WHERE session = :session"
ADD_TENURE = "INSERT INTO leases (session, holder, fence, seconds, renewed_at) VALUES (:session, '', 0, 0, 0)"
CHANGE_TENURE = """
UPDATE leases SET holder = :holder, fence = :fence, seconds = :seconds, renewed_at = :renewed_at WHERE session = :session
"""
DELETE_TENURE = "DELETE FROM leases WHERE session = :session"

SESSION = "SELECT session, workspace, updated_at, damaged, form, info FROM sessions WHERE session = :session"
SESSIONS = """
SELECT session, workspace, updated_at, damaged, form, info FROM sessions
ORDER BY updated_at DESC, session DESC LIMIT :limit
"""
SESSIONS_OF_WORKSPACE = """
SELECT session, workspace, updated_at, damaged, form, info FROM sessions WHERE workspace = :workspace
ORDER BY updated_at DESC, session DESC LIMIT :limit
"""
SESSIONS_BETWEEN = """
SELECT session, workspace, updated_at, damaged, form, info FROM sessions
WHERE session >= :low AND session < :high ORDER BY session LIMIT :limit
"""
KEEP_SESSION = """
INSERT INTO sessions (session, workspace, updated_at, damaged, form, info)
VALUES (:session, :workspace, :updated_at, :damaged, :form, :info)
ON CONFLICT (session) DO UPDATE SET workspace = excluded.workspace, updated_at = excluded.updated_at,
damaged = excluded.damaged, form = excluded.form, info = excluded.info
"""
MARK_DAMAGED = "UPDATE sessions SET damaged = :damaged WHERE session = :session AND damaged <> :damaged"
DELETE_SESSION = "DELETE FROM sessions WHERE session = :session"
EVERY_SESSION = "SELECT session FROM sessions UNION SELECT DISTINCT session FROM events ORDER BY session"

ADD_TEXT = "INSERT INTO texts (position, text) VALUES (:position, :text)"
DELETE_TEXTS = "DELETE FROM texts WHERE position IN (SELECT position FROM events WHERE session = :session)"
DELETE_EVERY_TEXT = "DELETE FROM texts"
DELETE_EVERY_SESSION = "DELETE FROM sessions"
LAST_TEXT = "SELECT coalesce(max(position), 0) FROM texts"
TEXTS_OF_SESSION = """
SELECT position, text FROM texts WHERE position IN (SELECT position FROM events WHERE session = :session)
"""
TEXTS_AFTER = "SELECT position, text FROM texts WHERE position > :after ORDER BY position LIMIT :limit"
FOUND_TEXTS = """
SELECT t.text, e.session, e.seq, e.turn FROM texts t
JOIN events e ON e.position = t.position JOIN sessions s ON s.session = e.session
WHERE t.position > :after AND (:workspace IS NULL OR s.workspace = :workspace) ORDER BY t.position DESC
"""
MISSING_TENURES = """
INSERT INTO leases (session, holder, fence, seconds, renewed_at)
SELECT session, '', 0, 0, 0 FROM sessions WHERE session NOT IN (SELECT session FROM leases)
"""

FREE_TENURES = "UPDATE leases SET holder = '' WHERE holder <> ''"
HOLDERS = "SELECT holder FROM leases WHERE holder <> '' LIMIT 20"
EVERY_FENCE = "SELECT session, fence FROM leases"
EVERY_BODY = "SELECT session, CAST(body AS BLOB) FROM events"
BODIES_WITH_CONTENTS = """
SELECT session, kind, CAST(body AS BLOB) FROM events WHERE kind IN ('tool.finished', 'changes.applied')
"""
SESSIONS_OLDEST_FIRST = """
SELECT session, workspace, updated_at, damaged, form, info FROM sessions ORDER BY updated_at, session
"""
COUNTS = "SELECT count(DISTINCT session), count(*) FROM events"

NOTE = "SELECT value FROM notes WHERE name = :name"
KEEP_NOTE = """
INSERT INTO notes (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
