// Package durable keeps the stored fields of views in an object store: an S3-compatible one, a directory, or memory.
//
//	state, err := durable.Open(durable.Options{Bucket: local.Dir("data/state")})
//	if err != nil {
//		return err
//	}
//	app := live.New(live.Options{Secrets: secrets, Stash: state})
//
// What a page shows as saved is in the bucket, and no crash, deploy, second tab or second node loses it or mixes it up.
//
// One browser session is one object, the document. On each node at most one actor owns a session's document (see
// session.go): it applies what the session's pages write, shows it to the session's other tabs at once, and makes it
// durable in the background, batch by batch (commit.go). Several nodes may each have an actor for one session; the
// bucket's compare-and-swap orders them, and they need no other coordinator.
//
// Two words are kept apart everywhere: a change is applied when it is in the actor's memory, and durable (or saved) when
// the bucket has confirmed it.
package durable
