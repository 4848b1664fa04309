-- Objects of recordings: segments, summaries, assets, and what says which recordings are running.
CREATE TABLE livelong_replay_objects (
	key TEXT PRIMARY KEY NOT NULL,
	version TEXT NOT NULL,
	data BLOB NOT NULL,
	inserted_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Finished recordings, to be listed and searched. Times are in milliseconds, connected_at since 1970.
CREATE TABLE livelong_replay_recordings (
	id TEXT PRIMARY KEY NOT NULL,
	view TEXT NOT NULL,
	connected_at INTEGER NOT NULL,
	event_count INTEGER NOT NULL,
	duration INTEGER NOT NULL,
	errors INTEGER NOT NULL,
	url TEXT NOT NULL,
	user_label TEXT NOT NULL,
	build TEXT NOT NULL,
	session TEXT NOT NULL,
	search TEXT NOT NULL,
	data BLOB NOT NULL,
	inserted_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX livelong_replay_recordings_newest ON livelong_replay_recordings (connected_at DESC, id);
