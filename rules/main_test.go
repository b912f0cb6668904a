package rules

import (
	"os"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// TestMain makes the rules live in India, as in production, before anything can look
// at the clock.
func TestMain(m *testing.M) {
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	time.Local = zone
	avnitest.Main(m)
}
