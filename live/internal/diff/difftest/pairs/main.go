// Command pairs prints generated pairs of views and their patches as JSON, for the browser to apply.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"

	"github.com/livelong-dev/livelong/live/internal/diff/difftest"
)

func main() {
	seed := flag.Int64("seed", 1, "of the generator")
	n := flag.Int("n", 1600, "how many pairs")
	flag.Parse()
	if err := json.NewEncoder(os.Stdout).Encode(difftest.Pairs(*seed, *n)); err != nil {
		log.Fatal(err)
	}
}
