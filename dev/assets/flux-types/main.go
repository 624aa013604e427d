// Program flux-types reads manifests of Flux from standard input and refuses what Flux's own types do
// not know: other kinds, unknown or repeated fields, values of another type.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func check(document []byte) error {
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(document, &meta); err != nil {
		return err
	}
	switch {
	case meta.APIVersion == kustomizev1.GroupVersion.String() && meta.Kind == "Kustomization":
		return yaml.UnmarshalStrict(document, &kustomizev1.Kustomization{})
	case meta.APIVersion == sourcev1.GroupVersion.String() && meta.Kind == "GitRepository":
		return yaml.UnmarshalStrict(document, &sourcev1.GitRepository{})
	}
	return fmt.Errorf("unknown kind %s %s", meta.APIVersion, meta.Kind)
}

func checkAll(in io.Reader) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for number := 1; ; number++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = check(document)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
	}
}

func main() {
	if err := checkAll(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "flux-types:", err)
		os.Exit(1)
	}
}
