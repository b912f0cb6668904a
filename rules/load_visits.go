package rules

// enrolmentContract is the contract of an enrolment that a rule is about.
func (c *contracts) enrolmentContract(row *enrolmentRow) *Record {
	return c.enrolment(row, orNull(c.subject(row.subjectID)),
		c.late(programEncountersPart, func() any { return c.programEncounters(row.id, 0) }),
		c.approvals(ProgramEnrolment, row.id, row.uuid))
}

// enrolments is the list that a subject carries: without their visits.
func (c *contracts) enrolments(rows []*enrolmentRow) List {
	list := make(List, 0, len(rows))
	for _, row := range rows {
		list = append(list, c.enrolment(row, nil, List{}, c.approvals(ProgramEnrolment, row.id, row.uuid)))
	}
	return list
}

func (c *contracts) enrolment(row *enrolmentRow, subject, visits, approvals any) *Record {
	var program any
	if name, ok := c.ref.programs[int64(row.programID)]; ok {
		program = name
	}
	return newRecord(enrolmentFields, subject, nil, List{}, dateTime(&row.enrolledAt), dateTime(row.exitedAt), row.uuid,
		row.voided, visits, c.observations(row.observations), c.observations(row.exit), program, List{}, approvals)
}

// encounters is the list that a subject carries.
func (c *contracts) encounters(rows []*visitRow) List {
	list := make(List, 0, len(rows))
	for _, row := range rows {
		list = append(list, c.encounter(row, nil))
	}
	return list
}

// encounter fills cancelObservations, which avni-server never does.
func (c *contracts) encounter(row *visitRow, subject *Record) *Record {
	var kind any
	if t := c.ref.encounterTypes[int64(row.typeID)]; t != nil {
		kind = t.contract
	}
	return newRecord(encounterFields, c.observations(row.observations), nil, orNull(subject), row.uuid, value(row.name),
		kind, dateTime(row.cancelledAt), dateTime(row.earliest), dateTime(row.max), dateTime(row.happened),
		c.observations(row.cancel), row.voided, nil, c.approvals(Encounter, row.id, row.uuid))
}

// programEncounterContract is the contract of a program encounter that a rule is
// about. Its enrolment carries the other visits, not this one.
func (c *contracts) programEncounterContract(row *visitRow, enrolment *enrolmentRow) *Record {
	var parent any
	if enrolment != nil {
		parent = c.enrolment(enrolment, orNull(c.subject(row.subjectID)),
			c.late(programEncountersPart, func() any { return c.programEncounters(enrolment.id, row.id) }), nil)
	}
	return c.programEncounter(row, parent)
}

// programEncounters lists the visits of an enrolment but the one with the given id.
func (c *contracts) programEncounters(enrolmentID, except int64) List {
	rows := c.family.programEncountersOf[enrolmentID]
	list := make(List, 0, len(rows))
	for _, row := range rows {
		if row.id != except {
			list = append(list, c.programEncounter(row, nil))
		}
	}
	return list
}

// programEncounter fills cancelDateTime and the type's uuid, which avni-server never
// does.
func (c *contracts) programEncounter(row *visitRow, enrolment any) *Record {
	var kind any
	if t := c.ref.encounterTypes[int64(row.typeID)]; t != nil {
		kind = t.operational
	}
	return newRecord(programEncounterFields, c.observations(row.observations), nil, enrolment, nil, value(row.name),
		row.uuid, dateTime(row.cancelledAt), dateTime(row.earliest), dateTime(row.max), c.observations(row.cancel),
		kind, dateTime(row.happened), row.voided, nil)
}
