-- One SQLite file holds a study's sessions and answers. user_version is the version of this schema.
-- Times are seconds since 1970 (UTC); what is secret is kept as a SHA-256 only.

PRAGMA application_id = 1397638476;  -- "SNEL": this file is ours

CREATE TABLE setting (          -- state, frozen_hash, frozen_at, simulated, unlocked_at, refused_…, …
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  id            TEXT PRIMARY KEY,             -- 128 random bits; never the token
  number        INTEGER NOT NULL UNIQUE,      -- 1, 2, …: exports say P0001
  token_hash    BLOB NOT NULL UNIQUE,
  withdraw_hash BLOB NOT NULL UNIQUE,
  worker_hash   BLOB UNIQUE,                  -- salted; finds the session when storage is denied
  request_hash  BLOB UNIQUE,                  -- salted; finds it when the reply to the consent was lost
  slot          INTEGER NOT NULL,             -- which person of the plan, 0, 1, …
  state         TEXT NOT NULL CHECK (state IN ('active', 'completed', 'expired', 'withdrawn')),
  simulated     INTEGER NOT NULL DEFAULT 0,
  created_at    REAL NOT NULL,                -- of the consent
  lease_until   REAL NOT NULL,
  completed_at  REAL,
  code          TEXT,                         -- only when completed
  screen        TEXT NOT NULL DEFAULT '{}'    -- what the screen check said, JSON
) STRICT;

-- A place is held by one session at a time, whoever asks at the same moment.
CREATE UNIQUE INDEX one_holder ON session (slot) WHERE state IN ('active', 'completed');

-- Tokens that another tab's have replaced: whoever still holds one is told where the study goes on.
CREATE TABLE moved (
  token_hash BLOB PRIMARY KEY,
  session    TEXT NOT NULL REFERENCES session (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE identity (         -- the platform's plain ids, needed to pay; `purge` empties it
  session    TEXT PRIMARY KEY REFERENCES session (id),
  platform   TEXT NOT NULL,
  worker     TEXT NOT NULL,
  assignment TEXT NOT NULL,     -- MTurk's assignmentId, Prolific's SESSION_ID
  task       TEXT NOT NULL,     -- MTurk's hitId, Prolific's STUDY_ID
  created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invitation (       -- personal links of an open study
  token_hash BLOB PRIMARY KEY,
  label      TEXT NOT NULL,
  session    TEXT UNIQUE REFERENCES session (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE trial (            -- what each session is shown, drawn when it begins
  session TEXT NOT NULL REFERENCES session (id),
  number  INTEGER NOT NULL,     -- 0, 1, … in the order of showing
  kind    TEXT NOT NULL CHECK (kind IN ('training', 'main', 'catch', 'repeat')),
  picture INTEGER NOT NULL,     -- its place in pictures.json
  shown   TEXT NOT NULL,        -- JSON list, left to right: models by place in study.yaml; -1: the original
  PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE image (            -- the only way to a picture: an opaque id of one trial of one session
  id      TEXT PRIMARY KEY,     -- 128 random bits
  session TEXT NOT NULL REFERENCES session (id),
  trial   INTEGER NOT NULL,
  place   INTEGER NOT NULL      -- 0: the labelled original; 1, 2, …: left to right
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX image_of_trial ON image (session, trial, place);

CREATE TABLE answer (
  session     TEXT NOT NULL REFERENCES session (id),
  trial       INTEGER NOT NULL,
  ranks       TEXT NOT NULL,    -- JSON list, left to right, as given: 1 is best
  body_hash   BLOB NOT NULL,    -- the same body again is the same answer
  received_at REAL NOT NULL,
  shown_ms    REAL,             -- the browser's clock: after paint, first action, submission
  first_ms    REAL,
  submit_ms   REAL,
  environment TEXT NOT NULL,    -- JSON: window, zoom, magnification, blurs
  PRIMARY KEY (session, trial)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (            -- what the administrator did, and what happened to the study
  id     INTEGER PRIMARY KEY,
  at     REAL NOT NULL,
  what   TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT ''
) STRICT;
