package main

import "strings"

// nearest returns the variable that a misspelt name most probably means, if one is
// near enough: at most a third of the letters after the common prefix differ.
func nearest(name string, candidates []string) (string, bool) {
	letters := strings.TrimPrefix(name, "MESSENGER_")
	best, distance := "", len(letters)/3+2
	for _, candidate := range candidates {
		if d := editDistance(letters, strings.TrimPrefix(candidate, "MESSENGER_")); d < distance {
			best, distance = candidate, d
		}
	}
	return best, best != ""
}

// editDistance is the number of letters to insert, delete or replace that turn a
// into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
