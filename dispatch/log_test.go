package dispatch

import (
	"strings"
	"sync"
)

// checkPrivacy: whatever happened, no phone number, name or text is in the log.
func (s *stage) checkPrivacy() {
	text := s.log.String()
	for _, private := range []string{"98765000", "9876543210", "984100001", "Asha Devi", "Sharma", "Meena", "Kevadia", "Maya", "glific-asha-pw", "glific-seva-pw"} {
		if strings.Contains(text, private) {
			s.Errorf("the log contains %q:\n%s", private, text)
		}
	}
}

// logBook keeps log lines. It is safe for concurrent use.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
