package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/go-chi/chi/v5"
)

type route struct {
	Line     int
	Segments []string
	Method   string
}

// spellings returns a route's paths, with ** one for none of the rest and one for some.
func (each route) spellings(rest string) []string {
	named := make([]string, len(each.Segments))
	for at, segment := range each.Segments {
		named[at] = segment
		if segment == "{}" {
			named[at] = fmt.Sprintf("{p%d}", at)
		}
	}
	last := len(named) - 1
	if named[last] != "**" {
		return []string{"/" + strings.Join(named, "/")}
	}
	prefix := "/" + strings.Join(named[:last], "/")
	return []string{prefix, prefix + rest}
}

func (each route) answer(response http.ResponseWriter, request *http.Request) {
	_ = json.NewEncoder(response).Encode(map[string]any{"line": each.Line, "method": request.Method})
}

// routed returns a handler that is a route map's lines, each of which answers with its line.
func routed(framework string) http.Handler {
	var routes []route
	if err := json.Unmarshal([]byte(os.Getenv("ROUTES")), &routes); err != nil {
		panic(err)
	}
	mux, router := http.NewServeMux(), chi.NewRouter()
	for _, each := range routes {
		for _, path := range each.spellings("/{rest...}") {
			mux.HandleFunc(strings.TrimSpace(each.Method+" "+path), each.answer)
		}
		for _, path := range each.spellings("/*") {
			if each.Method == "" {
				router.HandleFunc(path, each.answer)
			} else {
				router.MethodFunc(each.Method, path, each.answer)
			}
		}
	}
	if framework == "routed-chi" {
		return router
	}
	return mux
}
