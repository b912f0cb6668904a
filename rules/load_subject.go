package rules

// subject is the full contract of a subject, nil if it is not there.
func (c *contracts) subject(id int64) *Record {
	if made := c.subjects[id]; made != nil {
		return made
	}
	s := c.family.subjects[id]
	if s == nil {
		return nil
	}
	f := c.family
	made := c.subjectRecord(s,
		c.late(enrolmentsPart, func() any { return c.enrolments(f.enrolmentsOf[id]) }),
		c.late(encountersPart, func() any { return c.encounters(f.encountersOf[id]) }),
		c.late(groupsPart, func() any { return c.memberships(f.membershipsOf[id]) }),
		c.approvals(Subject, s.id, s.uuid))
	c.subjects[id] = made
	return made
}

// brief is the contract of a subject without its enrolments, encounters, groups and
// approvals: as a member or a group.
func (c *contracts) brief(id int64) *Record {
	s := c.family.subjects[id]
	if made := c.briefs[id]; made != nil || s == nil {
		return made
	}
	c.briefs[id] = c.subjectRecord(s, nil, nil, nil, nil)
	return c.briefs[id]
}

// address of the subject of an entity is a part; that of a group comes with the group.
func (c *contracts) address(s *subjectRow) any {
	if s.address != nil {
		return s.address.contract()
	}
	return c.late(addressPart, func() any {
		if s.address == nil {
			return &Record{}
		}
		return s.address.contract()
	})
}

func (c *contracts) subjectRecord(s *subjectRow, enrolments, encounters, groups, approvals any) *Record {
	var kind *Record
	var picture, gender any
	if t := c.ref.subjectTypes[int64(s.typeID)]; t != nil {
		kind = t.brief
		if t.profilePicture {
			picture = value(s.picture)
		}
		if t.person {
			gender = orNull(c.ref.genders[s.genderID])
		}
	}
	return newRecord(subjectFields, s.uuid, value(s.firstName), value(s.middleName), value(s.last), picture, date(s.birth),
		gender, date(&s.registered), c.address(s), c.observations(s.observations), s.voided, nil, orNull(kind), nil,
		enrolments, encounters, nil, groups, approvals)
}

// orNull keeps a missing record from becoming a non-nil value that holds nil.
func orNull(r *Record) any {
	if r == nil {
		return nil
	}
	return r
}

// contract leaves out what is zero, as avni-server does.
func (a *addressRow) contract() *Record {
	r := &Record{}
	if a.uuid == "" {
		return r
	}
	r.Set("uuid", a.uuid)
	r.Set("name", a.title)
	if a.version != 0 {
		r.Set("version", a.version)
	}
	if a.organisationID != 0 {
		r.Set("organisationId", a.organisationID)
	}
	r.Set("title", a.title)
	if a.level != 0 {
		r.Set("level", a.level)
	}
	if a.parentID != 0 {
		r.Set("parentId", a.parentID)
	}
	return r
}

func (c *contracts) memberships(rows []*membershipRow) List {
	list := make(List, 0, len(rows))
	for _, m := range rows {
		role := newRecord(roleFields, m.roleUUID, c.fullSubjectType(m.groupTypeID), c.fullSubjectType(m.memberTypeID),
			value(m.role), m.primary, m.maximum, m.minimum, m.roleVoided)
		list = append(list, newRecord(membershipFields, m.uuid, orNull(c.brief(m.groupID)), orNull(c.brief(m.memberID)),
			role, dateTime(m.started), dateTime(m.ended), m.voided))
	}
	return list
}

func (c *contracts) fullSubjectType(id int64) any {
	if t := c.ref.subjectTypes[id]; t != nil {
		return t.full
	}
	return nil
}

func (c *contracts) approvals(t EntityType, id int64, uuid string) any {
	return c.late(approvalsPart, func() any {
		rows := c.family.approvalsOf[approvable{t, id}]
		list := make(List, 0, len(rows))
		for _, a := range rows {
			status := newRecord(approvalStatusFields, a.statusID, a.statusUUID, a.status, dateTime(&a.statusCreated),
				dateTime(&a.statusModified), a.statusVoided)
			list = append(list, newRecord(approvalFields, a.uuid, string(t), value(a.comment), a.automatic, false, uuid,
				status, dateTime(&a.at)))
		}
		return list
	})
}

// contract is the contract of a user, who is an entity or the acting user.
func (u *userRow) contract() *Record {
	ids, names := make(List, 0, len(u.groups)), make(List, 0, len(u.groups))
	for _, g := range u.groups {
		ids, names = append(ids, g.groupID), append(names, g.groupName)
	}
	return newRecord(userFields, u.uuid, u.name, u.username, u.organisationName,
		lazily(func() (any, error) { return parseJSON(u.settings) }),
		lazily(func() (any, error) { return parseJSON(u.syncSettings) }), ids, names)
}

func (u *userRow) groupContracts() List {
	list := make(List, 0, len(u.groups))
	for _, g := range u.groups {
		list = append(list, newRecord(userGroupFields, g.uuid, g.groupUUID, g.groupName, false))
	}
	return list
}
