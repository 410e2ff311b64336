"""Every statement on the tables of the ledger, in the words SQLite and PostgreSQL share; parameters are named."""

SPENT = "SELECT nano, tokens FROM spending WHERE scope = :scope AND name = :name"
SPENT_FROM_DAY = (
    "SELECT coalesce(sum(nano), 0), coalesce(sum(tokens), 0) FROM spending WHERE scope = 'day' AND name >= :name"
)
SPEND = """
INSERT INTO spending (scope, name, nano, tokens) VALUES (:scope, :name, :nano, :tokens)
ON CONFLICT (scope, name) DO UPDATE SET nano = spending.nano + excluded.nano, tokens = spending.tokens + excluded.tokens
"""
LATER_DAYS = "SELECT coalesce(sum(nano), 0), coalesce(sum(tokens), 0), count(*) FROM spending WHERE scope = 'day' AND name > :day"
DELETE_LATER_DAYS = "DELETE FROM spending WHERE scope = 'day' AND name > :day"
DELETE_SESSION_SPENDING = "DELETE FROM spending WHERE scope = 'session' AND name = :session"

EVERY_RESERVATION = "SELECT id, session, workspace, nano, tokens, holder, seconds, made_at FROM reservations"
RESERVE = """
INSERT INTO reservations (id, session, workspace, nano, tokens, holder, seconds, made_at)
VALUES (:id, :session, :workspace, :nano, :tokens, :holder, :seconds, :made_at)
ON CONFLICT (id) DO UPDATE SET session = excluded.session, workspace = excluded.workspace, nano = excluded.nano,
tokens = excluded.tokens, holder = excluded.holder, seconds = excluded.seconds, made_at = excluded.made_at
"""
RELEASE = "DELETE FROM reservations WHERE id = :id"
FREE_RESERVATIONS = "DELETE FROM reservations"
EVERY_SPENDING = "SELECT scope, name, nano, tokens FROM spending"
SPENT_AT_LEAST = """
INSERT INTO spending (scope, name, nano, tokens) VALUES (:scope, :name, :nano, :tokens)
ON CONFLICT (scope, name) DO UPDATE SET nano = max(spending.nano, excluded.nano), tokens = max(spending.tokens, excluded.tokens)
"""
