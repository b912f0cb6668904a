package history_test

import (
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

func TestMain(m *testing.M) { avnitest.Main(m) }

// stage is a database and how its organisations are served.
type stage struct {
	*testing.T
	db      *avnitest.DB
	avni    *avnitest.Avni
	served  map[int32]history.Served
	options history.Options
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, db: avnitest.New(t), served: map[int32]history.Served{
		avnitest.AshaGramin: {Mode: "full"}, avnitest.SevaNepal: {Mode: "full"},
	}}
	s.avni = s.db.Avni()
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	s.must(err)
	s.options = history.Options{Pool: s.db.Pool(), Location: kolkata, Names: cdc.Names{Slot: "avni_messenger", Publication: "avni_messenger"},
		Served: func(id int32) (history.Served, bool) { served, ok := s.served[id]; return served, ok }}
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) exec(sql string, args ...any) {
	s.Helper()
	_, err := s.db.Pool().Exec(s.Context(), sql, args...)
	s.must(err)
}

func (s *stage) reader() *history.Reader { return history.New(s.options) }

func (s *stage) explain(text string) history.Explanation {
	s.Helper()
	x, err := s.reader().Explain(s.Context(), history.Question{Text: text})
	s.must(err)
	return x
}
