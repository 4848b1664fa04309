-- Objects of recordings: segments, summaries, assets, and what says which recordings are running.
CREATE TABLE livelong_replay_objects (
	key TEXT COLLATE "C" PRIMARY KEY,
	version TEXT NOT NULL,
	data BYTEA NOT NULL,
	inserted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
	updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Finished recordings, to be listed and searched. Times are in milliseconds, connected_at since 1970.
CREATE TABLE livelong_replay_recordings (
	id TEXT COLLATE "C" PRIMARY KEY,
	view TEXT NOT NULL,
	connected_at BIGINT NOT NULL,
	event_count BIGINT NOT NULL,
	duration BIGINT NOT NULL,
	errors BIGINT NOT NULL,
	url TEXT NOT NULL,
	user_label TEXT NOT NULL,
	build TEXT NOT NULL,
	session TEXT NOT NULL,
	search TEXT NOT NULL,
	data BYTEA NOT NULL,
	inserted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
	updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX livelong_replay_recordings_newest ON livelong_replay_recordings (connected_at DESC, id);
