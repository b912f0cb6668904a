package glific

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
)

// networkError sorts a failure without an answer.
func (c *Client) networkError(ctx context.Context, op Operation, reached bool, err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // without the URL
	}
	switch {
	case !reached && errors.Is(ctx.Err(), context.Canceled):
		return c.fail(op, Cancelled, "stopped before connecting", ctx.Err())
	case !reached:
		return c.fail(op, ConnectFailed, plainly(err, "timeout: no connection in time"), err)
	case ctx.Err() != nil:
		return c.fail(op, Timeout, "timeout: stopped while waiting for the answer", ctx.Err())
	case isTimeout(err):
		return c.fail(op, Timeout, "timeout: no answer in time", err)
	default:
		return c.fail(op, ConnectionLost, plainly(err, ""), err)
	}
}

// plainly is what the network did, in words that are the same each time: without
// addresses and the ports of this side.
func plainly(err error, timeout string) string {
	var name *net.DNSError
	var invalid x509.CertificateInvalidError
	var certificate *tls.CertificateVerificationError
	var errno syscall.Errno
	var operation *net.OpError
	switch {
	case errors.As(err, &operation) && operation.Op == "proxyconnect":
		return "the proxy that HTTPS_PROXY names: " + plainly(operation.Err, timeout)
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host"
	case errors.As(err, &name):
		return "its name cannot be looked up: " + name.Err
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // its text holds the present time
		return "its certificate has expired or is not valid yet, or the clock of this machine is wrong"
	case errors.As(err, &certificate):
		return "its certificate is not accepted: " + strings.TrimPrefix(certificate.Err.Error(), "x509: ")
	case isTimeout(err):
		return timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed before the answer" // which of them it is, is chance
	case errors.As(err, &errno):
		return errno.Error() // such as "connection refused"
	case errors.As(err, &operation):
		return operation.Err.Error()
	default:
		return strings.TrimPrefix(err.Error(), "http: ")
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
