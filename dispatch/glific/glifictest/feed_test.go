package glifictest_test

import (
	"fmt"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
)

// The feed of what changed: messages of a user by updated_at.
func TestFeedOfMessages(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{BSPStatus: "ENQUEUED"})
	f.members(3)
	for i := range 3 {
		f.send(2, fmt.Sprint(i+1), `["a"]`)
		clock.Advance(time.Second)
	}
	f.asha.Callback("1", "READ", 0, "")
	feed := func(filter, opts string) string {
		return f.query(`{ messages(filter: {`+filter+`}, opts: {orderWith: "updated_at", `+opts+`}) { id } countMessages(filter: {`+filter+`}) }`, "")
	}
	f.want(feed(`user: "api USER of asha", dateRange: {from: "2026-11-20T09:00:41Z", column: "updated_at"}`, `order: ASC, limit: 50`),
		`{"data":{"countMessages":3,"messages":[{"id":"2"},{"id":"3"},{"id":"1"}]}}`)
	f.want(feed(`dateRange: {from: "2026-11-20T09:00:41Z"}`, `order: DESC, limit: 1`), `{"data":{"countMessages":2,"messages":[{"id":"3"}]}}`)
	f.want(feed(`dateRange: {to: "2026-11-20T00:00:00Z"}`, `offset: 2`), `{"data":{"countMessages":3,"messages":[{"id":"1"}]}}`)
	f.want(feed(`dateRange: {to: "2026-11-19T23:59:59Z"}`, `offset: 0`), `{"data":{"countMessages":0,"messages":[]}}`)
	f.want(feed(`user: "nobody"`, `offset: 0`), `{"data":{"countMessages":0,"messages":[]}}`)
	f.want(feed(`types: [IMAGE]`, `offset: 0`), `{"data":{"countMessages":0,"messages":[]}}`)
	f.want(feed(`types: [IMAGE, TEXT], bspStatus: READ, receiver: "member", sender: "asha"`, `offset: 0`), `{"data":{"countMessages":1,"messages":[{"id":"1"}]}}`)
}

// One document asks for many receipts; what is not there fails alone.
func TestReceiptsByAliases(t *testing.T) {
	f, _ := clocked(t, glifictest.Options{})
	f.members(2)
	f.send(2, "1", `["a"]`)
	f.send(2, "2", `["a"]`)
	f.asha.RemoveMessage("1")
	f.asha.RemoveMessage("7")
	f.want(f.query(`{ m1: message(id: "1") { ...R } m2: message(id: "2") { ...R } } fragment R on MessageResult {
		message { id status bspStatus errors updatedAt } errors { key message } }`, ""),
		`{"data":{"m1":{"errors":[{"key":"Elixir.Glific.Messages.Message","message":"Resource not found"}],"message":null},`+
			`"m2":{"errors":null,"message":{"bspStatus":"DELIVERED","errors":"{}","id":"2","status":"sent","updatedAt":"2026-11-20T09:00:40.123456Z"}}}}`)
	f.want(f.query(`{ search(filter: {id: "1"}, contactOpts: {}, messageOpts: {limit: 5}) { messages { id } } }`, ""), `{"data":{"search":[{"messages":[]}]}}`)
}

// After an error in its database Glific says that there is nothing.
func TestFailingSearch(t *testing.T) {
	f, _ := clocked(t, glifictest.Options{})
	f.members(1)
	f.asha.FailSearch(true)
	search := func() string {
		return f.query(`{ search(filter: {ids: ["1"]}, contactOpts: {limit: 1}, messageOpts: {limit: 5}) { id } }`, "")
	}
	f.want(search(), `{"data":{"search":[]}}`)
	f.asha.FailSearch(false)
	f.want(search(), `{"data":{"search":[{"id":"contact_1"}]}}`)
}

// Who is refused is also named in a notification.
func TestNotifications(t *testing.T) {
	f, _ := clocked(t, glifictest.Options{})
	to := f.asha.AddContact(glifictest.Contact{Phone: mother, Name: "Sita"})
	f.send(2, to, `["a"]`)
	f.send(2, to, `[]`) // says nothing of the contact
	f.want(f.query(`{ countNotifications(filter: {category: "Message"}) notifications { category message severity isRead entity } }`, ""),
		`{"data":{"countNotifications":1,"notifications":[{"category":"Message",`+
			`"entity":"{\"bsp_status\":\"none\",\"group_id\":null,\"id\":\"1\",\"is_hsm\":true,\"name\":\"Sita\",\"phone\":\"919876512345\",\"status\":\"valid\"}",`+
			`"isRead":false,"message":"Cannot send hsm message to contact, invalid BSP status.","severity":"\"Warning\""}]}}`)
}
