package main

import (
	"fmt"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
)

func TestCheckMessagingAgainstTheMode(t *testing.T) {
	db := avnitest.New(t)
	for _, row := range []struct {
		name      string
		environ   []string
		messaging bool
		grade     grade
		what      string
		text      string
	}{
		{"shadow", nil, true, gradeOK, "second sender", "none is possible"},
		{"full beside avni-server", []string{"MESSENGER_MODE=full"}, true, gradeFailing, "enableMessaging of asha_gramin", "Set enableMessaging to false"},
		{"full, taken on trust", []string{"MESSENGER_MODE=full", "MESSENGER_SOLE_OWNER=true"}, true, gradeWarning, "enableMessaging of asha_gramin", "MESSENGER_SOLE_OWNER=true says that"},
		{"full alone", []string{"MESSENGER_MODE=full"}, false, gradeOK, "enableMessaging of asha_gramin", "false"},
		{"dispatch", []string{"MESSENGER_MODE=dispatch"}, true, gradeOK, "enableMessaging of asha_gramin", "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1"},
		{"dispatch of nothing", []string{"MESSENGER_MODE=dispatch"}, false, gradeFailing, "enableMessaging of asha_gramin", "Set enableMessaging to true"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := db.Avni().SetMessagingEnabled(t.Context(), avnitest.AshaGramin, row.messaging); err != nil {
				t.Fatal(err)
			}
			c := newCheck(t, append(row.environ, "MESSENGER_DATABASE_URL="+db.URL())...)
			wantFinding(t, c.findings(t, "Double sender"), row.grade, row.what, row.text)
			// The organisation's own section does not say it again.
			for _, f := range c.findings(t, "Organisation asha_gramin") {
				if f.What == "settings in Avni" && f.Grade != gradeOK {
					t.Errorf("it is told twice: %+v", f)
				}
			}
		})
	}
}

func TestCheckOfRowsThatOthersMarkSent(t *testing.T) {
	db := avnitest.New(t)
	c := func() []finding {
		return newCheck(t, "MESSENGER_DATABASE_URL="+db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=dispatch").findings(t, "Double sender")
	}
	wantFinding(t, c(), gradeOK, "rows marked Sent", "none by somebody else")
	mark := func(id int) {
		execSQL(t, db, fmt.Sprintf(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = now() where id = %d`, id))
	}
	mark(925)
	wantFinding(t, c(), gradeWarning, "rows marked Sent", "1 request was marked as sent of asha_gramin in the last two days by somebody else", "before avni-messenger delivered anything")
	execAs(t, db.SuperuserURL(), `insert into messenger.delivery (request_id, organisation_id, state, accepted_at) values (924, 101, 'accepted', now())`)
	mark(924) // ours
	wantFinding(t, c(), gradeWarning, "rows marked Sent", "1 request was marked as sent")
	mark(922)
	wantFinding(t, c(), gradeFailing, "rows marked Sent", "2 requests were marked as sent", "while avni-messenger delivered as well", "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1")
	execSQL(t, db, `update message_request_queue set delivered_date_time = now() - interval '3 days' where id in (922, 925)`)
	wantFinding(t, c(), gradeOK, "rows marked Sent", "none by somebody else")
}

func TestCheckOfHeldOrganisations(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.URL(), `
		insert into messenger.hold (organisation_id, kind, request_id, detail, seen, released_at)
		values (101, 'foreign_request', 921, 'request 921', 1, null), (103, 'foreign_sent', 922, 'request 922', 1, now())`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Double sender")
	wantFinding(t, found, gradeFailing, "held organisations", "asha_gramin is held since ", "somebody else inserted a request of a rule", "`avni-messenger release asha_gramin`")
	if strings.Contains(printed(found), "seva_nepal is held") {
		t.Error("one that was released is told of")
	}
}

func TestCheckOfOtherProcesses(t *testing.T) {
	db := avnitest.New(t)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_MODE=full"}
	execAs(t, db.URL(), `insert into messenger.instance (holder, slot, settings) values ('db1:77:x', 'avni_messenger',
		'{"organisations":[{"id":101,"db_user":"asha_gramin","mode":"shadow"},{"id":103,"db_user":"seva_nepal","mode":"full"}],"dispatch":true,"variables":{"MESSENGER_TIMEZONE":"Asia/Kathmandu"}}'),
		('db2:78:x', 'avni_messenger', '{}'); update messenger.instance set seen_at = now() - interval '1 hour' where holder = 'db2:78:x'`)
	f := wantFinding(t, newCheck(t, environ...).findings(t, "Double sender"), gradeWarning, "other processes", "process db1:77 serves asha_gramin in mode shadow, this one in mode full",
		"process db1:77 has MESSENGER_TIMEZONE=Asia/Kathmandu, this one Asia/Kolkata", sameSlotFix)
	if strings.Contains(f.Found, "db2") {
		t.Errorf("a process that is gone is told of: %s", f.Found)
	}
}

func TestCheckOfNamesInTheConfiguration(t *testing.T) {
	db := avnitest.New(t)
	for _, row := range []struct {
		environ, what, text string
		grade               grade
	}{
		{"MESSENGER_ORGANISATIONS=asha_gramn=full", "MESSENGER_ORGANISATIONS", `"asha_gramn" is no organisation of this database`, gradeFailing},
		{"MESSENGER_ORGANISATIONS=asha_gramin=full,101=shadow", "MESSENGER_ORGANISATIONS", "asha_gramin is named by db_user and by id", gradeFailing},
		{"MESSENGER_ORGANISATIONS=none", "served", "no organisation is served", gradeWarning},
		{"MESSENGER_MODE=shadow", "served", "asha_gramin (shadow), seva_nepal (shadow)", gradeOK},
	} {
		found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL(), row.environ).findings(t, "Organisations")
		wantFinding(t, found, row.grade, row.what, row.text)
	}
}

// An organisation table that cannot be read ends none of the other checks.
func TestCheckWhereOrganisationsCannotBeRead(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.SuperuserURL(), `alter table organisation drop column db_user cascade`)
	c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL())
	f := c.findings(t, "Organisations")[0]
	if f.Grade != gradeFailing || !strings.Contains(f.Found, "column o.db_user does not exist") || f.Mend == "" {
		t.Errorf("the section says %+v", f)
	}
	wantFinding(t, c.findings(t, "Double sender"), gradeSkipped, "all of it", "the organisations could not be read")
	wantFinding(t, c.findings(t, "Avni's tables"), gradeFailing, "table organisation", "it has no column db_user")
}
