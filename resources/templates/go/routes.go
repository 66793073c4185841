package main

import (
	"encoding/json"
	"net/http"
)

type greeting struct {
	Text string `json:"text"`
}

// routes answers /hello/{name} and a page at the root.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>Server</title><h1>It runs</h1><p>Try <a href="/hello/you">/hello/you</a>.`))
	})
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(greeting{Text: "Hello, " + r.PathValue("name")})
	})
	return mux
}
