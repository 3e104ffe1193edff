// A small origin that keeps docs/origin-contract.md, with Go's standard library alone. To be read, and to begin one's own with.
//
// It has one tool, `hello`, and keeps claims in its memory: an origin that is one of several keeps them in the database that all share.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const maxBody = 4 << 20

var (
	secretShape    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	tombstoneShape = regexp.MustCompile(`^revoked:[0-9a-f]{16}$`)
	markShape      = regexp.MustCompile(`^[0-9a-f]{16}$`)
	markName       = regexp.MustCompile(`^([A-Z][A-Z0-9_]{0,63})_MARK$`)
	uuidShape      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	uuidV7Shape    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// A claim is what is known of one request id.
type claim struct {
	user   string
	at     time.Time
	result any // nil while it runs
}

type origin struct {
	name, instance string
	kids           map[string]any // slot to kid, tombstone or nil
	digests        map[string][sha256.Size]byte
	marks          map[string]any
	draining       atomic.Bool

	mu           sync.Mutex
	lastAccepted map[string]time.Time
	claims       map[string]*claim
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}

// readSlot returns what the slot reports, and its secret or nil. The process ends on anything that is no slot.
func readSlot(name string) (any, []byte) {
	text, set := os.LookupEnv(name)
	if !set {
		return nil, nil
	}
	if tombstoneShape.MatchString(text) && len(text) == 24 {
		return text, nil
	}
	secret, _ := hex.DecodeString(text)
	distinct, published := map[byte]bool{}, true
	for i, b := range secret {
		distinct[b] = true
		published = published && int(b) == i
	}
	if len(text) != 64 || !secretShape.MatchString(text) || len(distinct) < 16 || published {
		fail(name + " is neither a secret nor a tombstone")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("mcpist/gateway-secret/kid/v1"))
	return hex.EncodeToString(mac.Sum(nil)[:8]), []byte(text)
}

// accepted returns the kid of the one value that was sent, or "". Every slot is compared, always, in constant time.
func (o *origin) accepted(values []string) string {
	sent := ""
	if len(values) == 1 {
		sent = values[0]
	}
	digest, found := sha256.Sum256([]byte(sent)), ""
	for kid, known := range o.digests {
		if subtle.ConstantTimeCompare(digest[:], known[:]) == 1 {
			found = kid
		}
	}
	return found
}

func answer(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// deny answers without a body. The request's own was not read, so the connection ends.
func deny(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("X-Mcpist-Deny", reason)
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

func rpcError(id any, code int, message string) any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": message}}
}

func (o *origin) observe(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	ages := map[string]any{}
	for kid := range o.digests {
		ages[kid] = nil
		if at, known := o.lastAccepted[kid]; known {
			ages[kid] = int(time.Since(at).Seconds())
		}
	}
	o.mu.Unlock()
	seen := map[string]any{
		"role": "origin", "instanceId": o.instance, "deployment": orElse(os.Getenv("FLY_MACHINE_VERSION"), "local"),
		"kids": o.kids, "lastAccepted": ages, "marks": o.marks,
	}
	if values, sent := r.Header["X-Gateway-Secret"]; sent {
		seen["accepted"] = o.accepted(values) != ""
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, 200, seen)
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Mcpist-Origin", o.name)
	switch {
	case r.Method == "GET" && r.URL.Path == "/health":
		answer(w, 200, map[string]any{"status": "ok"})
		return
	case r.Method == "GET" && r.URL.Path == "/.well-known/mcpist/gateway":
		o.observe(w, r)
		return
	}
	kid := o.accepted(r.Header["X-Gateway-Secret"])
	if kid == "" {
		deny(w, 403, "gateway_secret")
		return
	}
	switch {
	case r.Method == "GET" && r.URL.Path == "/health/ready":
		if o.draining.Load() {
			deny(w, 503, "draining")
			return
		}
		answer(w, 200, map[string]any{"status": "ready"})
	case r.URL.Path != "/mcp":
		answer(w, 404, nil)
	default:
		o.mu.Lock()
		o.lastAccepted[kid] = time.Now()
		o.mu.Unlock()
		o.serveMcp(w, r)
	}
}

func (o *origin) serveMcp(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		w.Header().Set("Allow", "POST")
		answer(w, 405, nil)
		return
	}
	if o.draining.Load() {
		deny(w, 503, "draining")
		return
	}
	users, ids := r.Header["X-User-Id"], r.Header["X-Request-Id"]
	if len(users) != 1 || len(ids) != 1 || !uuidShape.MatchString(users[0]) || !uuidV7Shape.MatchString(ids[0]) {
		deny(w, 500, "identity")
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		deny(w, 413, "size")
		return
	}
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		answer(w, 400, rpcError(nil, -32600, "No batches"))
		return
	}
	var message struct {
		ID     any    `json:"id"`
		Method string `json:"method"`
		Params struct {
			Name string `json:"name"`
		} `json:"params"`
	}
	if json.Unmarshal(text, &message) != nil {
		answer(w, 400, rpcError(nil, -32700, "Parse error"))
		return
	}
	if message.ID == nil {
		answer(w, 202, nil)
		return
	}
	var result any
	switch {
	case message.Method == "initialize":
		result = map[string]any{
			"protocolVersion": "2025-06-18",
			"capabilities":    map[string]any{"tools": map[string]any{}},
			"serverInfo":      map[string]any{"name": o.name, "version": "1.0.0"},
		}
	case message.Method == "ping":
		result = map[string]any{}
	case message.Method == "tools/list":
		tool := map[string]any{"name": "hello", "description": "Greets.", "inputSchema": map[string]any{"type": "object"}}
		result = map[string]any{"tools": []any{tool}}
	case message.Method == "tools/call" && message.Params.Name == "hello":
		result = o.hello(w, ids[0], users[0])
		if result == nil {
			return
		}
	default:
		answer(w, 200, rpcError(message.ID, -32601, "Method not found"))
		return
	}
	answer(w, 200, map[string]any{"jsonrpc": "2.0", "id": message.ID, "result": result})
}

