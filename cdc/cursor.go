package cdc

import (
	"bytes"
	"encoding/binary"
	"time"
)

// cursor reads big-endian values and stops, with short set, at the end of the data.
type cursor struct {
	data  []byte
	short bool
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.data) {
		c.data, c.short = nil, true
		return nil
	}
	b := c.data[:n]
	c.data = c.data[n:]
	return b
}

func (c *cursor) skip(n int) { c.bytes(n) }

func (c *cursor) byte() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) lsn() LSN { return LSN(c.uint64()) }

// postgresEpoch is 2000-01-01 UTC, in microseconds of Unix time.
const postgresEpoch = 946684800_000_000

func (c *cursor) time() time.Time {
	return time.UnixMicro(postgresEpoch + int64(c.uint64()))
}

// text reads up to a zero byte.
func (c *cursor) text() []byte {
	end := bytes.IndexByte(c.data, 0)
	if end < 0 {
		c.data, c.short = nil, true
		return nil
	}
	b := c.bytes(end)
	c.skip(1)
	return b
}
