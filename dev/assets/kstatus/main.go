// Program kstatus judges Kubernetes objects as Flux, Helm and kpt do. It reads objects as JSON from
// standard input, one a line, and writes {"status", "message"} for each, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func judge(in io.Reader, out io.Writer) error {
	objects, verdicts := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var text json.RawMessage
		switch err := objects.Decode(&text); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading an object: %w", err)
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(text); err != nil {
			return fmt.Errorf("reading an object: %w", err)
		}
		result, err := status.Compute(&object)
		if err != nil {
			return fmt.Errorf("judging %s: %w", object.GetName(), err)
		}
		if err := verdicts.Encode(verdict{string(result.Status), result.Message}); err != nil {
			return err
		}
	}
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := errors.Join(judge(bufio.NewReader(os.Stdin), out), out.Flush())
	if err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}
