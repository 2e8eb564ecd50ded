package signal

import (
	"encoding/json"
	"net/http"
)

// problem answers a request with a problem document (RFC 9457).
func problem(w http.ResponseWriter, status int, code, detail string) {
	data, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, code, detail})
	if err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client may have gone
}
