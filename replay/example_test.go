package replay_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// A recording is encoded by the instance that is recorded, written in the background, and read frame by frame.
func Example() {
	ctx := context.Background()
	catalog := replay.NewCatalog(&replaytest.Memory{}, replay.CatalogOptions{}) // or local.Dir("data/replay")
	writer := replay.OpenWriter(catalog, replay.WriterOptions{})

	encoder, err := replay.NewEncoder(replay.EncoderOptions{})
	if err != nil {
		log.Fatal(err)
	}
	summary := replay.Summary{ID: replay.NewID()}
	output, err := writer.Begin(summary)
	if err != nil {
		log.Fatal(err)
	}
	count := func(n string) []replay.Part {
		return []replay.Part{{Fields: []replay.Field{{Name: "Count", JSON: []byte(n)}}}}
	}
	for _, entry := range []replay.Entry{
		{Mount: &replay.Mount{View: "main.Counter", URL: "/", Effect: &replay.Effect{Keyframe: true, Parts: count("0"), HTML: []byte("<output>0</output>")}}},
		{At: 2 * time.Second, Turn: &replay.Turn{
			Cause:  replay.Cause{Kind: replay.CauseEvent, Name: "Add", Payload: []byte(`{"By":1}`)},
			Effect: &replay.Effect{Parts: count("1"), Patch: []byte(`[0,0,"1"]`)},
		}},
		{At: 3 * time.Second, Exit: &replay.Exit{Reason: replay.ExitClosed}},
	} {
		if err := encoder.Append(entry); err != nil {
			log.Fatal(err)
		}
		summary.Count(&entry)
	}
	output.Write(encoder.Cut())
	output.Finish(summary)
	if err := writer.Close(ctx); err != nil {
		log.Fatal(err)
	}

	recording, err := catalog.Get(ctx, summary.ID)
	if err != nil {
		log.Fatal(err)
	}
	frame, err := recording.Frame(ctx, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d events in %v\n", recording.Summary.View, recording.Summary.Events, recording.Summary.Duration())
	fmt.Printf("%s %s after %v, sent as %s and %s\n", frame.Parts[0].Fields[0].Name, frame.Parts[0].Fields[0].JSON, frame.Entry.At, frame.HTML, frame.Patches[0])
	// Output:
	// main.Counter: 1 events in 3s
	// Count 1 after 2s, sent as <output>0</output> and [0,0,"1"]
}