func textResult(text string, isError bool) any {
	return map[string]any{"content": []any{map[string]any{"type": "text", "text": text}}, "isError": isError}
}

// hello has an effect as far as the gateway knows, so it is run once for one request id. Nil = it has been answered already.
func (o *origin) hello(w http.ResponseWriter, id, user string) any {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, old := range o.claims {
		if time.Since(old.at) > 10*time.Minute {
			delete(o.claims, key)
		}
	}
	if known := o.claims[id]; known != nil {
		switch {
		case known.user != user:
			return textResult("not available", true)
		case known.result == nil:
			w.Header().Set("X-Mcpist-Claim", "in_progress")
			answer(w, 409, nil)
			return nil
		}
		w.Header().Set("X-Mcpist-Claim", "replayed")
		return known.result
	}
	taken := &claim{user: user, at: time.Now()}
	o.claims[id] = taken
	taken.result = textResult("Hello, "+user+": "+rand.Text(), false)
	return taken.result
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func main() {
	o := &origin{
		name:     orElse(os.Getenv("ORIGIN_NAME"), "go"),
		instance: orElse(orElse(os.Getenv("FLY_MACHINE_ID"), os.Getenv("KOYEB_INSTANCE_ID")), "local-"+rand.Text()),
		kids:     map[string]any{}, digests: map[string][sha256.Size]byte{}, marks: map[string]any{},
		lastAccepted: map[string]time.Time{}, claims: map[string]*claim{},
	}
	for slot, name := range map[string]string{"a": "GATEWAY_SECRET_A", "b": "GATEWAY_SECRET_B"} {
		report, secret := readSlot(name)
		o.kids[slot] = report
		if secret != nil {
			o.digests[report.(string)] = sha256.Sum256(secret)
		}
	}
	if len(o.digests) == 0 {
		fail("no gateway secret in GATEWAY_SECRET_A or GATEWAY_SECRET_B")
	}
	for _, entry := range os.Environ() {
		name, text, _ := strings.Cut(entry, "=")
		if found := markName.FindStringSubmatch(name); found != nil {
			o.marks[found[1]] = nil
			if markShape.MatchString(text) && len(text) == 16 && text != strings.Repeat("0", 16) {
				o.marks[found[1]] = text
			}
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(orElse(os.Getenv("HOST"), "0.0.0.0"), orElse(os.Getenv("PORT"), "8080")))
	if err != nil {
		fail(err.Error())
	}
	server := &http.Server{Handler: o, ReadTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 32 << 10}
	ended := make(chan struct{})
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		o.draining.Store(true)
		// A little while for what comes on kept connections: it is told to go elsewhere.
		time.Sleep(4 * time.Second)
		grace, cancel := context.WithTimeout(context.Background(), 24*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
		close(ended)
	}()
	fmt.Printf("{\"event\":\"listening\",\"port\":%d,\"origin\":%q}\n", listener.Addr().(*net.TCPAddr).Port, o.name)
	if err := server.Serve(listener); err != http.ErrServerClosed {
		fail(err.Error())
	}
	<-ended
}
