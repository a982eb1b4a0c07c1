package passerelle_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readFile(t *testing.T, name ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(name...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadmeShowsTheReceiverThatIsTested(t *testing.T) {
	t.Parallel()
	receiver := strings.TrimSpace(readFile(t, "gateway", "report", "testdata", "receiver", "receiver.py"))
	if !strings.Contains(readFile(t, "README.md"), "```python\n"+receiver+"\n```") {
		t.Error("the receiver in README.md is not gateway/report/testdata/receiver/receiver.py")
	}
}

func TestEveryLinkAndTargetInTheReadmeIsThere(t *testing.T) {
	t.Parallel()
	readme, makefile := readFile(t, "README.md"), readFile(t, "Makefile")
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readme, -1)
	if len(links) < 5 {
		t.Fatalf("only %d links were found", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("README.md links to %s: %v", link[1], err)
		}
	}
	for _, target := range regexp.MustCompile("make ([a-z][a-z0-9]*)").FindAllStringSubmatch(readme+readFile(t, "CONTRIBUTING.md")+readFile(t, "SECURITY.md"), -1) {
		if !regexp.MustCompile(`(?m)^` + target[1] + `:`).MatchString(makefile) {
			t.Errorf("there is no target %q in the Makefile", "make "+target[1])
		}
	}
}
