package glific_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
)

// What was not sent yet when a call was given up is never sent: somebody may have made
// sure meanwhile that Glific does not have it.
func TestGivenUpCallIsForgotten(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	gaveUp := make(chan struct{})
	client := glific.NewClient(glific.Account{BaseURL: "http://" + listener.Addr().String(), Phone: userPhone, Password: password}, glific.Options{Timeout: 100 * time.Millisecond})
	go func() {
		defer close(gaveUp)
		wantError(t, login(t, client), glific.NotExecuted, glific.Timeout)
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	<-gaveUp
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want it reset", err)
	}
}
