package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// apiServer is as much of the API as a run uses. It takes the key atk_right.
func apiServer(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, body map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}
	guarded := func(pattern string, handle func(body map[string]any) (int, map[string]any)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Authorization") != "Bearer atk_right" {
				answer(w, http.StatusUnauthorized, map[string]any{"code": "unauthenticated", "detail": "no such key"})
				return
			}
			var body map[string]any
			_ = json.NewDecoder(q.Body).Decode(&body) // DELETE has none
			status, out := handle(body)
			answer(w, status, out)
		})
	}
	guarded("POST /api/v1/rooms", func(body map[string]any) (int, map[string]any) {
		if fmt.Sprint(body) != "map[capacity:30 name:n type:plain]" {
			return http.StatusUnprocessableEntity, map[string]any{"code": "invalid", "detail": fmt.Sprint(body)}
		}
		return http.StatusCreated, map[string]any{"id": "room-1"}
	})
	guarded("POST /api/v1/rooms/room-1/tokens", func(body map[string]any) (int, map[string]any) {
		return http.StatusCreated, map[string]any{"token": fmt.Sprint(body["role"], " ", body["name"]), "participant_id": "p1"}
	})
	guarded("DELETE /api/v1/rooms/room-1", func(map[string]any) (int, map[string]any) { return http.StatusOK, nil })
	return mux
}

func TestAPIRooms(t *testing.T) {
	server := httptest.NewServer(apiServer(t))
	defer server.Close()
	a, err := newAPIRooms(server.URL, Options{Key: "atk_right"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	id, err := a.create(t.Context(), "n", 30)
	if err != nil || id != "room-1" {
		t.Fatalf("create: %q, %v", id, err)
	}
	for publisher, want := range map[bool]string{true: "participant x", false: "viewer x"} {
		if who, token, err := a.token(t.Context(), id, "x", publisher); err != nil || who != "p1" || token != want {
			t.Errorf("token: %q, %q, %v; want %q", who, token, err, want)
		}
	}
	if err := a.remove(t.Context(), id); err != nil {
		t.Errorf("remove: %v", err)
	}
	if err := a.remove(t.Context(), "other"); !errors.Is(err, ErrNoAtrium) {
		t.Errorf("what isn't the API's: %v, want ErrNoAtrium", err)
	}
}

// Every failure to reach the API says what to do.
func TestAPIErrors(t *testing.T) {
	plain := httptest.NewServer(apiServer(t))
	defer plain.Close()
	secure := httptest.NewUnstartedServer(apiServer(t))
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()

	for _, row := range []struct {
		name, url string
		o         Options
		want      error
		says      string
	}{
		{"wrong key", plain.URL, Options{Key: "atk_wrong"}, ErrKey, "--key-file"},
		{"nobody there", nobody, Options{Key: "atk_right"}, ErrUnreachable, "--url"},
		{"another server", foreign.URL, Options{Key: "atk_right"}, ErrNoAtrium, "--url"},
		{"self-made certificate", secure.URL, Options{Key: "atk_right"}, ErrCertificate, "--insecure"},
		{"insecure", secure.URL, Options{Key: "atk_right", Insecure: true}, nil, ""},
	} {
		s := valid()
		s.URL = row.url
		a, err := newAPIRooms(row.url, row.o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.create(t.Context(), "n", 30)
		a.close()
		if !errors.Is(err, row.want) || row.want != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %v that says %s", row.name, err, row.want, row.says)
		}
	}
	a, err := newAPIRooms(plain.URL, Options{Key: "atk_right"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if _, err := a.create(t.Context(), "wrong", 1); err == nil || !strings.Contains(err.Error(), "422 invalid") {
		t.Errorf("a refused room: %v, want the server's words", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := a.create(ctx, "n", 30); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnreachable) {
		t.Errorf("too late: %v, want that alone", err)
	}
}
