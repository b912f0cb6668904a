package rules

import "github.com/google/uuid"

// OwnRequests begins the uuid of every message_request_queue row that a Worker inserts, and of no
// other: it says "messen" in ASCII, and that the uuid is of version 8 (RFC 9562, for such uses),
// which avni-server's never are. It tells our rows from those of another writer for good,
// whatever else is pruned, restored or copied.
const OwnRequests = "6d657373-656e-8"

// newRequestUUID returns a uuid that begins with OwnRequests; the rest is random.
func newRequestUUID() string {
	id := uuid.New()
	copy(id[:], "messen")
	id[6] = id[6]&0x0f | 0x80
	return id.String()
}
