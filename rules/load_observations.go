package rules

import "sync"

// lazily wraps a conversion so that it runs when a rule first touches the value, and
// only once however many rules do.
func lazily(convert func() (any, error)) Lazy { return sync.OnceValues(convert) }

// observations makes the contract's list of {concept, value} of a jsonb column, whose
// concepts have been learnt.
func (r *reference) observations(stored []byte) (List, error) {
	value, err := parseJSON(stored)
	if err != nil { // trying again would not help
		return nil, &Failure{Kind: FailedLoad, Message: "the entity's observations cannot be read: " + err.Error()}
	}
	object, ok := value.(*Record)
	if !ok {
		return List{}, nil
	}
	return r.observationList(object), nil
}

// observationList leaves out what has no concept that the organisation can see, where
// avni-server fails.
func (r *reference) observationList(object *Record) List {
	list := make(List, 0, len(object.names))
	for i, uuid := range object.names {
		if c := r.concept(uuid); c != nil {
			list = append(list, newRecord(observationFields, c.contract, r.observationValue(c, object.values[i])))
		}
	}
	return list
}

// observationValue is the value as it is stored, but for question groups: each is a
// list of observations, a repeated one a list of such lists.
func (r *reference) observationValue(c *concept, stored any) any {
	if c.dataType != questionGroup {
		return stored
	}
	switch v := stored.(type) {
	case *Record:
		return r.observationList(v)
	case List:
		repeated := make(List, len(v))
		for i, one := range v {
			repeated[i] = r.observationValue(c, one)
		}
		return repeated
	}
	return stored
}
