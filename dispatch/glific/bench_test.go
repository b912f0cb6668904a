package glific_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

// BenchmarkSend measures sends per second by so many goroutines, each of which sends
// one message after another, while each request takes 50 ms.
func BenchmarkSend(b *testing.B) {
	for _, callers := range []int{1, 8, 40} {
		b.Run(fmt.Sprintf("goroutines=%d", callers), func(b *testing.B) {
			server, err := glifictest.New(glifictest.Options{NoLimits: true, AnswerTime: 50 * time.Millisecond})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(server.Close)
			asha := server.AddOrganisation("asha", userPhone, password, welcome)
			c := glific.NewClient(glific.Account{BaseURL: server.URL("asha"), Phone: userPhone, Password: password},
				glific.Options{RequestsPerMinute: -1})
			contacts := make([]string, callers)
			for i := range contacts {
				contacts[i] = asha.AddOptedInContact(phoneOf(i), "Sita")
			}
			if _, _, err := c.ContactByPhone(context.Background(), mother); err != nil {
				b.Fatal(err)
			}
			turns := make(chan int, b.N)
			for i := range b.N {
				turns <- i
			}
			close(turns)
			b.ResetTimer()
			var group sync.WaitGroup
			for _, contact := range contacts {
				group.Go(func() {
					for i := range turns {
						m := glific.Message{TemplateID: 7001, ContactID: contact, Parameters: []string{"Sita", "Kevadia"}, SendAt: sendTime.Add(time.Duration(i) * time.Second)}
						if _, err := c.Send(context.Background(), m); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
		})
	}
}
