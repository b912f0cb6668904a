package rules

import (
	"fmt"
	"time"
)

// tinyInput is a subject of whom nothing is known but the registration.
func tinyInput() Input {
	return Input{EntityType: Subject, Entity: benchSubject(nil, List{}, List{})}
}

// realisticInput is a subject with 10 observations, and 3 enrolments with 5 encounters of
// 5 observations each, which avni-server hands to rules as the subject's own encounters.
func realisticInput() Input {
	concepts := benchConcepts()
	var enrolments, encounters List
	for i := range 3 {
		enrolments = append(enrolments, record("uuid", fmt.Sprint("p-", i), "enrolmentDateTime", "2024-01-15T04:30:00.000Z", "voided", false,
			"observations", benchObservations(concepts[:5]), "programEncounters", List{}))
		for j := range 5 {
			at := time.Date(2024, time.Month(2+i), 1+(j*7)%28, 5, 0, 0, 0, time.UTC)
			encounters = append(encounters, benchEncounter(fmt.Sprint("e-", i, j), at, j == 0, concepts[:5]))
		}
	}
	return Input{EntityType: Subject, Entity: benchSubject(concepts, enrolments, encounters)}
}

// largeInput is a subject with 50 encounters of 10 observations each.
func largeInput() Input {
	concepts := benchConcepts()
	var encounters List
	for i := range 50 {
		at := time.Date(2024, 1, 1, 5, 0, 0, 0, time.UTC).AddDate(0, 0, i*17%50)
		encounters = append(encounters, benchEncounter(fmt.Sprint("e-", i), at, i%5 == 0, concepts))
	}
	return Input{EntityType: Subject, Entity: benchSubject(concepts, List{}, encounters)}
}

func benchSubject(concepts []*Record, enrolments, encounters List) *Record {
	return record("uuid", "s-1", "firstName", "Asha", "lastName", "Sharma", "dateOfBirth", "1995-02-03", "registrationDate", "2024-01-10",
		"gender", record("uuid", "g-1", "name", "Female"), "lowestAddressLevel", record("uuid", "a-1", "name", "Kevadia"),
		"subjectType", record("uuid", "t-1", "name", "Individual", "type", "Person"), "voided", false,
		"observations", benchObservations(concepts), "groups", List{}, "entityApprovalStatuses", List{},
		"enrolments", enrolments, "encounters", encounters)
}

func benchEncounter(uuid string, at time.Time, voided bool, concepts []*Record) *Record {
	return record("uuid", uuid, "name", "Visit", "encounterDateTime", at.Format(time.RFC3339), "voided", voided,
		"encounterType", record("uuid", "v-1", "name", "Home Visit"), "observations", benchObservations(concepts))
}

func benchConcepts() []*Record {
	concepts := make([]*Record, 10)
	for i := range concepts {
		concepts[i] = benchConcept(i)
	}
	return concepts
}

// benchConcept is coded if i is odd, a number otherwise.
func benchConcept(i int) *Record {
	concept := record("uuid", fmt.Sprint("c-", i), "name", fmt.Sprint("Number ", i), "datatype", "Numeric")
	if i%2 == 1 {
		concept.Set("name", fmt.Sprint("Answer ", i))
		concept.Set("datatype", "Coded")
		concept.Set("answers", List{
			record("uuid", "n-1", "concept", record("uuid", "yes", "name", "Yes")),
			record("uuid", "n-2", "concept", record("uuid", "no", "name", "No")),
		})
	} else if i == 0 {
		concept.Set("unit", "kg")
	} else {
		concept.Set("name", fmt.Sprint("Number ", i+1))
	}
	return concept
}

func benchObservations(concepts []*Record) List {
	observations := List{}
	for i, concept := range concepts {
		var value any = float64(i) + 0.5
		if i%2 == 1 {
			value = "yes"
		}
		observations = append(observations, record("concept", concept, "value", value))
	}
	return observations
}

// record makes a Record of names and values in turn.
func record(fields ...any) *Record {
	r := &Record{}
	for i := 0; i < len(fields); i += 2 {
		r.Set(fields[i].(string), fields[i+1])
	}
	return r
}
