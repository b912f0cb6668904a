package dispatch

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Texts that JavaScript makes of a missing value, and that no author means: as a whole
// parameter, where a person may be called so, or anywhere.
var (
	unreadable = map[string]bool{"null": true, "undefined": true, "NaN": true, "Infinity": true, "-Infinity": true}

	unreadableWithin = []string{"Invalid date", "Invalid Date", "[object Object]"}
)

// expansions are the prefixes of what Glific replaces inside a parameter: data of a
// beneficiary must not pull the organisation's own variables into a message.
var expansions = []string{"@contact.", "@global.", "@calendar."}

// checkParameters refuses parameters that would reach a person as nonsense. Its
// details name positions, never texts.
func checkParameters(parameters []string) error {
	for i, parameter := range parameters {
		if refusal := checkParameter(i+1, parameter); refusal != nil {
			return refusal
		}
	}
	return nil
}

func checkParameter(number int, parameter string) *Refusal {
	text := strings.TrimFunc(parameter, isInvisible)
	switch {
	case text == "":
		return refuse(BadParameter, "parameter %d is empty", number)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return refuse(BadParameter, "parameter %d contains a character that is none", number)
	case unreadable[text]:
		return refuse(BadParameter, "parameter %d is %q", number, text)
	}
	for _, nonsense := range unreadableWithin {
		if strings.Contains(text, nonsense) {
			return refuse(BadParameter, "parameter %d contains %q", number, nonsense)
		}
	}
	for _, expansion := range expansions {
		if strings.Contains(strings.ToLower(text), expansion) {
			return refuse(ParameterExpands, "parameter %d contains %s", number, expansion)
		}
	}
	return nil
}

// isInvisible is true of spaces and of what formats a text without being seen, such as a
// joiner: inside of words it has a meaning.
func isInvisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// receiverName is the parameter that stands for the receiver's name.
const receiverName = "@name"

// substituteName replaces each parameter that is exactly @name, in a copy.
func substituteName(parameters []*string, name string) []string {
	texts := make([]string, len(parameters))
	for i, parameter := range parameters {
		switch {
		case parameter == nil: // refused as empty
		case *parameter == receiverName:
			texts[i] = name
		default:
			texts[i] = *parameter
		}
	}
	return texts
}
