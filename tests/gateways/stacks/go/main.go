// APIs on net/http and on chi that answer with what they take a request for, stacks http|chi PORT, or with the line of
// a route map that serves it, stacks routed-http|routed-chi PORT.
package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func tell(response http.ResponseWriter, request *http.Request) {
	_, _ = io.Copy(io.Discard, request.Body)
	client, scheme := request.RemoteAddr, "http"
	if request.TLS != nil {
		scheme = "https"
	}
	_ = json.NewEncoder(response).Encode(map[string]any{
		"method": request.Method, "path": request.URL.Path, "host": request.Host, "scheme": scheme,
		"client": client, "headers": request.Header, "trailers": request.Trailer,
	})
}

func main() {
	var handler http.Handler = http.HandlerFunc(tell)
	if os.Args[1] == "chi" {
		router := chi.NewRouter()
		router.Use(middleware.RealIP)
		router.HandleFunc("/*", tell)
		handler = router
	}
	if strings.HasPrefix(os.Args[1], "routed-") {
		handler = routed(os.Args[1])
	}
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[2], handler))
}
