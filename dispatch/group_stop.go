package dispatch

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"avni-messenger/dispatch/glific"
)

// stop is manual_message.next_trigger_details: how far avni-server came with a message
// to the members of a group, in order of their contact ids.
type stop struct {
	Page      int    `json:"pageNo"`    // of 500, from 0
	ContactID string `json:"contactId"` // the first one that did not get it; empty: none of the page did
}

// parseStop reads next_trigger_details; one that nobody could read is none.
func parseStop(details string) *stop {
	var s *stop
	if json.Unmarshal([]byte(details), &s) != nil {
		return nil
	}
	return s
}

// sentTo are the members to whom avni-server had sent the message before it stopped: all
// that come before the contact where it did, or as many as fill the pages before that.
func (s *stop) sentTo(listed []glific.Member) map[string]bool {
	sent := make(map[string]bool)
	if s == nil {
		return sent
	}
	ids := make([]int64, 0, len(listed))
	for _, m := range listed {
		if id, err := strconv.ParseInt(m.ContactID, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	end := min(max(s.Page, 0)*membersAtOnce, len(ids))
	if first, err := strconv.ParseInt(s.ContactID, 10, 64); err == nil {
		end, _ = slices.BinarySearchFunc(ids, first, cmp.Compare[int64])
	}
	for _, id := range ids[:end] {
		sent[strconv.FormatInt(id, 10)] = true
	}
	return sent
}
