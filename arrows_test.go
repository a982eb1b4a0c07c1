package passerelle_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which of our packages a package may import; a name that ends in "/*" stands for all below it. What is not
// here is an error. README.md, "Architecture", shows the plan and says where it differs from the first one.
var arrows = map[string][]string{
	"gateway": {"gateway/*", "drivers/*"}, // main wires everything

	"gateway/encoding/*":          {},
	"gateway/encoding/cose":       {"gateway/encoding/cbor"},
	"gateway/encoding/statuslist": {"gateway/encoding/cbor"},
	"gateway/sig":                 {"gateway/sig/*"},
	"gateway/sig/*":               {},
	"gateway/credential/*":        {"gateway/encoding/*", "gateway/sig"},
	"gateway/trust":               {"gateway/sig", "gateway/credential/list", "gateway/encoding/statuslist"},
	"gateway/identity":            {"gateway/credential/*", "gateway/policy"},
	"gateway/policy":              {"gateway/credential/*", "gateway/trust"},
	"gateway/verify":              {"gateway/encoding/*", "gateway/credential/*", "gateway/sig", "gateway/trust", "gateway/policy"},

	"gateway/trust/bundle": {"gateway/trust", "gateway/sig", "gateway/credential/list", "gateway/encoding/*"},
	"gateway/trust/source": {"gateway/trust/bundle", "gateway/trust", "gateway/sig", "gateway/credential/*"},
	"gateway/trust/cache":  {"gateway/trust/bundle", "gateway/trust", "gateway/sig", "gateway/credential/list", "gateway/encoding/*"},

	"gateway/journal": {"gateway/policy"},
	"gateway/report":  {"gateway/journal", "gateway/policy"},
	"gateway/people":  {},
	"gateway/lane":    {"gateway/verify", "gateway/identity", "gateway/sig", "gateway/policy", "gateway/journal", "gateway/trust"},
	"gateway/rows":    {},
	"gateway/web": {
		"gateway/lane", "gateway/verify", "gateway/rows", "gateway/sig", "gateway/report", "gateway/trust", "gateway/trust/*", "gateway/journal",
		"gateway/policy", "gateway/people",
	},
	"gateway/issuer":          {"gateway/encoding/*", "gateway/credential/cwt", "gateway/sig", "gateway/trust"}, // signs; only main and tests use it
	"gateway/issuer/testkeys": {"gateway/issuer", "gateway/sig", "gateway/trust"},
	"gateway/interop":         {"gateway/*", "drivers/camera"}, // the program of make interop
	"gateway/vectors":         {"gateway/*"},                   // the program of make vectors

	"drivers/*":   {"drivers/frame"},
	"drivers/hid": {"drivers/frame", "drivers/usb"},

	"firmware/*":         {},
	"firmware/scanners":  {"drivers/frame", "drivers/keyboard", "drivers/scannertest"},
	"firmware/rig/start": {},
	"testdata":           {"gateway/trust", "gateway/sig"}, // only tests import it
}

// only says which packages may import these modules at all, tests aside.
var only = map[string][]string{
	"github.com/dgraph-io/badger": {"gateway/trust/cache", "gateway/journal", "gateway/report"},
	"github.com/valyala/fasthttp": {"gateway", "gateway/report", "gateway/web"},
	"github.com/veraison/go-cose": {"gateway/trust/bundle", "gateway/issuer"},
}

// hot packages are on the way of every scan: the standard library alone, and nothing that waits or looks at a clock.
var (
	hot          = []string{"gateway/encoding", "gateway/credential", "gateway/sig", "gateway/trust", "gateway/policy", "gateway/verify"}
	hotForbidden = []string{"os", "net", "net/http", "syscall"}
	hotAllowed   = []string{"golang.org/x/sys/cpu"}
)

func TestImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (name == ".git" || name == "build" || name == "benchmarks") {
			return filepath.SkipDir // benchmarks is a module of its own
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			checkImport(t, filepath.ToSlash(name), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d files were read", files)
	}
}

func checkImport(t *testing.T, file, imported string) {
	t.Helper()
	dir, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
	if ours, ok := strings.CutPrefix(imported, "passerelle/"); ok {
		if !test && dir != ours && !allowed(arrows, dir, ours) {
			t.Errorf("%s imports %s: no arrow from %s", file, ours, dir)
		}
		if test && strings.HasPrefix(dir, "drivers") && strings.HasPrefix(ours, "gateway") {
			t.Errorf("%s imports %s: a driver knows nothing of the gateway, nor does its test", file, ours)
		}
		return
	}
	if test {
		return
	}
	for module, dirs := range only {
		if strings.HasPrefix(imported, module) && !slices.Contains(dirs, dir) {
			t.Errorf("%s imports %s: only %v may", file, imported, dirs)
		}
	}
	if isHot(dir) && (slices.Contains(hotForbidden, imported) || strings.Contains(strings.Split(imported, "/")[0], ".") && !slices.Contains(hotAllowed, imported)) {
		t.Errorf("%s imports %s: it is on the hot path", file, imported)
	}
}

// TestHotPackagesNeverLookAtAClock reads the code of the hot packages for time.Now and its kin.
func TestHotPackagesNeverLookAtAClock(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir("gateway", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !isHot(path.Dir(filepath.ToSlash(name))) {
			return err
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := call.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "NewTimer", "NewTicker", "Sleep"}, call.Sel.Name) {
				t.Errorf("%s calls time.%s: the time comes in as an argument", name, call.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 15 {
		t.Fatalf("only %d files were read", files)
	}
}

func isHot(dir string) bool {
	if dir == "gateway/trust" {
		return true
	}
	return !strings.HasPrefix(dir, "gateway/trust/") && slices.ContainsFunc(hot, func(h string) bool {
		return dir == h || strings.HasPrefix(dir, h+"/")
	})
}

// allowed reports whether the table has an arrow from one package to another.
func allowed(arrows map[string][]string, from, to string) bool {
	targets, ok := arrows[from]
	if !ok {
		targets = arrows[path.Dir(from)+"/*"]
	}
	return slices.ContainsFunc(targets, func(pattern string) bool {
		parent, below := strings.CutSuffix(pattern, "/*")
		return pattern == to || below && strings.HasPrefix(to, parent+"/")
	})
}

func TestArrowsRefuseWhatIsNotInTheTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"gateway", "drivers/serial", true},
		{"gateway/verify", "gateway/encoding/cbor", true},
		{"gateway/credential/hcert", "gateway/encoding/cbor", true},
		{"drivers/hid", "drivers/frame", true},
		{"drivers/hid", "drivers/serial", false},
		{"drivers/hid", "gateway/policy", false},
		{"gateway/lane", "drivers/serial", false},
		{"gateway/verify", "gateway/journal", false},
		{"gateway/policy", "gateway/verify", false},
		{"gateway/nowhere", "gateway/policy", false},
	} {
		if got := allowed(arrows, tt.from, tt.to); got != tt.want {
			t.Errorf("%s → %s: allowed = %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
