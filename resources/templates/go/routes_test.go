package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHelloNamesWhoAsks(t *testing.T) {
	recorder := httptest.NewRecorder()
	routes().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/hello/Ada", nil))
	if want := "{\"text\":\"Hello, Ada\"}\n"; recorder.Body.String() != want {
		t.Errorf("got %q, want %q", recorder.Body.String(), want)
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	recorder := httptest.NewRecorder()
	routes().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/elsewhere", nil))
	if recorder.Code != http.StatusNotFound {
		t.Errorf("got %d", recorder.Code)
	}
}
