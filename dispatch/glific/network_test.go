package glific_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestCannotConnect checks that an error says where and why, in the same words each
// time, and shows nothing else of the base URL.
func TestCannotConnect(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()

	cutting := listen(t, func(conn *net.TCPConn) { _ = conn.SetLinger(0) })

	closed := closedPort(t)
	failing := func(err error) *http.Transport {
		return &http.Transport{
			DialContext:    func(context.Context, string, string) (net.Conn, error) { return nil, err },
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, err },
		}
	}
	direct := &http.Transport{} // past any proxy of this machine
	for name, test := range map[string]struct {
		transport *http.Transport
		scheme    string
		host      string
		want      string
	}{
		"nothing listens": {direct, "http", closed, "connection refused"},
		"no such host":    {failing(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}), "https", "api.asha.example", "no such host"},
		"no name server":  {failing(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "x"}}), "https", "api.asha.example", "its name cannot be looked up: server misbehaving"},
		"no TLS there":    {direct, "https", plain.Listener.Addr().String(), "server gave HTTP response to HTTPS client"},
		"strange issuer":  {direct, "https", secure.Listener.Addr().String(), "its certificate is not accepted: certificate signed by unknown authority"},
		"expired": {failing(&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time 2026"}}),
			"https", "api.asha.example", "its certificate has expired or is not valid yet, or the clock of this machine is wrong"},
		"cut at once": {direct, "https", cutting, "the connection was closed before the answer"},
		"no answer":   {direct, "https", mute.Addr().String(), "timeout: no connection in time"},
		"proxy gone": {&http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: closed})},
			"https", "api.asha.example", "the proxy that HTTPS_PROXY names: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 10 * time.Second
			if name == "no answer" {
				timeout = 100 * time.Millisecond
			}
			base := test.scheme + "://someone:" + password + "@" + test.host + "/private?key=1"
			c := glific.NewClient(glific.Account{BaseURL: base, Phone: userPhone, Password: password},
				glific.Options{HTTPClient: &http.Client{Transport: test.transport}, Timeout: timeout})
			e := wantError(t, login(t, c), glific.NotExecuted, glific.ConnectFailed)
			if e.Host != test.host || e.Text != test.want {
				t.Errorf("at %q: %q; want at %q: %q", e.Host, e.Text, test.host, test.want)
			}
			if strings.Contains(e.Error(), "private") {
				t.Errorf("the error shows more than the host: %v", e)
			}
			wantNoSecrets(t, e)
		})
	}
}

// A connection that fails for the send itself, after a good login, is not executed either.
func TestConnectionGoneBeforeSend(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	c := s.client(glific.Options{HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err := login(t, c); err != nil {
		t.Fatal(err)
	}
	m := s.message()
	s.server.Close()
	_, err := c.Send(t.Context(), m)
	wantError(t, err, glific.NotExecuted, glific.ConnectFailed)
}

// A caller's time that runs out while connecting is Glific's fault, not the caller's wish.
func TestNoConnectionInTheCallersTime(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	var hang atomic.Bool
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if hang.Load() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	c := s.client(glific.Options{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}})
	if err := login(t, c); err != nil {
		t.Fatal(err)
	}
	hang.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Send(ctx, s.message())
	if e := wantError(t, err, glific.NotExecuted, glific.ConnectFailed); e.Text != "timeout: no connection in time" {
		t.Errorf("the text is %q", e.Text)
	}
}

// listen takes connections at an address, does something with each and closes it.
func listen(t *testing.T, meet func(*net.TCPConn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			meet(conn.(*net.TCPConn))
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// However a connection is cut, it is told in the same words: each time anew it is chance
// what is seen of it.
func TestConnectionIsCut(t *testing.T) {
	read := func(conn *net.TCPConn) { _, _ = conn.Read(make([]byte, 10)) }
	for name, meet := range map[string]func(*net.TCPConn){
		"closed at once":        func(*net.TCPConn) {},
		"reset at once":         func(conn *net.TCPConn) { _ = conn.SetLinger(0) },
		"reset by what is left": read,
		"closed amid a header": func(conn *net.TCPConn) {
			read(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 O")
			_ = conn.CloseWrite()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := glific.NewClient(glific.Account{BaseURL: "http://" + listen(t, meet), Phone: userPhone, Password: password},
				glific.Options{HTTPClient: &http.Client{Transport: &http.Transport{}}})
			var e *glific.Error
			if err := login(t, c); !errors.As(err, &e) || e.Outcome != glific.NotExecuted || e.Text != "the connection was closed before the answer" {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
