package glifictest_test

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
)

func TestFieldsOfTemplates(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.AddTemplate(glifictest.Template{ID: 4, Label: "card", Body: "Dear {{1}}", Type: "DOCUMENT", Language: "hi", Status: "PAUSED", Inactive: true,
		Buttons:      []glifictest.Button{{Text: "Open", URL: "https://example.org/{{1}}"}, {Text: "Stop"}},
		Translations: map[string]glifictest.Translation{"en": {Body: "Hello {{1}}", Status: "PENDING"}}})
	f.want(f.query(`{ sessionTemplate(id: 4) { sessionTemplate { type status isActive isHsm numberParameters hasButtons buttons translations language { id locale } } } }`, ""),
		`{"data":{"sessionTemplate":{"sessionTemplate":{"buttons":"[{\"text\":\"Open\",\"type\":\"URL\",\"url\":\"https://example.org/{{1}}\"},{\"text\":\"Stop\",\"type\":\"QUICK_REPLY\"}]",`+
			`"hasButtons":true,"isActive":false,"isHsm":true,"language":{"id":"2","locale":"hi"},"numberParameters":2,"status":"PAUSED",`+
			`"translations":"{\"1\":{\"body\":\"Hello {{1}}\",\"language_id\":\"1\",\"status\":\"PENDING\"}}","type":"DOCUMENT"}}}}`)
	f.want(f.query(`{ a: sessionTemplates(filter: {status: "PAUSED"}) { id } b: sessionTemplates(filter: {isActive: true, label: "card"}) { id } }`, ""),
		`{"data":{"a":[{"id":"4"}],"b":[]}}`)
	f.asha.RemoveTemplate(4)
	f.want(f.query(`{ sessionTemplate(id: 4) { sessionTemplate { id } errors { key message } } }`, ""),
		`{"data":{"sessionTemplate":{"errors":[{"key":"Elixir.Glific.Templates.SessionTemplate","message":"Resource not found"}],"sessionTemplate":null}}}`)
}

// The contact's language picks an approved translation; buttons become part of the text.
func TestTextsOfTemplates(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.AddTemplate(glifictest.Template{ID: 4, Body: "Hello {{1}} ",
		Buttons:      []glifictest.Button{{Text: "Yes"}, {Text: "Card", URL: "https://example.org/{{2}}"}},
		Translations: map[string]glifictest.Translation{"hi": {Body: "Namaste {{1}}"}, "ne": {Body: "Namaskar {{1}}", Status: "REJECTED"}}})
	for language, want := range map[string]string{
		"":   "Hello Sita | [Yes] | [Card, https://example.org/7] ",
		"en": "Hello Sita | [Yes] | [Card, https://example.org/7] ",
		"hi": "Namaste Sita",
		"ne": "Hello Sita | [Yes] | [Card, https://example.org/7] ",
		"mr": "Hello Sita | [Yes] | [Card, https://example.org/7] ",
	} {
		to := f.asha.AddContact(glifictest.Contact{Phone: mother, Name: "Sita", BSPStatus: "HSM", OptinTime: time.Unix(1, 0), Language: language})
		f.send(4, to, `["@contact.name", "7"]`)
		if ledger := f.Ledger(); ledger[len(ledger)-1].Body != want {
			t.Errorf("in %q: %q, want %q", language, ledger[len(ledger)-1].Body, want)
		}
	}
}

// Only createAndSendMessage can send media; sendHsmMessage knows neither media nor sendAt.
func TestSendHsmMessage(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.AddTemplate(glifictest.Template{ID: 4, Body: "Look", Media: true})
	to := f.asha.AddOptedInContact(mother, "Sita")
	send := func(arguments string) string {
		return f.query(`mutation { sendHsmMessage(`+arguments+`) { message { id sendAt type } } }`, "")
	}
	const failed = `{"data":{"sendHsmMessage":null},"errors":[{"message":"`
	const place = `","locations":[{"line":1,"column":12}],"path":["sendHsmMessage"]}]}`
	const exception = "Something unexpected has happened, please reach out to Glific team over discord to get this resolved"
	f.want(send(`templateId: 2, parameters: ["a"], receiverId: `+to), `{"data":{"sendHsmMessage":{"message":{"id":"1","sendAt":null,"type":"TEXT"}}}}`)
	f.want(send(`templateId: "4", parameters: [], receiverId: `+to), failed+"Please provide media for media template."+place)
	f.want(send(`templateId: 2, receiverId: `+to), failed+exception+place)
	f.want(send(`templateId: 2, parameters: ["a"], receiverId: 77`), failed+exception+place)
	f.want(f.query(`mutation { createAndSendMessage(input: {isHsm: true, templateId: 4, receiverId: `+to+`, params: [], mediaId: 1}) { message { id type } } }`, ""),
		`{"data":{"createAndSendMessage":{"message":{"id":"2","type":"IMAGE"}}}}`)
}

// A Hindi user gets some errors in Hindi; missing media and wrong parameters read the same.
func TestHindi(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.AddTemplate(glifictest.Template{ID: 4, Body: "Look", Media: true})
	f.asha.SetHindi(true)
	f.asha.Suspend(true)
	to := f.asha.AddOptedInContact(mother, "Sita")
	text := func(answer string) string {
		const start = `{"data":{"createAndSendMessage":null},"errors":[{"message":"`
		if len(answer) < len(start) || answer[:len(start)] != start {
			t.Fatalf("no error: %s", answer)
		}
		return answer[len(start) : len(start)+20]
	}
	media, parameters := text(f.send(4, to, `[]`)), text(f.send(2, to, `[]`))
	if media != parameters || media == "Please provide media" {
		t.Errorf("%q and %q", media, parameters)
	}
	f.want(text(f.send(2, to, `["a"]`)), "Cannot send hsm mess")
	f.asha.SetHindi(false)
	f.want(text(f.send(4, to, `[]`)), "Please provide media")
}
