package dispatch

import "avni-messenger/dispatch/glific"

// What is judged of a message before it is sent, for whoever wants to know beforehand.

// CheckParameters says why a message with these parameters would be refused whatever its
// template, or is nil. Its detail names positions, never texts.
func CheckParameters(parameters []string) error { return checkParameters(parameters) }

// CheckTemplate says why a message with so many parameters would be refused for its
// template, or is nil; there is false if Glific has no such template.
func CheckTemplate(t glific.Template, there bool, parameters int) error {
	return templateShape{there: there, Template: t}.refuse(parameters)
}

// TemplateID reads Glific's id of a template, which Avni keeps as text. Its error is a
// *Refusal.
func TemplateID(text string) (int, error) { return parseTemplateID(text) }

// GlificReason says what an error of the client means; false: it is not one of Glific's.
func GlificReason(err error) (Reason, bool) {
	f, ok := glificFailure(err)
	return f.reason, ok
}
