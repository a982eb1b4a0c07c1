package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"path"
	"slices"

	"github.com/valyala/fasthttp"
)

// files are the page, as they are sent: plain modules, no build step. words.json is the one table of all that is said.
//
//go:embed page
var files embed.FS

//go:embed openapi.yaml
var description []byte

// languages of the page; Arabic is written from right to left.
var languages = []string{"en", "fr", "ar"}

func knownLanguage(l string) bool { return slices.Contains(languages, l) }

func direction(language string) string {
	if language == "ar" {
		return "rtl"
	}
	return "ltr"
}

type asset struct {
	contentType string
	body        []byte
}

// pages are the documents; the rest of the page is assets.
type pages struct {
	index, lane, login, pair, preflight *template.Template
}

var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// loadPages reads the embedded files. words.json becomes a module: JSON is an expression of ECMAScript.
func loadPages() (map[string]asset, *pages, error) {
	entries, err := files.ReadDir("page")
	if err != nil {
		return nil, nil, fmt.Errorf("web: %w", err)
	}
	assets, p := make(map[string]asset), new(pages)
	for _, e := range entries {
		body, err := files.ReadFile("page/" + e.Name())
		if err != nil {
			return nil, nil, fmt.Errorf("web: %w", err)
		}
		switch name := e.Name(); {
		case name == "index.html":
			p.index, err = template.New(name).Parse(string(body))
		case name == "lane.html":
			p.lane, err = template.New(name).Parse(string(body))
		case name == "login.html":
			p.login, err = template.New(name).Parse(string(body))
		case name == "pair.html":
			p.pair, err = template.New(name).Parse(string(body))
		case name == "preflight.html":
			p.preflight, err = template.New(name).Parse(string(body))
		case name == "words.json":
			if !json.Valid(body) {
				err = fmt.Errorf("page/%s: not JSON", name)
			}
			assets["words.js"] = asset{contentTypes[".js"], slices.Concat([]byte("export default "), body)}
		default:
			assets[name] = asset{contentTypes[path.Ext(name)], body}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("web: %w", err)
		}
	}
	return assets, p, nil
}

// indexPage answers GET /.
func (s *Server) indexPage(ctx *fasthttp.RequestCtx, _ string) { s.document(ctx, s.pages.index, "") }

// loginPage answers GET /login.
func (s *Server) loginPage(ctx *fasthttp.RequestCtx, _ string) { s.document(ctx, s.pages.login, "") }

// pairPage answers GET /pair, to which a pairing code leads.
func (s *Server) pairPage(ctx *fasthttp.RequestCtx, _ string) { s.document(ctx, s.pages.pair, "") }

// preflightPage answers GET /preflight.
func (s *Server) preflightPage(ctx *fasthttp.RequestCtx, _ string) {
	s.document(ctx, s.pages.preflight, "")
}

// lanePage answers GET /lane/{id}.
func (s *Server) lanePage(ctx *fasthttp.RequestCtx, id string) {
	if !s.lanes[id] {
		refuse(ctx, fasthttp.StatusNotFound, "there is no lane of that name")
		return
	}
	s.document(ctx, s.pages.lane, id)
}

// document fills in a page. Its policy allows our own files and the one place that events come from, no script or style
// in the page itself, and no way to make markup of text (Trusted Types).
func (s *Server) document(ctx *fasthttp.RequestCtx, t *template.Template, id string) {
	language := string(ctx.QueryArgs().Peek("lang"))
	if !knownLanguage(language) {
		language = s.config.Language
	}
	events := originOf(ctx, s.eventsPort)
	var page bytes.Buffer
	err := t.Execute(&page, struct{ Language, Direction, Lane, Events string }{language, direction(language), id, events})
	if err != nil {
		panic(err) // four strings
	}
	ctx.Response.Header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self' "+events+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "+
		"require-trusted-types-for 'script'; trusted-types 'none'")
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(page.Bytes())
}

// asset answers GET /assets/{file}.
func (s *Server) asset(ctx *fasthttp.RequestCtx, name string) {
	a, ok := s.assets[name]
	if !ok {
		refuse(ctx, fasthttp.StatusNotFound, "there is no such file")
		return
	}
	ctx.SetContentType(a.contentType)
	ctx.SetBody(a.body)
}

// describe answers GET /openapi.yaml.
func (s *Server) describe(ctx *fasthttp.RequestCtx, _ string) {
	ctx.SetContentType("application/yaml")
	ctx.SetBody(description)
}
