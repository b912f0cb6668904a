package dispatch

import "time"

// QuietHours is the part of each day in which nothing is sent. The zero value means
// that there is none.
type QuietHours struct {
	From, To time.Duration // since midnight; To is the first moment after; may span midnight
	Location *time.Location
}

// End returns when the quiet hours that hold at a moment are over, and whether they hold.
func (q QuietHours) End(now time.Time) (time.Time, bool) {
	if q.From == q.To {
		return time.Time{}, false
	}
	location := q.Location
	if location == nil {
		location = time.UTC
	}
	local := now.In(location)
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute +
		time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	switch {
	case q.From < q.To && clock >= q.From && clock < q.To, q.From > q.To && clock < q.To:
		return q.at(local, 0), true
	case q.From > q.To && clock >= q.From:
		return q.at(local, 1), true
	}
	return time.Time{}, false
}

// at is the end of the quiet hours on the day of local or some days later, by the
// clock on the wall: days on which the clocks change keep their hours.
func (q QuietHours) at(local time.Time, days int) time.Time {
	year, month, day := local.Date()
	end := time.Date(year, month, day+days, int(q.To/time.Hour), int(q.To%time.Hour/time.Minute),
		int(q.To%time.Minute/time.Second), 0, local.Location())
	if !end.After(local) { // it strikes twice, and this is the second time
		end = end.Add(time.Hour)
	}
	return end
}
