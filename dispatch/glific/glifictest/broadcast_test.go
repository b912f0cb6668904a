package glifictest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
)

// sendToGroup sends a template of asha's to a group and returns the answer.
func (f *fake) sendToGroup(template int, group, parameters string) string {
	f.t.Helper()
	return f.query(`mutation($i: MessageInput!, $g: ID!) { createAndSendMessageToGroup(input: $i, groupId: $g) { success contactIds errors { key message } } }`,
		fmt.Sprintf(`{"i":{"isHsm":true,"templateId":%d,"params":%s,"sendAt":"2026-11-20T12:00:00+05:30"},"g":%q}`, template, parameters, group))
}

// messagesToGroup searches the messages to a group, as after a lost answer.
func (f *fake) messagesToGroup(group string) string {
	f.t.Helper()
	return f.query(`query($g: [Gid]) { search(filter: {searchGroup: true, includeGroups: $g}, contactOpts: {limit: 1}, messageOpts: {limit: 50}) {
		id group { id } messages { id body sendAt templateId isHsm groupId messageBroadcastId bspStatus user { id } } } }`, `{"g":["`+group+`"]}`)
}

func TestSendToGroup(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{})
	ids := f.members(4)
	f.asha.AddContact(glifictest.Contact{Phone: "919800000001", Status: "BLOCKED", BSPStatus: "HSM"})
	f.asha.AddContact(glifictest.Contact{Phone: "919800000002", BSPStatus: "HSM", OptoutTime: clock.Now()})
	f.asha.AddContact(glifictest.Contact{Phone: "919800000003"}) // never opted in: on the list, and silently refused
	g := f.asha.AddGroup("Ward 1", ids...)
	f.want(f.sendToGroup(1, g, `["@contact.name","you"]`),
		`{"data":{"createAndSendMessageToGroup":{"contactIds":["1","4"],"errors":null,"success":true}}}`)
	f.want(f.messagesToGroup(g), `{"data":{"search":[{"group":{"id":"1"},"id":"group_1","messages":[`+
		`{"body":"Sending HSM template 1, params: @contact.nameyou","bspStatus":null,"groupId":1,"id":"1","isHsm":true,"messageBroadcastId":"1",`+
		`"sendAt":"2026-11-20T06:30:00Z","templateId":1,"user":{"id":"1"}}]}]}}`)
	if n := len(f.Ledger()); n != 0 {
		t.Errorf("%d deliveries before the minute is over", n)
	}
	clock.Advance(20 * time.Second) // 09:01:00
	if d := f.Ledger(); len(d) != 1 || d[0].Body != "Namaste Member 0, welcome to you." || d[0].MessageID != "2" {
		t.Errorf("delivered %+v", d)
	}
	f.want(f.query(`{ message(id: 2) { message { groupId messageBroadcastId sendAt } } broadcastStats(messageBroadcastId: 1) }`, ""),
		`{"data":{"broadcastStats":"{\"failed\":0,\"msg_categories\":{\"delivered\":1,\"enqueued\":0,\"error\":0,\"read\":0,\"sent\":1},\"pending\":0,\"success\":0}",`+
			`"message":{"message":{"groupId":null,"messageBroadcastId":"1","sendAt":"2026-11-20T06:30:00Z"}}}}`)
	if f.asha.RunBroadcast() {
		t.Error("there was something left to do")
	}
}

func TestGroupsThatCannotBeSentTo(t *testing.T) {
	f, _ := clocked(t, glifictest.Options{})
	empty := f.asha.AddGroup("Nobody")
	f.want(f.sendToGroup(1, "77", `[]`), `{"data":{"createAndSendMessageToGroup":{"contactIds":null,`+
		`"errors":[{"key":"Elixir.Glific.Groups.Group","message":"Resource not found"}],"success":null}}}`)
	if body := f.sendToGroup(1, empty, `[]`); !strings.Contains(body, `"message":"The group has no members"`) || !strings.Contains(body, `"createAndSendMessageToGroup":null`) {
		t.Error(body)
	}
	if body := f.sendToGroup(1, f.asha.AddGroup("Somebody", f.members(1)...), `["a",null]`); !strings.Contains(body, "Something unexpected") {
		t.Error(body)
	}
	f.want(f.messagesToGroup(empty), `{"data":{"search":[{"group":{"id":"1"},"id":"group_1","messages":[]}]}}`)
	f.want(f.messagesToGroup("77"), `{"data":{"search":[]}}`)
	for _, arguments := range []string{`contactOpts: {}, messageOpts: {limit: 1}`, `contactOpts: {limit: 1}, messageOpts: {}`} {
		if body := f.query(`{ search(filter: {searchGroup: true}, `+arguments+`) { id } }`, ""); !strings.Contains(body, "Something unexpected") {
			t.Errorf("%s: %s", arguments, body)
		}
	}
}

// A run reaches a hundred contacts of the newest message and leaves the others waiting.
func TestBroadcastsAreLastInFirstOut(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{})
	ids := f.members(150)
	big, small := f.asha.AddGroup("Big", ids...), f.asha.AddGroup("Small", ids[:2]...)
	f.sendToGroup(2, big, `["big"]`)
	clock.Advance(20 * time.Second)
	f.sendToGroup(2, small, `["small"]`)
	f.sendToGroup(2, small, `["wrong", "count"]`) // refused for each member, silently
	var delivered []string
	for range 4 {
		delivered = append(delivered, fmt.Sprint(len(f.Ledger())))
		clock.Advance(time.Minute)
	}
	f.want(strings.Join(delivered, " "), "100 100 102 152")
	if body := f.Ledger()[101].Body; body != "small,{{2}}" {
		t.Errorf("delivery 102 says %q", body)
	}
}

// sendHsmMessageToGroup says success and sends no template.
func TestSendHsmMessageToGroupIsBroken(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{})
	ids := f.members(2)
	f.asha.AddContact(glifictest.Contact{Phone: "919800000001", BSPStatus: "SESSION_AND_HSM", OptinTime: clock.Now()})
	f.want(f.query(`mutation { sendHsmMessageToGroup(templateId: 1, parameters: ["a", "b"], groupId: `+f.asha.AddGroup("Ward", ids...)+`) { success contactIds } }`, ""),
		`{"data":{"sendHsmMessageToGroup":{"contactIds":["1","2"],"success":true}}}`)
	clock.Advance(2 * time.Minute)
	if n := len(f.Ledger()); n != 0 {
		t.Errorf("%d deliveries", n)
	}
	f.want(f.query(`{ message(id: 2) { message { templateId isHsm bspStatus errors } } }`, ""),
		`{"data":{"message":{"message":{"bspStatus":"ERROR","errors":"{\"message\":\"Invalid message: no text\"}","isHsm":false,"templateId":null}}}}`)
}
