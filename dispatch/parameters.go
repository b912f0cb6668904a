package dispatch

import (
	"strings"
	"unicode/utf8"
)

// unreadable are texts that JavaScript makes of a missing value, and that no author means.
var unreadable = map[string]bool{
	"null": true, "undefined": true, "NaN": true, "Invalid date": true, "Invalid Date": true, "[object Object]": true,
}

// expansions are the prefixes of what Glific replaces inside a parameter: data of a
// beneficiary must not pull the organisation's own variables into a message.
var expansions = []string{"@contact.", "@global.", "@calendar."}

// checkParameters refuses parameters that would reach a person as nonsense. Its
// details name positions, never texts.
func checkParameters(parameters []string) error {
	for i, parameter := range parameters {
		text := strings.TrimSpace(parameter)
		switch {
		case text == "":
			return refuse(BadParameter, "parameter %d is empty", i+1)
		case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
			return refuse(BadParameter, "parameter %d contains a character that is none", i+1)
		case unreadable[text]:
			return refuse(BadParameter, "parameter %d is %q", i+1, text)
		}
		for _, expansion := range expansions {
			if strings.Contains(strings.ToLower(text), expansion) {
				return refuse(ParameterExpands, "parameter %d contains %s", i+1, expansion)
			}
		}
	}
	return nil
}

// substituteName replaces each parameter that is exactly @name, in a copy.
func substituteName(parameters []*string, name string) []string {
	texts := make([]string, len(parameters))
	for i, parameter := range parameters {
		switch {
		case parameter == nil: // refused as empty
		case *parameter == "@name":
			texts[i] = name
		default:
			texts[i] = *parameter
		}
	}
	return texts
}
